"""The embedded engine: what it answers, what it keeps, and what happens when something around it fails."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path

import pytest
import support_ledger as support

from poju.engine import embedded
from poju.engine.embedded import Answer, EmbeddedEngine, Refusal, Registration
from poju.errors import BugError, OperatorError, PojuError
from poju.ledger import checkpoint, leaf, merkle, receipt, refusal, tiles
from poju.ledger.replay import replay
from poju.ledger.rulebook import Block, Refused, Registered, State
from poju.ledger.statement import VerifiedStatement, decode
from poju.ledger.store import Store
from poju.units import Seconds

WAIT = 20.0


class Held(support.TinyRules):
    """Rules that wait: the writer is busy until the test lets it go on."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.go = threading.Event()

    def register(self, state: State, item: VerifiedStatement, at: Block) -> Registered | Refused:
        self.entered.set()
        assert self.go.wait(WAIT)
        return super().register(state, item, at)


def engine_over(store: Store, rules: support.TinyRules | None = None) -> EmbeddedEngine:
    return EmbeddedEngine(store, rules or support.TinyRules(), support.LOG, support.ORIGIN, lambda: support.TIME)


@pytest.fixture
def engine() -> Iterator[EmbeddedEngine]:
    made = engine_over(Store.memory())
    yield made
    made.close()
    made.store.close()


@pytest.fixture
def held(tmp_path: Path) -> Iterator[tuple[EmbeddedEngine, Held]]:
    rules = Held()
    made = engine_over(Store.open(tmp_path / "ledger.sqlite"), rules)
    yield made, rules
    rules.go.set()
    made.close()
    made.store.close()


def registered(answer: Answer) -> Registration:
    assert isinstance(answer, Registration), answer
    return answer


def test_log_1_a_registration_carries_a_receipt_of_its_own_leaf(engine: EmbeddedEngine) -> None:
    for number in range(5):
        raw = support.signed(number)
        answer = registered(engine.register(raw))
        proved = receipt.verify(answer.receipt, raw, support.LOG.public)
        assert (proved.index, engine.store.leaf(answer.index)) == (answer.index, raw)
        note = engine.checkpoint_at(engine.store.head().size)
        opened = checkpoint.open_note(note, support.ORIGIN, support.LOG.public)
        assert (opened.size, opened.root) == (proved.size, proved.root)


def test_a_decision_travels_with_its_own_receipt(engine: EmbeddedEngine) -> None:
    for raw in (support.signed(1, "ask"), support.signed(2, "ask"), support.signed(1, "ask")):
        answer = registered(engine.register(raw))
        assert answer.decision is not None
        assert answer.decision_receipt is not None
        proved = receipt.verify(answer.decision_receipt, answer.decision, support.LOG.public)
        decision = leaf.decode(answer.decision)
        assert isinstance(decision, leaf.DecisionLeaf)
        assert (proved.index, decision.index, decision.outcome) == (answer.index + 1, answer.index, "granted")


def test_the_same_bytes_again_return_the_same_entry(engine: EmbeddedEngine) -> None:
    raw = support.signed(1)
    first, second = registered(engine.register(raw)), registered(engine.register(raw))
    assert (first.index, engine.store.head().size) == (second.index, 2)
    assert receipt.verify(second.receipt, raw, support.LOG.public).index == first.index


def refused(engine: EmbeddedEngine, raw: bytes) -> Refusal:
    before = engine.store.head()
    answer = engine.register(raw)
    assert isinstance(answer, Refusal)
    told = refusal.verify(answer.raw, support.LOG.public)
    assert (told.statement, told.code, told.size) == (answer.digest, answer.code, before.size)
    assert engine.store.head() == before
    return answer


def test_rule_2_a_refusal_is_signed_kept_and_changes_nothing(engine: EmbeddedEngine) -> None:
    engine.register(support.signed(1))
    raw = support.signed(2, "forbid")
    answer = refused(engine, raw)
    assert answer.code == "test.forbidden"
    assert engine.store.refusal(answer.digest) == (answer.raw, raw)
    refused(engine, raw)
    assert engine.store.refusals() == [(answer.raw, raw)]


