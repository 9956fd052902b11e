"""Events of many documents → one landscape: regions × instruments, counts, shares, how alike the regions are.

A document becomes a `record` (plain JSON that may cross a process boundary or a file), records become the landscape;
so a thousand documents can be read elsewhere, and their texts need not be held here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import combinations

from poju.survey.cues import instruments
from poju.survey.gazetteer import divisions, row_of
from poju.survey.model import DocumentEvents, Json, Span

PPM = 1_000_000
_CONTEXT = 60
_ALIKE_FROM = 2
_MEASURE = "mean Jaccard of instrument sets over pairs of regions with ≥2 instruments"
_SIDES = ("push", "environment", "pull")
_TOLD = ("events", "outcomes", "findings")


def record(result: DocumentEvents) -> Json:
    """Return all of ``result`` that a landscape needs, as JSON without the document's whole text.

    It is :meth:`DocumentEvents.to_json` with the number of ``characters``, the ``sha256``, the ``url`` (or None), and
    for each event, outcome and finding its ``sentences``: the cited spans with up to 60 characters on either side.
    SURV-1: ``before + text + after`` is one stretch of the source, and ``start`` is where ``text`` stands in it.
    """
    document = result.document
    told = result.to_json()
    for group in _TOLD:
        for item in told[group]:
            cited = item["citations"] if "citations" in item else [item["citation"]]
            item["sentences"] = [_sentence(document.path, document.text, Span(c["start"], c["end"])) for c in cited]
    told["characters"] = len(document.text)
    told["sha256"] = document.sha256
    told["url"] = getattr(document, "url", None)
    return told


def landscape(results: Iterable[DocumentEvents]) -> Json:
    """Return the JSON-ready landscape of ``results``: :func:`landscape_of` their records."""
    return landscape_of(map(record, results))


def landscape_of(records: Iterable[Json]) -> Json:
    """Return the JSON-ready landscape of ``records``: every cell leads to its events, every event to its sentences.

    Records are taken one by one; only events, outcomes and findings are kept. Shares and similarity are whole parts
    per million; ``problems_solved`` counts the solved problems that texts report.
    """
    events: list[Json] = []
    outcomes: list[Json] = []
    findings: list[Json] = []
    documents: list[Json] = []
    for number, item in enumerate(records, 1):
        events += [_told(event, number, item["path"]) for event in item["events"]]
        outcomes += [_told(event, number, item["path"]) for event in item["outcomes"]]
        findings += [{"path": item["path"], "document": number, **_copy(finding)} for finding in item["findings"]]
        documents.append(_document(item))
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
        "documents": documents,
    }


def mark(landscape: Json, paths: set[str], label: str) -> None:
    """Set ``marked`` to ``label`` on every event of the documents at ``paths`` (the demonstration's own notice)."""
    for event in landscape["events"]:
        if event["path"] in paths:
            event["marked"] = label


def _copy(item: Json) -> Json:
    """Return a copy that shares nothing with ``item``: a record may be used again."""
    copied: Json = json.loads(json.dumps(item, ensure_ascii=False))
    return copied


def _told(item: Json, number: int, path: str) -> Json:
    """Return an event of the landscape: its ids are made unique over documents."""
    prefix = f"d{number}-"
    told = _copy(item)
    told["id"] = prefix + told["id"]
    if told.get("part_of"):
        told["part_of"] = prefix + told["part_of"]
    relative = told["date"].get("relative")
    if relative and relative.get("anchor"):
        relative["anchor"] = prefix + relative["anchor"]
    told["path"] = path
    told["document"] = number
    told["marked"] = None
    return told


def _sentence(path: str, text: str, cited: Span) -> Json:
    return {
        "path": path,
        **cited.cite(text),
        "before": text[max(0, cited.start - _CONTEXT) : cited.start],
        "after": text[cited.end : cited.end + _CONTEXT],
    }


def _document(item: Json) -> Json:
    found = {name: item[name] for name in ("path", "title", "language", "characters", "sha256")}
    return found | {"genre": item["genre"], "url": item.get("url"), "events": len(item["events"])}


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
