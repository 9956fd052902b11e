"""The scenario catalogue: real problem areas a region can open, read from ``data/scenarios.toml``."""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from poju.errors import BugError
from poju.fit.figures import columns, table_rules
from poju.i18n import LANGUAGES, _

READABILITY = ("yes", "no", "unproven")

Names = dict[str, str]
"""A text in each of the three languages."""


@dataclass(frozen=True)
class Signal:
    """Columns of one table whose sum is read as one: the scenario's industries there."""

    table: str
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Threshold:
    """The sum of ``codes`` in the region has to reach ``minimum``, in the columns' unit."""

    codes: tuple[str, ...]
    minimum: int


@dataclass(frozen=True)
class Prerequisite:
    """What has to be there. With no ``any_of`` no figure shows it: a person has to establish it."""

    text: Names
    any_of: tuple[Threshold, ...]


@dataclass(frozen=True)
class Scenario:
    """One scenario.

    ``field`` is its field in the reports; ``industries`` are GB/T 4754-2017 sections and divisions; ``readability``
    is whether structure told which provinces stress the field; ``readable_with`` are columns that, dated for every
    region, make a field readable that otherwise is not.
    """

    id: str
    names: Names
    field: str
    industries: tuple[str, ...]
    signals: tuple[Signal, ...]
    prerequisites: tuple[Prerequisite, ...]
    needs: tuple[Names, ...]
    readability: str
    evidence_needed: tuple[Names, ...]
    readable_with: tuple[str, ...]
    package: str | None
    sources: tuple[str, ...]


@dataclass(frozen=True)
class ReportCounts:
    """How often the reports name each field: ``mentions[region][field]``, for one ``year``, with one ``source``."""

    mentions: dict[str, dict[str, int]]
    year: int
    source: str


def _shipped(name: str) -> str:
    return (resources.files("poju.fit") / "data" / name).read_text(encoding="utf-8")


@cache
def report_counts() -> ReportCounts:
    """Return the shipped counts of 31 government work reports by 24 fields."""
    rows = list(csv.DictReader(_shipped("report_fields.csv").splitlines()))
    mentions: dict[str, dict[str, int]] = {}
    for row in rows:
        mentions.setdefault(row["region_code"], {})[row["field"]] = int(row["mentions"])
    return ReportCounts(mentions, int(rows[0]["year"]), rows[0]["source"])


@cache
def scenarios() -> dict[str, Scenario]:
    """Return the scenarios by id. Raises :class:`BugError` where the shipped catalogue contradicts itself."""
    return parse_catalogue(_shipped("scenarios.toml"))


def parse_catalogue(text: str) -> dict[str, Scenario]:
    """Return the scenarios in the TOML ``text`` by id; references must resolve, texts have three languages.

    Raises :class:`BugError` ``fit-catalogue`` naming the entry that does not hold together.
    """
    raw = tomllib.loads(text)
    found: dict[str, Scenario] = {}
    for entry in raw["scenarios"]:
        name = str(entry.get("id", "?"))
        try:
            scenario = _scenario(entry, raw)
        except (KeyError, TypeError) as error:
            raise _broken(name, str(error)) from error
        if name in found:
            raise _broken(name, "id given twice")
        _check(scenario)
        found[name] = scenario
    return found


def _scenario(entry: dict[str, Any], raw: dict[str, Any]) -> Scenario:
    return Scenario(
        id=entry["id"],
        names=_names(entry["names"]),
        field=entry["field"],
        industries=tuple(entry["industries"]),
        signals=tuple(Signal(signal["table"], tuple(signal["codes"])) for signal in entry["signals"]),
        prerequisites=tuple(_prerequisite(raw["prerequisites"][key]) for key in entry["prerequisites"]),
        needs=tuple(_names(raw["needs"][key]) for key in entry["needs"]),
        readability=entry["readability"],
        evidence_needed=tuple(_names(raw["evidence"][key]) for key in entry.get("evidence_needed", [])),
        readable_with=tuple(entry.get("readable_with", [])),
        package=entry.get("package"),
        sources=tuple(f"{raw['sources'][key]['title']} <{raw['sources'][key]['address']}>" for key in entry["sources"]),
    )


def _names(texts: dict[str, str]) -> Names:
    return {tag: texts[tag] for tag in LANGUAGES}


def _prerequisite(entry: dict[str, Any]) -> Prerequisite:
    tests = tuple(Threshold(tuple(test["codes"]), int(test["minimum"])) for test in entry.get("any_of", []))
    return Prerequisite(_names(entry["text"]), tests)


def _check(scenario: Scenario) -> None:
    """Refuse a reference to a table, column or field that does not exist, and a signal over two tables."""
    known = columns()
    for signal in scenario.signals:
        if signal.table not in table_rules() or any(known[code].table != signal.table for code in signal.codes):
            raise _broken(scenario.id, f"a signal of table {signal.table} has a column of another")
    tested = [code for item in scenario.prerequisites for test in item.any_of for code in test.codes]
    for code in (*tested, *scenario.readable_with):
        if code not in known:
            raise _broken(scenario.id, f"no column {code}")
    if scenario.readability not in READABILITY:
        raise _broken(scenario.id, f"readability {scenario.readability}")
    if scenario.readability == "no" and not scenario.evidence_needed:
        raise _broken(scenario.id, "what would make it readable is not said")
    if any(scenario.field not in fields for fields in report_counts().mentions.values()):
        raise _broken(scenario.id, f"no field {scenario.field} in the reports")


def _broken(name: str, problem: str) -> BugError:
    return BugError(
        "fit-catalogue",
        _("The scenario catalogue does not hold together at “{name}”: {problem}."),
        hint=_("Mend src/poju/fit/data/scenarios.toml."),
        name=name,
        problem=problem,
    )


def catalogue() -> list[dict[str, Any]]:
    """Return the catalogue, JSON-ready, in the order of the file.

    Each entry: ``id``, ``names`` and ``needs`` in three languages, ``field``, ``industries`` (GB/T 4754-2017),
    ``prerequisites`` (``text`` and ``figures``, the codes that would show it), ``readable`` (bool), ``readability``
    ("yes", "no", "unproven"), ``package`` (str or None), ``sources``.
    """
    return [
        {
            "id": scenario.id,
            "names": scenario.names,
            "field": scenario.field,
            "industries": list(scenario.industries),
            "prerequisites": [
                {"text": item.text, "figures": [code for test in item.any_of for code in test.codes]}
                for item in scenario.prerequisites
            ],
            "needs": list(scenario.needs),
            "readable": scenario.readability == "yes",
            "readability": scenario.readability,
            "package": scenario.package,
            "sources": list(scenario.sources),
        }
        for scenario in scenarios().values()
    ]
