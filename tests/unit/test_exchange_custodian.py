"""PRIV-2: each step of what a custodian checks, attacked; and that a good proof passes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from support_node import (
    ASKED_BY,
    HELD_BY,
    LIMITS,
    OTHER_HANDLE,
    OTHER_POINTER,
    POINTER,
    Custodian,
    World,
    custodian,
    opened,
)
from support_rules import key_of

from poju.errors import PojuError
from poju.exchange.custodian import EXPLANATIONS, AccessProof
from poju.ledger import cbor, leaf, receipt, statement
from poju.ledger.statement import new_identifier, sign
from poju.units import Seconds


@pytest.fixture
def world() -> Iterator[World]:
    made = opened()
    yield made
    made.close()


@pytest.fixture
def granted(world: World) -> AccessProof:
    world.consent()
    return world.request()


@pytest.fixture
def hospital(world: World, granted: AccessProof) -> Custodian:
    assert granted
    return custodian(world)


def refused(code: str, hospital: Custodian, proof: AccessProof, requester: str = ASKED_BY, *, later: int = 0) -> None:
    with pytest.raises(PojuError) as caught:
        hospital.check(proof, requester, later=later)
    assert caught.value.code == code
    assert caught.value.hint


def test_a_granted_request_is_served(hospital: Custodian, granted: AccessProof) -> None:
    assert hospital.check(granted) == POINTER
    assert hospital.check(AccessProof.decode(granted.encode())) == POINTER


def test_priv_2_receipts_under_different_checkpoints(world: World, hospital: Custodian, granted: AccessProof) -> None:
    index = leaf.decode(granted.decision)
    assert isinstance(index, leaf.DecisionLeaf)
    world.point(OTHER_POINTER, OTHER_HANDLE)
    later = world.engine.receipt_for(index.index + 1)
    refused("access.not-in-log", hospital, replace(granted, decision_receipt=later))


def test_priv_2_receipts_of_another_log(hospital: Custodian, granted: AccessProof) -> None:
    signed = receipt.sign_root(key_of("another log"), "test.example/log", 1, b"r" * 32)
    refused("receipt.refused", hospital, replace(granted, request_receipt=signed.receipt(0, [])))


def test_priv_2_a_decision_about_another_request(world: World, hospital: Custodian, granted: AccessProof) -> None:
    world.request(2)
    both = world.request(3)
    found = statement.decode(granted.request)
    size = world.store.head().size
    first = next(i for i in range(size) if world.store.leaf(i) == granted.request)
    proof = replace(granted, request_receipt=world.engine.receipt_for(first, size), decision=both.decision)
    refused("access.not-granted", hospital, replace(proof, decision_receipt=both.decision_receipt))
    assert found.kind == "access-request"


def test_priv_2_a_denied_decision(world: World) -> None:
    denied = world.request()
    assert world.decision().outcome == "denied"
    refused("access.not-granted", custodian(world), denied)


def test_priv_2_another_statement_with_its_decision_is_no_request(world: World, granted: AccessProof) -> None:
    hospital = custodian(world)
    index = world.store.head().size - 3
    point = next(i for i in range(index) if leaf.is_statement(world.store.leaf(i) or b""))
    other = replace(granted, request=world.store.leaf(point) or b"", request_receipt=world.engine.receipt_for(point))
    refused("access.not-granted", hospital, other)


def test_priv_2_another_members_request(hospital: Custodian, granted: AccessProof) -> None:
    refused("access.not-the-requester", hospital, granted, "clinic-a")
    refused("access.not-the-requester", hospital, granted, HELD_BY)


def test_priv_2_a_suspended_member(world: World, hospital: Custodian, granted: AccessProof) -> None:
    world.must("member-suspend", "commission", f"member/{ASKED_BY}", reason="breach")
    world.sync(hospital.replica, HELD_BY)
    refused("access.not-the-requester", hospital, granted)


def test_priv_2_a_pointer_that_is_not_held(hospital: Custodian, granted: AccessProof) -> None:
    hospital.held.clear()
    refused("access.not-held-here", hospital, granted)


def test_priv_2_an_expired_grant(world: World, hospital: Custodian, granted: AccessProof) -> None:
    last = LIMITS.access_seconds
    world.now += last
    world.sync(hospital.replica, HELD_BY)
    assert hospital.check(granted) == POINTER
    refused("access.expired", hospital, granted, later=1)


def test_priv_2_a_stale_replica(hospital: Custodian, granted: AccessProof) -> None:
    assert hospital.check(granted, later=LIMITS.staleness_seconds) == POINTER
    refused("access.replica-stale", hospital, granted, later=LIMITS.staleness_seconds + 1)


def test_priv_2_a_revoked_consent(world: World, hospital: Custodian, granted: AccessProof) -> None:
    world.revoke()
    world.sync(hospital.replica, HELD_BY)
    refused("access.revoked", hospital, granted)
    world.consent()
    world.sync(hospital.replica, HELD_BY)
    assert hospital.check(granted) == POINTER


def test_priv_2_a_revocation_towards_another_member_is_no_revocation(
    world: World, hospital: Custodian, granted: AccessProof
) -> None:
    world.consent(grantee="clinic-a")
    world.revoke(grantee="clinic-a")
    world.sync(hospital.replica, HELD_BY)
    assert hospital.check(granted) == POINTER


def test_priv_2_a_request_outside_the_log(world: World, hospital: Custodian, granted: AccessProof) -> None:
    item = statement.decode(granted.request)
    own = sign(
        key_of(ASKED_BY),
        item.kind,
        issuer=item.issuer,
        subject="access/" + "9" * 32,
        issued_at=Seconds(world.now),
        identifier=new_identifier(),
        fields=item.fields,
    )
    refused("receipt.refused", hospital, replace(granted, request=own))


def test_priv_2_a_decision_that_the_requester_wrote(hospital: Custodian, granted: AccessProof) -> None:
    decided = leaf.decode(granted.decision)
    assert isinstance(decided, leaf.DecisionLeaf)
    own = leaf.DecisionLeaf(decided.index, decided.statement, "granted", ("emergency-treatment",), ())
    refused("receipt.refused", hospital, replace(granted, decision=own.encode()))


def test_priv_2_no_altered_byte_of_a_proof_is_accepted(hospital: Custodian, granted: AccessProof) -> None:
    raw, slipped = granted.encode(), []
    for offset in range(0, len(raw), 3):
        altered = raw[:offset] + bytes([raw[offset] ^ 4]) + raw[offset + 1 :]
        try:
            hospital.check(AccessProof.decode(altered))
            slipped.append(offset)
        except PojuError:
            continue
    assert not slipped


@pytest.mark.parametrize("value", [None, [], [b""] * 3, [b""] * 5, [b"", b"", b"", "text"], {}, 1, "x", [[b""] * 4]])
def test_priv_2_what_is_no_proof_is_refused(value: cbor.Value) -> None:
    with pytest.raises(PojuError) as caught:
        AccessProof.decode(cbor.encode(value))
    assert caught.value.code == "access.malformed"


@pytest.mark.parametrize("data", [b"", b"\xff" * 40, b"garbage", bytes(1 << 19)])
def test_priv_2_bytes_that_are_no_cbor_are_refused(data: bytes) -> None:
    with pytest.raises(PojuError) as caught:
        AccessProof.decode(data)
    assert caught.value.code == "cbor.malformed"


def test_an_empty_proof_is_refused_with_its_reason(hospital: Custodian) -> None:
    with pytest.raises(PojuError):
        hospital.check(AccessProof(b"", b"", b"", b""))
    assert len(EXPLANATIONS) == 8
