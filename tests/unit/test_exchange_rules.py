from __future__ import annotations

import cedarpy
import pytest
from support_rules import Ledger, key_of

from poju.errors import CallerError
from poju.exchange import assertion
from poju.exchange.access import AccessPolicy, Consent, Request, _entities, _question, access_policy
from poju.ledger.block import Declined

HANDLE = "a" * 32
POINTER = "pointer/" + "1" * 32
COMMITMENT = b"\x07" * 32
CONSENT = {"grantee": "hospital-b", "classes": ["lab-chemistry"], "purposes": ["mutual-recognition"]}


@pytest.fixture(scope="module")
def opened() -> Ledger:
    ledger = Ledger().with_members()
    record = {"commitment": COMMITMENT, "class": "lab-chemistry", "handle": HANDLE}
    ledger.must("pointer", "hospital-a", POINTER, **record)
    return ledger


@pytest.fixture
def ledger(opened: Ledger) -> Ledger:
    return Ledger(opened.package, dict(opened.values), dict(opened.known), opened.head, opened.now)


def grant(ledger: Ledger, **changes: object) -> None:
    ledger.must(
        "consent-grant", "identity-index", f"consent/{HANDLE}", **{**CONSENT, "until": ledger.now + 100, **changes}
    )


def ask(
    ledger: Ledger, name: str, who: str = "hospital-b", **changes: object
) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    fields = {"pointer": POINTER, "purpose": "mutual-recognition", "basis": "consent"}
    fields = {**fields, "assertion": ledger.assertion(who, POINTER), **changes}
    ledger.must("access-request", who, f"access/{name}", **fields)
    leaf = ledger.decision()
    assert ledger.get(f"access/{name}")["outcome"] == leaf.outcome
    return leaf.outcome, leaf.policies, leaf.duties


def refused(ledger: Ledger, who: str = "hospital-b", **changes: object) -> str:
    fields = {"pointer": POINTER, "purpose": "mutual-recognition", "basis": "consent"}
    fields = {**fields, "assertion": ledger.assertion(who, POINTER), **changes}
    return ledger.say("access-request", who, "access/refused", **fields)


def release(ledger: Ledger, name: str, who: str = "hospital-a", commitment: bytes = COMMITMENT) -> str:
    return ledger.say("access-release", who, f"access/{name}", commitment=commitment)


def test_without_consent_the_decision_names_the_policy_that_denied(ledger: Ledger) -> None:
    assert ask(ledger, "1") == ("denied", ("consent-missing",), ())


def test_with_consent_both_ends_of_an_access_are_registered(ledger: Ledger) -> None:
    grant(ledger)
    assert ask(ledger, "1") == ("granted", ("consent-in-force",), ())
    assert not release(ledger, "1")
    assert not ledger.say("access-acknowledge", "hospital-b", "access/1", commitment=COMMITMENT, holds=True)
    assert ledger.get("subject/access/1") == "acknowledged"
    assert ledger.get("access/1")["holds"] is True


def test_priv_2_nothing_is_released_without_a_granted_unexpired_request(ledger: Ledger) -> None:
    assert release(ledger, "none") == "exchange.not-granted"
    ask(ledger, "denied")
    assert release(ledger, "denied") == "exchange.not-granted"
    grant(ledger)
    ask(ledger, "late")
    ledger.now += ledger.package.windows["access"] + 1
    assert release(ledger, "late") == "exchange.not-granted"


def test_priv_2_only_the_custodian_releases_and_only_that_record(ledger: Ledger) -> None:
    grant(ledger)
    ask(ledger, "1")
    assert release(ledger, "1", who="hospital-b") == "exchange.not-custodian"
    assert release(ledger, "1", commitment=bytes(32)) == "exchange.commitment-differs"
    assert not release(ledger, "1")
    assert release(ledger, "1") == "workflow.illegal"


def test_priv_3_only_the_requester_acknowledges_and_only_after_release(ledger: Ledger) -> None:
    grant(ledger)
    ask(ledger, "1")
    receive = {"commitment": COMMITMENT, "holds": True}
    assert ledger.say("access-acknowledge", "hospital-b", "access/1", **receive) == "exchange.not-released"
    assert not release(ledger, "1")
    assert ledger.say("access-acknowledge", "clinic-a", "access/1", **receive) == "exchange.not-requester"


def test_priv_2_consent_ends_when_it_is_revoked_and_when_its_time_is_over(ledger: Ledger) -> None:
    grant(ledger)
    ledger.must("consent-revoke", "identity-index", f"consent/{HANDLE}", grantee="hospital-b")
    assert ask(ledger, "1")[0] == "denied"
    assert (
        ledger.say("consent-revoke", "identity-index", f"consent/{HANDLE}", grantee="hospital-b")
        == "exchange.no-consent"
    )
    grant(ledger)
    ledger.now += 100
    assert ask(ledger, "2")[0] == "denied"


