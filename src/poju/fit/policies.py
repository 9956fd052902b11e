"""A region's surveyed policies by field: where it pushes, and whether anything pulls.

Reads ``landscape.json`` of ``poju survey --out``. An event is of a field where a sentence that it cites has a keyword
of the scenario; of overlapping keywords the longest counts (新能源汽車 is a vehicle, not energy). An event may be of
several fields or of none. Pull is the demand side; push and environment together push, as the survey says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from poju.errors import CallerError
from poju.fit.economy import Economy
from poju.fit.regions import Region
from poju.fit.scenarios import scenarios
from poju.i18n import LANGUAGES, SOURCE_LANGUAGE, _

MAXIMUM_BYTES = 64_000_000
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
        raise _refused(path, _("it has more than 64,000,000 bytes"))
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
    "pull", "pushes_without_pull", "events": [{"id", "instrument", "side", "path", "text"}, …]}}}``; counts are events.
    """
    own = [event for event in events if any(_inside(code, region, economy) for code in event["codes"])]
    fields = {event["id"]: fields_of(event["text"]) for event in own}
    found = {}
    for name in scenarios():
        mine = [event for event in own if name in fields[event["id"]]]
        counts = _counts(mine)
        told = [
            {key: event[key] for key in ("id", "instrument", "side", "path")}
            | {"text": event["text"][:LONGEST_SENTENCE]}
            for event in mine
        ]
        pushes = counts["push"] + counts["environment"] > 0
        found[name] = counts | {"pushes_without_pull": pushes and not counts["pull"], "events": told}
    without = sum(not fields[event["id"]] for event in own)
    return {"source": source, "events": len(own), **_counts(own), "without_field": without, "scenarios": found}


def _counts(events: list[Json]) -> dict[str, int]:
    return {side: sum(event["side"] == side for event in events) for side in SIDES}


def _inside(code: str, region: Region, economy: Economy) -> bool:
    """Return whether the place ``code`` is ``region`` or lies in it."""
    if economy.shipped or economy.country == "CN":
        prefix = re.sub(r"(?:00){1,2}$", "", region.code)
        return code.startswith(prefix)
    return code == region.code or (code in economy.places and economy.places[code].parent == region.code)


def fields_of(text: str) -> frozenset[str]:
    """Return the scenarios whose field ``text`` names, by the longest keyword at each place."""
    found = [(match.start(), match.end(), owner) for pattern, owner in _patterns() for match in pattern.finditer(text)]
    return frozenset(owner for start, end, owner in found if not _covered(start, end, owner, found))


def _covered(start: int, end: int, owner: str, found: list[tuple[int, int, str]]) -> bool:
    return any(
        first <= start and end <= last and last - first > end - start and other != owner for first, last, other in found
    )


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return the keywords as patterns: English ones from the start of a word, in any case, Chinese ones as they are."""
    found = []
    for name, scenario in scenarios().items():
        for language in LANGUAGES:
            for word in scenario.keywords[language]:
                start = r"\b" if language == SOURCE_LANGUAGE else ""
                found.append((re.compile(start + re.escape(word), re.IGNORECASE), name))
    return tuple(found)


def _refused(path: Path, reason: str) -> CallerError:
    return CallerError(
        "fit-policies",
        _("The policies in {path} cannot be used: {reason}."),
        hint=_("Give landscape.json as written by: poju survey DOCUMENTS --out FOLDER"),
        path=path.name,
        reason=reason,
    )
