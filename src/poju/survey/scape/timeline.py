"""When: events by month, or by year where they span more than three years; what has no date is counted apart."""

from __future__ import annotations

from collections import Counter, defaultdict

from poju.survey.model import Json
from poju.survey.scape.rows import tally

TO_THE_MONTH = ("day", "month")
_PRECISIONS = ("day", "month", "quarter", "year", "none")
_LONGEST_IN_MONTHS = 36
_LONGEST_FILLED = 120


def month_of(event: Json) -> int | None:
    """Return the event's month, counted from the year 0; None where its date is coarser than a month."""
    date = event["date"]
    if date["precision"] not in TO_THE_MONTH:
        return None
    return int(date["value"][:4]) * 12 + int(date["value"][5:7]) - 1


def month_name(index: int) -> str:
    """Return the month as ISO 8601, 2017-05."""
    return f"{index // 12:04d}-{index % 12 + 1:02d}"


def timeline(events: list[Json]) -> Json:
    """Return ``{"unit", "periods", "coarse", "undated", "precision"}``.

    ``unit`` is month or year; ``periods`` are [{"period", "events", "push", "environment", "pull"}] in order of time,
    the empty ones between them too; ``coarse`` holds by year what a timeline by month cannot place; ``undated`` is what
    has no date; ``precision`` counts the events by the precision of their date.
    """
    months = [month for event in events if (month := month_of(event)) is not None]
    by_month = bool(months) and max(months) - min(months) < _LONGEST_IN_MONTHS
    placed: defaultdict[int, list[Json]] = defaultdict(list)
    coarse: defaultdict[str, list[Json]] = defaultdict(list)
    undated: list[Json] = []
    for event in events:
        month = month_of(event)
        if event["date"]["value"] is None:
            undated.append(event)
        elif not by_month:
            placed[int(event["date"]["value"][:4])].append(event)
        elif month is not None:
            placed[month].append(event)
        else:
            coarse[event["date"]["value"][:4]].append(event)
    told = Counter(event["date"]["precision"] for event in events)
    return {
        "unit": "month" if by_month else "year",
        "periods": [
            {"period": month_name(index) if by_month else f"{index:04d}", **tally(placed.get(index, []))}
            for index in _filled(sorted(placed))
        ],
        "coarse": [{"period": year, **tally(coarse[year])} for year in sorted(coarse)],
        "undated": tally(undated),
        "precision": {name: told[name] for name in _PRECISIONS},
    }


def _filled(indices: list[int]) -> list[int]:
    """Return all periods from the first to the last; only the told ones where a stray date would make a long void."""
    if not indices or indices[-1] - indices[0] > _LONGEST_FILLED:
        return indices
    return list(range(indices[0], indices[-1] + 1))
