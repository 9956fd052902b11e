"""FHIR R4 resources of one result and of one order, as exact JSON bytes.

A result is a Bundle of type ``collection``: DiagnosticReport, its Observations and Specimen, or ImagingStudy. An order
is a Bundle of Encounter and ServiceRequest. The patient stands in both only by the institution's own record number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

from poju.exchange.formats.fhir.encode import Json, encode
from poju.exchange.formats.fhir.generator.people import record_system

if TYPE_CHECKING:
    from poju.exchange.formats.fhir.generator.catalogue import Book, Item, Unit
    from poju.exchange.formats.fhir.generator.scenes import PlannedResult
    from poju.exchange.formats.fhir.generator.stream import Stream

QUALITY_SYSTEM = "https://region.poju.invalid/quality-mark"
INDICATION_SYSTEM = "https://region.poju.invalid/indication"
METHOD_SYSTEM = "https://region.poju.invalid/method"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
_UCUM = "http://unitsofmeasure.org"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_LOCAL_TIME = timezone(timedelta(hours=8))
_FLAG_NAMES = {"N": "Normal", "H": "High", "L": "Low", "A": "Abnormal"}
_SECTIONS = {"DX": "RAD", "CT": "CT", "US": "RUS", "MR": "NMR"}
_THOUSAND = 1000


@dataclass(frozen=True, slots=True)
class Subject:
    """A patient as one institution knows him or her: by that institution's record number."""

    book: Book
    number: str


def institution_bytes(book: Book) -> bytes:
    """Return the FHIR Organization of ``book``."""
    kind = "prov" if book.orders else "other"
    return encode(
        {
            "resourceType": "Organization",
            "id": book.id,
            "identifier": [{"system": "https://region.poju.invalid/institutions", "value": book.id}],
            "active": True,
            "type": [_concept(_TERMINOLOGY + "organization-type", kind)],
            "name": book.name,
        }
    )


def result_bytes(stream: Stream, subject: Subject, plan: PlannedResult, time: int) -> bytes:
    """Return the Bundle of one result taken at ``time`` (seconds since 1970); values are drawn to fit the flag."""
    if plan.item.modality:
        return _bundle(_imaging(stream, subject, plan, time))
    return _bundle(_laboratory(stream, subject, plan, time))


def order_bytes(stream: Stream, subject: Subject, item: Item, indication: str, time: int) -> bytes:
    """Return the Bundle of one order placed at ``time`` (seconds since 1970)."""
    encounter, request = _uuid(stream), _uuid(stream)
    start = _instant(time - 900)
    patient = _patient_reference(subject)
    organization: Json = {"reference": f"Organization/{subject.book.id}"}
    return _bundle(
        {
            encounter: {
                "resourceType": "Encounter",
                "status": "in-progress",
                "class": {"system": _TERMINOLOGY + "v3-ActCode", "code": "AMB", "display": "ambulatory"},
                "subject": patient,
                "period": {"start": start},
                "serviceProvider": organization,
            },
            request: {
                "resourceType": "ServiceRequest",
                "status": "active",
                "intent": "order",
                "code": _local_code(subject.book, item),
                "subject": patient,
                "encounter": {"reference": encounter},
                "authoredOn": _instant(time),
                "requester": organization,
                "reasonCode": [_concept(INDICATION_SYSTEM, indication)],
            },
        }
    )


def _laboratory(stream: Stream, subject: Subject, plan: PlannedResult, time: int) -> dict[str, dict[str, Json]]:
    specimen = _uuid(stream)
    resources: dict[str, dict[str, Json]] = {
        specimen: {
            "resourceType": "Specimen",
            "type": _concept(_TERMINOLOGY + "v2-0070", plan.specimen),
            "subject": _patient_reference(subject),
            "collection": {"collectedDateTime": _instant(time - 1800)},
        }
    }
    lead = _observation(stream, subject, plan, time)
    lead["specimen"] = {"reference": specimen}
    observations = {_uuid(stream): lead}
    for number, _ in enumerate(plan.item.components, start=1):
        part = _component(stream, subject, plan, time, number)
        part["specimen"] = {"reference": specimen}
        observations[_uuid(stream)] = part
    report = _report(subject, plan, time, "LAB")
    report["specimen"] = [{"reference": specimen}]
    report["result"] = [{"reference": url} for url in observations]
    return {_uuid(stream): report, **observations, **resources}


