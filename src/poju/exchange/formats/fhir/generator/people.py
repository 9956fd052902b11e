"""Synthetic persons and the copies that institutions hold of them.

A name is made of the words for "test" and calendar signs and ends in digits, so it cannot be a real person's; every
identifier system ends in ``.invalid`` (RFC 2606), so it belongs to nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from poju.exchange.formats.fhir.encode import Json, encode
from poju.exchange.formats.fhir.workload import PatientCopy

if TYPE_CHECKING:
    from poju.exchange.formats.fhir.generator.catalogue import Book
    from poju.exchange.formats.fhir.generator.stream import Stream

RESIDENT_SYSTEM = "https://residents.poju.invalid/number"
_STEMS = "甲乙丙丁戊己庚辛壬癸"
_BRANCHES = "子丑寅卯辰巳午未申酉戌亥"
_DISTRICTS = ("示範東區", "示範西區", "示範南區", "示範北區")
_FIRST_BIRTHDAY = date(1938, 1, 1)
_BIRTHDAYS = 24_000

PERTURBATIONS: tuple[tuple[str, int], ...] = (
    ("none", 70),
    ("name-order", 10),
    ("date-digit", 10),
    ("identifier-missing", 10),
)


@dataclass(frozen=True, slots=True)
class Person:
    """A synthetic person's true data. ``resident_number`` is of a fictitious system and may be empty in a copy."""

    patient: str
    family: str
    given: str
    gender: str
    birth_date: str
    resident_number: str
    address: tuple[str, str]


def draw_person(stream: Stream, number: int) -> Person:
    """Return person ``number`` (from 1); the number ends the given name, so no two persons share one."""
    birthday = _FIRST_BIRTHDAY + timedelta(days=stream.below(_BIRTHDAYS))
    return Person(
        patient=f"p{number:04d}",
        family="測" + stream.choose(_STEMS),
        given="試" + stream.choose(_BRANCHES) + f"{number:04d}",
        gender=stream.choose(("female", "male")),
        birth_date=birthday.isoformat(),
        resident_number="SYN" + stream.hexadecimal(15).upper(),
        address=(stream.choose(_DISTRICTS), f"虛構路{stream.between(1, 9999)}號"),
    )


def record_number(stream: Stream, book: Book) -> str:
    """Return a new record number of one institution: it tells nothing about the patient."""
    return f"{book.id.upper()}-{stream.hexadecimal(12).upper()}"


def record_system(book_id: str) -> str:
    """Return the identifier system of an institution's record numbers."""
    return f"https://{book_id}.poju.invalid/patients"


def write_copy(stream: Stream, person: Person, book: Book, number: str) -> PatientCopy:
    """Return the copy of ``person`` at ``book``, perturbed in about a third of all copies."""
    perturbation = stream.weighted(PERTURBATIONS)
    record = encode(_patient(_perturb(stream, person, perturbation), book, number))
    return PatientCopy(person.patient, book.id, number, record, perturbation)


def _perturb(stream: Stream, person: Person, perturbation: str) -> Person:
    if perturbation == "name-order":
        return replace(person, family=person.given, given=person.family)
    if perturbation == "date-digit":
        return replace(person, birth_date=_mistype(stream, person.birth_date))
    if perturbation == "identifier-missing":
        return replace(person, resident_number="")
    return person


def _mistype(stream: Stream, birth_date: str) -> str:
    """Return the date with one digit of its day or year wrong; it stays a date of the calendar."""
    while True:
        place = stream.choose((3, 9))
        typed = birth_date[:place] + str(stream.below(10)) + birth_date[place + 1 :]
        if typed != birth_date and _is_date(typed):
            return typed


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _patient(person: Person, book: Book, number: str) -> dict[str, Json]:
    identifiers: list[Json] = [{"use": "usual", "system": record_system(book.id), "value": number}]
    if person.resident_number:
        identifiers.append({"use": "official", "system": RESIDENT_SYSTEM, "value": person.resident_number})
    district, line = person.address
    return {
        "resourceType": "Patient",
        "id": number.lower(),
        "identifier": identifiers,
        "active": True,
        "name": [{"use": "official", "family": person.family, "given": [person.given]}],
        "gender": person.gender,
        "birthDate": person.birth_date,
        "address": [{"use": "home", "line": [line], "district": district, "city": "示範市"}],
        "managingOrganization": {"reference": f"Organization/{book.id}"},
    }
