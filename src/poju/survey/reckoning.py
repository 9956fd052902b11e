"""Count on a calendar: moved months and days, named days of a month, the length of an offset.

Values are ISO 8601 cut to their precision: a year, a month or a day.
"""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass, replace

from poju.survey.dates import MONTHS, Mention
from poju.survey.model import Json, Span, When
from poju.survey.numbers import number

MONTHS_OF_YEAR = 12
_DAYS_OF = {"周": 7, "星": 7, "礼": 7, "个星": 7, "个礼": 7, "week": 7, "fortnight": 14}
_QUARTERS = {"一": 1, "二": 2, "三": 3, "四": 4, "first": 1, "second": 2, "third": 3, "fourth": 4}
_POINTS = {"初": "early", "中": "mid", "底": "late", "末": "late"}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTH_LONG = len("2000-01")
_BACK = frozenset({"前", "早", "早于", "先", "先于", "提前", "领先", "领先于", "快"})
_BACK |= {"earlier", "before", "previously", "prior", "ahead", "ago"}


@dataclass(frozen=True, slots=True)
class Anchor:
    """What a date counts from: an event's (``event`` is its id), one that was ``told``, or the day of the text."""

    value: str | None
    event: str | None
    told: bool = False


def sign_of(mention: Mention) -> int:
    """Return −1 where ``mention`` counts back, else 1."""
    return -1 if mention.parts.get("way", "").split(" ")[0] in _BACK else 1


def moved_months(value: str, months: int) -> str:
    """Return the month that lies ``months`` after the month of ``value``."""
    index = int(value[:4]) * MONTHS_OF_YEAR + int(value[5:7]) - 1 + months
    return f"{index // MONTHS_OF_YEAR:04d}-{index % MONTHS_OF_YEAR + 1:02d}"


def day_of(value: str | None) -> dt.date | None:
    """Return ``value`` as a day; None where it is less exact."""
    try:
        return dt.date.fromisoformat(value or "")
    except ValueError:
        return None


def moved_days(value: str, days: int) -> str | None:
    """Return ``value`` moved by ``days``: a day stays a day; a month is counted from its middle and stays a month."""
    day = day_of(value)
    if day is not None:
        return (day + dt.timedelta(days=days)).isoformat()
    if len(value) != MONTH_LONG:
        return None
    middle = dt.date(int(value[:4]), int(value[5:7]), 15)
    return (middle + dt.timedelta(days=days)).isoformat()[:MONTH_LONG]


def weekday_of(name: str) -> int:
    """Return the weekday of an English or a Chinese name, Monday 0."""
    return _WEEKDAYS.index(name) if name in _WEEKDAYS else min("一二三四五六日天".index(name), 6)


def on_day(latest: str | None, parts: dict[str, str], span: Span) -> When | None:
    """Return the last day with the ``month`` and ``day`` of ``parts`` that is not after the day ``latest``.

    Without a month it is the last such day of any month; without ``latest`` the year is left as 2000.
    """
    day = number(parts.get("day", ""))
    month = month_of(parts)
    if day is None or (latest is None and month is None):
        return None
    year = int(latest[:4]) if latest else 2000
    at = month or int((latest or "2000-01")[5:7])
    if latest is not None and f"{year:04d}-{at:02d}-{int(day):02d}" > latest:
        year, at = (year - 1, at) if month else ((year, at - 1) if at > 1 else (year - 1, MONTHS_OF_YEAR))
    if not 1 <= at <= MONTHS_OF_YEAR or not 1 <= int(day) <= calendar.monthrange(year, at)[1]:
        return None
    return When(f"{year:04d}-{at:02d}-{int(day):02d}", "day", span)


def month_of(parts: dict[str, str]) -> int | None:
    """Return the number of the month that ``parts`` name in digits, Chinese or English."""
    if "en_month" in parts:
        name = parts["en_month"].rstrip(".")
        return next(i for i, month in enumerate(MONTHS, 1) if month.startswith(name[:3]))
    value = number(parts.get("month", ""))
    return None if value is None else int(value)