def test_priv_2_consent_covers_its_own_grantee_class_and_purpose_only(ledger: Ledger) -> None:
    grant(ledger)
    assert ask(ledger, "1", who="clinic-a")[0] == "denied"
    assert ask(ledger, "2", purpose="treatment")[0] == "denied"
    grant(ledger, classes=["imaging-ct"])
    assert ask(ledger, "3")[0] == "denied"


def test_priv_2_a_consent_at_another_custodians_handle_does_not_count(ledger: Ledger) -> None:
    other = {**CONSENT, "until": ledger.now + 100}
    ledger.must("consent-grant", "identity-index", f"consent/{'b' * 32}", **other)
    assert ask(ledger, "1")[0] == "denied"


def test_statute_and_emergency_grant_with_duties_to_those_they_name_only(ledger: Ledger) -> None:
    emergency = {"basis": "emergency", "purpose": "emergency-treatment"}
    assert ask(ledger, "1", **emergency) == ("granted", ("emergency-treatment",), ("audit", "notify", "review"))
    assert ask(ledger, "2", who="insurer", **emergency)[0] == "denied"
    assert ask(ledger, "3", basis="emergency", purpose="research")[0] == "denied"
    statute = {"basis": "statute", "purpose": "public-health"}
    assert ask(ledger, "4", who="disease-control", **statute) == ("denied", ("statute-reserved",), ())
    immunology = "pointer/" + "2" * 32
    record = {"commitment": COMMITMENT, "class": "lab-immunology", "handle": HANDLE}
    ledger.must("pointer", "hospital-a", immunology, **record)
    proof = ledger.assertion("disease-control", immunology)
    answer = ask(ledger, "5", who="disease-control", pointer=immunology, assertion=proof, **statute)
    assert answer == ("granted", ("statute-reportable",), ("audit", "notify"))
    mine = {"pointer": immunology, "assertion": ledger.assertion("hospital-b", immunology)}
    assert ask(ledger, "6", **mine, **statute)[0] == "denied"


def test_an_emergency_may_be_registered_late_within_its_window_and_its_lateness_is_listed(ledger: Ledger) -> None:
    def late(name: str, seconds: int, basis: str) -> str:
        fields = {"pointer": POINTER, "purpose": "emergency-treatment", "basis": basis}
        fields["assertion"] = ledger.assertion("hospital-b", POINTER)
        answer = ledger.submit(ledger.signed("access-request", "hospital-b", f"access/{name}", fields, age=seconds))
        return answer.code if isinstance(answer, Declined) else ""

    day = ledger.package.windows["emergency"]
    assert late("1", day, "emergency") == ""
    assert ledger.get("access/1")["late"] == day
    assert late("2", day + 1, "emergency") == "ledger.stale"
    assert late("3", day, "consent") == "ledger.stale"


def test_the_insurer_never_reads_for_underwriting_whatever_was_signed(ledger: Ledger) -> None:
    grant(ledger, grantee="insurer", purposes=["underwriting", "settlement"])
    assert ask(ledger, "1", who="insurer", purpose="underwriting") == ("denied", ("no-underwriting",), ())
    assert ask(ledger, "2", who="insurer", purpose="settlement")[0] == "granted"


def test_research_needs_consent_and_a_university(ledger: Ledger) -> None:
    grant(ledger, purposes=["research"])
    assert ask(ledger, "1", purpose="research") == ("denied", ("research-by-university",), ())
    grant(ledger, grantee="university", purposes=["research"])
    assert ask(ledger, "2", who="university", purpose="research")[0] == "granted"


def test_priv_2_an_assertion_must_be_the_identity_indexs_own_for_this_request_and_in_time(ledger: Ledger) -> None:
    def told(**changes: object) -> str:
        return refused(ledger, assertion=ledger.assertion("hospital-b", POINTER, **changes))

    assert told(signer="hospital-b") == "exchange.assertion-issuer"
    assert told(signer="commission") == "exchange.assertion-issuer"
    assert told(signer="nobody") == "exchange.assertion-issuer"
    assert told(requester="clinic-a") == "exchange.assertion-mismatch"
    assert told(pointer="pointer/" + "2" * 32) == "exchange.assertion-mismatch"
    assert told(until=ledger.now - 1) == "exchange.assertion-expired"
    raw = ledger.assertion("hospital-b", POINTER)
    assert refused(ledger, assertion=raw[:-1] + bytes([raw[-1] ^ 1])) == "exchange.assertion-signature"
    assert refused(ledger, assertion=b"\x00") == "exchange.assertion-malformed"
    statement = ledger.signed("pointer", "identity-index", POINTER, {})
    assert refused(ledger, assertion=statement) == "exchange.assertion-malformed"


