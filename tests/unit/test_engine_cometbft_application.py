"""The application under ABCI's questions, put directly: the embedded engine's log again, attacks on proposals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import support_ledger as support

from poju.engine.cometbft import application as module
from poju.engine.cometbft.application import Application, Committed
from poju.engine.cometbft.genesis import Genesis, app_hash, read
from poju.engine.embedded import EmbeddedEngine, Registration
from poju.errors import OperatorError, PojuError
from poju.ledger import block, refusal, statement
from poju.ledger.block import Declined, Entered
from poju.ledger.keys import PublicKey
from poju.ledger.rulebook import State
from poju.ledger.statement import UnverifiedStatement, VerifiedStatement
from poju.ledger.store import Store
from poju.units import Seconds

GENESIS = Genesis(support.ORIGIN, bytes(32), {"v0": support.LOG.public}, 1)
STATE = json.dumps(GENESIS.describe()).encode()


def fresh(store: Store | None = None, rules: support.TinyRules | None = None) -> Application:
    made = Application(store or Store.memory(), rules or support.TinyRules(), support.LOG, GENESIS)
    if made.info()[0] == 0:
        made.init_chain(STATE, made.store.head().height + 1)
    return made


def put(application: Application, height: int, raws: Sequence[bytes], time: int = support.TIME) -> list[block.Answer]:
    _hash, answers = application.finalize_block(height, Seconds(time), raws)
    application.commit()
    return answers


def badly_signed(number: int) -> bytes:
    raw = support.signed(number)
    return raw[:-1] + bytes([raw[-1] ^ 1])


def test_log_2_recorded_blocks_of_an_embedded_log_give_the_same_root_state_and_leaves() -> None:
    times = iter([support.TIME, support.TIME + 5, support.TIME + 5, support.TIME - 60, support.TIME + 90])
    engine = EmbeddedEngine(Store.memory(), support.TinyRules(), support.LOG, support.ORIGIN, lambda: next(times))
    kinds = ("note", "ask", "erase", "note", "ask")
    for number, kind in enumerate(kinds):
        assert isinstance(engine.register(support.signed(number, kind)), Registration)
    engine.close()
    head = engine.store.head()
    recorded = list(engine.store.stream(head.size))
    application = fresh()
    for leaves, closing in block.blocks(recorded):
        statements = [item for item in leaves if item[:1] == b"\xd2"]
        hashed, _answers = application.finalize_block(closing.height, closing.time, statements)
        size = application.store.head().size
        assert hashed != app_hash(size, application.store.root(size))
        application.commit()
    assert application.store.head() == head
    assert list(application.store.stream(head.size)) == recorded
    assert application.info() == (len(kinds), app_hash(head.size, engine.store.root(head.size)))


def test_log_2_two_applications_of_the_same_blocks_answer_alike_byte_for_byte() -> None:
    ours, theirs = fresh(), fresh()
    batches = [[support.signed(1), badly_signed(2), b"nonsense"], [], [support.signed(3, "ask"), support.signed(1)]]
    for height, batch in enumerate(batches, 1):
        assert ours.finalize_block(height, support.TIME, batch) == theirs.finalize_block(height, support.TIME, batch)
        ours.commit()
        theirs.commit()


def test_the_root_of_a_block_is_known_before_it_is_durable() -> None:
    application = fresh()
    hashed, _answers = application.finalize_block(1, support.TIME, [support.signed(number) for number in range(300)])
    assert application.store.head().size == 0
    application.commit()
    assert hashed == app_hash(301, application.store.root(301))


def test_log_1_info_names_the_last_durable_block_and_nothing_before_commit(tmp_path: Path) -> None:
    application = fresh(Store.open(tmp_path / "ledger.sqlite"))
    put(application, 1, [support.signed(1)])
    application.finalize_block(2, support.TIME, [support.signed(2)])
    application.close()
    again = fresh(Store.open(tmp_path / "ledger.sqlite"))
    assert again.info() == (1, app_hash(2, again.store.root(2)))
    assert put(again, 2, [support.signed(2)]) == [Entered(2)]
    again.close()


def test_log_1_a_disk_that_fails_leaves_height_and_log_where_they_were(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "ledger.sqlite")
    application = fresh(store)
    put(application, 1, [support.signed(1)])
    application.finalize_block(2, support.TIME, [support.signed(2)])
    store._writer.execute("PRAGMA query_only = ON")
    with pytest.raises(OperatorError) as caught:
        application.commit()
    assert caught.value.code == "store.write"
    application.close()
    again = fresh(Store.open(tmp_path / "ledger.sqlite"))
    assert (again.info()[0], again.store.head().size) == (1, 2)
    again.close()


def test_log_2_a_root_is_agreed_only_when_the_next_block_is_decided() -> None:
    application = fresh()
    seen: list[Committed] = []
    application.on_commit = seen.append
    put(application, 1, [support.signed(1)])
    put(application, 2, [])
    assert [(item.head.size, item.agreed) for item in seen] == [(2, 0), (2, 2)]


def test_empty_blocks_count_for_the_chain_and_not_for_the_log() -> None:
    application = fresh()
    for height, raws in enumerate([[support.signed(1)], [], [], [support.signed(2)]], 1):
        put(application, height, raws)
    assert application.info()[0] == 4
    assert application.store.head().height == 2


def test_a_quiet_chain_is_made_durable_now_and_then_so_that_a_restart_has_few_blocks_to_replay() -> None:
    application = fresh()
    put(application, 1, [support.signed(1)])
    for height in range(2, module.EMPTY_BLOCKS + 1):
        put(application, height, [])
    assert fresh(application.store).info()[0] == 1
    put(application, module.EMPTY_BLOCKS + 1, [])
    resumed = fresh(application.store)
    assert resumed.info() == application.info() == (module.EMPTY_BLOCKS + 1, resumed.info()[1])
    assert resumed.store.head().size == 2
    assert put(resumed, module.EMPTY_BLOCKS + 2, [support.signed(2)]) == [Entered(2)]


def test_a_block_that_does_not_follow_is_not_executed() -> None:
    application = fresh()
    for height in (0, 2, 7):
        with pytest.raises(OperatorError) as caught:
            application.finalize_block(height, support.TIME, [support.signed(1)])
        assert caught.value.code == "network.height"
    assert put(application, 1, [support.signed(1)]) == [Entered(0)]


@pytest.mark.parametrize("attack", [badly_signed(5), b"", b"\xd2", support.signed(5) + b"\x00", bytes(70_000)])
def test_rule_1_a_proposal_with_a_badly_signed_or_malformed_statement_is_refused(attack: bytes) -> None:
    application = fresh()
    good = [support.signed(1), support.signed(2)]
    assert application.process_proposal(good)
    assert not application.process_proposal([*good, attack])
    assert not isinstance(application.check(attack), VerifiedStatement)
    assert application.prepare_proposal([good[0], attack, good[1]], 1 << 20) == good


def test_rule_2_if_a_dishonest_quorum_decides_such_a_block_they_leave_no_entry() -> None:
    application = fresh()
    stranger = support.signed(4, key=support.STRANGER)
    raws = [badly_signed(1), b"nonsense", stranger, support.signed(2), support.signed(3, "forbid")]
    answers = put(application, 1, raws)
    codes = [item.code if isinstance(item, Declined) else "" for item in answers]
    assert codes == ["statement.signature", "statement.malformed", "statement.key-unknown", "", "test.forbidden"]
    assert application.store.head().size == 2
    assert len(application.store.refusals()) == 1


def test_rule_2_what_the_rules_refuse_may_be_proposed_and_its_signed_refusal_can_be_asked_for() -> None:
    application = fresh()
    raw = support.signed(3, "forbid")
    assert application.process_proposal([raw, support.signed(9, key=support.STRANGER)])
    assert put(application, 1, [raw]) == [Declined("test.forbidden")]
    kept = application.store.refusal(statement.decode(raw).digest)
    assert kept is not None
    assert refusal.verify(kept[0], support.LOG.public).code == "test.forbidden"
    assert application.store.head().size == 0


def test_the_same_bytes_twice_enter_once_within_and_across_blocks() -> None:
    application = fresh()
    raw = support.signed(1)
    assert put(application, 1, [raw, raw]) == [Entered(0), Entered(0, again=True)]
    assert put(application, 2, [raw]) == [Entered(0, again=True)]
    assert application.store.head().size == 2


class Withdrawn(support.TinyRules):
    """The member's key is known until the test withdraws it."""

    known = True

    def key_for(self, state: State, item: UnverifiedStatement) -> PublicKey | None:
        return super().key_for(state, item) if self.known else None


