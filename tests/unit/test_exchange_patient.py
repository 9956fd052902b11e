"""PRIV-3: the patient's own list has every access, whichever of its two ends registered it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support_node import ASKED_BY, HANDLE, HELD_BY, OTHER_HANDLE, OTHER_POINTER, RECORD, SALT, World, opened

from poju.exchange import pointer
from poju.exchange.patient import Access, access_list

COMMITMENT = pointer.commitment(SALT, RECORD)
SUBJECT = "access/" + f"{1:032x}"


@pytest.fixture
def world() -> Iterator[World]:
    made = opened()
    yield made
    made.close()


def listed(world: World, *handles: str) -> list[Access]:
    return access_list(world.store.stream(world.store.head().size), set(handles))


def test_priv_3_a_denied_request_is_in_the_list(world: World) -> None:
    world.request()
    (access,) = listed(world, HANDLE)
    assert (access.who, access.custodian, access.outcome) == (ASKED_BY, HELD_BY, "denied")
    assert access.policies
    assert access.release_entry is access.acknowledge_entry is None


def test_priv_3_a_release_is_in_the_list_without_an_acknowledgement(world: World) -> None:
    world.consent()
    world.request()
    world.must("access-release", HELD_BY, SUBJECT, commitment=COMMITMENT)
    (access,) = listed(world, HANDLE)
    assert access.outcome == "granted"
    assert access.release_entry is not None
    assert access.acknowledge_entry is None


def test_priv_3_both_ends_are_in_the_list(world: World) -> None:
    world.consent()
    world.request()
    world.must("access-release", HELD_BY, SUBJECT, commitment=COMMITMENT)
    world.must("access-acknowledge", ASKED_BY, SUBJECT, commitment=COMMITMENT, holds=True)
    (access,) = listed(world, HANDLE)
    assert None not in {access.release_entry, access.acknowledge_entry}
    assert access.request_entry < (access.release_entry or 0) < (access.acknowledge_entry or 0)


def test_priv_3_a_silent_custodian_leaves_the_granted_request_in_the_list(world: World) -> None:
    world.consent()
    world.request()
    (access,) = listed(world, HANDLE)
    assert access.outcome == "granted"


def test_priv_3_every_request_is_listed_under_every_handle_of_the_person(world: World) -> None:
    world.point(OTHER_POINTER, OTHER_HANDLE, "clinic-a")
    for number in (1, 2, 3):
        world.request(number)
    world.request(4, name=OTHER_POINTER)
    assert len(listed(world, HANDLE)) == 3
    assert [access.custodian for access in listed(world, OTHER_HANDLE)] == ["clinic-a"]
    assert len(listed(world, HANDLE, OTHER_HANDLE)) == 4
    assert listed(world, "c" * 32) == []


def test_priv_3_nobody_else_registers_a_release_or_acknowledgement(world: World) -> None:
    world.consent()
    world.request()
    assert world.say("access-release", "clinic-a", SUBJECT, commitment=COMMITMENT)
    world.must("access-release", HELD_BY, SUBJECT, commitment=COMMITMENT)
    assert world.say("access-acknowledge", "clinic-a", SUBJECT, commitment=COMMITMENT, holds=True)
    (access,) = listed(world, HANDLE)
    assert access.acknowledge_entry is None
