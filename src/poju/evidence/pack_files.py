"""Evidence packs: one folder that anyone checks offline with the log's public key (EVID-1).

    pack.cbor                         what the pack claims, as one strict CBOR map
    query.sql  rows.csv               the query and the rows that it read
    checkpoint                        the log's signed size and root
    attestation-N.cose  .receipt      each member's statement, and its receipt under that checkpoint
    member-N.cose  .receipt           the statement in which that member gave its key, and its receipt

No byte is idle: the attestations sign query, rows and result; receipts and checkpoint are signed; ``pack.cbor`` repeats
what the other files say and must equal it; no other file may stand in the folder.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from poju.errors import CallerError
from poju.evidence.attest import Evidence
from poju.i18n import _
from poju.ledger import cbor

FORMAT = "poju-evidence/1"
CLAIM, QUERY, ROWS, CHECKPOINT = "pack.cbor", "query.sql", "rows.csv", "checkpoint"
MAX_FILES = 128
MAX_BYTES = {CLAIM: 16_384, QUERY: 65_536, ROWS: 64 << 20, CHECKPOINT: 1_024}
MAX_ENTRY_BYTES = 65_535


@dataclass(frozen=True)
class Entry:
    """One statement of the log: its leaf index, its bytes, and its receipt under the pack's checkpoint."""

    index: int
    statement: bytes
    receipt: bytes


@dataclass(frozen=True)
class Pack:
    """A pack's files, read and bounded, nothing checked yet."""

    claim: Mapping[str, cbor.Value]
    query: bytes
    rows: bytes
    checkpoint: str
    attestations: tuple[Entry, ...]
    members: tuple[Entry, ...]


def refused(reason: str, **parameters: object) -> CallerError:
    """Return the one error for a pack that does not hold; ``reason`` is an English format string."""
    return CallerError(
        "evidence.refused",
        _("This evidence pack does not hold: {reason}."),
        hint=_("Fetch the pack again from the publisher; if it still fails, its evidence proves nothing."),
        reason=reason.format(**parameters) if parameters else reason,
    )


def claim_of(
    evidence: Evidence, origin: str, size: int, attestations: Sequence[int], members: Sequence[int]
) -> dict[str, cbor.Value]:
    """Return ``pack.cbor``'s map: everything in it stands in another file as well, and has to be the same there."""
    return {
        "format": FORMAT,
        "id": evidence.id,
        "origin": origin,
        "size": size,
        "query": evidence.query_digest,
        "rows": evidence.rows_digest,
        "solution": evidence.solution,
        "cohort": evidence.cohort,
        "result": dict(evidence.result),
        "attestations": list(attestations),
        "members": list(members),
    }


def write_pack(
    folder: Path,
    evidence: Evidence,
    *,
    origin: str,
    checkpoint: str,
    attestations: Sequence[Entry],
    members: Sequence[Entry],
) -> Path:
    """Write the pack to ``folder``/<evidence id> and return that path; the same arguments give the same bytes.

    ``checkpoint`` is the signed note; all receipts are under its size. ``members`` are the statements that carry the
    attesters' keys (``member-apply``, or ``ledger-open`` for the authority).
    """
    size = int(checkpoint.split("\n")[1])
    attestations = sorted(attestations, key=lambda entry: entry.index)
    members = sorted(members, key=lambda entry: entry.index)
    claim = claim_of(evidence, origin, size, [item.index for item in attestations], [item.index for item in members])
    files = {CLAIM: cbor.encode(claim), QUERY: evidence.query, ROWS: evidence.rows, CHECKPOINT: checkpoint.encode()}
    for prefix, entries in (("attestation", attestations), ("member", members)):
        for number, entry in enumerate(entries, 1):
            files[f"{prefix}-{number}.cose"] = entry.statement
            files[f"{prefix}-{number}.receipt"] = entry.receipt
    target = folder / evidence.id
    target.mkdir(parents=True, exist_ok=True)
    for stale in target.iterdir():
        if stale.name not in files:
            stale.unlink()
    for name, content in files.items():
        (target / name).write_bytes(content)
    return target


def read_pack(folder: Path) -> Pack:
    """Read a pack's files strictly: exactly the named ones, regular and within bounds; raise ``evidence.refused``."""
    if folder.is_symlink() or not folder.is_dir():
        raise refused("there is no folder {folder}", folder=folder.name)
    names = sorted(path.name for path in folder.iterdir())
    if len(names) > MAX_FILES:
        raise refused("it holds more than {limit} files", limit=MAX_FILES)
    files = {name: _read(folder / name) for name in names}
    claim = _claim(files)
    attestations = _entries(files, "attestation", claim["attestations"])
    members = _entries(files, "member", claim["members"])
    expected = 4 + 2 * (len(attestations) + len(members))
    if len(files) != expected or not {QUERY, ROWS, CHECKPOINT} <= set(files):
        raise refused("its files are not the {count} that it names", count=expected)
    try:
        checkpoint = files[CHECKPOINT].decode("utf-8")
    except UnicodeDecodeError as error:
        raise refused("the checkpoint is no text") from error
    return Pack(claim, files[QUERY], files[ROWS], checkpoint, attestations, members)


def _read(path: Path) -> bytes:
    status = path.lstat()
    limit = MAX_BYTES.get(path.name, MAX_ENTRY_BYTES)
    if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
        raise refused("{name} is no regular file of at most {limit} bytes", name=path.name[:64], limit=limit)
    return path.read_bytes()


def _claim(files: Mapping[str, bytes]) -> Mapping[str, cbor.Value]:
    names = {
        "format",
        "id",
        "origin",
        "size",
        "query",
        "rows",
        "solution",
        "cohort",
        "result",
        "attestations",
        "members",
    }
    if CLAIM not in files:
        raise refused("it has no {name}", name=CLAIM)
    claim = cbor.decode(files[CLAIM], MAX_BYTES[CLAIM])
    if not isinstance(claim, dict) or set(claim) != names or claim["format"] != FORMAT:
        raise refused("{name} is not in format {format}", name=CLAIM, format=FORMAT)
    whole = isinstance(claim["size"], int) and isinstance(claim["result"], dict) and isinstance(claim["id"], str)
    lists = [claim["attestations"], claim["members"]]
    if not whole or not all(isinstance(item, list) and all(isinstance(n, int) for n in item) for item in lists):
        raise refused("{name} is not in format {format}", name=CLAIM, format=FORMAT)
    return claim


def _entries(files: Mapping[str, bytes], prefix: str, indexes: Sequence[int]) -> tuple[Entry, ...]:
    entries = []
    for number, index in enumerate(indexes, 1):
        name = f"{prefix}-{number}"
        if f"{name}.cose" not in files or f"{name}.receipt" not in files:
            raise refused("{name} is missing", name=name)
        entries.append(Entry(index, files[f"{name}.cose"], files[f"{name}.receipt"]))
    return tuple(entries)


def digest(data: bytes) -> bytes:
    """Return the SHA-256 of ``data``."""
    return hashlib.sha256(data).digest()
