"""A member's key rotates by a statement that both keys sign; every way around one of the two is refused."""

from __future__ import annotations

import pytest
from support_rules import Ledger, key_of

from poju.ledger import cbor
from poju.ledger.block import Declined, Entered, execute
from poju.ledger.replay import replay
from poju.ledger.statement import decode
from poju.scenario.governance_keys import TAG, prove, takeover

ORDER = {"class": "lab-chemistry", "handle": "a" * 32, "item": "GLU"}
ORIGIN = "test.invalid"


@pytest.fixture(scope="module")
def opened() -> Ledger:
    return Ledger().with_members()


@pytest.fixture
def ledger(opened: Ledger) -> Ledger:
    return Ledger(opened.package, dict(opened.values), dict(opened.known), opened.head, opened.now)


def rotation(
    member: str = "hospital-a", new: str = "hospital-a:2", old: str = "hospital-a", **changes: str
) -> dict[str, cbor.Value]:
    """The two fields of a rotation; ``changes`` make the proof one for another ``origin`` or ``holder``."""
    thumbprint = key_of(old).public.thumbprint
    proof = prove(key_of(new), changes.get("origin", ORIGIN), changes.get("holder", member), thumbprint)
    return {"key": key_of(new).public.raw, "proof": proof}


def say(ledger: Ledger, fields: dict[str, cbor.Value], *, issuer: str = "hospital-a", signer: str = "") -> str:
    answer = ledger.submit(ledger.signed("key-rotate", issuer, f"member/{issuer}", fields, signer=signer))
    return answer.code if isinstance(answer, Declined) else ""


def order(ledger: Ledger, name: str, signer: str) -> str:
    answer = ledger.submit(ledger.signed("test-order", "hospital-a", f"order/{name}", ORDER, signer=signer))
    return answer.code if isinstance(answer, Declined) else ""


def test_rule_1_after_a_rotation_the_new_key_speaks_and_the_old_one_signs_nothing(ledger: Ledger) -> None:
    assert order(ledger, "1", "hospital-a") == ""
    assert say(ledger, rotation()) == ""
    assert order(ledger, "2", "hospital-a") == "member.key"
    assert order(ledger, "3", "hospital-a:2") == ""
    assert say(ledger, rotation(new="hospital-a:3", old="hospital-a:2"), signer="hospital-a") == "member.key"
    assert say(ledger, rotation(new="hospital-a:3", old="hospital-a:2"), signer="hospital-a:2") == ""


def test_rule_1_the_old_key_signs_nothing_more_even_in_the_rotations_own_block(ledger: Ledger) -> None:
    raws = [
        ledger.signed("key-rotate", "hospital-a", "member/hospital-a", rotation()),
        ledger.signed("test-order", "hospital-a", "order/1", ORDER),
    ]
    items = [decode(raw).verify(key_of("hospital-a").public) for raw in raws]
    outcome = execute(ledger.rules, ledger, ledger, ledger.head, ledger.now, items)
    assert isinstance(outcome.answers[0], Entered)
    assert outcome.answers[1] == Declined("member.key")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"key": key_of("new").public.raw}, "field.missing"),
        ({"key": key_of("new").public.raw, "proof": bytes(63)}, "field.range"),
        ({"key": key_of("new").public.raw, "proof": bytes(64)}, "member.key-proof"),
        ({"key": bytes(32), "proof": bytes(64)}, "member.key-proof"),
        (rotation(holder="hospital-b"), "member.key-proof"),
        (rotation(origin="other.invalid"), "member.key-proof"),
        (rotation(old="hospital-b"), "member.key-proof"),
        ({**rotation(), "proof": rotation(new="hospital-a:3")["proof"]}, "member.key-proof"),
        (rotation(new="hospital-a"), "member.key-taken"),
        (rotation(new="hospital-b"), "member.key-taken"),
        (rotation(new="commission"), "member.key-taken"),
    ],
)
def test_rule_1_a_rotation_that_its_new_key_did_not_sign_is_refused(
    ledger: Ledger, fields: dict[str, cbor.Value], code: str
) -> None:
    before = dict(ledger.values)
    assert say(ledger, fields) == code
    assert ledger.values == before


def test_rule_1_only_the_old_key_begins_a_rotation_and_only_of_its_own_member(ledger: Ledger) -> None:
    assert say(ledger, rotation(), signer="hospital-b") == "member.key"
    fields = rotation(member="hospital-b", new="x", old="hospital-b")
    other = ledger.signed("key-rotate", "hospital-a", "member/hospital-b", fields)
    assert ledger.submit(other) == Declined("subject.wrong")
    answer = ledger.submit(ledger.signed("key-rotate", "hospital-a", "member/hospital-a", rotation(), signer="new"))
    assert answer == Declined("key.unknown")


def test_rule_1_a_key_once_used_by_anybody_never_comes_back(ledger: Ledger) -> None:
    assert say(ledger, rotation()) == ""
    assert say(ledger, rotation(new="hospital-a", old="hospital-a:2"), signer="hospital-a:2") == "member.key-taken"
    taken = rotation(member="hospital-b", new="hospital-a", old="hospital-b")
    assert say(ledger, taken, issuer="hospital-b") == "member.key-taken"
    applied = {"key": key_of("hospital-a").public.raw, "name": "x", "roles": ["hospital"], "call": "call/1"}
    raw = ledger.signed("member-apply", "x", "member/x", applied, signer="hospital-a")
    assert ledger.submit(raw) == Declined("member.key-taken")


def test_rule_1_a_rotation_sent_again_is_the_same_entry_and_under_another_identifier_nothing(ledger: Ledger) -> None:
    raw = ledger.signed("key-rotate", "hospital-a", "member/hospital-a", rotation())
    first, again = ledger.submit(raw), ledger.submit(raw)
    assert isinstance(first, Entered)
    assert isinstance(again, Entered)
    assert again.again
    assert again.index == first.index
    assert say(ledger, rotation()) == "member.key"
    assert say(ledger, rotation(), signer="hospital-a:2") == "member.key-taken"


def test_rule_1_a_suspended_member_rotates_nothing(ledger: Ledger) -> None:
    ledger.must("member-suspend", "commission", "member/hospital-a", reason="breach")
    assert say(ledger, rotation()) == "member.not-admitted"


def test_the_proof_is_over_what_the_documentation_says() -> None:
    old, new = key_of("old").public.thumbprint, key_of("new").public.raw
    assert cbor.decode(takeover(ORIGIN, "hospital-a", old, new)) == [TAG, ORIGIN, "hospital-a", old, new]


def test_log_4_a_log_with_a_rotation_replays_to_the_same_leaves() -> None:
    ledger, leaves = Ledger(), []
    inner = ledger.submit

    def kept(raw: bytes) -> object:
        answer = inner(raw)
        assert ledger.last is not None
        leaves.extend(ledger.last.leaves)
        return answer

    ledger.submit = kept  # type: ignore[method-assign,assignment] # the log itself is what this test needs
    ledger.with_members()
    assert order(ledger, "1", "hospital-a") == ""
    assert say(ledger, rotation()) == ""
    assert order(ledger, "2", "hospital-a:2") == ""
    *_, (outcome, state) = replay(ledger.rules, leaves)
    assert outcome.head == ledger.head
    assert state.values == ledger.values
