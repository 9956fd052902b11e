"""What an operator does to a ledger's folder beside serving it: back it up, put a backup back, check it row by row."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from poju.errors import CallerError, OperatorError
from poju.i18n import _
from poju.ledger import audit_backup, audit_store, block, receipt
from poju.ledger.audit import Log, Plan
from poju.ledger.audit_backup import Backup
from poju.ledger.audit_catchup import catch_up
from poju.ledger.checkpoint import Checkpoint, open_note
from poju.ledger.keys import parse_vkey
from poju.ledger.store import Store
from poju.node import log_private
from poju.node.ledger_service import lock
from poju.rulebook import compose

RECEIPT, STATEMENT = ".receipt.cose", ".statement.cose"
Progress = Callable[[int, int], None]


def _file(folder: Path) -> Path:
    path = folder / audit_backup.FILE
    if not path.is_file() or not (folder / "origin").is_file():
        raise CallerError(
            "ledger.none",
            _("There is no ledger in {folder}: it would hold ledger.sqlite and origin."),
            hint=_("Give the folder that poju ledger serve was given."),
            folder=folder,
        )
    return path


def backup(folder: Path, out: Path, progress: Progress) -> Checkpoint:
    """Back up the ledger in ``folder`` to ``out`` while its node runs or rests; return the checkpoint of the copy."""
    source = _file(folder)
    with closing(Store.open(source)) as store:
        key = log_private.in_force(folder, store)
    return audit_backup.take(source, out, (folder / "origin").read_text(), key, progress)


def rebuild(folder: Path, package: Path, plan: Plan, *, checkpoint: Path | None, replace: bool) -> block.Head:
    """Check the ledger in ``folder`` row by row (:func:`poju.ledger.audit_store.check`) and return its head.

    ``checkpoint``: a file with one that the log signed, of this size or an earlier one. ``replace``: write the state
    anew; the node has to rest. Without it a running node is not disturbed.
    """
    path, rules = _file(folder), compose(package, folder / "packages")
    origin, key = (folder / "origin").read_text(), None
    if (folder / "log.vkey").is_file():
        named, key = parse_vkey(_text(folder / "log.vkey"))
        origin = origin if named == origin else ""
    signed = None
    if checkpoint is not None:
        if key is None:
            raise OperatorError(
                "rebuild.no-key",
                _("{folder} has no log.vkey, so that the checkpoint's signature cannot be checked."),
                hint=_("Put the log's verifier key there, as it was published."),
                folder=folder,
            )
        signed = open_note(_text(checkpoint), origin, key)
    held = lock(folder) if replace else None
    try:
        pair = None if key is None else (origin, key)
        # who signed the refusals of before: its own retired keys, or those of the log that a validator took over
        lines = _text(folder / "retired.vkey").splitlines() if (folder / "retired.vkey").is_file() else []
        retired = [parse_vkey(line)[1] for line in lines]
        return audit_store.check(path, rules, plan, key=pair, retired=retired, signed=signed, replace=replace)
    finally:
        if held is not None:
            held.close()


def restore(
    found: Backup, folder: Path, *, private: Path | None, package: Path | None, copy: Log | None, progress: Progress
) -> tuple[int, int]:
    """Put the backup ``found`` into ``folder``, and behind it what ``copy``, a newer copy of the log, holds.

    Returns (leaves in the backup, leaves caught up). ``package``: the scenario package, for the rules of what is
    caught up.
    """
    head = audit_backup.place(found, folder, private)
    if copy is None or package is None:
        return head.size, 0
    with lock(folder), closing(Store.open(folder / audit_backup.FILE)) as store:
        return head.size, catch_up(store, compose(package, package.parent / "packages"), copy, progress)


def missing(found: Backup, size: int, latest: Path | None, receipts: Path | None) -> tuple[int, tuple[int, ...]]:
    """Return the largest signed size that is known, and the indexes of receipts for leaves from ``size`` on, in order.

    ``latest``: a file with a newer checkpoint; ``receipts``: a folder with ``*.receipt.cose`` beside their statements.
    What the log's key did not sign is refused: ``checkpoint.refused``, ``receipt.refused``.
    """
    known = found.checkpoint.size
    if latest is not None:
        known = max(known, open_note(_text(latest), found.origin, found.key).size)
    lost = []
    for path in sorted((receipts or Path()).glob("*" + RECEIPT)) if receipts is not None else ():
        statement = path.with_name(path.name.removesuffix(RECEIPT) + STATEMENT)
        if statement.is_file():
            proved = receipt.verify(path.read_bytes(), statement.read_bytes(), found.key)
            known = max(known, proved.size)
            if proved.index >= size:
                lost.append(proved.index)
    return known, tuple(sorted(set(lost)))


def _text(path: Path) -> str:
    try:
        return path.read_bytes()[: audit_backup.NOTE_BYTES].decode()
    except (OSError, UnicodeDecodeError) as error:
        raise CallerError(
            "file.not-text", _("{path} is not text in UTF-8."), hint=_("Give the file as it was published."), path=path
        ) from error
