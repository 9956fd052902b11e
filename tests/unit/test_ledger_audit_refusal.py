"""RULE-2: a refusal names the one state that the rules refused on, and the rules asked again answer the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
import support_ledger as support
from support_audit import Copy, audited

from poju.errors import PojuError
from poju.ledger import block, cbor, cose, refusal, statement
from poju.ledger.audit import Plan
from poju.ledger.audit_refusal import Rejudged
from poju.ledger.refusal import Refusal, positions
from poju.ledger.rulebook import Block, Refused, Registered, State
from poju.ledger.statement import VerifiedStatement
from poju.units import Seconds

TIME = support.TIME


class Counting(support.TinyRules):
    """``third`` is refused once two statements of any kind stand before it, also of the same block."""

    def register(self, state: State, item: VerifiedStatement, at: Block) -> Registered | Refused:
        if item.kind == "third" and (state.get("count") or 0) >= 2:
            return Refused(f"test.third-{state.get('count')}")
        return super().register(state, item, at)


RULES = Counting()
BATCHES = [
    [support.signed(1), support.signed(2, "third"), support.signed(3, "third")],
    [support.signed(4, "ask"), support.signed(5, "third"), support.signed(6), support.signed(7, "third")],
    [support.signed(8, "third")],
    [support.signed(9), support.signed(1, value=1)],
]


def operate() -> tuple[list[bytes], list[tuple[Refusal, bytes]]]:
    """Register the batches as an engine does; return the leaves, and each refusal with its statement's bytes."""
    leaves: list[bytes] = []
    refused: list[tuple[Refusal, bytes]] = []
    state, head = support.DictState(), block.Head()
    for number, batch in enumerate(BATCHES):
        time = Seconds(max(TIME + number, head.time))
        outcome = block.execute(RULES, state, state, head, time, [support.verified(raw) for raw in batch])
        for raw, answer, position in zip(batch, outcome.answers, positions(outcome.answers), strict=True):
            if isinstance(answer, block.Declined):
                item = statement.decode(raw)
                refused.append((Refusal(item.digest, answer.code, head.size, time, position), raw))
        leaves += outcome.leaves
        state.apply(outcome)
        head = outcome.head
    return leaves, refused


LEAVES, REFUSED = operate()
LOG = Copy.of(LEAVES).log()


def rejudged(refused: Refusal, raw: bytes) -> None:
    watch = Rejudged(RULES, refused, statement.decode(raw), LOG.leaf)
    audited(LOG, Plan(watch=watch), rules=RULES)
    watch.require_judged()


def code_of(refused: Refusal, raw: bytes) -> str:
    with pytest.raises(PojuError) as caught:
        rejudged(refused, raw)
    assert caught.value.hint
    assert caught.value.exit_status == 1
    return caught.value.code


def test_rule_2_each_refusal_replays_on_the_very_state_it_names() -> None:
    assert [(item.code, item.size, item.position) for item, _raw in REFUSED] == [
        ("test.third-2", 0, 2),
        ("test.third-3", 3, 2),
        ("test.third-4", 3, 3),
        ("test.third-4", 7, 0),
        ("ledger.conflict", 7, 1),
    ]
    for refused, raw in REFUSED:
        rejudged(refused, raw)


def test_rule_2_a_refusal_under_any_other_rule_is_unfounded() -> None:
    for refused, raw in REFUSED:
        assert code_of(replace(refused, code="test.other"), raw) == "refusal.unfounded"
        assert code_of(replace(refused, code="statement.signature"), raw) == "refusal.unfounded"


def test_rule_2_the_codes_of_two_states_are_told_apart_by_the_position() -> None:
    """In the block at 3 the same rule answers otherwise at 2 and at 3: the log's size alone would not say which."""
    (_first, (at_2, raw_2), (at_3, raw_3), *_rest) = REFUSED
    assert code_of(replace(at_2, position=3), raw_2) == "refusal.unfounded"
    assert code_of(replace(at_3, position=2), raw_3) == "refusal.unfounded"


def test_rule_2_a_statement_that_the_rules_would_have_taken_shows_the_node_wrong() -> None:
    wrong = support.signed(50)
    refused = Refusal(statement.decode(wrong).digest, "test.forbidden", 7, Seconds(TIME + 1), 0)
    assert code_of(refused, wrong) == "refusal.unfounded"
    again = support.signed(4, "ask")
    assert code_of(replace(refused, statement=statement.decode(again).digest), again) == "refusal.unfounded"


@pytest.mark.parametrize(("key", "code"), [(support.STRANGER, "statement.key-unknown"), (None, "statement.signature")])
def test_rule_2_what_failed_before_the_rules_is_judged_on_the_state_before_the_block(
    key: support.PrivateKey | None, code: str
) -> None:
    raw = support.signed(60, key=key or support.MEMBER)
    raw = raw if key is not None else raw[:-1] + bytes([raw[-1] ^ 1])
    refused = Refusal(statement.decode(raw).digest, code, 3, Seconds(TIME + 1), 0)
    rejudged(refused, raw)
    assert code_of(replace(refused, code="test.third-2"), raw) == "refusal.unfounded"


@pytest.mark.parametrize(
    "changes",
    [{"size": 4}, {"size": 1_000}, {"position": 1}, {"position": 9}, {"time": TIME - 1}, {"time": TIME + 9}],
)
def test_rule_2_a_moment_that_the_log_never_had_is_unfit(changes: dict[str, int]) -> None:
    refused, raw = REFUSED[2]
    assert code_of(replace(refused, **changes), raw) == "refusal.unfit"  # type: ignore[arg-type]  # whole numbers


def test_rule_2_the_first_form_is_read_and_says_that_it_names_no_state() -> None:
    refused, raw = REFUSED[0]
    first = replace(refused, position=None)
    assert refusal.verify(first.sign(support.LOG, support.ORIGIN), support.LOG.public, support.ORIGIN) == first
    assert code_of(first, raw) == "refusal.unfit"


def test_rule_2_a_refusal_reads_back_with_its_moment_and_is_one_logs() -> None:
    for refused, _raw in REFUSED:
        signed = refused.sign(support.LOG, support.ORIGIN)
        assert refusal.verify(signed, support.LOG.public, support.ORIGIN) == refused
        with pytest.raises(PojuError):
            refusal.verify(signed, support.LOG.public, "other.example/log")


BODY = {"statement": bytes(32), "code": "x", "size": 1, "time": 1, "position": 0}


@pytest.mark.parametrize(
    "change",
    [{"position": -1}, {"position": True}, {"position": "1"}, {"position": None}, {"size": None}, {"time": "1"},
     {"code": 1}, {"statement": bytes(31)}, {"statement": "x" * 32}, {"more": 1}],
)  # fmt: skip
def test_rule_2_other_forms_are_no_refusals(change: dict[str, cbor.Value]) -> None:
    raw = cose.sign(support.LOG, {3: refusal.CONTENT, 15: {1: "o"}}, cbor.encode({**BODY, **change}))
    with pytest.raises(PojuError) as caught:
        refusal.verify(raw, support.LOG.public)
    assert caught.value.code == "refusal.refused"
