"""The log and its state in one SQLite file: WAL, synchronous=FULL, one transaction a batch.

State is a fold of the log: ``poju ledger rebuild`` makes it again. ``Store.memory()`` is the same code over an
in-memory database, the twin for unit tests.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from poju.errors import OperatorError
from poju.i18n import _
from poju.ledger import block, cbor, merkle, tiles
from poju.units import Seconds

SCHEMA = """
CREATE TABLE IF NOT EXISTS head (id INTEGER PRIMARY KEY CHECK (id = 0),
    size INTEGER NOT NULL, height INTEGER NOT NULL, time INTEGER NOT NULL, state BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS leaf (idx INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS tile (level INTEGER, number INTEGER, data BLOB NOT NULL, PRIMARY KEY (level, number))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (issuer TEXT, identifier BLOB, idx INTEGER NOT NULL, digest BLOB NOT NULL,
    PRIMARY KEY (issuer, identifier)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refusal (digest BLOB PRIMARY KEY, raw BLOB NOT NULL, statement BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chain (id INTEGER PRIMARY KEY CHECK (id = 0),
    height INTEGER NOT NULL, hash BLOB NOT NULL, agreed INTEGER NOT NULL);
"""
HEAD = "SELECT size, height, time, state FROM head"
STATE_IN = "SELECT key, value FROM state WHERE key IN"
# a CROSS JOIN keeps its order: asked with (issuer, identifier) IN (VALUES …), SQLite reads the whole table once a batch
SEEN_IN = """WITH wanted (who, cti) AS (VALUES {marks})
    SELECT issuer, identifier, idx, digest FROM wanted CROSS JOIN seen ON issuer = who AND identifier = cti"""
STATE_CACHE = 65_536
WRITER_CACHE = "PRAGMA cache_size = -65536"
"""64 MiB of pages: subjects are written where their names stand, so that a long log's writer meets any page again."""
FULL_TILE, FULL_TILES = tiles.WIDTH * tiles.HASH_BYTES, 1_024
"""Bytes of one, and how many are kept: 8 MiB. A path asks for each of its neighbours by itself."""
CHAIN = "SELECT height, hash, agreed FROM chain"
TOGETHER = 256
Item = TypeVar("Item")


@dataclass(frozen=True)
class ChainHead:
    """What a consortium's block made durable together with its leaves.

    ``height``: the engine's own height, which counts blocks that registered nothing too; ``hash``: the application hash
    after it; ``agreed``: the size of the log whose root a decided header carries.
    """

    height: int
    hash: bytes
    agreed: int


class Prepared:
    """What the log holds under the (issuer, cti) pairs of one batch; nothing of any other pair."""

    def __init__(self, known: Mapping[tuple[str, bytes], tuple[int, bytes]]) -> None:
        self._known = known

    def seen(self, issuer: str, identifier: bytes) -> tuple[int, bytes] | None:
        """Return leaf index and digest of the statement registered under that pair of the batch, or None."""
        return self._known.get((issuer, identifier))


class Store:
    """One ledger's file. One writer; any number of reading threads, each with a connection of its own."""

    def __init__(self, location: str) -> None:
        self._location = location
        self._shared = location == ":memory:"
        self._local = threading.local()
        self._lock = threading.RLock()
        try:
            self._writer = self._connect()
            self._writer.execute(WRITER_CACHE)
            self._writer.executescript(SCHEMA)
        except sqlite3.Error as error:
            raise OperatorError(
                "store.unusable",
                _("The ledger's file {path} cannot be opened: {reason}."),
                hint=_("Check its permissions and the disk, or restore it from a backup."),
                path=location,
                reason=str(error),
            ) from error
        self._values: OrderedDict[str, bytes | None] = OrderedDict()
        self._generation = 0
        self._changed: tuple[block.Outcome, dict[tuple[int, int], bytes]] | None = None
        self._newest: Mapping[tuple[int, int], bytes] = {}
        self._full: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._last = self.head()

    @classmethod
    def open(cls, path: Path) -> Store:
        """Open or make the ledger at ``path``."""
        path.parent.mkdir(parents=True, exist_ok=True)
        return cls(str(path))

    @classmethod
    def memory(cls) -> Store:
        """Return an empty ledger in memory."""
        return cls(":memory:")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._location, isolation_level=None, check_same_thread=False, timeout=30)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        if self._shared:
            with self._lock:
                return self._writer.execute(sql, parameters).fetchall()
        try:
            if not hasattr(self._local, "connection"):
                self._local.connection = self._connect()
            rows: list[tuple[object, ...]] = self._local.connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise OperatorError(
                "store.read",
                _("The ledger's file {path} cannot be read: {reason}."),
                hint=_("Stop the node, check the disk, and restore the file from a backup where it is damaged."),
                path=self._location,
                reason=str(error),
            ) from error
        return rows

    def close(self) -> None:
        """Close the writer's connection."""
        self._writer.close()

    def head(self) -> block.Head:
        """Return where the log stands."""
        return _head(self._query(HEAD))

    def chain_head(self) -> ChainHead | None:
        """Return what the last durable block of a consortium's engine left, or None where there was none."""
        rows = self._query(CHAIN)
        return ChainHead(int(str(rows[0][0])), _blob(rows[0][1]), int(str(rows[0][2]))) if rows else None

    def get(self, key: str) -> cbor.Value:
        """Return the state's value at ``key``, or None. Readers share it: never change it."""
        try:
            raw = self._values[key]
        except KeyError:
            generation = self._generation
            rows = self._query("SELECT value FROM state WHERE key = ?", (key,))
            raw = _blob(rows[0][0]) if rows else None
            self._remember({key: raw}, generation)
        return None if raw is None else cbor.decode_shared(raw)

    def _remember(self, values: Mapping[str, bytes | None], generation: int) -> None:
        """Cache what was read, unless a commit came between: it may be older than what that commit wrote."""
        with self._lock:
            if generation == self._generation:
                self._cache(values)

    def _cache(self, values: Mapping[str, bytes | None]) -> None:
        self._values.update(values)
        while len(self._values) > STATE_CACHE:
            self._values.popitem(last=False)

    def prepare(self, keys: Collection[str], pairs: Collection[tuple[str, bytes]]) -> Prepared:
        """Read at once what a batch will ask for one by one: state ``keys`` and (issuer, cti) ``pairs``.

        What the log holds under those pairs is in the answer, and holds until the next commit.
        """
        generation = self._generation
        missing = [key for key in dict.fromkeys(keys) if key not in self._values]
        found: dict[str, bytes | None] = dict.fromkeys(missing)
        for part in _parts(missing):
            marks = ",".join("?" * len(part))
            found |= {str(k): _blob(v) for k, v in self._query(f"{STATE_IN} ({marks})", part)}
        self._remember(found, generation)
        known: dict[tuple[str, bytes], tuple[int, bytes]] = {}
        for wanted in _parts(list(dict.fromkeys(pairs))):
            marks = ",".join(["(?,?)"] * len(wanted))
            rows = self._query(SEEN_IN.format(marks=marks), [value for pair in wanted for value in pair])
            known |= {(str(who), _blob(cti)): (int(str(at)), _blob(digest)) for who, cti, at, digest in rows}
        return Prepared(known)

    def seen(self, issuer: str, identifier: bytes) -> tuple[int, bytes] | None:
        """Return leaf index and digest of the statement registered as (issuer, cti), or None."""
        rows = self._query("SELECT idx, digest FROM seen WHERE issuer = ? AND identifier = ?", (issuer, identifier))
        return (int(str(rows[0][0])), _blob(rows[0][1])) if rows else None

    def leaf(self, index: int) -> bytes | None:
        """Return the leaf's bytes, or None past the end."""
        rows = self._query("SELECT data FROM leaf WHERE idx = ?", (index,))
        return _blob(rows[0][0]) if rows else None

    def leaves(self, start: int, end: int) -> list[bytes]:
        """Return leaves [start, end)."""
        rows = self._query("SELECT data FROM leaf WHERE idx >= ? AND idx < ? ORDER BY idx", (start, end))
        return [_blob(row[0]) for row in rows]

    def stream(self, size: int) -> Iterator[bytes]:
        """Yield the first ``size`` leaves, a tile's worth at a time."""
        for start in range(0, size, tiles.WIDTH):
            yield from self.leaves(start, min(size, start + tiles.WIDTH))

    def tile(self, level: int, number: int) -> bytes:
        """Return a hash tile as far as it is filled."""
        # receipts ask for the last block's tiles, once for each leaf's neighbour: 5 µs a statement as queries
        name = level, number
        held = self._newest.get(name) or self._full.get(name)
        if held is not None:
            return held
        rows = self._query("SELECT data FROM tile WHERE level = ? AND number = ?", name)
        data = _blob(rows[0][0]) if rows else b""
        if len(data) == FULL_TILE:
            # a full tile never changes; the oldest goes
            self._full[name] = data
            if len(self._full) > FULL_TILES:
                self._full.popitem(last=False)
        return data

    def root(self, size: int) -> bytes:
        """Return the root of the first ``size`` leaves."""
        return merkle.root(size, tiles.node_source(self.tile))

    def refusal(self, digest: bytes) -> tuple[bytes, bytes] | None:
        """Return the kept refusal of the statement with ``digest`` and that statement's bytes, or None."""
        rows = self._query("SELECT raw, statement FROM refusal WHERE digest = ?", (digest,))
        return (_blob(rows[0][0]), _blob(rows[0][1])) if rows else None

    def refusals(self) -> list[tuple[bytes, bytes]]:
        """Return every kept (refusal, statement), in the order of the statements' digests."""
        return [
            (_blob(raw), _blob(item)) for raw, item in self._query("SELECT raw, statement FROM refusal ORDER BY digest")
        ]

    def commit(
        self,
        outcome: block.Outcome,
        refusals: Mapping[bytes, tuple[bytes, bytes]],
        chain: ChainHead | None = None,
    ) -> None:
        """Make one block and the refusals beside it durable, in one transaction (LOG-1).

        ``refusals``: statement digest → (refusal, statement); ``chain``: where a consortium's engine stands.
        Raises ``store.write``, or ``store.in-use`` where another process has written meanwhile, and changes nothing on
        failure.
        """
        with self._lock:
            changed = self._changed_tiles(outcome)
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                self._alone()
                self._write(outcome, changed, refusals)
                if chain is not None:
                    row = (chain.height, chain.hash, chain.agreed)
                    self._writer.execute("INSERT OR REPLACE INTO chain VALUES (0, ?, ?, ?)", row)
                # before it is durable: a tile may be longer than a reader's head, and never shorter
                self._newest = changed if outcome.leaves else self._newest
                self._writer.execute("COMMIT")
            except sqlite3.Error as error:
                self._newest = {}
                raise OperatorError(
                    "store.write",
                    _("The ledger could not write to {path}: {reason}. Nothing of this batch was registered."),
                    hint=_("Free disk space or mend the disk, then start again; acknowledged statements are safe."),
                    path=self._location,
                    reason=str(error),
                ) from error
            finally:
                if self._writer.in_transaction:
                    with suppress(sqlite3.Error):
                        self._writer.rollback()
                self._changed = None
            self._last = outcome.head if outcome.leaves else self._last
            # a reader may have cached an older value while this was written: what was written stands over it
            self._cache(outcome.writes)
            self._generation += 1

    def _alone(self) -> None:
        """Refuse to write on top of another process's commit: the cached state would be a stale one (LOG-2)."""
        rows = self._writer.execute(HEAD).fetchall()
        if _head(rows) != self._last:
            raise OperatorError(
                "store.in-use",
                _("Another process writes to the ledger in {folder}."),
                hint=_("Stop it first; one ledger has one writer."),
                folder=self._location,
            )

    def root_after(self, outcome: block.Outcome) -> bytes:
        """Return the root that the log will have once ``outcome`` is committed; nothing is written."""
        changed = self._changed_tiles(outcome)
        return merkle.root(
            outcome.head.size, tiles.node_source(lambda level, at: changed.get((level, at)) or self.tile(level, at))
        )

    def _changed_tiles(self, outcome: block.Outcome) -> dict[tuple[int, int], bytes]:
        if self._changed is None or self._changed[0] is not outcome:
            size = outcome.head.size - len(outcome.leaves)
            changed = tiles.append(self.tile, size, [merkle.leaf_hash(item) for item in outcome.leaves])
            self._changed = outcome, changed
        return self._changed[1]

    def _write(
        self,
        outcome: block.Outcome,
        changed: Mapping[tuple[int, int], bytes],
        refusals: Mapping[bytes, tuple[bytes, bytes]],
    ) -> None:
        head, write = outcome.head, self._writer
        write.executemany(
            "INSERT OR IGNORE INTO refusal VALUES (?, ?, ?)", [(d, *pair) for d, pair in refusals.items()]
        )
        if not outcome.leaves:
            return
        first = head.size - len(outcome.leaves)
        write.executemany("INSERT INTO leaf VALUES (?, ?)", enumerate(outcome.leaves, start=first))
        write.executemany(
            "INSERT OR REPLACE INTO tile VALUES (?, ?, ?)", [(*name, data) for name, data in changed.items()]
        )
        ended = [(key,) for key, value in outcome.writes.items() if value is None]
        write.executemany("DELETE FROM state WHERE key = ?", ended)
        write.executemany(
            "INSERT OR REPLACE INTO state VALUES (?, ?)",
            [item for item in outcome.writes.items() if item[1] is not None],
        )
        write.executemany(
            "INSERT INTO seen VALUES (?, ?, ?, ?)",
            [
                (item.statement.issuer, item.statement.identifier, index, item.statement.digest)
                for item, index in outcome.registered
            ],
        )
        write.execute(
            "INSERT OR REPLACE INTO head VALUES (0, ?, ?, ?, ?)", (head.size, head.height, head.time, head.state)
        )


def _head(rows: Sequence[tuple[object, ...]]) -> block.Head:
    if not rows:
        return block.Head()
    size, height, time, state = rows[0]
    return block.Head(int(str(size)), int(str(height)), Seconds(int(str(time))), _blob(state))


def _parts(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), TOGETHER):
        yield items[start : start + TOGETHER]


def _blob(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError(type(value))
    return value
