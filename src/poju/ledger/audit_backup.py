"""Copying a ledger's file while its node runs, and putting a copy back without taking its word for anything.

A backup is four files: ``NAME`` (SQLite: the log, its state, the refusals), ``NAME.checkpoint`` (signed size and root
of just that copy), ``NAME.vkey`` (the log's name and public key), ``NAME.sha256``. The log's private key is in none of
them. ``NAME`` itself comes into being last, so that where it stands the backup is complete.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from poju.errors import CallerError, OperatorError
from poju.i18n import _
from poju.ledger import block
from poju.ledger.audit import Log
from poju.ledger.audit_store import LedgerFile, require_root
from poju.ledger.checkpoint import Checkpoint, open_note
from poju.ledger.keys import PrivateKey, PublicKey, parse_vkey

PAGES_A_STEP = 2_048
CHUNK = 1 << 20
NOTE_BYTES = 16_384
FILE = "ledger.sqlite"
BESIDE = ("checkpoint", "vkey", "sha256")


@dataclass(frozen=True)
class Backup:
    """A backup whose digest, key and signature were checked: its file, the log's name and key, the checkpoint."""

    path: Path
    origin: str
    key: PublicKey
    checkpoint: Checkpoint


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}.{ending}")


def take(source: Path, out: Path, origin: str, key: PrivateKey, progress: Callable[[int, int], None]) -> Checkpoint:
    """Copy the ledger's file ``source`` to ``out`` as it stands at one moment; return the checkpoint of the copy.

    A running node goes on writing meanwhile. ``progress``: pages copied, of how many. Raises ``backup.exists`` where
    ``out`` or a file beside it is there already, ``backup.failed`` where reading or writing fails.
    """
    for path in (out, *(_beside(out, ending) for ending in BESIDE)):
        if path.exists() or path.is_symlink():
            raise CallerError(
                "backup.exists",
                _("{path} is there already; a backup never replaces another."),
                hint=_("Give a new name, for example one with the date in it."),
                path=path,
            )
    scratch = _beside(out, "new")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _copy(source, scratch, progress)
        with closing(LedgerFile(scratch)) as copy:
            head = copy.head()
            found = Checkpoint(origin, head.size, copy.log(head.size).tiles.root)
        _write(_beside(out, "checkpoint"), found.sign(key))
        _write(_beside(out, "vkey"), key.public.vkey(origin) + "\n")
        _write(_beside(out, "sha256"), f"{_digest(scratch)}  {out.name}\n")
        scratch.rename(out)
        _sync(out.parent)
    except (sqlite3.Error, OSError) as error:
        raise OperatorError(
            "backup.failed",
            _("The backup {path} could not be written: {found}."),
            hint=_("Free disk space or give another place, then back up again; the ledger was not touched."),
            path=out,
            found=str(error),
        ) from error
    finally:
        scratch.unlink(missing_ok=True)
        if not out.exists():
            for ending in BESIDE:
                _beside(out, ending).unlink(missing_ok=True)
    return found


def _copy(source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """Copy one snapshot: the open read transaction keeps it, so that no commit makes SQLite start over."""
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(source, isolation_level=None, timeout=30)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM head").fetchall()
        with closing(sqlite3.connect(target, isolation_level=None)) as writer:
            reader.backup(
                writer, pages=PAGES_A_STEP, progress=lambda _status, left, total: progress(total - left, total), sleep=0
            )
            # one file, without a log beside it that could be forgotten
            writer.execute("PRAGMA journal_mode = DELETE")
    with target.open("rb+") as handle:
        os.fsync(handle.fileno())


def read(path: Path, fingerprint: str) -> Backup:
    """Return the backup at ``path`` once its digest, its key and its checkpoint's signature hold.

    Raises ``backup.incomplete``, ``backup.altered``, ``key.not-trusted`` or ``checkpoint.refused``.
    """
    note, vkey, listed = (_text(path, ending) for ending in BESIDE)
    origin, key = parse_vkey(vkey)
    if key.fingerprint != fingerprint:
        raise OperatorError(
            "key.not-trusted",
            _("The log's key is {found}, not the trusted {wanted}."),
            hint=_("This is a backup of another log, or a forged one: compare the fingerprint that you published."),
            found=key.fingerprint,
            wanted=fingerprint,
        )
    if listed.split("  ", 1)[0] != _digest(path):
        raise OperatorError(
            "backup.altered",
            _("The backup {path} is not the file that was written: its SHA-256 differs."),
            hint=_("Take another backup, or copy this one again from where it was kept."),
            path=path,
        )
    return Backup(path, origin, key, open_note(note, origin, key))


def _text(path: Path, ending: str) -> str:
    beside = _beside(path, ending)
    try:
        with beside.open("rb") as handle:
            return handle.read(NOTE_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(
            "backup.incomplete",
            _("{path} is missing beside the backup, or cannot be read."),
            hint=_("A backup is four files: itself and .checkpoint, .vkey, .sha256. Copy all of them."),
            path=beside,
        ) from error


def place(backup: Backup, folder: Path, private: Path | None) -> block.Head:
    """Put ``backup`` into ``folder`` as a ledger and return its head.

    ``private``: the file of the log's private key, where it is at hand. The copy is compared with the signed checkpoint
    before the ledger exists: pages, head, leaves, tiles and root. The rules are not replayed here
    (``audit_store.check`` does). Raises ``restore.not-empty``, ``restore.other-key``, ``store.damaged`` and
    ``backup.failed``.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CallerError(
            "restore.not-empty",
            _("{folder} holds something already; a restore never replaces a ledger."),
            hint=_("Give a new folder, and keep the old one: what was acknowledged after the backup is in it."),
            folder=folder,
        )
    key = None if private is None else PrivateKey.load(private)
    if key is not None and key.public != backup.key:
        raise CallerError(
            "restore.other-key",
            _("The private key given is not the one that signed this log."),
            hint=_("Give log.private of the ledger that was backed up; another key is another signer."),
        )
    scratch = folder / f"{FILE}.new"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with backup.path.open("rb") as source, scratch.open("xb") as target:
            while chunk := source.read(CHUNK):
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        head = _compare(scratch, backup.checkpoint)
        _write(folder / "origin", backup.origin)
        _write(folder / "log.vkey", backup.key.vkey(backup.origin) + "\n")
        if private is not None:
            _keep_key(private, folder / "log.private")
        scratch.rename(folder / FILE)
        _sync(folder)
    except (sqlite3.Error, OSError) as error:
        raise OperatorError(
            "backup.failed",
            _("The backup {path} could not be written: {found}."),
            hint=_("Free disk space or give another place, then back up again; the ledger was not touched."),
            path=folder,
            found=str(error),
        ) from error
    finally:
        scratch.unlink(missing_ok=True)
    return head


def _keep_key(source: Path, target: Path) -> None:
    """Copy a private key, readable by its owner only."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(source.read_bytes())
        handle.flush()
        os.fsync(handle.fileno())


def _compare(path: Path, signed: Checkpoint) -> block.Head:
    with closing(LedgerFile(path)) as file:
        file.check_pages()
        head = file.head()
        log: Log = file.log(head.size)
        require_root(log.tiles, signed)
    return head


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise OperatorError(
            "backup.incomplete",
            _("{path} is missing beside the backup, or cannot be read."),
            hint=_("A backup is four files: itself and .checkpoint, .vkey, .sha256. Copy all of them."),
            path=path,
        ) from error


def _write(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