def _imaging(stream: Stream, subject: Subject, plan: PlannedResult, time: int) -> dict[str, dict[str, Json]]:
    study = _uuid(stream)
    report = _report(subject, plan, time, _SECTIONS[plan.item.modality])
    report["imagingStudy"] = [{"reference": study}]
    report["conclusion"] = _FLAG_NAMES[plan.flag]
    report["conclusionCode"] = [_concept(_TERMINOLOGY + "v3-ObservationInterpretation", plan.flag)]
    return {
        _uuid(stream): report,
        study: {
            "resourceType": "ImagingStudy",
            "status": "available",
            "modality": [{"system": _DICOM, "code": plan.item.modality}],
            "subject": _patient_reference(subject),
            "started": _instant(time),
            "numberOfSeries": stream.between(1, 4),
            "procedureCode": [_concept(METHOD_SYSTEM, plan.method)],
        },
    }


def _report(subject: Subject, plan: PlannedResult, time: int, section: str) -> dict[str, Json]:
    return {
        "resourceType": "DiagnosticReport",
        "meta": {"tag": [{"system": QUALITY_SYSTEM, "code": plan.quality}]},
        "status": "final",
        "category": [_concept(_TERMINOLOGY + "v2-0074", section)],
        "code": _local_code(plan.book, plan.item),
        "subject": _patient_reference(subject),
        "effectiveDateTime": _instant(time),
        "issued": _instant(time),
        "performer": [{"reference": f"Organization/{plan.book.id}"}],
    }


def _observation(stream: Stream, subject: Subject, plan: PlannedResult, time: int) -> dict[str, Json]:
    unit = plan.unit
    value = _draw_value(stream, plan.item.low, plan.item.high, plan.flag)
    observation = _measurement(_local_code(plan.book, plan.item), subject, plan, time)
    observation["valueQuantity"] = _quantity(value, unit)
    observation["interpretation"] = [_concept(_TERMINOLOGY + "v3-ObservationInterpretation", plan.flag)]
    observation["method"] = _concept(METHOD_SYSTEM, plan.method)
    observation["referenceRange"] = [{"low": _quantity(plan.item.low, unit), "high": _quantity(plan.item.high, unit)}]
    return observation


def _component(stream: Stream, subject: Subject, plan: PlannedResult, time: int, number: int) -> dict[str, Json]:
    part = plan.item.components[number - 1]
    code = plan.book.codes[plan.item.code]
    concept: dict[str, Json] = {
        "coding": [{"system": plan.book.code_system, "code": f"{code}-{number}"}],
        "text": part.name,
    }
    observation = _measurement(concept, subject, plan, time)
    observation["valueQuantity"] = _quantity(_draw_value(stream, part.low, part.high, "N"), part.unit)
    return observation


def _measurement(code: dict[str, Json], subject: Subject, plan: PlannedResult, time: int) -> dict[str, Json]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [_concept(_TERMINOLOGY + "observation-category", "laboratory")],
        "code": code,
        "subject": _patient_reference(subject),
        "effectiveDateTime": _instant(time),
        "performer": [{"reference": f"Organization/{plan.book.id}"}],
    }


def _draw_value(stream: Stream, low: int, high: int, flag: str) -> int:
    """Return a value in thousandths on the side of the reference interval that ``flag`` says."""
    span = high - low
    if flag == "H":
        return high + stream.between(span // 20, span)
    if flag == "L":
        return low - stream.between(low // 20, low // 2)
    return low + stream.between(span // 20, span * 19 // 20)


def _quantity(thousandths: int, unit: Unit) -> dict[str, Json]:
    numerator = thousandths * unit.multiplier * 10**unit.digits
    denominator = _THOUSAND * unit.divisor
    rounded = (2 * numerator + denominator) // (2 * denominator)
    # Built from its digits: arithmetic on Decimal would depend on the caller's decimal context.
    value = Decimal((0, tuple(int(digit) for digit in str(rounded)), -unit.digits))
    return {"value": value, "unit": unit.code, "system": _UCUM, "code": unit.code}


def _local_code(book: Book, item: Item) -> dict[str, Json]:
    name = item.name["zh-Hant"]
    return {"coding": [{"system": book.code_system, "code": book.codes[item.code], "display": name}], "text": name}


def _concept(system: str, code: str) -> dict[str, Json]:
    return {"coding": [{"system": system, "code": code}]}


def _patient_reference(subject: Subject) -> dict[str, Json]:
    identifier: dict[str, Json] = {"system": record_system(subject.book.id), "value": subject.number}
    return {"type": "Patient", "identifier": identifier}


def _bundle(resources: dict[str, dict[str, Json]]) -> bytes:
    entries: list[Json] = [{"fullUrl": url, "resource": resource} for url, resource in resources.items()]
    return encode({"resourceType": "Bundle", "type": "collection", "entry": entries})


def _uuid(stream: Stream) -> str:
    """Return a version 8 UUID (RFC 9562, section 5.8) as a URN."""
    digits = stream.hexadecimal(32)
    return f"urn:uuid:{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"


def _instant(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).astimezone(_LOCAL_TIME).isoformat()
