"""The fold of a log while it is audited: state and memory on disk, so that the audit's own memory stays flat.

Without a folder it is a temporary file of SQLite's that is gone afterwards. With one it can be saved at the end of a
block and taken up again: beside the caller's record stand two sums, over everything in either table, so that a saved
state with a changed, lost or added row is noticed when it is opened. Who can write to the folder can write another
record and another sum as well: it is the auditor's own and has to be kept like the verdict itself.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from poju.errors import OperatorError
from poju.i18n import _
from poju.ledger import block, cbor

SCHEMA = """
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (issuer TEXT, identifier BLOB, idx INTEGER NOT NULL,
    PRIMARY KEY (issuer, identifier)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS saved (id INTEGER PRIMARY KEY CHECK (id = 0), record BLOB NOT NULL, digest BLOB NOT NULL);
"""
FILE = "audit.sqlite"
PAGE_CACHE_KIB = 24_576
VALUES_KEPT = 16_384
DECODED_KEPT = 4_096
UNWRITTEN = 8_192
TOGETHER = 256
MODULUS = 1 << 256
SUM_BYTES = 32
Pair = tuple[str, bytes]
Item = TypeVar("Item")


class FoldState:
    """Implements the rules' ``State`` and the block's ``Known``. Owned by one thread; close it when done.

    ``at`` is the number of leaves folded so far: what stands at or behind it is not seen yet.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self.at = 0
        self._values: dict[str, bytes | None] = {}
        self._unwritten: dict[str, bytes | None] = {}
        self._repeated: dict[Pair, int] = {}
        self._ahead: list[tuple[str, bytes, int]] = []
        self._sums = [0, 0]
        self._decode = lru_cache(DECODED_KEPT)(_decode)
        try:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            # an empty name is SQLite's own temporary database: on disk as soon as it outgrows its cache
            location = "" if folder is None else str(folder / FILE)
            self._database = sqlite3.connect(location, isolation_level=None)
            self._run(f"PRAGMA cache_size = -{PAGE_CACHE_KIB}")
            self._run(f"PRAGMA journal_mode = {'OFF' if folder is None else 'WAL'}")
            self._run(f"PRAGMA synchronous = {'OFF' if folder is None else 'NORMAL'}")
            self._run("PRAGMA locking_mode = EXCLUSIVE")
            self._database.executescript(SCHEMA)
            self._run("BEGIN IMMEDIATE")
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from error

    @property
    def durable(self) -> bool:
        """Whether it can be saved: it has a folder."""
        return self._folder is not None

    def close(self) -> None:
        """Close the file; what was not saved is gone."""
        self._database.close()

    def get(self, key: str) -> cbor.Value:
        """Return the value at ``key``, or None. Shared: never change it."""
        raw = self._raw(key)
        return None if raw is None else self._decode(raw)

    def _raw(self, key: str) -> bytes | None:
        for held in (self._unwritten, self._values):
            if key in held:
                return held[key]
        rows = self._rows("SELECT value FROM state WHERE key = ?", (key,))
        return self._keep(key, rows[0][0] if rows else None)

    def _keep(self, key: str, raw: bytes | None) -> bytes | None:
        if len(self._values) >= VALUES_KEPT:
            # the oldest half goes: a dict keeps the order of insertion, and a bundle reads far fewer keys
            for old in list(self._values)[: VALUES_KEPT // 2]:
                del self._values[old]
        self._values[key] = raw
        return raw

    def seen(self, issuer: str, identifier: bytes) -> tuple[int, bytes] | None:
        """Return (leaf index, no digest) where the log holds another statement as (issuer, cti) already, else None.

        It answers for the pairs that :meth:`expect` was told of, which are all that an audited block asks for.
        """
        first = self._repeated.get((issuer, identifier))
        return None if first is None or first >= self.at else (first, b"")

    def find(self, issuer: str, identifier: bytes) -> int | None:
        """Return the leaf index of the statement that the first ``at`` leaves hold as (issuer, cti), or None."""
        rows = self._rows("SELECT idx FROM seen WHERE issuer = ? AND identifier = ?", (issuer, identifier))
        return int(rows[0][0]) if rows and rows[0][0] < self.at else None

    def prepare(self, keys: Iterable[str]) -> None:
        """Read at once the state's ``keys`` that coming statements will ask for one by one."""
        missing = [key for key in dict.fromkeys(keys) if key not in self._values and key not in self._unwritten]
        found = self._stored(missing)
        for key in missing:
            self._keep(key, found.get(key))

    def expect(self, pairs: Sequence[tuple[Pair, int]]) -> None:
        """Note that the coming leaves hold statements under these (issuer, cti) at these indexes, each its first time.

        A pair that stands further ahead in the log already is remembered, and :meth:`seen` then says so.
        """
        before = self._database.total_changes
        rows = [(*pair, index) for pair, index in pairs]
        self._ahead = [row for row in self._ahead if row[2] >= self.at] + rows
        self._many("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", rows)
        if self._database.total_changes - before != len(pairs):
            for pair, index in pairs:
                first = self._rows("SELECT idx FROM seen WHERE issuer = ? AND identifier = ?", pair)[0][0]
                if first != index:
                    self._repeated[pair] = first
        if self._folder is not None:
            self._sums[1] = sum((_seen_hash(*pair, index) for pair, index in pairs), self._sums[1]) % MODULUS

    def apply(self, outcome: block.Outcome) -> None:
        """Take over what a block wrote; it reaches the file later, together with others."""
        self.at = outcome.head.size
        self._unwritten.update(outcome.writes)
        if len(self._unwritten) >= UNWRITTEN:
            self._write()

    def _write(self) -> None:
        changed = self._unwritten
        keys = sorted(changed)
        if self._folder is not None:
            gone = sum(_state_hash(key, raw) for key, raw in self._stored(keys).items())
            come = sum(_state_hash(key, raw) for key, raw in changed.items() if raw is not None)
            self._sums[0] = (self._sums[0] + come - gone) % MODULUS
        self._many("DELETE FROM state WHERE key = ?", [(key,) for key in keys if changed[key] is None])
        rows = [(key, changed[key]) for key in keys if changed[key] is not None]
        self._many("INSERT OR REPLACE INTO state VALUES (?, ?)", rows)
        self._unwritten = {}
        for key in keys:
            self._values.pop(key, None)
            self._keep(key, changed[key])

    def save(self, record: bytes) -> None:
        """Make everything up to ``at`` durable together with the caller's ``record``; only between blocks."""
        self._write()
        # statements of blocks that are not closed yet are in the table too: the next run meets them again
        ahead = [row for row in self._ahead if row[2] >= self.at]
        self._many("DELETE FROM seen WHERE issuer = ? AND identifier = ?", [row[:2] for row in ahead])
        sums = [self._sums[0], (self._sums[1] - sum(_seen_hash(*row) for row in ahead)) % MODULUS]
        self._run("INSERT OR REPLACE INTO saved VALUES (0, ?, ?)", (record, _seal(record, sums)))
        self._run("COMMIT")
        self._run("BEGIN IMMEDIATE")
        self._many("INSERT INTO seen VALUES (?, ?, ?)", ahead)

    def resume(self) -> bytes | None:
        """Return the record of the last save, or None where there is none; raise ``audit.state-damaged``.

        Everything in both tables is read and summed again; the caller sets ``at``.
        """
        try:
            rows = self._rows("SELECT record, digest FROM saved")
            self._sums = [
                sum(_state_hash(*row) for row in self._each("SELECT key, value FROM state")) % MODULUS,
                sum(_seen_hash(*row) for row in self._each("SELECT issuer, identifier, idx FROM seen")) % MODULUS,
            ]
            empty = not rows and self._sums == [0, 0]
            whole = empty or (len(rows) == 1 and rows[0][1] == _seal(rows[0][0], self._sums))
        except (AttributeError, OverflowError, TypeError) as error:
            # a column that holds another type than was written
            raise self._damaged() from error
        if not whole:
            raise self._damaged()
        return None if empty else bytes(rows[0][0])

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """Yield the state's (key, value) in the order of the keys' UTF-8."""
        self._write()
        yield from self._each("SELECT key, value FROM state ORDER BY key")

    def memory(self) -> Iterator[tuple[str, bytes, int]]:
        """Yield (issuer, cti, leaf index) of every statement, in order of issuer and cti."""
        yield from self._each("SELECT issuer, identifier, idx FROM seen ORDER BY issuer, identifier")

    def _stored(self, keys: Collection[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for part in _parts(list(keys)):
            marks = ",".join("?" * len(part))
            found.update(self._rows(f"SELECT key, value FROM state WHERE key IN ({marks})", part))  # noqa: S608 - question marks only
        return found

    def _run(self, sql: str, parameters: Sequence[object] = ()) -> None:
        self._rows(sql, parameters)

    def _rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple]:  # type: ignore[type-arg]  # SQLite's rows
        return self._ask(lambda: self._database.execute(sql, parameters).fetchall())

    def _each(self, sql: str) -> Iterator[tuple]:  # type: ignore[type-arg]  # SQLite's rows
        rows = self._ask(lambda: self._database.execute(sql))
        # in parts, so that no error of SQLite's comes while the generator rests
        while some := self._ask(lambda: rows.fetchmany(TOGETHER)):
            yield from some

    def _ask(self, question: Callable[[], Item]) -> Item:
        try:
            return question()
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        self._ask(lambda: self._database.executemany(sql, rows))

    def _unusable(self, error: Exception) -> OperatorError:
        return OperatorError(
            "audit.state-unusable",
            _("The audit cannot keep its state in {folder}: {reason}."),
            hint=_("Free disk space, end another audit that uses the folder, or give a new folder with --state."),
            folder=self._folder or "the system's temporary folder",
            reason=str(error),
        )

    def _damaged(self) -> OperatorError:
        return OperatorError(
            "audit.state-damaged",
            _("The saved audit in {folder} is not what was saved."),
            hint=_("Do not go on from it: give a new folder with --state, and the audit starts from the first leaf."),
            folder=self._folder,
        )


def _decode(raw: bytes) -> cbor.Value:
    return cbor.decode(raw, cbor.MAX_STATE_BYTES)


def _parts(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), TOGETHER):
        yield items[start : start + TOGETHER]


def _state_hash(key: str, raw: bytes) -> int:
    name = key.encode()
    return int.from_bytes(hashlib.sha256(b"%d:%b%b" % (len(name), name, raw)).digest(), "big")


def _seen_hash(issuer: str, identifier: bytes, index: int) -> int:
    name = issuer.encode()
    return int.from_bytes(hashlib.sha256(b"%d:%b%b%d" % (len(name), name, identifier, index)).digest(), "big")


def _seal(record: bytes, sums: Sequence[int]) -> bytes:
    parts = (record, *(total.to_bytes(SUM_BYTES, "big") for total in sums))
    return hashlib.sha256(b"".join(parts[::-1])).digest()