def test_unknown_pointers_and_codes_are_refused(ledger: Ledger) -> None:
    assert refused(ledger, pointer="pointer/" + "9" * 32) == "exchange.pointer-unknown"
    assert refused(ledger, pointer="member/hospital-a") == "exchange.pointer-unknown"
    assert refused(ledger, purpose="curiosity") == "field.range"
    record = {"commitment": COMMITMENT, "class": "lab-chemistry", "handle": HANDLE}
    assert ledger.say("pointer", "hospital-b", POINTER, **record) == "exchange.pointer-taken"
    assert ledger.say("pointer", "hospital-b", "pointer/wang-fang", **record) == "subject.wrong"
    assert ledger.say("pointer", "hospital-b", "pointer/" + "3" * 32, **{**record, "class": "x"}) == "field.range"


def test_consent_is_given_to_members_for_something_and_for_the_future(ledger: Ledger) -> None:
    def given(**changes: object) -> str:
        fields = {**CONSENT, "until": ledger.now + 100, **changes}
        return ledger.say("consent-grant", "identity-index", f"consent/{HANDLE}", **fields)

    assert given(grantee="stranger") == "member.unknown"
    assert given(classes=[]) == "exchange.consent-empty"
    assert given(until=ledger.now) == "exchange.consent-expired"


def request(**changes: object) -> Request:
    fields: dict[str, object] = {
        "requester": "insurer",
        "roles": ("insurer",),
        "pointer": POINTER,
        "record_class": "claim",
        "custodian": "hospital-a",
        "purpose": "settlement",
        "basis": "consent",
        "now": 5,
        "consent": Consent(("claim",), ("settlement",), 9),
    }
    return Request(**{**fields, **changes})  # type: ignore[arg-type] - a test builds wrong requests too


SCHEMA = """
entity Role; entity Member in [Role]; entity Pointer { class: String, custodian: Member };
action read appliesTo { principal: [Member], resource: [Pointer], context: {
  purpose: String, basis: String, now: Long,
  consent: { classes: Set<String>, purposes: Set<String>, until: Long } } };
"""


def test_priv_2_a_forbid_that_errs_does_not_let_a_permit_win() -> None:
    """The trap: the forbid overflows, Cedar skips it, and the permit alone answers Allow."""
    overflows = "context.now + 9223372036854775807 > 0"
    policies = f"""
        @id("p") permit (principal, action, resource);
        @id("f") forbid (principal, action, resource) when {{ {overflows} }};
    """
    access = AccessPolicy(policies, SCHEMA)
    plain = cedarpy.is_authorized(_question(request()), policies, _entities(request()), SCHEMA)
    assert plain.allowed, "Cedar no longer skips it: this test has lost its subject"
    assert access.decide(request()).outcome == "denied"


def test_priv_2_a_request_outside_the_schema_denies() -> None:
    policies = '@id("p") permit (principal, action, resource);'
    access = AccessPolicy(policies, SCHEMA)
    assert access.decide(request()).outcome == "granted"
    assert access.decide(request(now="soon")).outcome == "denied"
    assert access.decide(request(purpose=None)).outcome == "denied"
    assert access.decide(request(record_class=7)).outcome == "denied"


def test_policies_that_cannot_be_read_end_in_one_clear_error() -> None:
    with pytest.raises(CallerError, match="scenario check"):
        access_policy("permit (", SCHEMA)


def test_duties_and_policies_come_sorted_and_each_once() -> None:
    permit = "permit (principal, action, resource);"
    policies = f'@id("z") @duty("notify audit") {permit} @id("a") @duty("notify") {permit}'
    answer = AccessPolicy(policies, SCHEMA).decide(request())
    assert (answer.policies, answer.duties) == (("a", "z"), ("audit", "notify"))


@pytest.mark.parametrize(
    "changes",
    [{"pointer": "member/x"}, {"handle": "Wang Fang"}, {"until": -1}, {"requester": "Hospital B"}],
)
def test_assertions_are_decoded_strictly(changes: dict[str, object]) -> None:
    fields = {"requester": "hospital-b", "pointer": POINTER, "handle": HANDLE, "until": 5, **changes}
    with pytest.raises(CallerError, match="assertion"):
        assertion.decode(assertion.sign(key_of("identity-index"), **fields))  # type: ignore[arg-type] - wrong on purpose
