"""Events of many documents → one landscape: regions × instruments, counts, shares, how alike the regions are.

A document becomes a `record` (plain JSON that may cross a process boundary or a file), records become the landscape;
so a thousand documents can be read elsewhere, and their texts need not be held here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from poju.survey.cues import instruments
from poju.survey.gazetteer import every_division, row_of
from poju.survey.model import DocumentEvents, Json, Span
from poju.survey.scape.alike import similarity
from poju.survey.scape.firsts import firsts, told_gaps
from poju.survey.scape.gaps import gaps
from poju.survey.scape.levels import levels
from poju.survey.scape.rows import PPM, codes_of, names_of, province_of, rows_of, short_names_of, sides, tier_of
from poju.survey.scape.shares import shares
from poju.survey.scape.tiles import tiles
from poju.survey.scape.timeline import timeline

_CONTEXT = 60
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
    kinds: list[Json] = [
        {"id": item.id, "names": item.names, "short": item.short, "side": item.side, "thrust": item.thrust}
        for item in instruments().values()
    ]
    official = {number for number, document in enumerate(documents, 1) if document["genre"] == "official"}
    counted = sides(events)
    return {
        "instruments": kinds,
        "regions": _regions(events),
        "cells": _cells(events),
        "events": events,
        "outcomes": outcomes,
        "problems_solved": sum(o["count"]["value"] for o in outcomes if o.get("subtype") == "problems_solved"),
        "findings": findings,
        "counts": {"events": len(events), "places": len({code for e in events for code in codes_of(e)}), **counted},
        "shares_ppm": {side: count * PPM // max(1, len(events)) for side, count in counted.items()},
        "similarity": similarity(events),
        "documents": documents,
        "shares": shares(events),
        "timeline": timeline(events),
        "tiles": tiles(events),
        "tiers": levels(events),
        "firsts": firsts(events, [item["id"] for item in kinds], official),
        "told_gaps": told_gaps(events),
        "gaps": gaps(events, kinds),
        "sample": _sample(events, documents),
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


def _regions(events: list[Json]) -> list[Json]:
    """Return the rows in the order in which they are first told; ``parts`` are the districts told under a city."""
    parts: dict[str, list[str]] = {}
    held: dict[str, list[Json]] = {}
    unknown = {region["name"]: region for event in events for region in event["regions"] if region["code"] is None}
    for event in events:
        for row in rows_of(event):
            held.setdefault(row, []).append(event)
        for code in codes_of(event):
            known = parts.setdefault(row_of(code), [])
            if code not in known:
                known.append(code)
    return [_row(code, told, held[code], unknown) for code, told in parts.items()]


def _row(code: str, parts: list[str], events: list[Json], unknown: dict[str, Json]) -> Json:
    division = every_division().get(code)
    level = division.level if division is not None else unknown[code]["level"]
    return {
        "code": code,
        "name": names_of(code),
        "level": level,
        "parts": parts,
        "short": short_names_of(code),
        "province": province_of(code),
        "tier": tier_of(code).id,
        "documents": len({event["document"] for event in events}),
        "counts": {"events": len(events), **sides(events)},
    }


def _cells(events: list[Json]) -> list[Json]:
    cells: dict[tuple[str, str], list[str]] = {}
    for event in events:
        for code in rows_of(event):
            cells.setdefault((code, event["instrument"]), []).append(event["id"])
    return [{"region": code, "instrument": name, "events": ids} for (code, name), ids in cells.items()]


def _sample(events: list[Json], documents: list[Json]) -> Json:
    """Return what the figures rest on, so that a page can say what they do not support."""
    sources: dict[str, set[int]] = {}
    for event in events:
        for row in rows_of(event):
            sources.setdefault(row, set()).add(event["document"])
    return {
        "documents": len(documents),
        "official": sum(1 for document in documents if document["genre"] == "official"),
        "without_events": sum(1 for document in documents if not document["events"]),
        "regions": len(sources),
        "regions_of_one_document": sum(1 for held in sources.values() if len(held) == 1),
        "undated": sum(1 for event in events if event["date"]["value"] is None),
        "aggregate": sum(1 for event in events if event["aggregate"]),
    }
