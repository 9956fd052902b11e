"""An audit that is interrupted and taken up again: it goes on only from what it saved itself, on the same log."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import support_ledger as support
from support_audit import Copy, audited, batches

from poju.errors import PojuError
from poju.ledger import audit, tiles
from poju.ledger.audit import Plan
from poju.ledger.audit_state import FILE, FoldState

BATCHES = batches(900)
LEAVES, STATE, HEAD = support.run(BATCHES)
COPY = Copy.of(LEAVES)
WHOLE = audited(COPY.log())
IDENTITY = {"origin": support.ORIGIN, "runtime": {"rules": "1"}}


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save at the end of nearly every block."""
    monkeypatch.setattr(audit, "SAVE_LEAVES", 90)


def interrupt_at(bundle: int) -> Callable[[int, int], None]:
    def progress(done: int, _total: int) -> None:
        if done >= bundle * tiles.WIDTH:
            raise KeyboardInterrupt

    return progress


def interrupted(folder: Path, bundle: int, copy: Copy = COPY) -> None:
    with pytest.raises(KeyboardInterrupt):
        audited(copy.log(), Plan(identity=IDENTITY, progress=interrupt_at(bundle)), folder)


def code_of(folder: Path, copy: Copy = COPY, identity: dict[str, object] | None = None) -> str:
    with pytest.raises(PojuError) as caught:
        audited(copy.log(), Plan(identity=identity or IDENTITY), folder)
    assert caught.value.hint
    return caught.value.code


@pytest.mark.parametrize("workers", [0, 2])
def test_log_4_an_interrupted_audit_arrives_where_a_whole_one_does(tmp_path: Path, workers: int) -> None:
    resumed = []
    for bundle in (1, 2, 3):
        interrupted(tmp_path, bundle)
    result = audited(COPY.log(), Plan(workers, IDENTITY), tmp_path)
    resumed.append(result.found.resumed)
    assert 2 * tiles.WIDTH < result.found.resumed <= 3 * tiles.WIDTH
    assert (result.head, result.state, result.memory) == (WHOLE.head, WHOLE.state, WHOLE.memory)
    assert (result.found.statements, result.found.decisions) == (WHOLE.found.statements, WHOLE.found.decisions)


def test_a_finished_audit_goes_on_with_a_log_that_grew(tmp_path: Path) -> None:
    audited(COPY.log(), Plan(identity=IDENTITY), tmp_path)
    grown, _state, head = support.run([*BATCHES, [support.signed(5_000)]])
    seen: list[int] = []
    plan = Plan(identity=IDENTITY, expect=lambda _item, index: seen.append(index))
    result = audited(Copy.of(grown).log(), plan, tmp_path)
    assert (result.head, result.found.resumed, seen) == (head, len(LEAVES), [len(LEAVES)])
    nothing = audited(Copy.of(grown).log(), Plan(identity=IDENTITY), tmp_path)
    assert (nothing.head, nothing.found.resumed) == (head, len(grown))


def test_log_2_a_log_that_was_rewritten_behind_the_audits_back_is_told(tmp_path: Path) -> None:
    interrupted(tmp_path, 2)
    other, _state, _head = support.run([[support.signed(8_000)], *BATCHES[1:]])
    assert code_of(tmp_path, Copy.of(other)) == "audit.log-changed"
    assert code_of(tmp_path, Copy.of(support.run(BATCHES[:4])[0])) == "audit.log-changed"
    assert audited(COPY.log(), Plan(identity=IDENTITY), tmp_path).head == HEAD


@pytest.mark.parametrize("identity", [{}, {**IDENTITY, "origin": "other"}, {**IDENTITY, "runtime": {"rules": "2"}}])
def test_a_saved_place_of_another_log_or_runtime_is_not_used(tmp_path: Path, identity: dict[str, object]) -> None:
    interrupted(tmp_path, 2)
    with pytest.raises(PojuError) as caught:
        audited(COPY.log(), Plan(identity=identity), tmp_path)
    assert caught.value.code == "audit.state-other"


