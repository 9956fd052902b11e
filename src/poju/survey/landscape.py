"""Events of many documents → one landscape: regions × instruments, counts, shares, how alike the regions are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import combinations

from poju.survey.cues import instruments
from poju.survey.gazetteer import divisions, row_of
from poju.survey.model import DocumentEvents, Json, Span
from poju.survey.text import Page, page_of

PPM = 1_000_000
_CONTEXT = 60
_ALIKE_FROM = 2
_MEASURE = "mean Jaccard of instrument sets over pairs of regions with ≥2 instruments"
_SIDES = ("push", "environment", "pull")


def landscape(results: Sequence[DocumentEvents]) -> Json:
    """Return the JSON-ready landscape of ``results``: every cell leads to its events, every event to its sentences.

    Shares and similarity are whole parts per million; ``problems_solved`` counts the solved problems that texts report.
    """
    events: list[Json] = []
    outcomes: list[Json] = []
    findings: list[Json] = []
    for number, result in enumerate(results, 1):
        page = page_of(result.document.text)
        told = result.to_json()
        events += [_told(item, number, result, page) for item in told["events"]]
        outcomes += [_told(item, number, result, page) for item in told["outcomes"]]
        findings += [{"path": result.document.path, **item} for item in told["findings"]]
    sides = {side: sum(1 for event in events if event["side"] == side) for side in _SIDES}
    return {
        "instruments": [
            {"id": item.id, "names": item.names, "short": item.short, "side": item.side, "thrust": item.thrust}
            for item in instruments().values()
        ],
        "regions": _regions(events),
        "cells": _cells(events),
        "events": events,
        "outcomes": outcomes,
        "problems_solved": sum(o["count"]["value"] for o in outcomes if o.get("subtype") == "problems_solved"),
        "findings": findings,
        "counts": {"events": len(events), "places": len({code for e in events for code in _codes(e)}), **sides},
        "shares_ppm": {side: count * PPM // max(1, len(events)) for side, count in sides.items()},
        "similarity": _similarity(events),
        "documents": [_document(result) for result in results],
    }


def mark(landscape: Json, paths: set[str], label: str) -> None:
    """Set ``marked`` to ``label`` on every event of the documents at ``paths`` (the demonstration's own notice)."""
    for event in landscape["events"]:
        if event["path"] in paths:
            event["marked"] = label


def _told(item: Json, number: int, result: DocumentEvents, page: Page) -> Json:
    """Return an event of the landscape: ids made unique over documents, cited sentences with their surroundings."""
    prefix = f"d{number}-"
    told: Json = json.loads(json.dumps(item, ensure_ascii=False))
    told["id"] = prefix + told["id"]
    if told.get("part_of"):
        told["part_of"] = prefix + told["part_of"]
    relative = told["date"].get("relative")
    if relative and relative.get("anchor"):
        relative["anchor"] = prefix + relative["anchor"]
    told["path"] = result.document.path
    told["sentences"] = [_sentence(result, page, Span(c["start"], c["end"])) for c in item["citations"]]
    told["marked"] = None
    return told


def _sentence(result: DocumentEvents, page: Page, cited: Span) -> Json:
    text = page.text
    return {
        "path": result.document.path,
        **cited.cite(text),
        "before": text[max(0, cited.start - _CONTEXT) : cited.start],
        "after": text[cited.end : cited.end + _CONTEXT],
    }


def _codes(event: Json) -> list[str]:
    return [region["code"] or region["name"] for region in event["regions"]]


def _rows(event: Json) -> list[str]:
    return list(dict.fromkeys(row_of(code) for code in _codes(event)))


def _regions(events: list[Json]) -> list[Json]:
    """Return the rows in the order in which they are first told; ``parts`` are the districts told under a city."""
    parts: dict[str, list[str]] = {}
    unknown = {region["name"]: region for event in events for region in event["regions"] if region["code"] is None}
    for event in events:
        for code in _codes(event):
            known = parts.setdefault(row_of(code), [])
            if code not in known:
                known.append(code)
    rows: list[Json] = []
    for code, told in parts.items():
        division = divisions().get(code)
        if division is None:
            name = unknown[code]["name"]
            names, level = {"zh-Hant": name, "zh-Hans": name, "en": name}, unknown[code]["level"]
        else:
            names = {"zh-Hant": division.hant, "zh-Hans": division.hans, "en": division.english}
            level = division.level
        rows.append({"code": code, "name": names, "level": level, "parts": told})
    return rows


def _cells(events: list[Json]) -> list[Json]:
    cells: dict[tuple[str, str], list[str]] = {}
    for event in events:
        for code in _rows(event):
            cells.setdefault((code, event["instrument"]), []).append(event["id"])
    return [{"region": code, "instrument": name, "events": ids} for (code, name), ids in cells.items()]


def _similarity(events: list[Json]) -> Json:
    """Return how alike the regions' policies are: 大同小異 as a number (Jaccard 1912, intersection over union)."""
    sets: dict[str, set[str]] = {}
    for event in events:
        for code in _rows(event):
            sets.setdefault(code, set()).add(event["instrument"])
    able = [code for code, told in sets.items() if len(told) >= _ALIKE_FROM]
    pairs = [
        {"a": a, "b": b, "ppm": len(sets[a] & sets[b]) * PPM // len(sets[a] | sets[b])}
        for a, b in combinations(able, 2)
    ]
    mean = sum(int(str(pair["ppm"])) for pair in pairs) // len(pairs) if pairs else 0
    return {"measure": _MEASURE, "value_ppm": mean, "pairs": pairs}


def _document(result: DocumentEvents) -> Json:
    return {
        "path": result.document.path,
        "title": result.title,
        "language": result.language,
        "characters": len(result.document.text),
        "sha256": result.document.sha256,
    }
