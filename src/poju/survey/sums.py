"""Read figures of money: 500万元, 百亿, 1亿5000万元, 100万、50万、30万元, 100万—300万元, RMB 5m, HK$10 bn."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

from poju.survey.gazetteer import data_text
from poju.survey.model import Span
from poju.survey.numbers import NUMERAL, number, whole
from poju.survey.text import Page

_LONGEST_LIST = 160


@dataclass(frozen=True, slots=True)
class Sum:
    """A figure of money in ``currency``; ``value`` is None for 数千万. ``group`` numbers the lists it stands in."""

    value: int | float | None
    currency: str
    core: Span
    group: int = 0
    ranged: bool = False
    approximate: bool = False


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(data_text("amounts.toml"))


@cache
def _pattern(name: str) -> re.Pattern[str]:
    """Return a pattern of the part ``figures`` of ``amounts.toml``."""
    table = _table()
    parts = {"number": NUMERAL, "scale": table["figures"]["scale"], "currency": table["figures"]["currency"]}
    text: str = table["figures"][name]
    for part, words in parts.items():
        text = text.replace("{" + part + "}", words)
    return re.compile(text)


def find_sums(page: Page, within: Span) -> list[Sum]:
    """Return the figures inside ``within`` in order; those of one list or range share a ``group``."""
    norm = page.norm
    found = _symbols(norm, within)
    if not page.english:
        home = home_currency(norm)
        for read in (_rough, _chinese):
            found += [s for s in read(norm, within, home) if not any(s.core.overlaps(k.core) for k in found)]
    return _grouped(norm, within, sorted(found, key=lambda item: item.core))


@lru_cache(maxsize=8)
def home_currency(norm: str) -> str:
    """Return the currency of a bare 元: that of Taiwan or Hong Kong where the text names theirs and never the yuan."""
    if _pattern("home_cny").search(norm):
        return "CNY"
    if _pattern("home_twd").search(norm):
        return "TWD"
    return "HKD" if _pattern("home_hkd").search(norm) else "CNY"


def _currency(prefix: str | None, suffix: str | None, home: str) -> str:
    table: dict[str, str] = _table()["currencies"]
    if prefix:
        return table[prefix.strip()]
    return home if suffix in {None, "", "元"} else table[suffix]


def _chinese(norm: str, within: Span, home: str) -> list[Sum]:
    scales = _table()["scales"]
    found: list[Sum] = []
    for match in _pattern("chinese").finditer(norm, within.start, within.end):
        value = number(match["number"])
        if value is None or not (match["currency"] or match["prefix"]):
            continue
        worth = value * scales[match["scale"] or ""]
        if match["more"] is not None:
            worth += (number(match["small"]) or 0) * scales[match["small_scale"] or ""]
        currency = _currency(match["prefix"], match["currency"], home)
        found.append(Sum(whole(worth), currency, Span(*match.span()), approximate=bool(match["about"])))
    return found


def _rough(norm: str, within: Span, home: str) -> list[Sum]:
    """Return 百亿 before a fund or its size, 上亿元, 千万级, and 数千万元, whose value nobody can tell."""
    scales = _table()["scales"]
    found: list[Sum] = []
    for match in _pattern("bare_hundreds").finditer(norm, within.start, within.end):
        value = number(match["number"])
        if value is not None:
            found.append(Sum(whole(value * scales[match["scale"]]), home, Span(*match.span())))
    for match in _pattern("unclear").finditer(norm, within.start, within.end):
        known = None if match["some"] == "数" else scales[match["scale"] or match["scale2"]]
        found.append(Sum(known, home, Span(*match.span()), approximate=True))
    return found


def _symbols(norm: str, within: Span) -> list[Sum]:
    """Return figures with a symbol or in English: US$5 million, RMB 5m, 5 million yuan, HK$500万."""
    found: list[Sum] = []
    for match in _pattern("english").finditer(norm, within.start, within.end):
        value = number(match["number"] or match["number2"])
        scale = (match["scale"] or match["scale_zh"] or match["scale2"] or "").strip("- ")
        factor = _table()["english_scales"].get(scale) or _table()["scales"].get(scale, 1)
        currency = _table()["currencies"][(match["before"] or match["after"]).strip()]
        if value is not None:
            found.append(Sum(whole(value * factor), currency, Span(*match.span())))
    return found


def _grouped(norm: str, within: Span, sums: list[Sum]) -> list[Sum]:
    """Return ``sums`` with their lists numbered and the figures before a sum that share its unit."""
    found: list[Sum] = []
    group = 0
    for one in sums:
        start = max(within.start, one.core.start - _LONGEST_LIST, found[-1].core.end if found else within.start)
        sharing = _sharing(norm, start, one)
        first = sharing[0].core.start if sharing else one.core.start
        between = norm[found[-1].core.end : first] if found else "。"
        glued = _pattern("list_glue").fullmatch(between) is not None
        ranged = _pattern("range_glue").fullmatch(between) is not None
        if not glued and not ranged:
            group += 1
        elif ranged:
            found[-1] = replace(found[-1], ranged=True)
        found += [replace(item, group=group) for item in sharing]
        found.append(replace(one, group=group, ranged=ranged or bool(sharing and sharing[-1].ranged)))
    return found


def _sharing(norm: str, start: int, one: Sum) -> list[Sum]:
    """Return the figures right before ``one`` that use its currency and, if they have none, its scale."""
    match = _pattern("sharing").search(norm, start, one.core.start)
    if match is None or match.end() != one.core.start or one.value is None:
        return []
    scales, english = _table()["scales"], _table()["english_scales"]
    own = _pattern("own_scale").search(norm, one.core.start, one.core.end)
    unit = (scales.get(own["scale"]) or english.get(own["scale"], 1)) if own else 1
    found: list[Sum] = []
    for item in _pattern("item").finditer(norm, match.start(), match.end()):
        value = number(item["number"])
        if value is None:
            return []
        worth = value * (scales[item["scale"]] if item["scale"] else unit)
        ranged = _pattern("range_glue").fullmatch(item["glue"]) is not None
        found.append(Sum(whole(worth), one.currency, Span(item.start(), item.end("figure")), ranged=ranged))
    return found
