"""The landscape as tables for a spreadsheet: CSV by RFC 4180, UTF-8 with a byte order mark, safe to open.

A spreadsheet takes a cell that begins with =, +, - or @ for a formula; texts come from anywhere, so such a cell gets an
apostrophe before it (OWASP, CSV injection; the full-width forms, tab and carriage return too). Numbers are not texts.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator

from poju.survey.model import Json
from poju.survey.scape.rows import LANGUAGES, SIDES

Row = dict[str, object]
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
_BYTE_ORDER_MARK = "\ufeff"


def tables(landscape: Json) -> Iterator[tuple[str, bytes]]:
    """Yield ``(file name, content)`` of every table of ``landscape``."""
    for name, make in _TABLES.items():
        yield name, table(make(landscape))


def table(rows: Iterable[Row]) -> bytes:
    """Return ``rows`` as CSV; the first row's names are the header; nothing but a mark where there is no row."""
    out = io.StringIO(newline="")
    out.write(_BYTE_ORDER_MARK)
    writer: csv.DictWriter[str] | None = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(out, list(row))
            writer.writeheader()
        writer.writerow({name: cell(value) for name, value in row.items()})
    return out.getvalue().encode("utf-8", errors="replace")


def cell(value: object) -> object:
    """Return ``value`` as a cell: None is empty, a list is joined by a semicolon, no text is a formula."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        value = "; ".join(str(item) for item in value)
    if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA):
        return f"'{value}"
    return value


def _named(names: Json, prefix: str) -> Row:
    return {f"{prefix}_{language.lower().replace('-', '_')}": names[language] for language in LANGUAGES}


def _events(landscape: Json) -> Iterator[Row]:
    titles = {number: document["title"] for number, document in enumerate(landscape["documents"], 1)}
    kinds = {item["id"]: item["names"] for item in landscape["instruments"]}
    for event in landscape["events"]:
        yield {
            "id": event["id"],
            "instrument": event["instrument"],
            **_named(kinds[event["instrument"]], "instrument"),
            "side": event["side"],
            "thrust": event["thrust"],
            "region_codes": [region["code"] or "" for region in event["regions"]],
            "regions": [region["name"] for region in event["regions"]],
            "date": event["date"]["value"],
            "date_precision": event["date"]["precision"],
            "amounts": [_amount(amount) for amount in event["amounts"]],
            "issuers": [issuer["name"] for issuer in event["issuers"]],
            "enterprises": [enterprise["name"] for enterprise in event["enterprises"]],
            "status": event["status"],
            "part_of": event.get("part_of"),
            "confidence_ppm": event.get("confidence_ppm"),
            "marked": event["marked"],
            "document": event["path"],
            "document_title": titles[event["document"]],
            "cited": [sentence["text"] for sentence in event["sentences"]],
        }


def _amount(amount: Json) -> str:
    figure = amount["yuan"] if amount.get("yuan") is not None else amount.get("value")
    percent = f", {amount['percent']} %" if amount.get("percent") is not None else ""
    return f"{figure} {amount['currency']}{percent} ({', '.join(amount['semantics'])})"


def _sentences(landscape: Json) -> Iterator[Row]:
    for group in ("events", "outcomes"):
        for event in landscape[group]:
            yield from (_sentence(event["id"], sentence) for sentence in event["sentences"])
    for finding in landscape["findings"]:
        yield from (_sentence(finding["type"], sentence) for sentence in finding["sentences"])


def _sentence(told_by: str, sentence: Json) -> Row:
    names = ("path", "start", "end", "before", "text", "after")
    return {"told_by": told_by, **{name: sentence[name] for name in names}}


def _matrix(landscape: Json) -> Iterator[Row]:
    counts = {(item["region"], item["instrument"]): len(item["events"]) for item in landscape["cells"]}
    for region in landscape["regions"]:
        yield {
            "region": region["code"],
            **_named(region["name"], "name"),
            "level": region["level"],
            "tier": region["tier"],
            "documents": region["documents"],
            **region["counts"],
            **{item["id"]: counts.get((region["code"], item["id"]), 0) for item in landscape["instruments"]},
        }


def _outcomes(landscape: Json) -> Iterator[Row]:
    for outcome in landscape["outcomes"]:
        yield {
            "id": outcome["id"],
            "subtype": outcome.get("subtype"),
            "count": outcome["count"]["value"] if outcome.get("count") else None,
            "relation": outcome["count"]["relation"] if outcome.get("count") else None,
            "regions": [region["name"] for region in outcome["regions"]],
            "enterprises": [enterprise["name"] for enterprise in outcome["enterprises"]],
            "document": outcome["path"],
            "cited": [sentence["text"] for sentence in outcome["sentences"]],
        }


def _findings(landscape: Json) -> Iterator[Row]:
    for finding in landscape["findings"]:
        yield {
            "type": finding["type"],
            "instruments": finding["instruments"],
            "document": finding["path"],
            "cited": [sentence["text"] for sentence in finding["sentences"]],
        }


def _timeline(landscape: Json) -> Iterator[Row]:
    line = landscape["timeline"]
    for kind, periods in ((line["unit"], line["periods"]), ("only the year is told", line["coarse"])):
        yield from ({"period": p["period"], "kind": kind, **{side: p[side] for side in SIDES}} for p in periods)
    yield {"period": "", "kind": "undated", **{side: line["undated"][side] for side in SIDES}}


def _provinces(landscape: Json) -> Iterator[Row]:
    for tile in landscape["tiles"]:
        counted = {side: tile[side] for side in SIDES}
        yield {"province": tile["code"], **_named(tile["names"], "name"), "events": len(tile["events"]), **counted}


def _tiers(landscape: Json) -> Iterator[Row]:
    for tier in landscape["tiers"]:
        yield {
            "tier": tier["tier"],
            **_named(tier["names"], "name"),
            "regions_told": len(tier["regions"]),
            "regions_in_all": tier["units"] or None,
            "events": len(tier["events"]),
            **{side: tier[side] for side in SIDES},
            "instruments_per_region_milli": tier["instruments_milli"],
            "supported": int(tier["supported"]),
        }


def _firsts(landscape: Json) -> Iterator[Row]:
    for item in landscape["firsts"]:
        blank = {"instrument": item["instrument"], "supported": int(item["supported"])}
        if item["first"] is not None:
            for region in item["first"]["regions"]:
                yield {**blank, "region": region, "rank": "first", "date": item["first"]["value"], "months_behind": 0}
        for one in item["followers"]:
            row = {"region": one["region"], "rank": "follower", "date": one["value"]}
            yield {**blank, **row, "months_behind": one["months_behind"]}
        for one in item["maybe_earlier"]:
            row = {"region": one["region"], "rank": "maybe earlier", "date": one["value"]}
            yield {**blank, **row, "months_behind": None}


def _similarity(landscape: Json) -> Iterator[Row]:
    for pair in landscape["similarity"]["pairs"]:
        yield {**pair, "above_chance_ppm": pair["ppm"] - pair["expected_ppm"]}


_TABLES: dict[str, Callable[[Json], Iterator[Row]]] = {
    "events.csv": _events,
    "sentences.csv": _sentences,
    "matrix.csv": _matrix,
    "outcomes.csv": _outcomes,
    "findings.csv": _findings,
    "timeline.csv": _timeline,
    "provinces.csv": _provinces,
    "tiers.csv": _tiers,
    "firsts.csv": _firsts,
    "similarity.csv": _similarity,
}