CHANGES = [
    "UPDATE state SET value = x'01' WHERE key = 'count'",
    "DELETE FROM state WHERE key = 'count'",
    "INSERT INTO state VALUES ('extra', x'01')",
    "UPDATE state SET key = 'counts' WHERE key = 'count'",
    "UPDATE state SET value = 'text' WHERE key = 'count'",
    "DELETE FROM seen WHERE idx = 0",
    "UPDATE seen SET idx = 1 WHERE idx = 0",
    "UPDATE seen SET idx = 'one' WHERE idx = 0",
    "INSERT INTO seen VALUES ('hospital-b', x'00', 1)",
    "UPDATE saved SET record = record || x'00'",
    "UPDATE saved SET digest = zeroblob(32)",
    "DELETE FROM saved",
    "DELETE FROM state; DELETE FROM seen",
]


@pytest.mark.parametrize("change", CHANGES)
def test_log_4_a_saved_state_that_was_changed_is_never_gone_on_from(tmp_path: Path, change: str) -> None:
    interrupted(tmp_path, 2)
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        database.executescript(change)
    # what turned into text that is none, SQLite itself does not read
    assert code_of(tmp_path) in {"audit.state-damaged", "audit.state-unusable"}


def test_log_4_no_flipped_byte_in_the_saved_state_changes_the_answer(tmp_path: Path) -> None:
    interrupted(tmp_path, 2)
    path, lot = tmp_path / FILE, random.Random(8)  # noqa: S311 - a test's lots
    kept = path.read_bytes()
    stopped = []
    for _turn in range(60):
        altered = bytearray(kept)
        altered[lot.randrange(len(kept))] ^= 1 << lot.randrange(8)
        path.write_bytes(altered)
        try:
            result = audited(COPY.log(), Plan(identity=IDENTITY), tmp_path)
        except PojuError as error:
            stopped.append(error.code)
        else:  # a byte that holds nothing
            assert (result.head, result.state, result.memory) == (WHOLE.head, WHOLE.state, WHOLE.memory)
        for other in tmp_path.iterdir():
            other.unlink()
    assert len(stopped) > 20
    assert set(stopped) <= {"audit.state-damaged", "audit.state-unusable"}


@pytest.mark.parametrize("content", [b"", b"no database at all " * 60, b"SQLite format 3\0" + bytes(4_080)])
def test_a_folder_that_holds_something_else_ends_in_one_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    if content:
        assert code_of(tmp_path) == "audit.state-unusable"
    else:
        assert audited(COPY.log(), Plan(identity=IDENTITY), tmp_path).head == HEAD


def test_a_folder_that_cannot_be_made_ends_in_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert code_of(tmp_path / "file" / "inside") == "audit.state-unusable"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[FoldState]:
    with closing(FoldState(tmp_path)) as found:
        yield found


def test_the_fold_reads_what_it_wrote_however_much_lies_between(
    state: FoldState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("poju.ledger.audit_state.UNWRITTEN", 7)
    monkeypatch.setattr("poju.ledger.audit_state.VALUES_KEPT", 5)
    twin = support.DictState()
    head = support.block.Head()
    for number, batch in enumerate(batches(120, 6)):
        items = [support.verified(raw) for raw in batch]
        outcome = support.block.execute(support.TinyRules(), twin, twin, head, support.Seconds(number), items)
        state.prepare(key for item in items for key in support.TinyRules().reads(item.statement))
        state.apply(outcome)
        twin.apply(outcome)
        head = outcome.head
        assert {key: state.get(key) for key in ("count", "last", "note/1", "note/9", "none")} == {
            key: twin.get(key) for key in ("count", "last", "note/1", "note/9", "none")
        }
    assert dict(state.contents()) == twin.values
