"""Work out what an expression of time means, from the event or the day that it counts from.

``value`` is never more exact than what the text says: a quarter or a half year is its year with a `part` and bounds;
«近日» is the month of publication, on or before its day.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from poju.survey.dates import Mention
from poju.survey.deixis import recent, this_day, this_month, this_quarter, this_week, this_year, weekday
from poju.survey.model import When
from poju.survey.numbers import number
from poju.survey.reckoning import (
    MONTH_LONG,
    MONTHS_OF_YEAR,
    Anchor,
    dated,
    days_of,
    in_month,
    month_of,
    months_of,
    moved_by,
    moved_months,
    named_month,
    on_day,
    relation_to,
    same_day_of_year,
    with_part,
)

__all__ = ["Anchor", "counts_from_publication", "five_year_plan", "resolve"]

_MINGUO = 1911
_STEPS_BACK = ("前", "上", "previous", "preceding", "before")
_FIRST_COUNTED_PLAN = 3
_PLAN_YEARS = 5
DEICTIC = frozenset({"this_year", "this_month", "this_day", "this_week", "this_quarter", "recent", "weekday"})


def counts_from_publication(mention: Mention) -> bool:
    """Return whether ``mention`` counts from the day of the text: 去年, 昨日, 三個月前, `two years ago`."""
    return mention.kind in DEICTIC or (mention.kind == "offset" and mention.parts.get("way") in {"前", "ago"})


def resolve(mention: Mention, anchor: Anchor) -> When | None:
    """Return the date that ``mention`` means, counted from ``anchor`` if relative; None where it cannot be told."""
    resolver = _RESOLVERS.get(mention.kind)
    found = resolver(mention, anchor) if resolver else None
    if found is not None and counts_from_publication(mention) and anchor.event is None and not anchor.told:
        return replace(found, basis="published")
    return found


def _absolute(mention: Mention, _anchor: Anchor) -> When | None:
    year = _year(mention.parts["year"])
    return None if year is None else dated(year, mention, None)


def _minguo(mention: Mention, _anchor: Anchor) -> When | None:
    year = number(mention.parts["year"])
    if year is None:
        return None
    when = dated(int(year) + _MINGUO, mention, None)
    return when and replace(when, calendar="minguo")


def _range(mention: Mention, _anchor: Anchor) -> When | None:
    start, end = mention.parts["year"], mention.parts["end_year"]
    return When(f"{start}/{end}", "period", mention.span, start=start, end=end) if start < end else None


def five_year_plan(mention: Mention) -> When | None:
    """Return the years of «十四五» (2021/2025) and its like, from the third plan (1966–1970) on; the act is within."""
    ordinal = number(mention.parts.get("plan") or "") or number(mention.parts.get("plan_en") or "")
    if ordinal is None or not _FIRST_COUNTED_PLAN <= ordinal <= 99:  # noqa: PLR2004 - bound
        return None
    start = 1966 + _PLAN_YEARS * (int(ordinal) - _FIRST_COUNTED_PLAN)
    end = start + _PLAN_YEARS - 1
    return When(f"{start}/{end}", "period", mention.span, relation="within", start=str(start), end=str(end))


def _part_of_year(mention: Mention, _anchor: Anchor) -> When | None:
    year = _year(mention.parts["year"])
    return None if year is None else with_part(When(str(year), "year", mention.span), mention)


def _same_month(mention: Mention, anchor: Anchor) -> When | None:
    if anchor.value is None or len(anchor.value) < len("2000-01"):
        return None
    return in_month(anchor.value[:7], mention, anchor)


def _bare_day(mention: Mention, anchor: Anchor) -> When | None:
    """Return the last such day up to the day of the text, or that day of an event's own month."""
    if anchor.value is None or len(anchor.value) < MONTH_LONG:
        return None
    if anchor.event is None and not anchor.told:
        latest = anchor.value if len(anchor.value) > MONTH_LONG else f"{anchor.value}-31"
        named = on_day(latest, mention.parts, mention.span)
        return named and replace(named, relative=relation_to("same_month", anchor))
    return in_month(anchor.value[:MONTH_LONG], mention, anchor)


