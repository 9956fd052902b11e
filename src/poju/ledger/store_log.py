"""Whether the write-ahead log that a killed node left lost a block that was durable (LOG-1).

SQLite takes up a write-ahead log to the first frame whose checksum does not hold, and says nothing of what comes after:
rightly so for the transaction that was being written when the power went. Each transaction is synced before the next
one begins (``synchronous = FULL``), so that at most one can be torn. Where the ends of two or more stand behind the
first bad frame, the disk has given back other bytes than it took, and receipts are out for what is gone.

File format: SQLite, "Database File Format", §4.1 (a header of 32 bytes, frames of 24 bytes and a page each).
"""

from __future__ import annotations

import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from poju.errors import OperatorError
from poju.i18n import _

HEADER = struct.Struct(">8I")
FRAME = struct.Struct(">6I")
WORDS_SUMMED = 6
BIG_ENDIAN = 1
PAGE_SIZE_AT, PAGE_SIZE_END = 16, 18
LOW_32 = 0xFFFF_FFFF
KEPT = "-wal.damaged"
TORN_BY_A_CRASH = 1
"""Transactions."""


def require_whole(path: Path) -> None:
    """Raise ``store.log-damaged`` where durable blocks of the ledger at ``path`` are lost; nobody else may write to it.

    The log is then kept beside it as it was found, and the ledger is refused as long as that file stands there.
    """
    kept = path.with_name(path.name + KEPT)
    if not kept.is_file() and not _lost(path, kept):
        return
    raise OperatorError(
        "store.log-damaged",
        _("The disk has lost durable blocks of the ledger {path}: its write-ahead log cannot be read to its end."),
        hint=_(
            "Do not serve it: receipts were given for them. Restore the newest backup with poju ledger restore and a "
            "newer copy of the log (--log); a validator replays the chain once ledger.sqlite* and all of data but "
            "priv_validator_state.json are deleted. What was found is kept as {kept}."
        ),
        path=path,
        kept=kept,
    )


def _lost(path: Path, kept: Path) -> bool:
    """Return whether more is lost than a crash can tear; the log is then at ``kept``, before SQLite lets go of it."""
    log = path.with_name(f"{path.name}-wal")
    ends = list(_ends(log, _page_size(path))) if path.is_file() and log.is_file() else []
    if len(ends) <= TORN_BY_A_CRASH:
        return False
    try:
        with closing(sqlite3.connect(path)) as database:
            _busy, readable, _carried = database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if sum(frame > readable for frame in ends) <= TORN_BY_A_CRASH:
                return False
            shutil.copyfile(log, kept.with_suffix(".new"))
            kept.with_suffix(".new").rename(kept)
            return True
    except sqlite3.DatabaseError:  # the file itself is damaged: whoever opens it says so
        return False


def _page_size(path: Path) -> int:
    """Return the bytes of a page as the database's own header says (§1.3.2), 4096 where it has none yet."""
    with path.open("rb") as handle:
        said = int.from_bytes(handle.read(PAGE_SIZE_END)[PAGE_SIZE_AT:], "big")
    return {0: 4_096, 1: 65_536}.get(said, said)


def _ends(log: Path, page: int) -> Iterator[int]:
    """Yield the number, from 1, of each frame that ended a transaction of the log's last generation."""
    with log.open("rb") as handle:
        raw = handle.read(HEADER.size)
        if len(raw) < HEADER.size:
            return
        header = HEADER.unpack(raw)
        salts = header[4:6]
        # with a header that does not hold nothing is readable, whichever generation the frames are of
        whole = header[6:] == _checksum(header)
        number = 0
        while len(raw := handle.read(FRAME.size)) == FRAME.size:
            number += 1
            frame = FRAME.unpack(raw)
            if not whole and number == 1:
                salts = frame[2:4]
            if frame[1] and frame[2:4] == salts:
                yield number
            handle.seek(page, 1)


def _checksum(header: tuple[int, ...]) -> tuple[int, int]:
    """Return the header's two sums (§4.2) over its first 24 bytes, in the byte order that its magic number names."""
    order = ">" if header[0] & BIG_ENDIAN else "<"
    words = struct.unpack(f"{order}{WORDS_SUMMED}I", struct.pack(f">{WORDS_SUMMED}I", *header[:WORDS_SUMMED]))
    first = second = 0
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & LOW_32
        second = (second + odd + first) & LOW_32
    return first, second
