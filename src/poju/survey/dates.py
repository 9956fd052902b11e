"""Find the dates that a text gives and work out the relative ones from their anchors.

Absolute dates, 民國 years, 同年5月份, 次年4月初, 半年之後, 短短三個月後, «在貴陽的7個月後», `the following spring`,
`three months later`. A relative date is resolved against an event, not against the document: the preceding one, or the
named region's.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from poju.survey.gazetteer import data_text
from poju.survey.model import Json, Span, When
from poju.survey.numbers import ENGLISH_NUMERAL, NUMERAL, number
from poju.survey.text import Page

_MINGUO = 1911
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTH = r"(?P<en_month>" + "|".join(f"{name}|{name[:3]}\\.?" for name in _MONTHS) + r")"
_ANCHOR_REGION = re.compile(r"(?:在|距|比|继)(?P<place>[^，。；]{2,14}?)(?:的|发布|出台|之后)?$")


@cache
def _patterns(language: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return ``(kind, pattern)`` of ``dates.toml`` for zh or en, in file order."""
    table = tomllib.loads(data_text("dates.toml"))
    parts = {**table["parts"], "month": _MONTH, "number": NUMERAL, "english_number": ENGLISH_NUMERAL}
    chosen = [item for item in table["pattern"] if language in item["languages"]]
    return tuple((item["kind"], re.compile(_filled(item["regex"], parts))) for item in chosen)


def _filled(pattern: str, parts: dict[str, str]) -> str:
    for _ in range(2):  # a part may hold a part
        for name, words in parts.items():
            pattern = pattern.replace("{" + name + "}", words)
    return pattern


@dataclass(frozen=True, slots=True)
class Mention:
    """One expression of time: its kind, span and named parts as written."""

    kind: str
    span: Span
    parts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The event that a relative date counts from."""

    value: str | None
    event: str | None


def find_dates(page: Page, within: Span) -> list[Mention]:
    """Return the expressions of time in ``within``, in order, without overlaps; horizons keep their kind."""
    found: list[Mention] = []
    for kind, pattern in _patterns("en" if page.english else "zh"):
        for match in pattern.finditer(page.norm, within.start, within.end):
            span = Span(*match.span())
            if any(span.overlaps(known.span) for known in found):
                continue
            found.append(Mention(kind, span, {k: v for k, v in match.groupdict().items() if v is not None}))
    return sorted(found, key=lambda mention: mention.span)


def anchored_place(page: Page, mention: Mention, sentence: Span) -> Span | None:
    """Return the span of the place in «在貴陽的7個月後» that ``mention`` counts from, or None."""
    match = _ANCHOR_REGION.search(page.norm[sentence.start : mention.span.start])
    if match is None:
        return None
    return Span(sentence.start + match.start(), mention.span.start)


def resolve(mention: Mention, anchor: Anchor) -> When | None:
    """Return the date that ``mention`` means, counted from ``anchor`` if relative; None where it cannot be told."""
    resolver = _RESOLVERS.get(mention.kind)
    return resolver(mention, anchor) if resolver else None


def _absolute(mention: Mention, _anchor: Anchor) -> When | None:
    year = _year(mention.parts["year"])
    return None if year is None else _dated(year, mention, None)


def _minguo(mention: Mention, _anchor: Anchor) -> When | None:
    year = number(mention.parts["year"])
    if year is None:
        return None
    when = _dated(int(year) + _MINGUO, mention, None)
    return when and When(when.value, when.precision, when.expr, when.relative, "minguo")


def _same_year(mention: Mention, anchor: Anchor) -> When | None:
    if anchor.value is None:
        return None
    return _dated(int(anchor.value[:4]), mention, _relation("same_year", anchor))


def _next_year(mention: Mention, anchor: Anchor) -> When | None:
    if anchor.value is None:
        return None
    year = int(anchor.value[:4]) + 1
    if "season" in mention.parts:
        return When(
            str(year), "quarter", mention.span, {**_relation("next_year", anchor), "season": mention.parts["season"]}
        )
    return _dated(year, mention, _relation("next_year", anchor))


def _offset(mention: Mention, anchor: Anchor) -> When | None:
    months = months_of(mention)
    if anchor.value is None or months is None:
        return None
    relative = {**_relation("offset", anchor), "months": months}
    year = int(anchor.value[:4])
    if len(anchor.value) < len("2000-01"):
        moved = year + months // 12 if months % 12 == 0 else None
        return When(str(moved), "year", mention.span, relative) if moved else None
    index = year * 12 + int(anchor.value[5:7]) - 1 + months
    return When(f"{index // 12:04d}-{index % 12 + 1:02d}", "month", mention.span, relative)


def _soon(mention: Mention, anchor: Anchor) -> When | None:
    if anchor.value is None:
        return None
    precision = {4: "year", 7: "month"}.get(len(anchor.value), "day")
    return When(anchor.value, precision, mention.span, _relation("soon_after", anchor))


_RESOLVERS: dict[str, Callable[[Mention, Anchor], When | None]] = {
    "absolute": _absolute,
    "minguo": _minguo,
    "same_year": _same_year,
    "next_year": _next_year,
    "offset": _offset,
    "soon": _soon,
}


def _relation(kind: str, anchor: Anchor) -> Json:
    return {"type": kind, "anchor": anchor.event, "anchor_value": anchor.value}


def months_of(mention: Mention) -> int | None:
    """Return the signed length of an offset in months; None for days and weeks, which move no month for certain."""
    sign = -1 if mention.parts.get("way") in {"前", "earlier", "before"} else 1
    if "half" in mention.parts:
        return sign * 6
    count = number(mention.parts["count"])
    unit = mention.parts["unit"]
    if count is None or unit in {"天", "周"} or unit.startswith(("week", "day")):
        return None
    months = int(count * 12) if unit.startswith(("年", "year")) else int(count)
    return sign * (months + (6 if "and_half" in mention.parts and unit == "年" else 0))


def _year(text: str) -> int | None:
    value = number(text)
    return int(value) if value is not None else None


def _dated(year: int, mention: Mention, relative: Json | None) -> When | None:
    """Return the date of ``year`` and the month and day that ``mention`` names; None where there is no such day."""
    month = _month(mention)
    if month is None:
        return When(f"{year:04d}", "year", mention.span, relative)
    if not 1 <= month <= 12:  # noqa: PLR2004 - months
        return None
    if relative is not None:
        relative = {**relative, "month": month}
    day = number(mention.parts.get("day", ""))
    if day is None:
        return When(f"{year:04d}-{month:02d}", "month", mention.span, relative)
    if not 1 <= day <= 31:  # noqa: PLR2004 - days
        return None
    return When(f"{year:04d}-{month:02d}-{int(day):02d}", "day", mention.span, relative)


def _month(mention: Mention) -> int | None:
    if "en_month" in mention.parts:
        name = mention.parts["en_month"].rstrip(".")
        return next(i for i, month in enumerate(_MONTHS, 1) if month.startswith(name[:3]))
    value = number(mention.parts.get("month", ""))
    return None if value is None else int(value)
