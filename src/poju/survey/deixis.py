"""Work out what counts from the day of the text: 今年, 上月, 昨日, 上周五, 本季度, `last week`."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from poju.survey.dates import Mention
from poju.survey.model import When
from poju.survey.reckoning import (
    MONTH_LONG,
    Anchor,
    dated,
    day_of,
    in_month,
    moved_by,
    moved_days,
    moved_months,
    named_month,
    on_date,
    on_day,
    relation_to,
    same_day_of_year,
    weekday_of,
    with_part,
)

_YEARS = {
    "今年": 0,
    "本年": 0,
    "去年": -1,
    "上年": -1,
    "前年": -2,
    "大前年": -3,
    "明年": 1,
    "来年": 1,
    "后年": 2,
    "this": 0,
    "last": -1,
    "next": 1,
    "the year before last": -2,
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
_DAYS = {"昨": -1, "今": 0, "前": -2, "大前": -3, "当": 0, "本": 0, "yesterday": -1, "today": 0}
_BEFORE_YESTERDAY = "before yesterday"
_WEEKS = {"上": -1, "last": -1, "本": 0, "这": 0, "this": 0}
_WEEK = 7


def this_year(mention: Mention, anchor: Anchor) -> When | None:
    """Return the date that 今年, 去年11月 or `last spring` means."""
    if anchor.value is None:
        return None
    if "last_month" in mention.parts:
        return last_named_month(mention, anchor)
    year = int(anchor.value[:4]) + _YEARS[mention.parts["which"]]
    if "about_now" in mention.parts and len(anchor.value) >= MONTH_LONG:
        exact = "日" in mention.parts["about_now"] or "天" in mention.parts["about_now"]
        return same_day_of_year(anchor, year, mention, exact=exact)
    when = dated(year, mention, relation_to("same_year", anchor))
    return when and with_part(when, mention)


def last_named_month(mention: Mention, anchor: Anchor) -> When | None:
    """Return the last such month before the day of the text: `last November`."""
    month = named_month(mention.parts["last_month"])
    year = int(str(anchor.value)[:4])
    earlier = str(anchor.value)[5:7] > f"{month:02d}"
    named = Mention(mention.kind, mention.span, {"month": str(month)})
    return dated(year if earlier else year - 1, named, relation_to("same_year", anchor))


def this_month(mention: Mention, anchor: Anchor) -> When | None:
    """Return the date that 本月, 上月5日 or `last month` means."""
    if anchor.value is None or len(anchor.value) < len("2000-01"):
        return None
    return in_month(moved_months(anchor.value, _MONTHS_AWAY[mention.parts["which"]]), mention, anchor)


def this_day(mention: Mention, anchor: Anchor) -> When | None:
    """Return the date that 昨日, 今（18）日 or `yesterday` means."""
    if mention.parts.get("day") is not None:
        named = on_day(anchor.value, mention.parts, mention.span) if day_of(anchor.value) else None
        return named and replace(named, relative=relation_to("offset", anchor))
    which = mention.parts["which"]
    moved = -2 if _BEFORE_YESTERDAY in which else _DAYS.get(which, _DAYS.get(which.rstrip("日天晚晨早夜"), 0))
    return moved_by(moved, mention, anchor)


def weekday(mention: Mention, anchor: Anchor) -> When | None:
    """Return a weekday of this or the last week, or the last one before the day of the text."""
    day = day_of(anchor.value)
    if day is None:
        return None
    wanted, week = weekday_of(mention.parts["weekday"]), mention.parts.get("week", "")
    back = (day.weekday() - wanted) % _WEEK
    if week and not mention.parts["weekday"].isascii():
        back = day.weekday() - wanted - _WEEK * _WEEKS[week[0]]
    elif week == "last":
        back = back or _WEEK
    return on_date(day - dt.timedelta(days=back), mention, anchor)


def this_week(mention: Mention, anchor: Anchor) -> When | None:
    """Return the month of «上周», told no more exactly than that."""
    if anchor.value is None:
        return None
    moved = moved_days(anchor.value, _WEEK * _WEEKS[mention.parts["week"].removesuffix("个")])
    return None if moved is None else When(moved[:MONTH_LONG], "month", mention.span, relation_to("offset", anchor))


def this_quarter(mention: Mention, anchor: Anchor) -> When | None:
    """Return the quarter that 本季度 or 上季度 means."""
    if anchor.value is None or len(anchor.value) < MONTH_LONG:
        return None
    month = moved_months(anchor.value, 3 * _MONTHS_AWAY[mention.parts["which"].replace("个", "") + "月"])
    when = When(month[:4], "year", mention.span, relation_to("offset", anchor))
    quarter = Mention(mention.kind, mention.span, {"quarter": str((int(month[5:]) + 2) // 3)})
    return with_part(when, quarter)


def recent(mention: Mention, anchor: Anchor) -> When | None:
    """Return the month of the text, on or before its day: 日前, 近日, `recently`."""
    if anchor.value is None:
        return None
    precision = "month" if len(anchor.value) >= len("2000-01") else "year"
    return When(anchor.value[:7], precision, mention.span, relation_to("recent", anchor), relation="on_or_before")
