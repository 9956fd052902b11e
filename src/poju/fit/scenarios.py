"""The scenario catalogue: real problem areas a region can open, from ``data/scenarios.toml`` and ``tracks.toml``."""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

from poju.errors import BugError
from poju.fit.figures import INDUSTRY_PREFIX, columns, shipped_text, table_rules
from poju.i18n import LANGUAGES, _

READABILITY = ("yes", "no", "unproven")
KINDS = ("institution", "data", "capacity", "law")
"""The four kinds of prerequisite; every scenario has one of each."""

FEWEST_TRACKS = 2
FEWEST_KEYWORDS = 3

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
    """What has to be there.

    ``kind`` is one of :data:`KINDS`; ``shown_by`` names the figure or document that would show it. Where a shipped
    figure does, ``any_of`` has the test; where an economy's own industries do, ``isic`` has their divisions. With
    neither a person has to establish it.
    """

    id: str
    kind: str
    text: Names
    shown_by: Names
    any_of: tuple[Threshold, ...]
    isic: tuple[str, ...]


@dataclass(frozen=True)
class Track:
    """One problem inside a scenario: what a solution is asked to do, and how it would be scored."""

    id: str
    names: Names
    task: Names
    score: Names


@dataclass(frozen=True)
class Source:
    """A named document or fact: its title in three languages and where it is published."""

    id: str
    titles: Names
    address: str


@dataclass(frozen=True)
class Scenario:
    """One scenario.

    ``field`` is its field in the reports; ``industries`` are GB/T 4754-2017 sections and divisions, ``isic`` ISIC
    Rev.4 divisions; ``keywords`` are, by language, the words with which a policy's sentence names the field;
    ``readability`` is whether structure told which provinces stress the field; ``readable_with`` are columns that,
    dated, make a field readable that otherwise is not.
    """

    id: str
    names: Names
    field: str
    industries: tuple[str, ...]
    isic: tuple[str, ...]
    signals: tuple[Signal, ...]
    prerequisites: tuple[Prerequisite, ...]
    needs: tuple[Names, ...]
    tracks: tuple[Track, ...]
    keywords: dict[str, tuple[str, ...]]
    readability: str
    evidence_needed: tuple[Names, ...]
    readable_with: tuple[str, ...]
    package: str | None
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class ReportCounts:
    """How often the reports name each field: ``mentions[region][field]``, for one ``year``, with one ``source``."""

    mentions: dict[str, dict[str, int]]
    year: int
    source: str


@cache
def report_counts() -> ReportCounts:
    """Return the shipped counts of 31 government work reports by 24 fields."""
    rows = list(csv.DictReader(shipped_text("report_fields.csv").splitlines()))
    mentions: dict[str, dict[str, int]] = {}
    for row in rows:
        mentions.setdefault(row["region_code"], {})[row["field"]] = int(row["mentions"])
    return ReportCounts(mentions, int(rows[0]["year"]), rows[0]["source"])


@cache
def scenarios() -> dict[str, Scenario]:
    """Return the scenarios by id. Raises :class:`BugError` where the shipped catalogue contradicts itself."""
    return parse_catalogue(shipped_text("scenarios.toml"))


def parse_catalogue(text: str) -> dict[str, Scenario]:
    """Return the scenarios in the TOML ``text`` by id, with their tracks of ``tracks.toml``; references must resolve.

    Raises :class:`BugError` ``fit-catalogue`` naming the first entry that does not hold together.
    """
    raw = tomllib.loads(text) | {"tracks": tomllib.loads(shipped_text("tracks.toml"))}
    found: dict[str, Scenario] = {}
    for entry in raw["scenarios"]:
        name = str(entry.get("id", "?"))
        try:
            scenario = _scenario(entry, raw)
        except (KeyError, TypeError, AttributeError) as error:
            raise _broken(name, str(error)) from error
        if name in found:
            raise _broken(name, "id given twice")
        for problem in faults(scenario):
            raise _broken(name, problem)
        found[name] = scenario
    return found