def months_of(mention: Mention) -> int | None:
    """Return the signed length of an offset in months; None for days and weeks, which move no month for certain."""
    unit = mention.parts.get("unit", "年" if "half" in mention.parts else "")
    if "half" in mention.parts:
        return sign_of(mention) * 6 if unit in {"年", "year", "months"} else None
    count = number(mention.parts.get("count", "1"))
    if count is None or not unit.startswith(("个月", "月", "个半月", "个多月", "年", "month", "year", "个季", "季度")):
        return None
    months = count * (MONTHS_OF_YEAR if unit.startswith(("年", "year")) else 3 if "季" in unit else 1)
    more = 6 if "and_half" in mention.parts and unit.startswith(("年", "year")) else 0
    return sign_of(mention) * (int(months) + more)


def days_of(mention: Mention) -> int | None:
    """Return the signed length of an offset given in days, weeks or half a month; None for months and years."""
    unit = mention.parts.get("unit", "")
    if "half" in mention.parts:
        return sign_of(mention) * 15 if unit == "个月" else None
    count = number(mention.parts.get("count", "1"))
    if count is None or not unit.startswith(("天", "日", "day", *_DAYS_OF)):
        return None
    length = next((days for name, days in _DAYS_OF.items() if unit.startswith(name)), 1)
    return sign_of(mention) * int(count) * length


def dated(year: int, mention: Mention, relative: Json | None) -> When | None:
    """Return the date of ``year`` and the month and day that ``mention`` names; None where there is no such day."""
    month = month_of(mention.parts)
    if month is None:
        return When(f"{year:04d}", "year", mention.span, relative)
    if not 1 <= month <= MONTHS_OF_YEAR or not 1 <= year <= 9999:  # noqa: PLR2004 - years of ISO 8601
        return None
    if relative is not None:
        relative = {**relative, "month": month}
    day = number(mention.parts.get("day", ""))
    if day is None:
        return When(f"{year:04d}-{month:02d}", "month", mention.span, relative)
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    return When(f"{year:04d}-{month:02d}-{int(day):02d}", "day", mention.span, relative)


def with_part(when: When, mention: Mention) -> When:
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


def relation_to(kind: str, anchor: Anchor) -> Json:
    """Return how a date was worked out: its kind and what it counts from."""
    return {"type": kind, "anchor": anchor.event, "anchor_value": anchor.value}


def moved_by(days: int, mention: Mention, anchor: Anchor) -> When | None:
    """Return the anchor moved by ``days``; None where it is a year."""
    moved = moved_days(anchor.value, days) if anchor.value else None
    if moved is None:
        return None
    precision = "day" if len(moved) > MONTH_LONG else "month"
    return When(moved, precision, mention.span, {**relation_to("offset", anchor), "days": days})


def same_day_of_year(anchor: Anchor, year: int, mention: Mention, *, exact: bool) -> When:
    """Return the anchor's day (its month unless ``exact``) in another year: 去年此時, 兩年前的今天."""
    rest = str(anchor.value)[4:] if exact else str(anchor.value)[4:MONTH_LONG]
    precision = "day" if len(rest) > len("-01") else "month"
    return When(f"{year:04d}{rest}", precision, mention.span, relation_to("same_day", anchor))


def on_date(day: dt.date, mention: Mention, anchor: Anchor) -> When:
    """Return ``day`` as counted from the anchor."""
    start = day_of(anchor.value) or day
    return When(day.isoformat(), "day", mention.span, {**relation_to("offset", anchor), "days": (day - start).days})


def in_month(month: str, mention: Mention, anchor: Anchor) -> When | None:
    """Return the day of ``month`` that ``mention`` names, or the month."""
    named = Mention(mention.kind, mention.span, {**mention.parts, "month": month[5:7]})
    return dated(int(month[:4]), named, relation_to("same_month", anchor))


def named_month(name: str) -> int:
    """Return the number of the month of an English name."""
    return next(i for i, month in enumerate(MONTHS, 1) if month.startswith(name[:3]))
