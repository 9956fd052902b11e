"""What the store asks SQLite for: the answers, and that none of them costs more the longer the log is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from poju.errors import OperatorError
from poju.ledger import block, merkle, store, tiles
from poju.ledger.store import Store


@pytest.mark.parametrize(
    ("sql", "count"),
    [(store.SEEN_IN.format(marks="(?,?),(?,?)"), 4), (f"{store.STATE_IN} (?,?,?)", 3)],
    ids=["identifiers", "state"],
)
def test_a_batch_is_looked_up_by_key_and_no_table_is_read_whole(tmp_path: Path, sql: str, count: int) -> None:
    kept = Store.open(tmp_path / "ledger.sqlite")
    plan = [str(row[3]) for row in kept._query(f"EXPLAIN QUERY PLAN {sql}", ["x"] * count)]
    assert any(step.startswith(("SEARCH seen USING PRIMARY KEY", "SEARCH state USING PRIMARY KEY")) for step in plan)
    assert not any(step in {"SCAN seen", "SCAN state"} for step in plan)
    kept.close()


def test_a_batch_learns_what_the_log_holds_under_its_pairs_and_nothing_else() -> None:
    kept = Store.memory()
    rows = [(f"hospital-{at}", bytes([at]) * 16, at, bytes([at]) * 32) for at in range(250)]
    kept._writer.executemany("INSERT INTO seen VALUES (?, ?, ?, ?)", rows)
    pairs = [(f"hospital-{at}", bytes([at]) * 16) for at in range(0, 250, 2)]
    crossed = [(f"hospital-{at}", bytes([at + 1]) * 16) for at in range(249)]
    known = kept.prepare([], [*pairs, *pairs, *crossed])
    assert [known.seen(*pair) for pair in pairs] == [(at, bytes([at]) * 32) for at in range(0, 250, 2)]
    assert not any(known.seen(*pair) for pair in crossed)
    assert known.seen("hospital-1", bytes([1]) * 16) is None  # held by the log, and not asked for
    kept.close()


class Interrupted:
    """The writer's connection; ``then`` runs once SQLite made a commit durable, before the writer goes on."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.then: Callable[[], object] = lambda: None
        self.fails = False

    def execute(self, sql: str, *rest: object) -> sqlite3.Cursor:
        if sql == "COMMIT" and self.fails:
            raise sqlite3.OperationalError("disk I/O error")
        found = self._connection.execute(sql, *rest)  # type: ignore[arg-type]  # as the store gives it
        if sql == "COMMIT":
            self.then()
        return found

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)


def grown(kept: Store, count: int) -> block.Outcome:
    """A block of ``count`` leaves behind those of ``kept``."""
    head = kept.head()
    after = block.Head(head.size + count, head.height + 1, head.time, bytes(32))
    return block.Outcome(after, tuple(b"%d" % (head.size + at) for at in range(count)), {}, (), ())


def test_log_2_who_reads_the_moment_a_block_is_durable_reads_all_of_its_tiles(tmp_path: Path) -> None:
    kept = Store.open(tmp_path / "ledger.sqlite")
    writer = Interrupted(kept._writer)
    kept._writer = writer  # type: ignore[assignment]  # it hands everything on
    roots: list[tuple[int, bytes]] = []
    writer.then = lambda: roots.append((kept.head().size, kept.root(kept.head().size)))
    for count in (3, 1, 250, 7, 600):
        kept.commit(grown(kept, count), {})
    leaves = [merkle.leaf_hash(raw) for raw in kept.stream(kept.head().size)]
    assert [size for size, _root in roots] == [3, 4, 254, 261, 861]
    for size, root in roots:
        made = tiles.append(lambda _level, _number: b"", 0, leaves[:size])
        assert root == merkle.root(size, tiles.node_source(lambda *at, made=made: made[at]))  # type: ignore[misc]
    kept.close()


def test_log_1_a_block_that_could_not_be_written_leaves_no_tile_behind(tmp_path: Path) -> None:
    kept = Store.open(tmp_path / "ledger.sqlite")
    kept.commit(grown(kept, 5), {})
    size, root = 5, kept.root(5)
    writer = Interrupted(kept._writer)
    kept._writer = writer  # type: ignore[assignment]  # as above
    writer.fails = True
    with pytest.raises(OperatorError) as stopped:
        kept.commit(grown(kept, 300), {})
    assert stopped.value.code == "store.write"
    assert (kept.head().size, kept.root(5), len(kept.tile(0, 0))) == (size, root, 5 * tiles.HASH_BYTES)
    assert kept.tile(0, 1) == b""
    kept.close()
