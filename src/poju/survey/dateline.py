"""The day that a text is of: datelines, stamps, labelled lines, its address; and where its byline ends.

«今天», «上月» and `last week` count from this day. A dateline often leaves out the year (北京4月18日電) or the month
too (台北18日電): these come from the nearest whole date that says when the text was published, else from the dates that
the text tells itself. Patterns are the table ``[dateline]`` of ``dates.toml``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

from poju.survey.dates import Mention, dateline_patterns, find_dates, parts_of
from poju.survey.model import NO_DATE, Span, When
from poju.survey.reckoning import on_day
from poju.survey.resolution import Anchor, resolve
from poju.survey.text import Page

_HEAD_LINES = 20
_TAIL_LINES = 4
_TITLE_LINES = 3
_LONGEST_BYLINE = 90
_LONGEST_STAMP = 80
_LONGEST_ADDRESS = 300
_HALF_YEAR = 6


@dataclass(slots=True)
class Dateline:
    """What a text says of its own day. ``bylines`` are the words of reporters and agencies before the first act."""

    published: When = NO_DATE
    stamp: Span | None = None
    city: Span | None = None
    bylines: list[Span] = field(default_factory=list)
    apart: list[Span] = field(default_factory=list)


@cache
def _compiled(name: str) -> re.Pattern[str]:
    return re.compile(dateline_patterns()[name])


def dateline_of(page: Page, lines: list[Span]) -> Dateline:
    """Return the day of the text whose ``lines`` are given, best source first.

    1. The dateline itself, where it is whole. 2. The dateline, completed from a labelled line, a stamp, or the address.
    3. These alone. 4. The dateline, completed from the dates that the text tells.
    """
    found = Dateline()
    whole = _whole_days(page, lines, found)
    for line in lines:
        _byline(page, line, whole, found)
    if found.published.value is None:
        found.published = whole[0] if whole else _heard(page, lines)
    return found


def _heard(page: Page, lines: list[Span]) -> When:
    """Return the day on which a reporter heard what the text tells («4月18日，記者從…獲悉»), or none."""
    for line in lines[:_HEAD_LINES]:
        match = _compiled("heard").search(page.norm, line.start, min(line.end, line.start + _LONGEST_BYLINE))
        told = _compiled("told").search(page.norm, *match.span()) if match is not None else None
        if told is not None:
            return _completed(page, Span(*told.span()), parts_of(told), [])
    return NO_DATE


def _byline(page: Page, line: Span, whole: list[When], found: Dateline) -> None:
    end = min(line.end, line.start + _LONGEST_BYLINE)
    english = page.english
    words, shape = (page.text, "byline_english") if english else (page.norm, "byline")
    match = _compiled(shape).match(words, line.start, end)
    if match is None or match.end() == match.start():
        return
    span = Span(*match.span())
    if english and found.city is None:
        found.city = Span(*match.span("city"))
    if span.end < line.end:
        found.bylines.append(span)
    told = _compiled("told_english" if english else "told").search(page.norm, span.start, span.end)
    if told is None or found.stamp is not None:
        return
    found.stamp = Span(*told.span())
    when = _completed(page, found.stamp, parts_of(told), whole)
    if when.value is not None:
        found.published = when


def _completed(page: Page, span: Span, told: dict[str, str], whole: list[When]) -> When:
    """Return the day of a dateline: its own year, else the latest that is not after the text was published."""
    if told.get("year"):
        return next((w for w in (resolve(m, Anchor(None, None)) for m in find_dates(page, span)) if w), NO_DATE)
    known = next((day for day in whole if day.precision == "day"), None)
    latest = known.value if known is not None and known.value else _latest_told(page, span, told)
    return (on_day(latest, told, span) if latest else None) or NO_DATE


def _latest_told(page: Page, span: Span, told: dict[str, str]) -> str | None:
    """Return the last day on which a dateline without a year can be, by the dates that the text tells, or none."""
    days = []
    for mention in find_dates(page, Span(0, len(page.norm))):
        when = resolve(mention, Anchor(None, None)) if mention.kind in {"absolute", "minguo"} else None
        if when is not None and when.value is not None and len(when.value) >= len("2000-01"):
            days.append(when.value)
    same = on_day(None, told, span)
    if not days or same is None or same.value is None:
        return None
    equal = [day for day in days if day[5:] == same.value[5:]]
    if equal:
        return max(equal)
    newest = max(days)
    later = int(newest[5:7]) - int(same.value[5:7]) > _HALF_YEAR
    return f"{int(newest[:4]) + int(later):04d}-12-31"


def _whole_days(page: Page, lines: list[Span], found: Dateline) -> list[When]:
    """Return the whole dates that say when the text was published, the most trusted first."""
    head, tail = lines[:_HEAD_LINES], lines[_HEAD_LINES:][-_TAIL_LINES:] or lines[1:][-_TAIL_LINES:]
    labelled: list[When] = []
    stamped: list[When] = []
    for line in dict.fromkeys((*head, *tail)):
        if line.end - line.start > _LONGEST_STAMP:
            continue
        label = _compiled("label").match(page.norm, line.start, line.end)
        shapes = ("stamp", "trailing") if line in head[:_TITLE_LINES] else ("stamp",)
        if label is None and not any(_compiled(s).fullmatch(page.norm, line.start, line.end) for s in shapes):
            continue
        when = _date_in(page, line)
        if when.value is None:
            continue
        found.apart.append(line)
        (labelled if label is not None else stamped).append(when)
    return [*labelled, *stamped, *_addressed(page, head, tail)]


def _date_in(page: Page, line: Span) -> When:
    for mention in find_dates(page, line):
        when = resolve(mention, Anchor(None, None))
        if when is not None and when.precision in {"day", "month"}:
            return when
    short = _compiled("short_minguo").search(page.norm, line.start, line.end)
    if short is None:
        return NO_DATE
    parts = {name: short[name] for name in ("year", "month", "day")}
    return resolve(Mention("minguo", Span(*short.span()), parts), Anchor(None, None)) or NO_DATE


def _addressed(page: Page, head: list[Span], tail: list[Span]) -> list[When]:
    """Return the dates inside addresses of the text (…/2023/04/18/…), of its front matter, head or end."""
    spans = [Span(0, head[0].start)] if head and head[0].start > 0 else []
    found: list[When] = []
    for line in (*spans, *head, *tail):
        end = min(line.end, line.start + _LONGEST_ADDRESS) if line.start else line.end
        for match in _compiled("address").finditer(page.norm, line.start, end):
            parts = parts_of(match)
            span = Span(match.start("year"), match.end("day") if "day" in parts else match.end("month"))
            when = resolve(Mention("absolute", span, parts), Anchor(None, None))
            if when is not None:
                found.append(when)
    return found
