"""LOG-2 across the engines: what an embedded ledger recorded, a consortium's application arrives at byte for byte.

The real rule book with Cedar, the real ABCI server over its Unix socket; and any order of refused statements.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import support_recorded as support
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from test_engine_cometbft_socket import WAIT, Client

from poju.engine.cometbft import abci_pb2 as abci
from poju.engine.cometbft.application import Application
from poju.engine.cometbft.genesis import Genesis, app_hash
from poju.engine.cometbft.server import SocketServer
from poju.engine.embedded import Refusal, Registration
from poju.ledger import block
from poju.ledger.store import Store
from poju.units import Seconds

COUNT = 320
VALIDATOR = "validator-0"


@pytest.fixture(scope="module")
def workload() -> ModuleType:
    return support.load_workload()


@pytest.fixture(scope="module")
def recorded(workload: ModuleType) -> Iterator[tuple[support.Recorded, Store]]:
    store = Store.memory()
    yield support.record(workload, store, COUNT), store
    store.close()


def application(workload: ModuleType, store: Store, genesis: Genesis | None = None) -> Application:
    rules, key = workload.Workload().rules, workload.key_of(VALIDATOR)
    named = genesis or Genesis(workload.ORIGIN, rules.package.digest, {VALIDATOR: key.public}, 1)
    made = Application(store, rules, key, named)
    made.init_chain(json.dumps(named.describe()).encode(), store.head().height + 1)
    return made


def test_the_recorded_log_is_worth_comparing(recorded: tuple[support.Recorded, Store], workload: ModuleType) -> None:
    found, _store = recorded
    assert len(found.receipts) > COUNT
    assert len(found.blocks) > 30
    assert max(len(raws) for _height, _time, raws in found.blocks) > 5
    assert found.outcomes == {"granted", "denied"}
    codes = {answer.code for _raw, answer in found.sent if isinstance(answer, Refusal)}
    good = [raw for raw, answer in found.sent if isinstance(answer, Registration)]
    assert codes == {code for code, _raw in support.refused(workload, good)}


def test_log_2_recorded_blocks_through_the_real_socket_give_the_same_root_and_state_digest(
    recorded: tuple[support.Recorded, Store], workload: ModuleType, tmp_path: Path, socket_enabled: None
) -> None:
    assert socket_enabled is None
    found, theirs = recorded
    rules, key = workload.Workload().rules, workload.key_of(VALIDATOR)
    genesis = Genesis(workload.ORIGIN, rules.package.digest, {VALIDATOR: key.public}, 1)
    served = Application(Store.open(tmp_path / "ledger.sqlite"), rules, key, genesis)
    failures: list[Exception] = []
    server = SocketServer(served, tmp_path / "abci.sock", failures.append)
    thread = threading.Thread(target=server.serve)
    thread.start()
    client = Client(tmp_path / "abci.sock")
    asked = abci.InitChainQuestion(app_state_bytes=json.dumps(genesis.describe()).encode(), initial_height=1)
    client.ask(abci.Request(init_chain=asked))
    told = {raw: answer for raw, answer in found.sent if isinstance(answer, Refusal)}
    hashed = b""
    for height, time, raws in found.batches():
        question = abci.BlockQuestion(txs=raws, height=height, time=abci.Timestamp(seconds=time))
        decided = client.ask(abci.Request(finalize_block=question)).finalize_block
        for raw, result in zip(raws, decided.tx_results, strict=True):
            assert (result.data.decode() if result.code else None) == (told[raw].code if raw in told else None)
        hashed = decided.app_hash
        assert client.ask(abci.Request(commit=abci.Empty())).WhichOneof("value") == "commit"
    client.socket.close()
    server.close()
    thread.join(WAIT)
    assert not failures
    ours = served.store
    assert hashed == app_hash(found.head.size, found.root)
    assert ours.head() == found.head
    assert list(ours.stream(found.head.size)) == list(theirs.stream(found.head.size))
    served.close()


def test_log_2_blocks_of_a_grown_log_follow_its_last_one_and_leave_the_embedded_engines_root(
    recorded: tuple[support.Recorded, Store], workload: ModuleType
) -> None:
    """The same log, its second half under the consortium's engine: same heights, same leaves, same root."""
    found, theirs = recorded
    half = len(found.blocks) // 2
    store = Store.memory()
    first = application(workload, store)
    for height, time, raws in found.blocks[:half]:
        first.finalize_block(height, time, raws)
        first.commit()
    copy = Store.memory()
    for name in ("head", "leaf", "tile", "state", "seen"):
        # the log without the engine's own height, as a backup of an embedded ledger hands it over
        rows = store._writer.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608 - the schema's own names
        copy._writer.executemany(f"INSERT INTO {name} VALUES ({','.join('?' * len(rows[0]))})", rows)  # noqa: S608
    copy._last = copy.head()
    head = copy.head()
    named = replace(first.genesis, size=head.size, root=copy.root(head.size))
    grown = application(workload, copy, named)
    assert grown.info() == (0, app_hash(head.size, named.root))
    assert grown.agreed == head.size
    hashed = b""
    for height, time, raws in found.batches()[half:]:
        hashed, _answers = grown.finalize_block(height, time, raws)
        grown.commit()
    assert hashed == app_hash(found.head.size, found.root)
    assert copy.head() == found.head
    assert list(copy.stream(found.head.size)) == list(theirs.stream(found.head.size))


