"""A region's surveyed policies by field: where it pushes, and whether anything pulls.

Reads ``landscape.json`` of ``poju survey --out``. An event is of a field where a sentence that it cites names it
(:mod:`poju.fit.policy_fields`); it may be of several fields or of none. Pull is the demand side; push and environment
together push, as the survey says. The provinces around are counted in the same way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from poju.errors import CallerError
from poju.fit.borders import borders
from poju.fit.economy import Economy
from poju.fit.policy_fields import fields_of
from poju.fit.regions import Region, regions
from poju.fit.scenarios import scenarios
from poju.i18n import _

MAXIMUM_BYTES = 256_000_000
MAXIMUM_EVENTS = 200_000
LONGEST_SENTENCE = 200
SIDES = ("push", "environment", "pull")

Json = dict[str, Any]


def read_policies(path: Path) -> list[Json]:
    """Return the events of the landscape at ``path``: ``id``, ``side``, ``codes``, ``text``, ``instrument``, ``path``.

    Raises :class:`CallerError` ``fit-policies`` where it is no landscape of a survey, or beyond its bounds.
    """
    try:
        with path.open("rb") as handle:
            content = handle.read(MAXIMUM_BYTES + 1)
    except (OSError, ValueError) as error:
        raise _refused(path, _("it cannot be read")) from error
    if len(content) > MAXIMUM_BYTES:
        raise _refused(path, _("it has more than 256,000,000 bytes"))
    try:
        raw = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _refused(path, _("it is no JSON")) from error
    events = raw.get("events") if isinstance(raw, dict) else None
    if not isinstance(events, list) or len(events) > MAXIMUM_EVENTS:
        raise _refused(path, _("it has no list of at most 200,000 events"))
    try:
        return [_event(event) for event in events]
    except (KeyError, TypeError, ValueError) as error:
        raise _refused(path, _("an event lacks its id, side, regions or sentences")) from error


def _event(raw: Json) -> Json:
    event = {"id": raw["id"], "side": raw["side"], "instrument": raw["instrument"], "path": raw.get("path", "")}
    texts = [sentence["text"] for sentence in raw["sentences"]]
    codes = [region["code"] for region in raw["regions"]]
    if event["side"] not in SIDES or not all(isinstance(item, str) for item in (*event.values(), *texts)):
        raise ValueError(event["side"])
    return event | {"codes": [code for code in codes if isinstance(code, str)], "text": " ".join(texts)}


def column(events: Iterable[Json], region: Region, economy: Economy, source: str) -> Json:
    """Return the policies of ``region`` and of the places in it, by field, JSON-ready.

    ``{"source", "events", "push", "environment", "pull", "without_field", "scenarios": {id: {"push", "environment",
    "pull", "pushes_without_pull", "events": [{"id", "instrument", "side", "path", "text"}, …]}}, "neighbours":
    [{"code", "names", "events", "push", "environment", "pull", "without_field", "scenarios": {id: {"push",
    "environment", "pull"}}}, …]}``; counts are events. The neighbours are the provinces that border on this one, each
    of them even where the survey holds nothing about it (``events`` 0); of another economy none are known.
    """
    given = list(events)
    own = _of(given, region, economy)
    found = {}
    for name in scenarios():
        mine = [event for event, fields in own if name in fields]
        counts = _counts(mine)
        told = [
            {key: event[key] for key in ("id", "instrument", "side", "path")}
            | {"text": event["text"][:LONGEST_SENTENCE]}
            for event in mine
        ]
        pushes = counts["push"] + counts["environment"] > 0
        found[name] = counts | {"pushes_without_pull": pushes and not counts["pull"], "events": told}
    around = borders().get(region.code, ()) if economy.shipped else ()
    return {
        "source": source,
        **_totals(own),
        "scenarios": found,
        "neighbours": [_neighbour(given, regions()[code], economy) for code, _border in around],
    }


_Sorted = list[tuple[Json, frozenset[str]]]
"""Events, each with the scenarios whose field it names."""


def _of(events: list[Json], region: Region, economy: Economy) -> _Sorted:
    """Return the events of ``region`` and of the places in it."""
    own = (event for event in events if any(_inside(code, region, economy) for code in event["codes"]))
    return [(event, fields_of(event["text"])) for event in own]


def _neighbour(events: list[Json], region: Region, economy: Economy) -> Json:
    own = _of(events, region, economy)
    fields = {name: _counts([event for event, named in own if name in named]) for name in scenarios()}
    counted = {name: counts for name, counts in fields.items() if any(counts.values())}
    return {"code": region.code, "names": region.names, **_totals(own), "scenarios": counted}


def _totals(own: _Sorted) -> dict[str, int]:
    without = sum(not fields for _event, fields in own)
    return {"events": len(own), **_counts([event for event, _fields in own]), "without_field": without}


def _counts(events: list[Json]) -> dict[str, int]:
    return {side: sum(event["side"] == side for event in events) for side in SIDES}


def _inside(code: str, region: Region, economy: Economy) -> bool:
    """Return whether the place ``code`` is ``region`` or lies in it."""
    if economy.shipped or economy.country == "CN":
        prefix = re.sub(r"(?:00){1,2}$", "", region.code)
        return code.startswith(prefix)
    return code == region.code or (code in economy.places and economy.places[code].parent == region.code)


def _refused(path: Path, reason: str) -> CallerError:
    return CallerError(
        "fit-policies",
        _("The policies in {path} cannot be used: {reason}."),
        hint=_("Give landscape.json as written by: poju survey DOCUMENTS --out FOLDER"),
        path=path.name,
        reason=reason,
    )
