"""A seeded region of our own: the one entry to the generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poju.errors import CallerError
from poju.exchange.formats.fhir.generator.catalogue import Book, books
from poju.exchange.formats.fhir.generator.history import History, write_case, write_history
from poju.exchange.formats.fhir.generator.people import draw_person, record_number, write_copy
from poju.exchange.formats.fhir.generator.resources import Subject, institution_bytes, order_bytes, result_bytes
from poju.exchange.formats.fhir.generator.stream import Stream
from poju.exchange.formats.fhir.workload import (
    Case,
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

DEFAULT_INSTITUTIONS = ("h1", "h2", "h3", "h4", "c1", "c2", "l1")
MAXIMUM_PATIENTS = 9_999
_HOSPITALS_NEEDED = 2


def generate(seed: int | bytes, *, patients: int, institutions: Sequence[str] = DEFAULT_INSTITUTIONS) -> Workload:
    """Return a region of ``patients`` people (1 … 9,999), about five orders each; the same seed, the same bytes.

    ``institutions`` are ids of the region (at least two hospitals); patient n does not depend on how many follow.

    Raises CallerError ``fhir-patients`` for a number out of range and ``fhir-institutions`` for unknown, doubled or too
    few institutions.
    """
    if not 1 <= patients <= MAXIMUM_PATIENTS:
        raise CallerError(
            "fhir-patients",
            _("A region cannot have {patients} patients."),
            hint=_("Ask for 1 to {most} patients."),
            patients=patients,
            most=MAXIMUM_PATIENTS,
        )
    places = _places(institutions)
    root = Stream.from_seed(seed)
    region = _Region(places)
    for number in range(1, patients + 1):
        region.add(root.fork(f"patient/{number}"), number)
    return region.workload()


def _places(institutions: Sequence[str]) -> list[Book]:
    known = books()
    unknown = [name for name in institutions if name not in known]
    places = [book for name, book in known.items() if name in institutions]
    hospitals = [book for book in places if book.role == "hospital"]
    if unknown or len(places) != len(institutions) or len(hospitals) < _HOSPITALS_NEEDED:
        raise CallerError(
            "fhir-institutions",
            _("These institutions do not make a region: {institutions}."),
            hint=_("Name each institution once, at least two hospitals among them, out of: {known}."),
            institutions=", ".join(institutions),
            known=", ".join(known),
        )
    return places


class _Region:
    """Collects what the patients bring and numbers the cases."""

    def __init__(self, places: Sequence[Book]) -> None:
        self._places = places
        self._patients: list[PatientCopy] = []
        self._events: list[Event] = []
        self._cases: list[Case] = []
        self._answers: dict[str, Truth] = {}

    def add(self, stream: Stream, number: int) -> None:
        """Add patient ``number``, all of it drawn from ``stream``."""
        person = draw_person(stream.fork("person"), number)
        history = write_history(stream.fork("history"), self._places)
        copies = stream.fork("copies")
        subjects = {book.id: Subject(book, record_number(copies, book)) for book in _seen_at(history)}
        for subject in subjects.values():
            self._patients.append(write_copy(copies, person, subject.book, subject.number))
        first_case = len(self._cases) + 1
        names = [f"c{first_case + index:06d}" for index in range(len(history.visits))]
        records = [f"r{number:04d}{index:03d}" for index in range(1, len(history.results) + 1)]
        for index, case in enumerate(names):
            written, truth, seen = write_case(history, index, case, person.patient)
            self._cases.append(written)
            self._answers[case] = truth
            visit = history.visits[index]
            subject = subjects[visit.scene.book.id]
            drawn = stream.fork(f"order/{index}")
            self._events.append(
                OrderPlaced(
                    case=case,
                    patient=person.patient,
                    institution=subject.book.id,
                    record_bytes=order_bytes(drawn, subject, visit.scene.item, visit.scene.indication, visit.time),
                    record_class=visit.scene.item.record_class,
                    time=Seconds(visit.time),
                    earlier={f"r{place}": records[result] for place, result in enumerate(seen, start=1)},
                )
            )
        for index, taken in enumerate(history.results):
            subject = subjects[taken.plan.book.id]
            drawn = stream.fork(f"result/{index}")
            self._events.append(
                ResultRecorded(
                    record=records[index],
                    patient=person.patient,
                    institution=subject.book.id,
                    record_bytes=result_bytes(drawn, subject, taken.plan, taken.time),
                    record_class=taken.plan.item.record_class,
                    time=Seconds(taken.time),
                    case=None if taken.answers is None else names[taken.answers],
                )
            )

    def workload(self) -> Workload:
        """Return all that was added."""
        return Workload(
            institutions=[Institution(book.id, book.role, book.name, institution_bytes(book)) for book in self._places],
            patients=self._patients,
            events=self._events,
            cases=self._cases,
            answers=self._answers,
            notes=[Note(_("Every person, record and truth of this region is generated; nobody in it is real."), {})],
        )


def _seen_at(history: History) -> list[Book]:
    """Return the institutions that know the patient, by id in the order of the region."""
    known = {visit.scene.book.id for visit in history.visits} | {taken.plan.book.id for taken in history.results}
    return [book for name, book in books().items() if name in known]
