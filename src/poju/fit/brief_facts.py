"""What a brief tells, apart from any language: which three scenarios, what they need, what the neighbours stress.

The three: first the distinctive scenarios in the order of their rank, without those that have a prerequisite known to
be missing; where policies were surveyed, the last place goes to the field that the region pushes most without any pull
(by three events or more), because that is where a scenario is wanting. Where too few are ranked, what most regions do
fills up.

Reports are counted by field (health, energy), which is wider than a scenario: a neighbour that stresses a field has not
opened a scenario by that.
"""

from __future__ import annotations

import csv
from functools import cache
from typing import Any

from poju.fit.borders import borders
from poju.fit.figures import shipped_text
from poju.fit.listing import catalogue
from poju.fit.regions import regions
from poju.fit.scenarios import report_counts, scenarios
from poju.i18n import LANGUAGES
from poju.units import PPM

SCHEMA = 1
CHOICES = 3
STRESSED = 3
FEWEST_MENTIONS = 5
"""A field that a report names less often is not told as stressed, however rare it is elsewhere."""

STRESS_PPM = 1_300_000
"""A report stresses a field from 1.3 times the mean share of all reports (docs/reference/fit-evaluation.md)."""

MOST_LEFT_OUT = 3
FEWEST_PUSHES = 3
"""A field that fewer surveyed policies push takes no place: one or two sentences may name it in passing."""

Json = dict[str, Any]


def facts(answer: Json) -> Json:
    """Return what the brief of ``answer`` (of :func:`poju.fit.rank`) adds to it, JSON-ready, ratios in ppm.

    ``{"schema", "choices": [{"scenario", "basis"}], "left_out": [{"scenario", "rank", "missing"}], "catalogue": {id:
    {"needs", "tracks"}}, "neighbours": {"year", "source", "fields", "regions": [{"code", "names", "border", "stressed",
    "mentions"}]} or None, "packages": [{"scenario", "names", "package"}]}``; ``basis`` is "distinctive", "pushed" or
    "common", ``fields`` the choices' fields, ``mentions`` how often the neighbour's report names each of these.
    """
    chosen = choices(answer)
    names = [choice["scenario"] for choice in chosen]
    entries = {entry["id"]: entry for entry in catalogue()}
    return {
        "schema": SCHEMA,
        "choices": chosen,
        "left_out": left_out(answer, names),
        "catalogue": {name: {key: entries[name][key] for key in ("needs", "tracks")} for name in names},
        "neighbours": neighbours(answer["region"]["code"], names) if _of_provinces(answer) else None,
        "packages": [
            {"scenario": entry["id"], "names": entry["names"], "package": entry["package"]}
            for entry in entries.values()
            if entry["package"]
        ],
    }


def choices(answer: Json) -> list[Json]:
    """Return at most three scenarios of ``answer``, each with the basis on which it was taken."""
    ranked = [row["scenario"] for row in answer["distinctive"] if not _missing(row)]
    pushed = _pushed(answer)
    first = ranked[: CHOICES - 1] if pushed is not None and pushed not in ranked[:CHOICES] else ranked[:CHOICES]
    found = [{"scenario": name, "basis": "pushed" if name == pushed else "distinctive"} for name in first]
    if pushed is not None and pushed not in first:
        found.append({"scenario": pushed, "basis": "pushed"})
    taken = {choice["scenario"] for choice in found}
    barred = {row["scenario"] for row in (*answer["distinctive"], *answer["not_readable"]) if _missing(row)}
    for row in answer["common"]:
        if len(found) < CHOICES and row["scenario"] not in taken | barred:
            found.append({"scenario": row["scenario"], "basis": "common"})
    return found


def left_out(answer: Json, chosen: list[str]) -> list[Json]:
    """Return the scenarios that score higher here than the last distinctive choice, but lack a prerequisite."""
    scores = {row["scenario"]: row.get("standing_ppm", row["score_ppm"]) for row in answer["distinctive"]}
    least = min((scores[name] for name in chosen if name in scores), default=0)
    found = [row for row in answer["distinctive"] if _missing(row) and scores[row["scenario"]] >= least]
    found.sort(key=lambda row: (-scores[row["scenario"]], row["scenario"]))
    return [
        {"scenario": row["scenario"], "rank": row["rank"], "missing": _missing(row)} for row in found[:MOST_LEFT_OUT]
    ]


def neighbours(code: str, chosen: list[str]) -> Json | None:
    """Return what the reports of the provinces around ``code`` stress; None where no province of that code is known."""
    around = borders().get(code)
    if not around:
        return None
    counts = report_counts()
    told = [
        {
            "code": other,
            "names": regions()[other].names,
            "border": border,
            "stressed": _stressed(other),
            "mentions": [counts.mentions[other][scenarios()[name].field] for name in chosen],
        }
        for other, border in around
        if other in counts.mentions
    ]
    fields = [field_names(scenarios()[name].field) for name in chosen]
    return {"year": counts.year, "source": counts.source, "fields": fields, "regions": told}


def _stressed(region: str) -> list[Json]:
    """Return the fields that the region's report stresses most, against the mean share of all reports."""
    own = report_counts().mentions[region]
    total = sum(own.values())
    found: list[Json] = []
    for scenario in scenarios().values():
        mean = _mean_shares()[scenario.field]
        mentions = own[scenario.field]
        if mentions >= FEWEST_MENTIONS and mean > 0:
            times = round(mentions / total / mean * PPM)
            if times >= STRESS_PPM:
                names = field_names(scenario.field)
                found.append({"field": scenario.field, "names": names, "mentions": mentions, "times_ppm": times})
    found.sort(key=lambda item: (-int(item["times_ppm"]), item["field"]))
    return found[:STRESSED]


def field_names(field: str) -> dict[str, str]:
    """Return the names of a field of the reports in three languages, from ``data/fields.csv``."""
    return _fields()[field]


@cache
def _fields() -> dict[str, dict[str, str]]:
    rows = csv.DictReader(shipped_text("fields.csv").splitlines())
    return {row["field"]: {tag: row[tag] for tag in LANGUAGES} for row in rows}


@cache
def _mean_shares() -> dict[str, float]:
    """Return, for each field, the mean over all reports of its share of the report's mentions."""
    mentions = [fields for fields in report_counts().mentions.values() if sum(fields.values()) > 0]
    names = mentions[0].keys()
    return {name: sum(fields[name] / sum(fields.values()) for fields in mentions) / len(mentions) for name in names}


def _of_provinces(answer: Json) -> bool:
    """Return whether the answer is about the shipped provinces; an older answer without ``economy`` is."""
    return bool(answer.get("economy", {}).get("shipped", True))


def _missing(row: Json) -> list[dict[str, str]]:
    """Return the texts of the prerequisites known to be missing."""
    return [item["text"] for item in row["prerequisites"] if item["met"] is False]


def _pushed(answer: Json) -> str | None:
    """Return the scenario that the region's policies push most without pull, or None; ranked ones first where equal."""
    rows = [*answer["distinctive"], *answer["not_readable"]]
    found = []
    for place, row in enumerate(rows):
        policies = row.get("policies")
        if not policies or not policies["pushes_without_pull"] or _missing(row):
            continue
        pushes = policies["push"] + policies["environment"]
        if pushes >= FEWEST_PUSHES:
            found.append((-pushes, place, row["scenario"]))
    return min(found)[2] if found else None
