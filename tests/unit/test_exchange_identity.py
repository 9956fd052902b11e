"""The identity index joins perturbed copies of one person, and never two persons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support_rules import key_of

from poju.errors import PojuError
from poju.exchange import assertion
from poju.exchange.formats.fhir import generate
from poju.exchange.formats.fhir.traits import traits_of
from poju.exchange.identity import IdentityIndex, Traits
from poju.units import Seconds

BORN = "1973-07-01"
NAME = ("Wang", "Xiao", "Ming")


@pytest.fixture
def index(tmp_path: Path) -> Iterator[IdentityIndex]:
    made = IdentityIndex(tmp_path / "identity.sqlite", key_of("identity-index"))
    yield made
    made.close()


def person(identifier: str | None = None, name: tuple[str, ...] = NAME, born: str = BORN) -> Traits:
    return Traits(identifier, name, born)


@pytest.mark.parametrize(
    "copy",
    [
        person("id-1", ("Other", "Name"), "1990-01-01"),
        person(None, ("Ming", "Wang", "Xiao")),
        person(None, ("Wang", "Xiao Ming")),
        person(None, born="1973-07-11"),
    ],
)
def test_perturbed_copies_are_one_person(index: IdentityIndex, copy: Traits) -> None:
    first = index.enrol("h1", "1", person("id-1"))
    assert index.enrol("h2", "2", copy) == first
    assert index.handles(first) == [("h1", "1"), ("h2", "2")]


@pytest.mark.parametrize(
    "other",
    [
        person("id-2"),
        person("id-2", born="1973-07-11"),
        person(None, born="1988-12-24"),
        person(None, born="1974-07-02"),
        person(None, ("Wang", "Xiao")),
        person(None, ("Wang", "Xiao", "Min")),
        person(None, born="1973"),
        person(None, born=""),
    ],
)
def test_two_persons_stay_two(index: IdentityIndex, other: Traits) -> None:
    assert index.enrol("h1", "1", person("id-1")) != index.enrol("h2", "2", other)


@pytest.mark.parametrize(
    "unknown", [person(None, (), ""), person(None, ("",), ""), person(None, ("",)), person(None, NAME, "")]
)
def test_nobody_is_joined_by_what_is_not_known(index: IdentityIndex, unknown: Traits) -> None:
    assert len({index.enrol("h1", str(number), unknown) for number in range(3)}) == 3


def test_a_copy_without_identifier_does_not_bridge_two_persons(index: IdentityIndex) -> None:
    first = index.enrol("h1", "1", person("id-1"))
    assert index.enrol("h2", "2", person(None)) == first
    assert index.enrol("h3", "3", person("id-2")) != first


def test_a_copy_that_fits_two_persons_is_given_to_neither(index: IdentityIndex) -> None:
    known = {index.enrol("h1", "1", person("id-1")), index.enrol("h2", "2", person("id-2"))}
    assert len(known) == 2
    assert index.enrol("h3", "3", person(None)) not in known


def test_enrolling_again_changes_nothing(index: IdentityIndex) -> None:
    first = index.enrol("h1", "1", person("id-1"))
    assert index.enrol("h1", "1", person("id-9", ("Else",), "2001-01-01")) == first
    assert index.person("h1", "1") == first
    assert index.person("h1", "2") is None
    assert index.handles(99) == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_generated_region_is_joined_without_a_wrong_merge(index: IdentityIndex, seed: int) -> None:
    persons: dict[int, set[str]] = {}
    for number, copy in enumerate(generate(seed, patients=60).patients()):
        found = index.enrol(copy.institution, f"{number}", traits_of(copy.record_bytes))
        persons.setdefault(found, set()).add(copy.patient)
    assert not [patients for patients in persons.values() if len(patients) > 1]
    assert len(persons) <= 62


def test_an_assertion_says_only_what_the_index_knows(index: IdentityIndex) -> None:
    index.enrol("h1", "a" * 32, person("id-1"))
    index.enrol("h2", "b" * 32, person("id-1"))
    index.enrol("h2", "c" * 32, person("id-2"))
    signed = index.assert_same(("h2", "b" * 32), ("h1", "a" * 32), "1" * 32, Seconds(2_000_000_000))
    claim = assertion.decode(signed)
    assert (claim.requester, claim.pointer, claim.handle) == ("h2", "pointer/" + "1" * 32, "b" * 32)
    assert claim.envelope.verifies(key_of("identity-index").public)
    assert b"a" * 32 not in signed, "the custodian's handle does not stand in it (PRIV-4)"
    for other in ("c" * 32, "d" * 32):
        with pytest.raises(PojuError) as caught:
            index.assert_same(("h2", other), ("h1", "a" * 32), "1" * 32, Seconds(2_000_000_000))
        assert caught.value.code == "identity.not-the-same"


def test_two_unknown_handles_are_not_one_person(index: IdentityIndex) -> None:
    with pytest.raises(PojuError):
        index.assert_same(("h1", "x"), ("h2", "y"), "1" * 32, Seconds(1))
