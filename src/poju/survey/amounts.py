"""Find sums of money and say what they mean: cap, floor, range, one-off, annual, percentage, tier, fund size.

百億 and 百億規模 are numbers; 不超过 is a cap; a turnover of 1亿元 that must be reached is a threshold, not a sum. In a
list («100万、50万、30万元») the last unit and the words before the first figure hold for every figure.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from typing import Any

from poju.survey.gazetteer import data_text
from poju.survey.model import Amount, Percent, Span
from poju.survey.numbers import number
from poju.survey.sums import Sum, find_sums
from poju.survey.text import Page

_BACK = 28
_AFTER = 16
_FAR = 60


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(data_text("amounts.toml"))


@cache
def _compiled(name: str) -> re.Pattern[str]:
    """Return a pattern of the part ``meaning`` of ``amounts.toml``."""
    return re.compile(_table()["meaning"][name])


def find_amounts(page: Page, within: Span) -> list[Amount]:
    """Return the sums inside ``within`` that somebody gives or raises, thresholds apart, with their semantics.

    1. Read the figures, lists and ranges as groups. 2. A group is a threshold where its last figure is one.
    3. Each other figure gets the meaning of its group; a threshold before it is its condition.
    """
    norm = page.norm
    sums = find_sums(page, within)
    groups = [[s for s in sums if s.group == number] for number in dict.fromkeys(s.group for s in sums)]
    conditions = [group for group in groups if _is_threshold(norm, within, group)]
    awards = [group for group in groups if group not in conditions]
    given = [s for group in awards for s in group]
    found = [_meaning(norm, within, one, group, len(given)) for group in awards for one in group]
    _with_thresholds(found, [s for group in conditions for s in group])
    return found


def _with_thresholds(found: list[Amount], thresholds: list[Sum]) -> None:
    for index, amount in enumerate(found):
        before = [s for s in thresholds if s.core.start < amount.core.start]
        if len(thresholds) == len(found) > 1:
            amount.threshold = thresholds[index].value
        elif before:
            amount.threshold = before[-1].value


def _is_threshold(norm: str, within: Span, group: list[Sum]) -> bool:
    """Return whether the figures are conditions to be met (turnover, budget), not money that is given."""
    first, last = group[0].core, group[-1].core
    after = norm[last.end : min(within.end, last.end + _AFTER)]
    before = norm[max(within.start, first.start - _BACK) : first.start]
    capped = _compiled("cap_before").search(before)
    if (capped and _compiled("cap").search(capped.group())) or _compiled("given_before").search(before):
        return False
    if _compiled("fund").search(after[:8]):
        return False
    return bool(
        _compiled("threshold_before").search(before)
        or (_compiled("threshold_after").match(after) and not _compiled("one_off").search(before))
    )


def _meaning(norm: str, within: Span, one: Sum, group: list[Sum], given: int) -> Amount:
    """Return the sum ``one`` with its semantics; the words before its group's first figure speak for all of it."""
    first, last = group[0].core, group[-1].core
    before = norm[max(within.start, first.start - _BACK) : first.start]
    after = norm[last.end : min(within.end, last.end + _AFTER)]
    near = norm[max(within.start, first.start - _FAR) : min(within.end, last.end + 20)]
    local = _compiled("clause").split(before)[-1]
    capped = _compiled("cap_before").search(before)
    start = one.core.start
    if capped and _compiled("cap").search(capped.group()):
        semantics = [_cap(local)]
        start -= len(capped.group()) if one is group[0] else 0
    elif _compiled("cap_after").match(after):
        semantics = [_cap(local)]
    else:
        semantics = _kind(norm, within, one, before)
    percent = None if "fund_size" in semantics else _percent(norm, within, first, near)
    listed = len(group) > 1 and not any(item.ranged for item in group)
    tiers = listed or (given > 1 and _compiled("respectively").search(norm, within.start, within.end))
    unit = _compiled("unit").search(local) or _compiled("unit_after").match(norm[last.end - 1 : last.end + 10])
    said = (
        ("one_off", _compiled("one_off").search(local) or _compiled("one_off").search(after[:6])),
        ("annual", _compiled("annual").search(local) or _compiled("annual_after").match(after)),
        ("percentage", percent),
        ("per_unit", unit),
        ("tiered", tiers and semantics[0] in {"exact", "cap"}),
        ("approx", one.approximate and "approx" not in semantics),
    )
    semantics += [name for name, told in said if told]
    return Amount(one.value, one.currency, semantics, Span(start, one.core.end), one.core, percent=percent)


def _cap(local: str) -> str:
    """Return cumulative_cap for a cap on all payments together; one on a year's payments is a plain, annual cap."""
    yearly = _compiled("annual").search(local)
    return "cumulative_cap" if _compiled("cumulative").search(local) and not yearly else "cap"


def _percent(norm: str, within: Span, first: Span, near: str) -> Percent | None:
    """Return the rate of which the sum is a cap or a result, and the words that say a rate of what."""
    match = _compiled("percent").search(near)
    if match is None:
        return None
    start = max(within.start, first.start - _FAR)
    rate = next(name for name in ("percent", "tenths", "rate") if match[name])
    value = float(match[rate]) if rate != "tenths" else 10.0 * (number(match[rate]) or 0)
    named = next((name for name in ("of", "of_en", "of_en2", "of3") if match[name]), None)
    base = Span(start + match.start(named), start + match.end(named)) if named else None
    span = Span(start + match.start(rate), min(start + match.end(rate) + 1, len(norm)))
    return Percent(value, span, base)


def _of_fund(norm: str, within: Span, core: Span) -> bool:
    """Return whether the sum's own clause speaks of a fund: «總規模20億元的基金», not «出資3億元» before it."""
    ends = [m.start() for m in _compiled("clause").finditer(norm, within.start, within.end)]
    start = max((end for end in ends if end < core.start), default=within.start)
    end = min((end for end in ends if end >= core.end), default=within.end)
    return _compiled("fund").search(norm, start, end) is not None


def _kind(norm: str, within: Span, one: Sum, before: str) -> list[str]:
    """Return what an uncapped sum is: floor, fund size, range, total, else exact."""
    if one.ranged:
        return ["range"]
    if _compiled("floor_before").search(before):
        return ["floor"]
    if _of_fund(norm, within, one.core):
        return _fund(norm, within, one.core)
    floor = _compiled("floor_after").match(norm[one.core.end : min(within.end, one.core.end + 6)])
    kind = "total" if _compiled("total").search(before) else "exact"
    if floor:
        return ["floor", "total"] if kind == "total" else ["floor"]
    return [kind]


def _fund(norm: str, within: Span, core: Span) -> list[str]:
    sentence = norm[within.start : within.end]
    found = ["fund_size"]
    if _compiled("target").search(norm[max(within.start, core.start - 20) : core.start]):
        found.append("target")
    elif _compiled("whole_fund").search(norm[max(within.start, core.start - 8) : core.start]):
        found.append("total")
    elif core.end - core.start <= len("百亿") and _compiled("about").search(sentence + "规模"):
        found.extend(["total", "approx"])
    return found
