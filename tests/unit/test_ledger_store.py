"""What the store asks SQLite for: the answers, and that none of them costs more the longer the log is."""

from __future__ import annotations

from pathlib import Path

import pytest

from poju.ledger import store
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
