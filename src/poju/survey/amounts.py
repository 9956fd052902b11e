"""Find sums of money and say what they mean: cap, floor, range, one-off, annual, percentage, tier, fund size.

百億 and 百億規模 are numbers; 不超过 is a cap; a turnover of 1亿元 that must be reached is a threshold, not a sum.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from typing import Any

from poju.survey.gazetteer import data_text
from poju.survey.model import Amount, Span
from poju.survey.numbers import NUMERAL, number, whole
from poju.survey.text import Page

_BACK = 24


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(data_text("amounts.toml"))


@cache
def _compiled(name: str) -> re.Pattern[str]:
    """Return a pattern of ``amounts.toml``."""
    return re.compile(_table()["patterns"][name].replace("{number}", NUMERAL))


def find_amounts(page: Page, within: Span) -> list[Amount]:
    """Return the sums inside ``within`` that somebody gives or raises, thresholds apart, with their semantics."""
    norm = page.norm
    sums = _english_sums(norm, within) if page.english else _chinese_sums(norm, within)
    thresholds = [s for s in sums if _is_threshold(norm, within, s[2])]
    given = [s for s in sums if s not in thresholds]
    found: list[Amount] = []
    for value, currency, core in given:
        amount = _meaning(norm, within, value, currency, core, len(given))
        before = [s for s in thresholds if s[2].start < core.start]
        if len(thresholds) == len(given) > 1:
            amount.threshold = thresholds[len(found)][0]
        elif before:
            amount.threshold = before[-1][0]
        found.append(amount)
    return found


def _chinese_sums(norm: str, within: Span) -> list[tuple[int | float, str, Span]]:
    """Return ``(value, currency, span)``; 百億 without 元 counts where a fund or its size follows."""
    scales, currencies = _table()["scales"], _table()["currencies"]
    found: list[tuple[int | float, str, Span]] = []
    for match in _compiled("chinese_sum").finditer(norm, within.start, within.end):
        value = number(match["number"])
        if value is not None:
            worth = whole(value * scales[match["scale"] or ""])
            found.append((worth, currencies[match["currency"]], Span(*match.span())))
    for match in _compiled("bare_hundreds").finditer(norm, within.start, within.end):
        span = Span(*match.span())
        value = number(match["number"])
        if value is not None and not any(span.overlaps(known[2]) for known in found):
            found.append((whole(value * scales[match["scale"]]), "CNY", span))
    return sorted(found, key=lambda item: item[2])


def _english_sums(norm: str, within: Span) -> list[tuple[int | float, str, Span]]:
    found: list[tuple[int | float, str, Span]] = []
    for match in _compiled("english_sum").finditer(norm, within.start, within.end):
        value = number(match["number"] or match["number2"])
        scale = _table()["english_scales"].get(match["scale"] or match["scale2"] or "", 1)
        currency = _table()["currencies"][match["before"] or match["after"]]
        if value is not None:
            found.append((whole(value * scale), currency, Span(*match.span())))
    return found


def _is_threshold(norm: str, within: Span, core: Span) -> bool:
    """Return whether the sum is a condition to be met (turnover, budget), not money that is given."""
    after = norm[core.end : min(within.end, core.end + 16)]
    before = norm[max(within.start, core.start - _BACK) : core.start]
    if _compiled("cap_before").search(before) and _compiled("cap").search(before):
        return False
    if _compiled("fund").match(after.lstrip("的")) or _compiled("fund").search(after[:8]):
        return False
    return bool(
        _compiled("threshold_before").search(before)
        or (_compiled("threshold_after").match(after) and not _compiled("one_off").search(before))
    )


def _meaning(norm: str, within: Span, value: float, currency: str, core: Span, given: int) -> Amount:
    before = norm[max(within.start, core.start - _BACK) : core.start]
    near = norm[max(within.start, core.start - 60) : min(within.end, core.end + 20)]
    cap = _compiled("cap_before").search(before)
    start = core.start
    if cap and _compiled("cap").search(cap.group()):
        semantics = ["cumulative_cap" if _compiled("cumulative").search(cap.group()) else "cap"]
        start -= len(cap.group())
    else:
        semantics = _kind(norm, within, core, before, near)
    percent = None if "fund_size" in semantics else _compiled("percent").search(near)
    local = re.split(r"[，；。]", before)[-1]
    tiers = given > 1 and "exact" in semantics and _compiled("respectively").search(norm, within.start, within.end)
    unit = _compiled("unit").search(local) or _compiled("unit").match(norm[core.end - 1 : core.end + 5])
    said = (
        ("one_off", _compiled("one_off").search(local)),
        ("annual", _compiled("annual").search(local)),
        ("percentage", percent),
        ("per_unit", unit),
        ("tiered", tiers),
    )
    semantics += [name for name, told in said if told]
    rate = float(percent["percent"] or percent["rate"]) if percent else None
    return Amount(whole(value), currency, semantics, Span(start, core.end), core, percent=rate)


def _kind(norm: str, within: Span, core: Span, before: str, near: str) -> list[str]:
    """Return what an uncapped sum is: floor, fund size, range, total, else exact."""
    if _compiled("floor_before").search(before):
        return ["floor"]
    if _compiled("fund").search(near):
        return _fund(norm, within, core)
    if _compiled("range").match(norm[core.end : core.end + 2]) or _compiled("range_before").search(before):
        return ["range"]
    return ["total"] if _compiled("total").search(before) else ["exact"]


def _fund(norm: str, within: Span, core: Span) -> list[str]:
    sentence = norm[within.start : within.end]
    found = ["fund_size"]
    if _compiled("target").search(norm[max(within.start, core.start - 20) : core.start]):
        found.append("target")
    elif core.end - core.start <= len("百亿") and _compiled("about").search(sentence + "规模"):
        found.extend(["total", "approx"])
    return found