def faults(scenario: Scenario) -> list[str]:
    """Return what does not hold together in ``scenario``, in English: references, kinds, tracks, keywords."""
    known = columns()
    problems = []
    for signal in scenario.signals:
        inside = all(code in known and known[code].table == signal.table for code in signal.codes)
        if signal.table not in table_rules() or not inside:
            problems.append(f"a signal of table {signal.table} has a column of another")
    tested = [code for item in scenario.prerequisites for test in item.any_of for code in test.codes]
    divisions = [*scenario.isic, *(code for item in scenario.prerequisites for code in item.isic)]
    wanted = [*tested, *scenario.readable_with, *(INDUSTRY_PREFIX + code for code in divisions)]
    problems += [f"no column {code}" for code in wanted if code not in known]
    if not scenario.isic or not scenario.industries:
        problems.append("no industry it serves is named")
    problems += [f"no prerequisite of kind {kind}" for kind in KINDS if kind not in _kinds(scenario)]
    problems += [f"prerequisite of kind {kind}" for kind in sorted(_kinds(scenario) - set(KINDS))]
    if len(scenario.tracks) < FEWEST_TRACKS:
        problems.append(f"fewer than {FEWEST_TRACKS} tracks")
    problems += [
        f"too few keywords in {tag}" for tag in LANGUAGES if len(scenario.keywords.get(tag, ())) < FEWEST_KEYWORDS
    ]
    if scenario.readability not in READABILITY:
        problems.append(f"readability {scenario.readability}")
    if scenario.readability == "no" and not scenario.evidence_needed:
        problems.append("what would make it readable is not said")
    if any(scenario.field not in fields for fields in report_counts().mentions.values()):
        problems.append(f"no field {scenario.field} in the reports")
    return problems


def _kinds(scenario: Scenario) -> set[str]:
    return {item.kind for item in scenario.prerequisites}


def _scenario(entry: dict[str, Any], raw: dict[str, Any]) -> Scenario:
    return Scenario(
        id=entry["id"],
        names=_names(entry["names"]),
        field=entry["field"],
        industries=tuple(entry["industries"]),
        isic=tuple(entry["isic"]),
        signals=tuple(Signal(signal["table"], tuple(signal["codes"])) for signal in entry["signals"]),
        prerequisites=tuple(_prerequisite(key, raw["prerequisites"][key]) for key in entry["prerequisites"]),
        needs=tuple(_names(raw["needs"][key]) for key in entry["needs"]),
        tracks=tuple(_track(track) for track in raw["tracks"].get(entry["id"], [])),
        keywords={tag: tuple(entry["keywords"][tag]) for tag in LANGUAGES},
        readability=entry["readability"],
        evidence_needed=tuple(_names(raw["evidence"][key]) for key in entry.get("evidence_needed", [])),
        readable_with=tuple(entry.get("readable_with", [])),
        package=entry.get("package"),
        sources=tuple(_source(key, raw["sources"][key]) for key in entry["sources"]),
    )


def _names(texts: dict[str, str]) -> Names:
    return {tag: texts[tag] for tag in LANGUAGES}


def _prerequisite(name: str, entry: dict[str, Any]) -> Prerequisite:
    return Prerequisite(
        id=name,
        kind=entry["kind"],
        text=_names(entry["text"]),
        shown_by=_names(entry["shown_by"]),
        any_of=tuple(Threshold(tuple(test["codes"]), int(test["minimum"])) for test in entry.get("any_of", [])),
        isic=tuple(entry.get("isic", [])),
    )


def _track(entry: dict[str, Any]) -> Track:
    return Track(entry["id"], _names(entry["names"]), _names(entry["task"]), _names(entry["score"]))


def _source(name: str, entry: dict[str, str]) -> Source:
    return Source(name, _names(entry | {"en": entry["title"]}), entry["address"])


def _broken(name: str, problem: str) -> BugError:
    return BugError(
        "fit-catalogue",
        _("The scenario catalogue does not hold together at “{name}”: {problem}."),
        hint=_("Mend src/poju/fit/data/scenarios.toml."),
        name=name,
        problem=problem,
    )
