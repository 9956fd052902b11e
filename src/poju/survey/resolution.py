"""Work out what an expression of time means, from the event or the day that it counts from.

``value`` is never more exact than what the text says: a quarter or a half year is its year with a `part` and bounds;
«近日» is the month of publication, on or before its day.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

from poju.survey.dates import MONTHS, Mention
from poju.survey.model import Json, When
from poju.survey.numbers import number

_MINGUO = 1911
_MONTHS_OF_YEAR = 12
_YEARS = {
    "今年": 0,
    "本年": 0,
    "去年": -1,
    "上年": -1,
    "前年": -2,
    "明年": 1,
    "来年": 1,
    "后年": 2,
    "this": 0,
    "last": -1,
    "next": 1,
}
_MONTHS_AWAY = {
    "本月": 0,
    "这个月": 0,
    "上月": -1,
    "上个月": -1,
    "下月": 1,
    "下个月": 1,
    "this": 0,
    "last": -1,
    "next": 1,
}
_DAYS = {"昨": -1, "今": 0, "前": -2, "当": 0, "yesterday": -1, "today": 0}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_QUARTERS = {"一": 1, "二": 2, "三": 3, "四": 4, "first": 1, "second": 2, "third": 3, "fourth": 4}
_POINTS = {"初": "early", "中": "mid", "底": "late", "末": "late"}
_FIRST_COUNTED_PLAN = 3
_PLAN_YEARS = 5
DEICTIC = frozenset({"this_year", "this_month", "this_day", "recent", "weekday"})


@dataclass(frozen=True, slots=True)
class Anchor:
    """What a relative date counts from: an event's date (``event`` is its id) or, without one, the publication's."""

    value: str | None
    event: str | None


def counts_from_publication(mention: Mention) -> bool:
    """Return whether ``mention`` counts from the day of the text: 去年, 昨日, 三個月前, `two years ago`."""
    return mention.kind in DEICTIC or (mention.kind == "offset" and mention.parts.get("way") in {"前", "ago"})


def resolve(mention: Mention, anchor: Anchor) -> When | None:
    """Return the date that ``mention`` means, counted from ``anchor`` if relative; None where it cannot be told."""
    resolver = _RESOLVERS.get(mention.kind)
    found = resolver(mention, anchor) if resolver else None
    if found is not None and counts_from_publication(mention):
        return replace(found, basis="published")
    return found


def _absolute(mention: Mention, _anchor: Anchor) -> When | None:
    year = _year(mention.parts["year"])
    return None if year is None else _dated(year, mention, None)


def _minguo(mention: Mention, _anchor: Anchor) -> When | None:
    year = number(mention.parts["year"])
    if year is None:
        return None
    when = _dated(int(year) + _MINGUO, mention, None)
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
    return None if year is None else _with_part(When(str(year), "year", mention.span), mention)


def _this_year(mention: Mention, anchor: Anchor) -> When | None:
    if anchor.value is None:
        return None
    if "last_month" in mention.parts:
        return _last_named_month(mention, anchor)
    which = mention.parts["which"]
    when = _dated(int(anchor.value[:4]) + _YEARS[which], mention, _relation("same_year", anchor))
    return when and _with_part(when, mention)


def _last_named_month(mention: Mention, anchor: Anchor) -> When | None:
    month = next(i for i, name in enumerate(MONTHS, 1) if name.startswith(mention.parts["last_month"][:3]))
    year = int(str(anchor.value)[:4])
    earlier = str(anchor.value)[5:7] > f"{month:02d}"
    named = Mention(mention.kind, mention.span, {"month": str(month)})
    return _dated(year if earlier else year - 1, named, _relation("same_year", anchor))


def _with_part(when: When, mention: Mention) -> When:
    """Add the quarter, half or point of the year that ``mention`` names, with its first and last month."""
    year, parts = when.value or "", mention.parts
    quarter = parts.get("quarter") or parts.get("quarter_word")
    half = parts.get("half") or parts.get("half_word")
    if quarter is not None:
        index = _QUARTERS.get(quarter) or int(quarter)
        bounds = f"{year}-{3 * index - 2:02d}", f"{year}-{3 * index:02d}"
        return replace(when, precision="quarter", part=f"Q{index}", start=bounds[0], end=bounds[1])
    if half in {"上", "first", "下", "second"}:
        first = half in {"上", "first"}
        bounds = (f"{year}-01", f"{year}-06") if first else (f"{year}-07", f"{year}-12")
        return replace(when, precision="half_year", part="H1" if first else "H2", start=bounds[0], end=bounds[1])
    if "season" in parts:
        return replace(when, precision="quarter", part=parts["season"])
    return replace(when, part=_POINTS[parts["point"]]) if "point" in parts else when


def _this_month(mention: Mention, anchor: Anchor) -> When | None:
    if anchor.value is None or len(anchor.value) < len("2000-01"):
        return None
    return _in_month(_moved(anchor.value, _MONTHS_AWAY[mention.parts["which"]]), mention, anchor)


def _same_month(mention: Mention, anchor: Anchor) -> When | None:
    if anchor.value is None or len(anchor.value) < len("2000-01"):
        return None
    return _in_month(anchor.value[:7], mention, anchor)


def _in_month(month: str, mention: Mention, anchor: Anchor) -> When | None:
    named = Mention(mention.kind, mention.span, {**mention.parts, "month": month[5:7]})
    return _dated(int(month[:4]), named, _relation("same_month", anchor))


def _this_day(mention: Mention, anchor: Anchor) -> When | None:
    which = mention.parts["which"]
    day = _day(anchor)
    moved = _DAYS.get(which, _DAYS.get(which[0], 0))
    return None if day is None else _on(day + dt.timedelta(days=moved), mention, anchor)


def _weekday(mention: Mention, anchor: Anchor) -> When | None:
    day = _day(anchor)
    if day is None:
        return None
    back = (day.weekday() - _WEEKDAYS.index(mention.parts["which"])) % len(_WEEKDAYS)
    return _on(day - dt.timedelta(days=back), mention, anchor)


def _same_day(mention: Mention, anchor: Anchor) -> When | None:
    return _soon(mention, replace(anchor)) if anchor.value is not None else None


def _recent(mention: Mention, anchor: Anchor) -> When | None:
    if anchor.value is None:
        return None
    precision = "month" if len(anchor.value) >= len("2000-01") else "year"
    return When(anchor.value[:7], precision, mention.span, _relation("recent", anchor), relation="on_or_before")


def _same_year(mention: Mention, anchor: Anchor) -> When | None:
    if anchor.value is None:
        return None
    return _dated(int(anchor.value[:4]), mention, _relation("same_year", anchor))


def _next_year(mention: Mention, anchor: Anchor) -> When | None:
    if anchor.value is None:
        return None
    year = int(anchor.value[:4]) + 1
    if "season" in mention.parts:
        relative = {**_relation("next_year", anchor), "season": mention.parts["season"]}
        return When(str(year), "quarter", mention.span, relative, part=mention.parts["season"])
    return _dated(year, mention, _relation("next_year", anchor))


def _offset(mention: Mention, anchor: Anchor) -> When | None:
    days = days_of(mention)
    if anchor.value is None:
        return None
    if days is not None:
        day = _day(anchor)
        return None if day is None else _on(day + dt.timedelta(days=days), mention, anchor)
    months = months_of(mention)
    if months is None:
        return None
    relative = {**_relation("offset", anchor), "months": months}
    year = int(anchor.value[:4])
    if len(anchor.value) < len("2000-01") or "/" in anchor.value:
        moved = year + months // _MONTHS_OF_YEAR if months % _MONTHS_OF_YEAR == 0 else None
        return When(str(moved), "year", mention.span, relative) if moved else None
    return When(_moved(anchor.value, months), "month", mention.span, relative)


def _moved(value: str, months: int) -> str:
    index = int(value[:4]) * _MONTHS_OF_YEAR + int(value[5:7]) - 1 + months
    return f"{index // _MONTHS_OF_YEAR:04d}-{index % _MONTHS_OF_YEAR + 1:02d}"


def _soon(mention: Mention, anchor: Anchor) -> When | None:
    if anchor.value is None:
        return None
    precision = {4: "year", 7: "month"}.get(len(anchor.value), "day")
    return When(anchor.value, precision, mention.span, _relation("soon_after", anchor))


_RESOLVERS: dict[str, Callable[[Mention, Anchor], When | None]] = {
    "absolute": _absolute,
    "minguo": _minguo,
    "range": _range,
    "part_of_year": _part_of_year,
    "this_year": _this_year,
    "this_month": _this_month,
    "this_day": _this_day,
    "weekday": _weekday,
    "recent": _recent,
    "same_year": _same_year,
    "same_month": _same_month,
    "same_day": _same_day,
    "next_year": _next_year,
    "offset": _offset,
    "soon": _soon,
}


def _relation(kind: str, anchor: Anchor) -> Json:
    return {"type": kind, "anchor": anchor.event, "anchor_value": anchor.value}


def _day(anchor: Anchor) -> dt.date | None:
    try:
        return dt.date.fromisoformat(anchor.value or "")
    except ValueError:
        return None


def _on(day: dt.date, mention: Mention, anchor: Anchor) -> When:
    start = _day(anchor) or day
    return When(day.isoformat(), "day", mention.span, {**_relation("offset", anchor), "days": (day - start).days})


def months_of(mention: Mention) -> int | None:
    """Return the signed length of an offset in months; None for days and weeks, which move no month for certain."""
    sign = -1 if mention.parts.get("way") in {"前", "earlier", "before", "ago"} else 1
    if "half" in mention.parts:
        return sign * 6
    count = number(mention.parts["count"])
    unit = mention.parts["unit"]
    if count is None or not unit.startswith(("个月", "个半月", "年", "month", "year")):
        return None
    months = int(count * _MONTHS_OF_YEAR) if unit.startswith(("年", "year")) else int(count)
    return sign * (months + (6 if "and_half" in mention.parts and unit == "年" else 0))


def days_of(mention: Mention) -> int | None:
    """Return the signed length of an offset given in days or weeks; None for months and years."""
    unit = mention.parts.get("unit", "")
    count = number(mention.parts.get("count", ""))
    if count is None or unit.startswith(("个月", "个半月", "年", "month", "year")):
        return None
    sign = -1 if mention.parts.get("way") in {"前", "earlier", "before", "ago"} else 1
    return sign * int(count) * (1 if unit.startswith(("天", "日", "day")) else 7)


def _year(text: str) -> int | None:
    value = number(text)
    return int(value) if value is not None else None


def _dated(year: int, mention: Mention, relative: Json | None) -> When | None:
    """Return the date of ``year`` and the month and day that ``mention`` names; None where there is no such day."""
    month = _month(mention)
    if month is None:
        return When(f"{year:04d}", "year", mention.span, relative)
    if not 1 <= month <= _MONTHS_OF_YEAR or not 1 <= year <= 9999:  # noqa: PLR2004 - years of ISO 8601
        return None
    if relative is not None:
        relative = {**relative, "month": month}
    day = number(mention.parts.get("day", ""))
    if day is None:
        return When(f"{year:04d}-{month:02d}", "month", mention.span, relative)
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    return When(f"{year:04d}-{month:02d}-{int(day):02d}", "day", mention.span, relative)


def _month(mention: Mention) -> int | None:
    if "en_month" in mention.parts:
        name = mention.parts["en_month"].rstrip(".")
        return next(i for i, month in enumerate(MONTHS, 1) if month.startswith(name[:3]))
    value = number(mention.parts.get("month", ""))
    return None if value is None else int(value)