def test_rule_1_a_signature_checked_once_gives_no_authority_later() -> None:
    rules = Withdrawn()
    application = fresh(rules=rules)
    raw = support.signed(1)
    assert isinstance(application.check(raw), VerifiedStatement)
    rules.known = False
    assert put(application, 1, [raw]) == [Declined("statement.key-unknown")]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 10)
    application = fresh()
    for number in range(40):
        application.check(support.signed(number))
    assert len(application._remembered) == 10


def test_what_is_decided_is_forgotten_a_block_later_and_what_waits_is_not() -> None:
    application = fresh()
    raws = [support.signed(number) for number in range(4)]
    digests = [statement.decode(raw).digest for raw in raws]
    for raw in raws:
        application.check(raw)
    put(application, 1, raws[:2])
    assert list(application._remembered) == digests
    put(application, 2, raws[2:3])
    assert list(application._remembered) == digests[2:]
    put(application, 3, [])
    assert list(application._remembered) == digests[3:]
    # its signature is checked again, and it is still the same entry
    assert put(application, 4, raws[:1]) == [Entered(0, again=True)]


def test_a_proposal_stays_within_its_bytes() -> None:
    application = fresh()
    raws = [support.signed(number) for number in range(50)]
    limit = sum(len(raw) + 3 for raw in raws[:20])
    chosen = application.prepare_proposal(raws, limit)
    assert chosen == raws[: len(chosen)]
    assert sum(len(raw) + 3 for raw in chosen) <= limit
    assert len(chosen) >= 19


