"""What one Synthea bundle says about one patient: the person, and the laboratory reports of the region's items."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib import resources as package_resources
from typing import TYPE_CHECKING

from poju.exchange.formats.fhir.encode import encode
from poju.exchange.formats.fhir.synthea.files import refuse_resource, resources

if TYPE_CHECKING:
    from pathlib import Path

    from poju.exchange.formats.fhir.encode import Json

_LABORATORY = ("http://terminology.hl7.org/CodeSystem/v2-0074", "LAB")
_LOINC = "http://loinc.org"
_GENDERS = ("female", "male", "other", "unknown")


@dataclass(frozen=True, slots=True)
class Panel:
    """A LOINC panel as an item of the region's list, with the specimen that its code names."""

    item: str
    specimen: str


@dataclass(frozen=True, slots=True)
class Report:
    """One laboratory report: item, specimen, organisation, seconds since 1970, and its Bundle with the observations."""

    item: str
    specimen: str
    organisation: str
    time: int
    record_bytes: bytes


@dataclass(frozen=True, slots=True)
class SyntheaPatient:
    """One person of a Synthea population; ``unlisted`` counts laboratory reports of items outside the region's list."""

    identifier: str
    family: str
    given: str
    gender: str
    birth_date: str
    city: str
    line: str
    reports: tuple[Report, ...]
    unlisted: int


@cache
def panels() -> dict[str, Panel]:
    """Return ``{LOINC code: panel}``."""
    folder = package_resources.files(__package__) / "data"
    rows = json.loads((folder / "panels.json").read_text("utf-8"))["panels"]
    return {row["loinc"]: Panel(row["item"], row["specimen"]) for row in rows}


def read_patient(path: Path) -> SyntheaPatient:
    """Return what the bundle in ``path`` says.

    Reports count by their category LAB only: Synthea writes questionnaires and notes as DiagnosticReport too.

    Raises CallerError ``fhir-file`` or ``fhir-resource``.
    """
    found: dict[str, dict[str, Json]] = {}
    person: dict[str, Json] | None = None
    laboratory: list[dict[str, Json]] = []
    for url, resource in resources(path):
        kind = resource.get("resourceType")
        if kind == "Patient" and person is None:
            person = resource
        elif kind == "Observation":
            found[url] = resource
        elif kind == "DiagnosticReport" and _LABORATORY in _codings(resource.get("category")):
            laboratory.append(resource)
    if person is None:
        refuse_resource(path, {"resourceType": "Bundle"}, "Patient")
    reports = [report for report in (_report(path, entry, found) for entry in laboratory) if report is not None]
    return _person(path, person, tuple(sorted(reports, key=_by_time)), len(laboratory) - len(reports))


def _by_time(report: Report) -> tuple[int, str, str, bytes]:
    return (report.time, report.item, report.organisation, report.record_bytes)


def _person(path: Path, person: dict[str, Json], reports: tuple[Report, ...], unlisted: int) -> SyntheaPatient:
    name = _first(person.get("name"))
    address = _first(person.get("address"))
    given = name.get("given")
    line = address.get("line")
    birth_date = _text(path, person, person.get("birthDate"), "birthDate")
    try:
        date.fromisoformat(birth_date)
    except ValueError:
        refuse_resource(path, person, "birthDate")
    return SyntheaPatient(
        identifier=_text(path, person, person.get("id"), "id"),
        family=_text(path, person, name.get("family"), "name.family"),
        given=_text(path, person, given[0] if isinstance(given, list) and given else None, "name.given"),
        gender=str(person.get("gender")) if person.get("gender") in _GENDERS else "unknown",
        birth_date=birth_date,
        city=_text(path, person, address.get("city"), "address.city"),
        line=_text(path, person, line[0] if isinstance(line, list) and line else None, "address.line"),
        reports=reports,
        unlisted=unlisted,
    )


def _report(path: Path, report: dict[str, Json], observations: dict[str, dict[str, Json]]) -> Report | None:
    """Return the report if its panel is on the region's list and it says who performed it."""
    code = report.get("code")
    listed = [panels()[value] for system, value in _codings([code]) if system == _LOINC and value in panels()]
    organisation = _organisation(report.get("performer"))
    if not listed or not organisation:
        return None
    panel = listed[0]
    time = _seconds(path, report)
    urls = [entry.get("reference") for entry in _objects(report.get("result"))]
    parts = [(url, observations[url]) for url in urls if isinstance(url, str) and url in observations]
    entries: list[Json] = [{"fullUrl": f"urn:uuid:{report.get('id', '')}", "resource": report}]
    entries.extend({"fullUrl": url, "resource": resource} for url, resource in parts)
    bundle = encode({"resourceType": "Bundle", "type": "collection", "entry": entries})
    return Report(panel.item, panel.specimen, organisation, time, bundle)


def _seconds(path: Path, report: dict[str, Json]) -> int:
    text = _text(path, report, report.get("effectiveDateTime"), "effectiveDateTime")
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        refuse_resource(path, report, "effectiveDateTime")
    if instant.tzinfo is None:
        refuse_resource(path, report, "effectiveDateTime")
    return int(instant.timestamp())


def _organisation(performers: Json) -> str:
    """Return the identifier of the first organisation among ``performers``.

    Synthea refers conditionally, ``Organization?identifier=system|value``; ``Organization/id`` is understood too.
    """
    for performer in _objects(performers):
        reference = performer.get("reference")
        if isinstance(reference, str) and reference.startswith("Organization?identifier="):
            return reference.rpartition("|")[2]
        if isinstance(reference, str) and reference.startswith("Organization/"):
            return reference.partition("/")[2]
    return ""


def _codings(concepts: Json) -> list[tuple[str, str]]:
    return [
        (str(coding.get("system", "")), str(coding.get("code", "")))
        for concept in _objects(concepts)
        for coding in _objects(concept.get("coding"))
    ]


def _objects(value: Json) -> list[dict[str, Json]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _first(value: Json) -> dict[str, Json]:
    found = _objects(value)
    return found[0] if found else {}


def _text(path: Path, resource: dict[str, Json], value: Json, member: str) -> str:
    if not isinstance(value, str) or not value:
        refuse_resource(path, resource, member)
    return value
