"""A folder of Synthea bundles as a ``Workload``: the one entry to the reader."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from poju.errors import CallerError
from poju.exchange.formats.fhir.generator.catalogue import Book, books, concordance
from poju.exchange.formats.fhir.generator.people import Person, record_number, write_copy
from poju.exchange.formats.fhir.generator.resources import Subject, institution_bytes, order_bytes
from poju.exchange.formats.fhir.generator.scenes import DAY
from poju.exchange.formats.fhir.generator.stream import Stream
from poju.exchange.formats.fhir.synthea.extract import read_patient
from poju.exchange.formats.fhir.synthea.files import patient_files
from poju.exchange.formats.fhir.synthea.plan import (
    draw_baselines,
    draw_result,
    known_before,
    plan_orders,
)
from poju.exchange.formats.fhir.workload import (
    Case,
    Earlier,
    Event,
    Institution,
    Note,
    OrderPlaced,
    PatientCopy,
    ResultRecorded,
    Truth,
    Workload,
)
from poju.i18n import _
from poju.units import Seconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from poju.exchange.formats.fhir.synthea.extract import Report, SyntheaPatient
    from poju.exchange.formats.fhir.synthea.plan import PlannedOrder, Result

YEARS_READ = 3
INSTITUTIONS = ("h1", "h2", "h3", "h4", "c1", "c2")
_ORGANISATIONS_NEEDED = 2


def read_synthea(folder: Path, *, seed: int | bytes = 0) -> Workload:
    """Return the laboratory reports of the last three years in ``folder`` as a workload.

    The busiest organisations become h1 … h4, c1, c2 in that order, each other joins the least loaded of them. ``seed``
    draws what the data lack. Which that is, and what was left out, stands in ``Workload.notes``.

    Raises CallerError ``fhir-folder``, ``fhir-file``, ``fhir-resource``, or ``fhir-nothing`` where fewer than two
    organisations have reports of the region's items.
    """
    population = sorted((read_patient(path) for path in patient_files(folder)), key=lambda person: person.identifier)
    newest = max((report.time for person in population for report in person.reports), default=0)
    oldest = newest - YEARS_READ * 365 * DAY
    load = Counter(report.organisation for person in population for report in person.reports if report.time >= oldest)
    busiest = sorted(load, key=lambda organisation: (-load[organisation], organisation))
    if len(busiest) < _ORGANISATIONS_NEEDED:
        raise CallerError(
            "fhir-nothing",
            _("The bundles in {folder} hold laboratory reports of {count} organisations; a region needs two."),
            hint=_(
                "Export a population whose care spreads over organisations, with at least its last year of history."
            ),
            folder=str(folder),
            count=len(busiest),
        )
    reading = _Reading(Stream.from_seed(seed).fork("synthea"), _assign(busiest, load))
    for person in population:
        reading.add(person, [report for report in person.reports if report.time >= oldest])
    return reading.workload(sum(person.unlisted for person in population))


def _assign(busiest: Sequence[str], load: Counter[str]) -> dict[str, Book]:
    """Return the institution of each organisation: the six busiest get one each, each other joins the least loaded."""
    places: dict[str, Book] = {}
    carried: dict[str, int] = {}
    for organisation in busiest:
        waiting = [name for name in INSTITUTIONS if name not in carried]
        name = waiting[0] if waiting else min(INSTITUTIONS, key=lambda known: carried[known])
        carried[name] = carried.get(name, 0) + load[organisation]
        places[organisation] = books()[name]
    return places


class _Reading:
    """Collects what the patients bring; numbers patients, records and cases."""

    def __init__(self, stream: Stream, places: dict[str, Book]) -> None:
        self._stream = stream
        self._places = places
        self._people = 0
        self._patients: list[PatientCopy] = []
        self._events: list[Event] = []
        self._cases: list[Case] = []
        self._answers: dict[str, Truth] = {}

    def add(self, person: SyntheaPatient, reports: Sequence[Report]) -> None:
        """Add one patient with the reports of the years read."""
        kept = _without_doubles(reports, self._places)
        if not kept:
            return
        self._people += 1
        patient = f"p{self._people:04d}"
        stream = self._stream.fork(f"patient/{person.identifier}")
        baselines = draw_baselines(stream.fork("flags"), kept)
        drawn = stream.fork("results")
        results = [
            draw_result(drawn, report, self._places[report.organisation], baselines[report.item]) for report in kept
        ]
        orders = plan_orders(stream.fork("orders"), results)
        subjects = self._add_copies(stream.fork("copies"), person, patient, results)
        records = {id(result): f"r{self._people:04d}{place:03d}" for place, result in enumerate(results, start=1)}
        names = {id(order): f"c{len(self._cases) + place:06d}" for place, order in enumerate(orders, start=1)}
        for order in orders:
            seen = known_before(results, order.time)
            self._add_case(names[id(order)], patient, order, seen)
            subject = subjects[order.book.id]
            self._events.append(
                OrderPlaced(
                    case=names[id(order)],
                    patient=patient,
                    institution=order.book.id,
                    record_bytes=order_bytes(
                        stream.fork(names[id(order)]), subject, order.item, order.indication, order.time
                    ),
                    record_class=order.item.record_class,
                    time=Seconds(order.time),
                    earlier={f"r{place}": records[id(result)] for place, result in enumerate(seen, start=1)},
                )
            )
        self._events.extend(
            ResultRecorded(
                record=records[id(result)],
                patient=patient,
                institution=result.book.id,
                record_bytes=result.report.record_bytes,
                record_class=result.item.record_class,
                time=Seconds(result.report.time),
                case=None,
            )
            for result in results
        )

    def _add_copies(
        self, stream: Stream, person: SyntheaPatient, patient: str, results: Sequence[Result]
    ) -> dict[str, Subject]:
        written = Person(
            patient=patient,
            family=person.family,
            given=person.given,
            gender=person.gender,
            birth_date=person.birth_date,
            resident_number=person.identifier,
            address=(person.city, person.line),
        )
        held = {result.book.id for result in results}
        subjects: dict[str, Subject] = {}
        for name in INSTITUTIONS:
            if name in held:
                book = books()[name]
                subjects[name] = Subject(book, record_number(stream, book))
                self._patients.append(write_copy(stream, written, book, subjects[name].number))
        return subjects

    def _add_case(self, case: str, patient: str, order: PlannedOrder, seen: Sequence[Result]) -> None:
        earlier = [_earlier(f"r{place}", result) for place, result in enumerate(seen, start=1)]
        listed = concordance()
        code = order.book.codes[order.item.code]
        keys = {f"{order.book.code_system}|{code}", *(f"{row['system']}|{row['code']}" for row in earlier)}
        self._cases.append(
            {
                "case": case,
                "patient": patient,
                "input": {
                    "order": {
                        "code": code,
                        "system": order.book.code_system,
                        "time": order.time,
                        "indication": order.indication,
                        "institution": order.book.id,
                    },
                    "earlier": earlier,
                    "catalogue": {key: listed[key] for key in sorted(keys) if key in listed},
                },
            }
        )
        valid = [f"r{place}" for place, result in enumerate(seen, start=1) if any(result is one for one in order.valid)]
        self._answers[case] = {"valid": valid, "must_repeat": order.must_repeat}

    def workload(self, unlisted: int) -> Workload:
        """Return all that was added, and what has to be said about it."""
        held = {book.id for book in self._places.values()}
        places = [books()[name] for name in INSTITUTIONS if name in held]
        results = sum(isinstance(event, ResultRecorded) for event in self._events)
        notes = [
            Note(
                _("Read from Synthea: {results} laboratory results of the last {years} years, {patients} patients."),
                {"results": results, "years": YEARS_READ, "patients": self._people},
            ),
            Note(
                _("{organisations} organisations stand for {places}: the busiest alone, each other joined to one."),
                {"organisations": len(self._places), "places": len(places)},
            ),
            Note(
                _("Left out: {unlisted} laboratory reports of items outside the region's list."), {"unlisted": unlisted}
            ),
            Note(_("Generated, with an answer key: orders, local codes, units, methods, quality marks and flags."), {}),
            Note(
                _("Monitoring is read from the data: a regular series that is due, or twelve results within a year."),
                {},
            ),
            Note(_("Every result took place as recorded, whatever a solution would have advised."), {}),
        ]
        return Workload(
            institutions=[Institution(book.id, book.role, book.name, institution_bytes(book)) for book in places],
            patients=self._patients,
            events=self._events,
            cases=self._cases,
            answers=self._answers,
            notes=notes,
        )


def _without_doubles(reports: Sequence[Report], places: dict[str, Book]) -> list[Report]:
    """Keep one report for each item, place and second: two panels of one blood sample are one examination."""
    kept: dict[tuple[str, str, int], Report] = {}
    for report in reports:
        kept.setdefault((report.item, places[report.organisation].id, report.time), report)
    return list(kept.values())


def _earlier(name: str, result: Result) -> Earlier:
    return {
        "id": name,
        "code": result.book.codes[result.item.code],
        "system": result.book.code_system,
        "unit": result.unit,
        "specimen": result.report.specimen,
        "method": result.method,
        "quality": result.quality,
        "flag": result.flag,
        "time": result.report.time,
        "institution": result.book.id,
    }