def _same_day(mention: Mention, anchor: Anchor) -> When | None:
    return _soon(mention, replace(anchor)) if anchor.value is not None else None


def _same_year(mention: Mention, anchor: Anchor) -> When | None:
    if anchor.value is None:
        return None
    when = dated(int(anchor.value[:4]), mention, relation_to("same_year", anchor))
    return when and with_part(when, mention)


def _next_named_month(mention: Mention, anchor: Anchor) -> When | None:
    """Return the first such month after the anchor: `the following March`."""
    if anchor.value is None:
        return None
    month = named_month(mention.parts["named_month"])
    later = int(anchor.value[:4]) + (len(anchor.value) < MONTH_LONG or month <= int(anchor.value[5:7]))
    return When(f"{later:04d}-{month:02d}", "month", mention.span, {**relation_to("next_year", anchor), "month": month})


def _step(mention: Mention, anchor: Anchor) -> When | None:
    """Return the next or the previous day, week, month or year, counted from the anchor."""
    back = mention.parts["step"].startswith(_STEPS_BACK)
    parts = {**mention.parts, "count": "1", "way": "前" if back else "后"}
    return _offset(Mention("step", mention.span, parts), anchor)


def _next_year(mention: Mention, anchor: Anchor) -> When | None:
    if anchor.value is None:
        return None
    year = int(anchor.value[:4]) + 1
    if "season" in mention.parts:
        relative = {**relation_to("next_year", anchor), "season": mention.parts["season"]}
        return When(str(year), "quarter", mention.span, relative, part=mention.parts["season"])
    return dated(year, mention, relation_to("next_year", anchor))


def _offset(mention: Mention, anchor: Anchor) -> When | None:
    days, months = days_of(mention), months_of(mention)
    if anchor.value is None or "/" in anchor.value or (days is None and months is None):
        return None
    if days is not None:
        return moved_by(days, mention, anchor)
    return _months_from(anchor, anchor.value, months or 0, mention)


def _months_from(anchor: Anchor, value: str, months: int, mention: Mention) -> When | None:
    """Return the month that lies ``months`` from ``value``, or the day, month or season that the words then name."""
    relative = {**relation_to("offset", anchor), "months": months}
    if "today" in mention.parts:
        return same_day_of_year(anchor, int(value[:4]) + months // MONTHS_OF_YEAR, mention, exact=True)
    counted = mention.kind != "step" and ("count" in mention.parts or "half" in mention.parts)
    if not counted and mention.parts.get("unit", "").startswith(("年", "year")):
        return dated(int(value[:4]) + months // MONTHS_OF_YEAR, mention, relative)
    if len(value) < MONTH_LONG:
        whole = months % MONTHS_OF_YEAR == 0
        return dated(int(value) + months // MONTHS_OF_YEAR, mention, relative) if whole else None
    moved = moved_months(value, months)
    if month_of(mention.parts) is not None:
        return dated(int(moved[:4]), mention, relative)
    if "season" in mention.parts:
        return with_part(When(moved[:4], "year", mention.span, relative), mention)
    return When(moved, "month", mention.span, relative)


def _soon(mention: Mention, anchor: Anchor) -> When | None:
    if anchor.value is None:
        return None
    precision = {4: "year", 7: "month"}.get(len(anchor.value), "day")
    return When(anchor.value, precision, mention.span, relation_to("soon_after", anchor))


_RESOLVERS: dict[str, Callable[[Mention, Anchor], When | None]] = {
    "absolute": _absolute,
    "minguo": _minguo,
    "range": _range,
    "part_of_year": _part_of_year,
    "this_year": this_year,
    "this_month": this_month,
    "this_day": this_day,
    "this_week": this_week,
    "this_quarter": this_quarter,
    "bare_day": _bare_day,
    "step": _step,
    "next_named_month": _next_named_month,
    "compared": _offset,
    "weekday": weekday,
    "recent": recent,
    "same_year": _same_year,
    "same_month": _same_month,
    "same_day": _same_day,
    "next_year": _next_year,
    "offset": _offset,
    "soon": _soon,
}


def _year(text: str) -> int | None:
    value = number(text)
    return int(value) if value is not None else None
