"""Who was first with an instrument, and how many months behind the others came."""

from __future__ import annotations

from collections import defaultdict

from poju.survey.gazetteer import NATION
from poju.survey.model import Json
from poju.survey.scape.rows import rows_of
from poju.survey.scape.timeline import month_name, month_of

Dated = dict[str, tuple[int, list[str]]]


def firsts(events: list[Json], instruments: list[str], official: set[int]) -> list[Json]:
    """Return for each instrument in use who told of it first and who followed.

    Each is {"instrument", "first": {"value", "regions", "events"} | None, "followers": [{"region", "value",
    "months_behind", "events"}], "maybe_earlier": [{"region", "value", "precision", "events"}], "undated": [id],
    "compared", "own_dates", "supported"}.

    Only dates to the month or the day are compared, by calendar month; the country is not a competitor. A region whose
    only date is a year that does not exclude an earlier month is ``maybe_earlier``. ``own_dates`` counts those of the
    ``compared`` regions whose date is that of an official document itself (``official`` holds the numbers of those
    documents): there the measure may be older than the text. ``supported`` wants two dated regions.
    """
    by_instrument: defaultdict[str, list[Json]] = defaultdict(list)
    for event in events:
        by_instrument[event["instrument"]].append(event)
    return [_first(name, by_instrument[name], official) for name in instruments if name in by_instrument]


def told_gaps(events: list[Json]) -> list[Json]:
    """Return the distances in months that texts themselves tell: «7 months after Guiyang».

    Each is {"event", "instrument", "regions", "value", "months", "anchor", "anchor_instrument", "anchor_regions",
    "anchor_value", "same_region"}; ``event`` and ``anchor`` are ids.
    """
    known = {event["id"]: event for event in events}
    found = []
    for event in events:
        relative = event["date"].get("relative") or {}
        anchor = known.get(relative.get("anchor"))
        if relative.get("type") != "offset" or anchor is None:
            continue
        found.append(
            {
                "event": event["id"],
                "instrument": event["instrument"],
                "regions": rows_of(event),
                "value": event["date"]["value"],
                "months": relative["months"],
                "anchor": anchor["id"],
                "anchor_instrument": anchor["instrument"],
                "anchor_regions": rows_of(anchor),
                "anchor_value": anchor["date"]["value"],
                "same_region": bool(set(rows_of(event)) & set(rows_of(anchor))),
            }
        )
    return found


def _first(instrument: str, events: list[Json], official: set[int]) -> Json:
    dated = _earliest(events)
    own = {event["id"] for event in events if event["document"] in official and "relative" not in event["date"]}
    undated = [event["id"] for event in events if event["date"]["value"] is None]
    start = min((month for month, _ids in dated.values()), default=None)
    followers = sorted((month, region, ids) for region, (month, ids) in dated.items() if month != start)
    leaders = {region: ids for region, (month, ids) in dated.items() if month == start}
    return {
        "instrument": instrument,
        "first": None
        if start is None
        else {
            "value": month_name(start),
            "regions": list(leaders),
            "events": list(dict.fromkeys(identifier for ids in leaders.values() for identifier in ids)),
        },
        "followers": [
            {"region": region, "value": month_name(month), "months_behind": month - (start or 0), "events": ids}
            for month, region, ids in followers
        ],
        "maybe_earlier": [] if start is None else _maybe_earlier(events, dated, start),
        "undated": undated,
        "compared": len(dated),
        "own_dates": sum(1 for _month, ids in dated.values() if own.issuperset(ids)),
        "supported": len(dated) > 1,
    }


def _earliest(events: list[Json]) -> Dated:
    """Return for each region its first month with the instrument, and the events of that month."""
    found: Dated = {}
    for event in events:
        month = month_of(event)
        for region in rows_of(event) if month is not None else ():
            if region == NATION or month is None:
                continue
            known = found.get(region)
            if known is None or month < known[0]:
                found[region] = (month, [event["id"]])
            elif month == known[0]:
                known[1].append(event["id"])
    return found


def _maybe_earlier(events: list[Json], dated: Dated, start: int) -> list[Json]:
    """Return the regions with a date of year or quarter that may lie before ``start``."""
    found: dict[tuple[str, str], Json] = {}
    for event in events:
        date = event["date"]
        if date["value"] is None or month_of(event) is not None or int(date["value"][:4]) * 12 > start:
            continue
        for region in rows_of(event):
            if region != NATION and dated.get(region, (start + 1,))[0] > start:
                blank = {"region": region, "value": date["value"], "precision": date["precision"], "events": []}
                found.setdefault((region, date["value"]), blank)["events"].append(event["id"])
    return list(found.values())
