"""What a FHIR source hands to the rest of the product: institutions, patients, events, cases and, apart, their truths.

The case format is ``recognition/1`` (``docs/spec/recognition-cases.md``). A case holds what a solution may see: local
codes, units, specimens, methods, quality marks, flags and times, under names that mean something inside one case only.
No name, identifier, birth date or address is in it, and no identifier of a FHIR resource (PRIV-1). The truth never
stands in a case nor in a record: :meth:`Workload.answer_key` is the only way to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from poju.units import Seconds

CASE_FORMAT = "recognition/1"

RECORD_CLASSES = (
    "lab-haematology",
    "lab-chemistry",
    "lab-coagulation",
    "lab-immunology",
    "lab-urine",
    "imaging-xray",
    "imaging-ct",
    "imaging-mr",
    "imaging-ultrasound",
)
"""The broad classes of records; the pointer of a record tells its class and no more (at most twelve)."""

QUALITY_MARKS = ("HR", "local", "none")
"""``HR``: recognised in the whole region; ``local``: in the issuing institution only; ``none``: nowhere."""

FLAGS = ("N", "H", "L", "A")
"""HL7 v3 ObservationInterpretation: normal, high, low, abnormal (imaging)."""

INDICATIONS = (
    "admission",
    "check-up",
    "chronic-care",
    "follow-up",
    "new-symptom",
    "pre-operative",
    "referral",
    "worsening",
)
"""Why an examination is ordered: codes, never free text."""

MustRepeat = Literal["acute-change", "monitoring", "quality", "none-earlier"]


class Order(TypedDict):
    """The order as its own institution writes it. Its standard item is not told.

    ``time`` is in seconds since 1970-01-01T00:00:00Z; ``indication`` is one of :data:`INDICATIONS`.
    """

    code: str
    system: str
    time: int
    indication: str
    institution: str


class Earlier(TypedDict):
    """Metadata of one earlier result of the same patient, oldest first in a case.

    ``id`` is local to its case. ``unit`` is a UCUM code, of the leading component where the item is a panel;
    ``specimen`` a code of HL7 table 0070. Both are empty for imaging. ``quality`` is one of :data:`QUALITY_MARKS`,
    ``flag`` of :data:`FLAGS`, ``time`` in seconds since 1970-01-01T00:00:00Z.
    """

    id: str
    code: str
    system: str
    unit: str
    specimen: str
    method: str
    quality: str
    flag: str
    time: int
    institution: str


class CaseInput(TypedDict):
    """All that a solution sees of one order.

    ``catalogue`` is the part of the region's published concordance that concerns this case: ``system|code`` to the
    standard item code. A local code that nobody has mapped yet is absent.
    """

    order: Order
    earlier: list[Earlier]
    catalogue: dict[str, str]


class Case(TypedDict):
    """One order at the decision point, in format ``recognition/1``; ``patient`` groups the cases of one person."""

    case: str
    patient: str
    input: CaseInput


class Truth(TypedDict):
    """The answer to one case: the ids of valid earlier results, or why the examination has to be done again.

    ``valid`` is empty exactly when ``must_repeat`` is a code.
    """

    valid: list[str]
    must_repeat: MustRepeat | None


@dataclass(frozen=True, slots=True)
class Institution:
    """One institution of the region: its short id, role (hospital, clinic, laboratory) and FHIR Organization."""

    id: str
    role: str
    name: str
    record_bytes: bytes


@dataclass(frozen=True, slots=True)
class PatientCopy:
    """What one institution holds about one patient: its own record number and FHIR Patient bytes.

    ``perturbation`` says how the copy differs from the person's true data: ``none``, ``name-order``, ``date-digit`` or
    ``identifier-missing``. It belongs to the key of the identity index, as ``patient`` does: neither is in the bytes.
    """

    patient: str
    institution: str
    number: str
    record_bytes: bytes
    perturbation: str


@dataclass(frozen=True, slots=True)
class ResultRecorded:
    """An institution recorded a result. ``record_bytes`` is a FHIR Bundle around one DiagnosticReport.

    ``case`` names the order that the examination answers; it did not take place, and the event is to be left out, where
    that order was met by recognising an earlier result. It is None for results that no case asks about.
    """

    record: str
    patient: str
    institution: str
    record_bytes: bytes
    record_class: str
    time: Seconds
    case: str | None


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    """An institution placed an order. ``record_bytes`` is a FHIR Bundle of its Encounter and ServiceRequest.

    ``earlier`` joins the ids that are local to the case with the records of :class:`ResultRecorded`.
    """

    case: str
    patient: str
    institution: str
    record_bytes: bytes
    record_class: str
    time: Seconds
    earlier: Mapping[str, str]


Event = ResultRecorded | OrderPlaced


class Note(NamedTuple):
    """Something that has to be said about the source: an English format string (an i18n key) and its parameters."""

    text: str
    parameters: Mapping[str, int | str]


class Workload:
    """A region's recorded work. The same source and seed give the same bytes on every machine."""

    def __init__(
        self,
        *,
        institutions: Sequence[Institution],
        patients: Sequence[PatientCopy],
        events: Sequence[Event],
        cases: Sequence[Case],
        answers: Mapping[str, Truth],
        notes: Sequence[Note] = (),
    ) -> None:
        self._institutions = tuple(institutions)
        self._patients = tuple(patients)
        self._events = tuple(sorted(events, key=_event_order))
        self._cases = tuple(cases)
        self._answers = dict(answers)
        self.notes = tuple(notes)

    def institutions(self) -> tuple[Institution, ...]:
        """Return the institutions in the order of their ids in the region."""
        return self._institutions

    def patients(self) -> tuple[PatientCopy, ...]:
        """Return every institution's copy of every patient it knows, by patient, then institution."""
        return self._patients

    def identity_key(self) -> dict[tuple[str, str], str]:
        """Return ``{(institution, record number): patient}``, the truth for the identity index."""
        return {(copy.institution, copy.number): copy.patient for copy in self._patients}

    def events(self) -> tuple[Event, ...]:
        """Return results and orders by time; at the same second results come first, then by record or case."""
        return self._events

    def cases(self) -> tuple[Case, ...]:
        """Return the cases by patient, then time. They hold no truth."""
        return self._cases

    def answer_key(self) -> dict[str, Truth]:
        """Return ``{case: truth}``. Whoever runs or writes a solution has no business with it."""
        return dict(self._answers)


def _event_order(event: Event) -> tuple[int, int, str]:
    if isinstance(event, ResultRecorded):
        return (event.time, 0, event.record)
    return (event.time, 1, event.case)