def test_rule_2_a_conflict_is_refused_and_kept(engine: EmbeddedEngine) -> None:
    engine.register(support.signed(1))
    answer = refused(engine, support.signed(1, value=2))
    assert answer.code == "ledger.conflict"
    assert engine.store.refusal(answer.digest) is not None


def test_rule_1_bad_signatures_are_refused_and_do_not_fill_the_disk(engine: EmbeddedEngine) -> None:
    unknown = refused(engine, support.signed(1, key=support.STRANGER))
    raw = support.signed(1)
    forged = refused(engine, raw[:-1] + bytes([raw[-1] ^ 1]))
    assert (unknown.code, forged.code) == ("statement.key-unknown", "statement.signature")
    assert engine.store.refusals() == []


def test_one_batch_in_threads_keeps_every_answer_with_its_statement(held: tuple[EmbeddedEngine, Held]) -> None:
    engine, rules = held
    first = engine.submit(support.signed(1000))
    assert rules.entered.wait(WAIT)
    kinds = ["note", "ask", "forbid"]
    raws = [support.signed(number, kinds[number % 3]) for number in range(60)]
    raws += [support.signed(100, key=support.STRANGER), raws[0], support.signed(0, value=9)]
    waiting = [engine.submit(raw) for raw in raws]
    rules.go.set()
    registered(first.result(WAIT))
    for raw, future in zip(raws, waiting, strict=True):
        answer = future.result(WAIT)
        if isinstance(answer, Registration):
            assert receipt.verify(answer.receipt, raw, support.LOG.public).index == answer.index
            assert (answer.decision is not None) == (b"poju.ask" in raw)
        else:
            assert refusal.verify(answer.raw, support.LOG.public).statement == answer.digest
    assert engine.store.head().height == 2
    codes = [answer.code for answer in (future.result() for future in waiting[-3:]) if isinstance(answer, Refusal)]
    assert codes == ["statement.key-unknown", "ledger.conflict"]


