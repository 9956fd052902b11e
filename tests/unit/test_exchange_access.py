"""Cedar's answers: one is asked for many members and pointers only where no policy could tell them apart."""

from __future__ import annotations

from pathlib import Path

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import poju
from poju.exchange.access import DENIED, GRANTED, AccessPolicy, Consent, Request
from poju.units import Seconds

PACKAGE = Path(poju.__file__).parent / "packages" / "healthcare"
SCHEMA = (PACKAGE / "access.cedarschema").read_text(encoding="utf-8")
POLICIES = (PACKAGE / "access.cedar").read_text(encoding="utf-8")
OWN = 'permit (principal, action, resource) when { principal == resource.custodian && context.basis != "none" };'

consents = st.builds(
    Consent,
    st.sampled_from([(), ("lab-chemistry",), ("imaging-ct", "lab-chemistry")]),
    st.sampled_from([(), ("care",), ("research", "settlement")]),
    st.sampled_from([Seconds(0), Seconds(100)]),
)
requests = st.builds(
    Request,
    requester=st.sampled_from(["a", "b"]),
    roles=st.sampled_from([("hospital",), ("insurer",), ("university",), ("disease-control", "clinic"), ()]),
    pointer=st.sampled_from(["pointer/1", "pointer/2"]),
    record_class=st.sampled_from(["lab-chemistry", "imaging-ct"]),
    custodian=st.sampled_from(["a", "b"]),
    purpose=st.sampled_from(["care", "research", "settlement", "public-health", "emergency-treatment"]),
    basis=st.sampled_from(["consent", "statute", "emergency"]),
    now=st.sampled_from([Seconds(99), Seconds(100)]),
    consent=consents,
)


def request(requester: str, custodian: str, pointer: str = "pointer/1") -> Request:
    now = Seconds(99)
    return Request(requester, ("clinic",), pointer, "imaging-ct", custodian, "care", "statute", now, Consent())


@given(requests)
@settings(deadline=None)
@pytest.mark.parametrize("policies", [POLICIES, OWN])
def test_priv_2_an_answer_under_other_names_is_the_answer(policies: str, asked: Request) -> None:
    policy = AccessPolicy(policies, SCHEMA)
    assert policy._general
    assert policy.decide(asked) == policy._decide(asked)


def test_priv_2_a_custodian_that_asks_for_its_own_is_not_taken_for_another() -> None:
    policy = AccessPolicy(OWN, SCHEMA)
    assert [policy.decide(request(*pair)).outcome for pair in ("ab", "aa", "ba", "bb")] == [
        DENIED,
        GRANTED,
        DENIED,
        GRANTED,
    ]


@pytest.mark.parametrize(
    "policy",
    [
        'permit (principal == Member::"a", action, resource);',
        'permit (principal, action, resource) when { [Member::"a", Member::"c"].contains(principal) };',
        'permit (principal, action, resource) unless { principal != Member::"a" };',
        'permit (principal, action, resource); forbid (principal == Member::"b", action, resource);',
    ],
)
def test_priv_2_a_policy_that_names_a_member_is_asked_for_each(policy: str) -> None:
    policies = AccessPolicy(policy, SCHEMA)
    assert [policies.decide(request(name, "c")).outcome for name in "aba"] == [GRANTED, DENIED, GRANTED]


def test_priv_2_a_policy_that_names_a_pointer_is_asked_for_each() -> None:
    policies = AccessPolicy('permit (principal, action, resource == Pointer::"pointer/2");', SCHEMA)
    assert [policies.decide(request("a", "c", f"pointer/{number}")).outcome for number in (1, 2)] == [DENIED, GRANTED]


def test_a_block_of_like_requests_asks_cedar_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    real = cedarpy.is_authorized
    monkeypatch.setattr(cedarpy, "is_authorized", lambda *given: asked.append(given) or real(*given))
    policy = AccessPolicy(POLICIES, SCHEMA)
    for number in range(50):
        policy.decide(request(f"clinic-{number}", "hospital", f"pointer/{number}"))
    assert len(asked) == 1
