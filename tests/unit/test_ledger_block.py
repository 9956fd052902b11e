"""Blocks, leaves, refusals and replay: what one batch does, and what a replay notices."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import cbor2
import pytest
import support_ledger as support

from poju.errors import PojuError
from poju.ledger import block, cbor, cose, leaf, refusal
from poju.ledger.block import Declined, Entered, execute
from poju.ledger.replay import DictState, replay
from poju.units import Seconds

Leaves = list[bytes]


def outcome_of(raws: list[bytes], head: block.Head | None = None, time: Seconds = support.TIME) -> block.Outcome:
    state = DictState()
    items = [support.verified(raw) for raw in raws]
    return execute(support.TinyRules(), state, state, head or block.Head(), time, items)


def test_a_block_closes_with_its_leaf() -> None:
    outcome = outcome_of([support.signed(1), support.signed(2, "ask"), support.signed(3)])
    assert outcome.answers == (Entered(0), Entered(1, 2), Entered(3))
    assert [leaf.is_statement(item) for item in outcome.leaves] == [True, True, False, True, False]
    closing = leaf.decode(outcome.leaves[-1])
    assert isinstance(closing, leaf.BlockLeaf)
    assert (closing.height, closing.time, closing.leaves) == (1, support.TIME, 4)
    assert outcome.head == block.Head(5, 1, support.TIME, closing.state)


def test_a_decision_names_its_statement_and_sorts_its_policies() -> None:
    outcome = outcome_of([support.signed(2, "ask")])
    digest = hashlib.sha256(outcome.leaves[0]).digest()
    expected = leaf.DecisionLeaf(0, digest, "granted", ("a-policy", "b-policy"), ("notify",))
    assert leaf.decode(outcome.leaves[1]) == expected


def test_rule_2_a_refused_statement_changes_nothing() -> None:
    outcome = outcome_of([support.signed(1, "forbid"), support.signed(2, "forbid")])
    head = block.Head()
    assert outcome == block.Outcome(head, (), {}, (Declined("test.forbidden"), Declined("test.forbidden")), ())


def test_rule_2_refused_statements_between_others_leave_no_trace() -> None:
    good = [support.signed(1), support.signed(2, "ask")]
    mixed = [support.signed(8, "forbid"), good[0], support.signed(9, "forbid"), good[1]]
    assert outcome_of(mixed).leaves == outcome_of(good).leaves
    assert outcome_of(mixed).writes == outcome_of(good).writes
    assert outcome_of(mixed).head == outcome_of(good).head


def test_the_same_bytes_again_return_the_same_entry() -> None:
    raw = support.signed(1)
    outcome = outcome_of([raw, support.signed(2), raw])
    assert outcome.answers == (Entered(0), Entered(1), Entered(0, again=True))
    assert len(outcome.registered) == 2


def test_other_content_under_the_same_identifier_is_a_conflict() -> None:
    outcome = outcome_of([support.signed(1), support.signed(1, value=2)])
    assert outcome.answers == (Entered(0), Declined("ledger.conflict"))
    assert len(outcome.leaves) == 2


def test_conflicts_and_repetitions_are_seen_across_blocks() -> None:
    raw = support.signed(1)
    _leaves, state, head = support.run([[raw], [support.signed(2)]])
    again = [support.verified(item) for item in (raw, support.signed(1, value=5))]
    outcome = execute(support.TinyRules(), state, state, head, support.TIME, again)
    assert outcome.answers == (Entered(0, again=True), Declined("ledger.conflict"))
    assert outcome.leaves == ()
    assert outcome.head == head


def test_rule_2_a_refused_statement_does_not_take_its_identifier() -> None:
    outcome = outcome_of([support.signed(1, "forbid"), support.signed(1)])
    assert outcome.answers == (Declined("test.forbidden"), Entered(0))


def test_time_never_goes_back() -> None:
    head = block.Head(10, 4, Seconds(support.TIME + 50), bytes(32))
    outcome = outcome_of([support.signed(1)], head)
    assert outcome.head.time == support.TIME + 50
    assert outcome.head.height == 5


def test_later_statements_of_a_block_see_what_earlier_ones_wrote() -> None:
    outcome = outcome_of([support.signed(number) for number in (1, 2, 3)])
    assert cbor.decode(outcome.writes["count"] or b"") == 3


def test_a_deletion_is_part_of_the_digest() -> None:
    leaves, state, head = support.run([[support.signed(1)], [support.signed(6, "erase")]])
    assert "note/1" not in state.values
    first = leaf.decode(leaves[1])
    assert isinstance(first, leaf.BlockLeaf)
    assert head.state == hashlib.sha256(first.state + cbor.encode([["note/1", None]])).digest()


def test_log_2_the_digest_chains_the_sorted_writes() -> None:
    one, two = {"b": b"\x01", "a": b"\x02"}, {"a": b"\x02", "b": b"\x01"}
    expected = hashlib.sha256(bytes(32) + bytes.fromhex("82826161410282616241" + "01")).digest()
    assert leaf.chain(bytes(32), one) == leaf.chain(bytes(32), two) == expected
    assert leaf.chain(expected, one) != expected
    assert leaf.chain(bytes(32), {"a": None}) != leaf.chain(bytes(32), {})
    assert leaf.chain(bytes(32), {"a": b"\xf6"}) != leaf.chain(bytes(32), {"a": None})


@pytest.mark.parametrize(
    "item",
    [
        leaf.DecisionLeaf(3, bytes(32), "denied", (), ()),
        leaf.DecisionLeaf(3, bytes(32), "granted", ("a", "b"), ("z", "a")),
        leaf.BlockLeaf(1, support.TIME, 9, bytes(32)),
    ],
)
def test_leaves_read_back(item: leaf.DecisionLeaf | leaf.BlockLeaf) -> None:
    assert leaf.decode(item.encode()) == item
    assert not leaf.is_statement(item.encode())


D, B = leaf.TAG_DECISION, leaf.TAG_BLOCK
OTHER_LEAVES: dict[str, tuple[int, cbor.Value]] = {
    "policies unsorted": (D, [1, bytes(32), "granted", ["b", "a"], []]),
    "digest short": (D, [1, bytes(31), "granted", [], []]),
    "digest as text": (D, [1, "x" * 32, "granted", [], []]),
    "index negative": (D, [-1, bytes(32), "granted", [], []]),
    "index true": (D, [True, bytes(32), "granted", [], []]),
    "outcome a number": (D, [1, bytes(32), 1, [], []]),
    "policies as text": (D, [1, bytes(32), "granted", "ab", []]),
    "policies of numbers": (D, [1, bytes(32), "granted", [1, 2], []]),
    "duties of numbers": (D, [1, bytes(32), "granted", [], [1]]),
    "four parts": (D, [1, bytes(32), "granted", []]),
    "a map": (D, {}),
    "height negative": (B, [-1, 0, 1, bytes(32)]),
    "height true": (B, [True, 0, 1, bytes(32)]),
    "state as text": (B, [1, 0, 1, "x" * 32]),
    "state short": (B, [1, 0, 1, bytes(31)]),
    "state an array": (B, [1, 0, 1, [0] * 32]),
    "five parts": (B, [1, 0, 1, bytes(32), 0]),
    "a decision's body": (B, [1, bytes(32), "granted", [], []]),
}


@pytest.mark.parametrize("name", OTHER_LEAVES)
def test_other_leaves_are_refused(name: str) -> None:
    tag, body = OTHER_LEAVES[name]
    with pytest.raises(PojuError) as caught:
        leaf.decode(cbor.encode(cbor2.CBORTag(tag, body)))
    assert caught.value.code == "leaf.malformed"


@pytest.mark.parametrize("raw", [b"\xf6", b"\x00", b"\x80", b"\xa0", b"\x60"])
def test_what_has_no_tag_is_no_leaf(raw: bytes) -> None:
    with pytest.raises(PojuError) as caught:
        leaf.decode(raw)
    assert caught.value.code == "leaf.malformed"


# --- refusals -------------------------------------------------------------------------------------------------------

REFUSAL = refusal.Refusal(bytes(range(32)), "test.forbidden", 7, support.TIME)
SIGNED = REFUSAL.sign(support.LOG, support.ORIGIN)


def test_rule_2_a_refusal_reads_back_and_holds_nothing_else() -> None:
    assert refusal.verify(SIGNED, support.LOG.public) == REFUSAL
    payload = cose.decode(SIGNED).payload or b""
    assert set(cbor.decode(payload)) == {"statement", "code", "size", "time"}


def test_rule_2_no_byte_of_a_refusal_is_idle() -> None:
    for at in range(len(SIGNED)):
        for bit in (0x01, 0x20, 0x80):
            with pytest.raises(PojuError):
                refusal.verify(SIGNED[:at] + bytes([SIGNED[at] ^ bit]) + SIGNED[at + 1 :], support.LOG.public)


def test_rule_2_other_envelopes_are_no_refusals() -> None:
    body = {"statement": bytes(32), "code": "x", "size": 1, "time": 1}
    others = [
        support.signed(1, key=support.LOG),
        REFUSAL.sign(support.STRANGER, support.ORIGIN),
        cose.sign(support.LOG, {3: refusal.CONTENT}, cbor.encode({**body, "more": 1})),
        cose.sign(support.LOG, {3: "application/other"}, cbor.encode(body)),
        cose.sign(support.LOG, {3: refusal.CONTENT}, cbor.encode([1])),
        cose.sign(support.LOG, {3: refusal.CONTENT}, b""),
        cose.sign(support.LOG, {3: refusal.CONTENT}, cbor.encode({**body, "code": "x" * 3_000})),
    ]
    for raw in others:
        with pytest.raises(PojuError) as caught:
            refusal.verify(raw, support.LOG.public)
        assert caught.value.hint


# --- replay ---------------------------------------------------------------------------------------------------------

BATCHES = [
    [support.signed(1), support.signed(2, "ask"), support.signed(3)],
    [support.signed(4, "ask"), support.signed(1), support.signed(90, "forbid")],
    [support.signed(6, "erase")],
]
LEAVES, STATE, HEAD = support.run(BATCHES)


def replayed(leaves: Leaves) -> tuple[block.Head, DictState]:
    *_earlier, (outcome, state) = replay(support.TinyRules(), leaves)
    return outcome.head, state


def test_log_4_replay_arrives_at_the_same_state_bit_for_bit() -> None:
    head, state = replayed(LEAVES)
    assert head == HEAD
    assert state.values == STATE.values
    assert state.known == STATE.known


def test_log_2_the_same_inputs_give_the_same_leaves() -> None:
    assert support.run(BATCHES)[0] == LEAVES
    assert support.tree_head(support.run(BATCHES)[0]) == support.tree_head(LEAVES)


def test_log_2_another_state_has_another_root() -> None:
    other = [[support.signed(1), support.signed(2, "ask"), support.signed(3, value=4)], *BATCHES[1:]]
    assert support.run(other)[2].state != HEAD.state


def edited(at: int, **changes: cbor.Value) -> Callable[[Leaves], Leaves]:
    def edit(leaves: Leaves) -> Leaves:
        decoded = leaf.decode(leaves[at])
        return [*leaves[:at], replace(decoded, **changes).encode(), *leaves[at + 1 :]]

    return edit


FORGED = cose.sign(support.STRANGER, {}, b"")
TAMPERING: dict[str, Callable[[Leaves], Leaves]] = {
    "block time raised": edited(4, time=support.TIME + 9),
    "block time lowered": edited(7, time=support.TIME - 9),
    "block height": edited(4, height=2),
    "block count": edited(4, leaves=3),
    "state digest": edited(4, state=bytes(32)),
    "decision turned": edited(2, outcome="denied"),
    "decision's policies": edited(2, policies=("a-policy",)),
    "decision's duties": edited(2, duties=()),
    "decision about another entry": edited(2, index=0),
    "decision about another statement": edited(2, statement=bytes(32)),
    "decision taken away": lambda leaves: leaves[:2] + leaves[3:],
    "decision doubled": lambda leaves: [*leaves[:3], leaves[2], *leaves[3:]],
    "decision before its statement": lambda leaves: [leaves[0], leaves[2], leaves[1], *leaves[3:]],
    "statement taken away": lambda leaves: leaves[1:],
    "statement doubled": lambda leaves: [leaves[0], *leaves],
    "statements swapped": lambda leaves: [leaves[1], leaves[2], leaves[0], *leaves[3:]],
    "statement of another key": lambda leaves: [support.signed(1, key=support.STRANGER), *leaves[1:]],
    "statement of another content": lambda leaves: [support.signed(1, value=9), *leaves[1:]],
    "statement with a flipped byte": lambda leaves: [leaves[0][:-1] + bytes([leaves[0][-1] ^ 1]), *leaves[1:]],
    "statement that is none": lambda leaves: [FORGED, *leaves[1:]],
    "a refused statement slipped in": lambda leaves: [support.signed(90, "forbid"), *leaves],
    "leaf that is none": lambda leaves: [b"\xf6", *leaves],
    "an empty leaf": lambda leaves: [b"", *leaves],
    "an empty block": lambda leaves: [*leaves, leaf.BlockLeaf(4, support.TIME, 0, HEAD.state).encode()],
    "blocks swapped": lambda leaves: leaves[5:8] + leaves[:5] + leaves[8:],
    "a block taken away": lambda leaves: leaves[5:],
    "two blocks made one": lambda leaves: leaves[:4] + leaves[5:],
    "the end cut off inside a block": lambda leaves: leaves[:-1],
}


@pytest.mark.parametrize("name", TAMPERING)
def test_log_4_replay_refuses_a_tampered_log(name: str) -> None:
    tampered = TAMPERING[name](list(LEAVES))
    assert tampered != LEAVES
    with pytest.raises(PojuError) as caught:
        replayed(tampered)
    assert caught.value.hint
    assert caught.value.code in {
        "log.divergence",
        "log.unclosed",
        "leaf.malformed",
        "cbor.malformed",
        "cose.malformed",
        "statement.malformed",
    }


def test_log_4_other_rules_are_noticed() -> None:
    class Lenient(support.TinyRules):
        def register(self, state: DictState, item: object, at: object) -> object:  # type: ignore[override] # a cheat
            answer = super().register(state, item, at)  # type: ignore[arg-type] # as above
            return answer._replace(writes={**answer.writes, "extra": 1})  # type: ignore[call-arg,type-var,union-attr] # as above

    with pytest.raises(PojuError) as caught:
        list(replay(Lenient(), LEAVES))  # type: ignore[arg-type] # as above
    assert caught.value.code == "log.divergence"