def test_a_full_queue_is_said_and_nothing_is_lost(
    held: tuple[EmbeddedEngine, Held], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, rules = held
    monkeypatch.setattr(embedded, "QUEUE_LIMIT", 3)
    waiting = [engine.submit(support.signed(1))]
    assert rules.entered.wait(WAIT)
    waiting += [engine.submit(support.signed(number)) for number in (2, 3, 4)]
    with pytest.raises(OperatorError) as caught:
        engine.submit(support.signed(5))
    assert caught.value.code == "engine.busy"
    assert "3" in str(caught.value)
    rules.go.set()
    assert [registered(future.result(WAIT)).index for future in waiting] == [0, 2, 3, 4]
    registered(engine.register(support.signed(5)))


def test_log_1_a_caller_that_goes_away_does_not_stop_the_writer(held: tuple[EmbeddedEngine, Held]) -> None:
    engine, rules = held
    first = engine.submit(support.signed(1))
    assert rules.entered.wait(WAIT)
    gone, stays = engine.submit(support.signed(2)), engine.submit(support.signed(3))
    assert gone.cancel()
    assert not first.cancel()
    rules.go.set()
    assert (registered(first.result(WAIT)).index, registered(stays.result(WAIT)).index) == (0, 2)
    assert registered(engine.register(support.signed(2))).index == 4


@pytest.mark.parametrize("raw", [support.signed(7, "raise"), support.signed(7, "erase")])
def test_a_rule_that_fails_ends_its_batch_only(raw: bytes) -> None:
    class Broken(support.TinyRules):
        def register(self, state: State, item: VerifiedStatement, at: Block) -> Registered | Refused:
            # the second way to fail: a value that has no deterministic encoding
            return Registered({"x": 1.5}) if item.kind == "erase" else super().register(state, item, at)

    engine = engine_over(Store.memory(), Broken())
    engine.register(support.signed(1))
    before = engine.store.head()
    with pytest.raises(PojuError) as caught:
        engine.register(raw)
    assert caught.value.hint
    assert isinstance(caught.value, BugError) == (b"poju.raise" in raw)
    assert engine.store.head() == before
    assert registered(engine.register(support.signed(2))).index == 2
    engine.close()


def test_a_closed_engine_says_so_and_closes_twice(engine: EmbeddedEngine) -> None:
    engine.register(support.signed(1))
    engine.close()
    with pytest.raises(OperatorError) as caught:
        engine.submit(support.signed(2))
    assert caught.value.code == "engine.closed"


def test_closing_finishes_what_is_queued(held: tuple[EmbeddedEngine, Held]) -> None:
    engine, rules = held
    waiting: list[Future[Answer]] = [engine.submit(support.signed(number)) for number in range(20)]
    closer = threading.Thread(target=engine.close)
    closer.start()
    rules.go.set()
    closer.join(WAIT)
    assert not closer.is_alive()
    assert all(isinstance(future.result(0), Registration) for future in waiting)


@pytest.mark.parametrize("index", [-1, 2, 99])
def test_an_entry_that_is_not_there_is_said(engine: EmbeddedEngine, index: int) -> None:
    engine.register(support.signed(1))
    with pytest.raises(PojuError) as caught:
        engine.receipt_for(index)
    assert caught.value.code == "entry.unknown"


def test_bytes_that_are_no_statement_never_reach_the_queue(engine: EmbeddedEngine) -> None:
    for raw in (b"", b"{}", bytes(65_536), support.signed(1)[1:]):
        with pytest.raises(PojuError):
            engine.submit(raw)
    assert engine.store.head().size == 0


# --- the store beneath ----------------------------------------------------------------------------------------------


def test_log_1_everything_is_there_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    raws = [support.signed(number, "ask" if number % 2 else "note") for number in range(300)]
    notes, receipts = [], []
    for start in (0, 120, 260):
        engine = engine_over(Store.open(path))
        answers = [engine.submit(raw) for raw in raws[start : start + 140]]
        receipts += [registered(future.result(WAIT)).receipt for future in answers]
        notes.append(engine.checkpoint_at(engine.store.head().size))
        engine.close()
        engine.store.close()
    store = Store.open(path)
    head = store.head()
    nodes = tiles.node_source(store.tile)
    for note in notes:
        earlier = checkpoint.open_note(note, support.ORIGIN, support.LOG.public)
        proof = merkle.consistency_proof(earlier.size, head.size, nodes)
        assert merkle.consistent(earlier.size, head.size, earlier.root, store.root(head.size), proof)
    for raw, given in zip(raws[:120], receipts, strict=False):
        receipt.verify(given, raw, support.LOG.public)
    assert store.root(head.size) == support.tree_head(store.leaves(0, head.size))
    store.close()


def test_log_4_the_store_is_the_fold_of_its_log(tmp_path: Path) -> None:
    engine = engine_over(Store.open(tmp_path / "ledger.sqlite"))
    kinds = ["note", "ask", "forbid", "erase", "note"]
    for future in [engine.submit(support.signed(number, kinds[number % 5])) for number in range(100)]:
        future.result(WAIT)
    store = engine.store
    engine.close()
    *_earlier, (outcome, state) = replay(support.TinyRules(), store.stream(store.head().size))
    assert outcome.head == store.head()
    rows = store._query("SELECT key, value FROM state")
    assert dict(rows) == state.values
    store.close()


def test_log_2_two_stores_of_the_same_blocks_have_the_same_roots(tmp_path: Path) -> None:
    stores = [Store.open(tmp_path / "one.sqlite"), Store.memory()]
    for store in stores:
        engine = engine_over(store)
        for number in range(30):
            engine.register(support.signed(number, "ask" if number % 3 else "note"))
        engine.close()
    one, two = stores
    assert one.head() == two.head()
    assert one.root(one.head().size) == two.root(two.head().size)
    one.close()
    two.close()


def test_log_2_a_second_writer_is_noticed_before_it_writes(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    first, second = engine_over(Store.open(path)), engine_over(Store.open(path))
    registered(first.register(support.signed(1)))
    with pytest.raises(OperatorError) as caught:
        second.register(support.signed(2))
    assert caught.value.code == "store.in-use"
    registered(first.register(support.signed(3)))
    with pytest.raises(OperatorError):
        second.register(support.signed(4))
    assert first.store.head().height == 2
    for engine in (first, second):
        engine.close()
        engine.store.close()


def test_log_2_a_read_across_a_commit_leaves_no_old_value_behind(tmp_path: Path) -> None:
    """A thread that has read the old value and then waits must not put it into the cache after the commit."""
    store = Store.open(tmp_path / "ledger.sqlite")
    engine = engine_over(store)
    engine.register(support.signed(1))
    store._values.clear()  # as after a restart: the value stands in the file only
    read, go_on = threading.Event(), threading.Event()

    class Slow(Store):
        def _query(self, sql: str, parameters: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
            rows = super()._query(sql, parameters)
            if threading.current_thread().name == "slow reader":
                read.set()
                assert go_on.wait(WAIT)
            return rows

    store.__class__ = Slow
    reader = threading.Thread(target=lambda: store.get("count"), name="slow reader")
    reader.start()
    assert read.wait(WAIT)
    engine.register(support.signed(2))
    go_on.set()
    reader.join(WAIT)
    assert store.get("count") == 2
    engine.close()
    store.close()


def test_what_a_batch_reads_at_once_is_what_it_reads_one_by_one(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "ledger.sqlite")
    engine = engine_over(store)
    raws = [support.signed(number) for number in range(600)]
    for future in [engine.submit(raw) for raw in raws]:
        assert isinstance(future.result(WAIT), Registration)
    engine.close()
    items = [decode(raw) for raw in raws] + [decode(support.signed(number)) for number in range(700, 710)]
    pairs = [(item.issuer, item.identifier) for item in items]
    alone = [store.seen(*pair) for pair in pairs]
    keys = [item.subject for item in items] + ["count", "never written"]
    read = [store.get(key) for key in keys]
    store._values.clear()  # as after a restart
    known = store.prepare(keys, pairs)
    assert [known.seen(*pair) for pair in pairs] == [store.seen(*pair) for pair in pairs] == alone
    assert alone.count(None) == 10
    assert [store.get(key) for key in keys] == read
    store.close()


@pytest.mark.parametrize("content", [b"not a database, but long enough to be one" * 100, None])
def test_a_file_that_is_no_ledger_ends_in_one_clear_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ledger.sqlite"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(OperatorError) as caught:
        Store.open(path)
    assert caught.value.code == "store.unusable"
    assert caught.value.hint


def test_a_file_damaged_while_open_ends_in_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    engine = engine_over(Store.open(path))
    engine.register(support.signed(1))
    engine.close()
    engine.store.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw = path.read_bytes()
    store = Store.open(path)
    path.write_bytes(raw[:100] + b"\xff" * (len(raw) - 100))
    with pytest.raises(OperatorError) as caught:
        store.leaves(0, 10)
    assert caught.value.code == "store.read"
    store.close()


def test_time_is_read_once_and_never_goes_back() -> None:
    times = iter(range(support.TIME + 100, support.TIME, -1))
    store = Store.memory()
    engine = EmbeddedEngine(store, support.TinyRules(), support.LOG, support.ORIGIN, lambda: Seconds(next(times)))
    for number in range(5):
        engine.register(support.signed(number))
    engine.close()
    blocks = [leaf.decode(item) for item in store.leaves(0, 10) if not leaf.is_statement(item)]
    assert [item.time for item in blocks if isinstance(item, leaf.BlockLeaf)] == [support.TIME + 100] * 5
    store.close()