@pytest.mark.parametrize(
    "other",
    [
        replace(GENESIS, origin="other.example/log"),
        replace(GENESIS, package=b"\x01" * 32),
        replace(GENESIS, keys={"v0": support.MEMBER.public}),
        replace(GENESIS, size=2),
        replace(GENESIS, root=bytes(32)),
    ],
)
def test_log_2_another_genesis_is_refused(other: Genesis) -> None:
    application = Application(Store.memory(), support.TinyRules(), support.LOG, GENESIS)
    with pytest.raises(OperatorError) as caught:
        application.init_chain(json.dumps(other.describe()).encode(), 1)
    assert caught.value.code == "network.genesis"


@pytest.mark.parametrize(
    "attack", [b"", b"{}", b"[]", b"null", STATE[:-1], STATE.replace(b'"size": 0', b'"size": true')]
)
def test_app_state_that_is_not_ours_is_refused(attack: bytes) -> None:
    with pytest.raises(PojuError) as caught:
        read(attack)
    assert caught.value.code == "network.genesis"


def test_log_3_a_consortium_grows_from_an_embedded_log_and_its_receipts_hold(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    engine = EmbeddedEngine(Store.open(path), support.TinyRules(), support.LOG, support.ORIGIN, lambda: support.TIME)
    for number in range(3):
        engine.register(support.signed(number))
    engine.close()
    head, root = engine.store.head(), engine.store.root(6)
    engine.store.close()
    grown = replace(GENESIS, size=head.size, root=root)
    application = Application(Store.open(path), support.TinyRules(), support.LOG, grown)
    state = json.dumps(grown.describe()).encode()
    assert application.info()[0] == 0
    assert application.init_chain(state, head.height + 1) == app_hash(head.size, root)
    assert put(application, head.height + 1, [support.signed(9)]) == [Entered(6)]
    after = application.store.head()
    assert (after.size, after.height) == (8, head.height + 1)
    assert application.store.root(6) == root
    application.close()