def test_log_2_a_block_time_of_a_second_later_is_another_root(
    recorded: tuple[support.Recorded, Store], workload: ModuleType
) -> None:
    found, _store = recorded
    made = application(workload, Store.memory())
    for height, time, raws in found.blocks[:3]:
        last = height == found.blocks[2][0]
        hashed, _answers = made.finalize_block(height, Seconds(time + last), raws)
        made.commit()
    size = made.store.head().size
    whole = block.Head(size, found.blocks[2][0], found.blocks[2][1], made.store.head().state)
    assert made.store.head() != whole
    _found, theirs = recorded
    assert hashed != app_hash(size, theirs.root(size))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=some.data())
def test_log_2_and_rule_2_refused_statements_in_any_order_and_number_leave_no_trace(
    data: some.DataObject, workload: ModuleType
) -> None:
    made = workload.Workload()
    opening, good = list(made.opening()), list(made.statements(24))
    wrong = support.refused(workload, good)
    codes = {raw: code for code, raw in wrong}
    ours, theirs = (application(workload, Store.memory()) for _each in range(2))
    height, at = 0, 0
    for raw in opening:
        height += 1
        assert (
            ours.finalize_block(height, workload.TIME, [raw])[0]
            == theirs.finalize_block(height, workload.TIME, [raw])[0]
        )
        ours.commit()
        theirs.commit()
    # the one that repeats an identifier is refused for it only once the first of the two stands in the log
    early = [raw for code, raw in wrong if code != "ledger.conflict"]
    for cut in data.draw(some.lists(some.integers(0, 12), min_size=3, max_size=5)):
        height += 1
        batch = good[at : at + cut]
        at += cut
        time = Seconds(workload.TIME + data.draw(some.integers(-30, 300)))
        mixed: list[bytes] = list(batch)
        for _number in range(data.draw(some.integers(0, 6))):
            mixed.insert(data.draw(some.integers(0, len(mixed))), data.draw(some.sampled_from(early)))
        hashed, _answers = ours.finalize_block(height, time, batch)
        theirs_hash, answers = theirs.finalize_block(height, time, mixed)
        assert hashed == theirs_hash
        for raw, answer in zip(mixed, answers, strict=True):
            assert (answer.code if isinstance(answer, block.Declined) else None) == codes.get(raw)
        ours.commit()
        theirs.commit()
        assert ours.store.head() == theirs.store.head()
