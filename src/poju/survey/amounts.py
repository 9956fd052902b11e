"""Find sums of money and say what they mean: cap, floor, range, one-off, annual, percentage, tier, fund size.

百億 and 百億規模 are numbers; 不超过 is a cap; a turnover of 1亿元 that must be reached is a threshold, not a sum.
"""

from __future__ import annotations

import re

from poju.survey.model import Amount, Span
from poju.survey.numbers import NUMERAL, number, whole
from poju.survey.text import Page

_SCALES = {"": 1, "万": 10**4, "亿": 10**8, "千": 10**3, "百": 100, "千万": 10**7, "百万": 10**6, "万亿": 10**12, "十亿": 10**9, "百亿": 10**10, "千亿": 10**11}
_ENGLISH_SCALES = {"thousand": 10**3, "million": 10**6, "m": 10**6, "billion": 10**9, "bn": 10**9, "k": 10**3}
_CURRENCIES = {
    "eur": "EUR", "€": "EUR", "euro": "EUR", "euros": "EUR", "usd": "USD", "us$": "USD", "$": "USD", "dollars": "USD",
    "£": "GBP", "gbp": "GBP", "pounds": "GBP", "rmb": "CNY", "cny": "CNY", "¥": "CNY", "yuan": "CNY", "hk$": "HKD", "hkd": "HKD", "nt$": "TWD",
    "元": "CNY", "人民币": "CNY", "美元": "USD", "欧元": "EUR", "港元": "HKD", "港币": "HKD", "日元": "JPY", "英镑": "GBP", "新台币": "TWD", "新加坡元": "SGD",
}  # fmt: skip
_CHINESE_SUM = re.compile(
    rf"(?P<number>{NUMERAL})(?P<more>余|多)?(?P<scale>万亿|千亿|百亿|十亿|千万|百万|亿|万|千|百)?(?P<about>左右|多|余)?"
    r"(?P<currency>美元|欧元|港元|港币|日元|英镑|新台币|新加坡元|元)"
)
_BARE_HUNDREDS = re.compile(r"(?P<number>[一二三四五六七八九]?[十百千]+|\d+)(?P<scale>亿|万亿)(?=级|规模|产业|创新|母|引导|专项|投资|区块链|人工智能|数字|元|的?[一-鿿]{0,6}基金)")
_ENGLISH_SUM = re.compile(
    r"(?P<before>\b(?:eur|usd|rmb|cny|gbp|hkd)\b|us\$|hk\$|nt\$|€|£|¥|\$) ?(?P<number>\d[\d,]*(?:\.\d+)?)(?: ?(?P<scale>thousand|million|billion|bn|m|k)\b)?"
    r"|(?P<number2>\d[\d,]*(?:\.\d+)?)(?: (?P<scale2>thousand|million|billion))? (?P<after>yuan|rmb|euros?|dollars|pounds)\b"
)
_PERCENT = re.compile(r"(?:按|不超过|的)[^，。；]{0,24}?(?P<percent>\d{1,3}(?:\.\d+)?)%|(?P<rate>\d{1,3}(?:\.\d+)?)(?:%(?:的?(?:比例|标准))?(?:给予|予以|补|奖|资助)| per cent of| percent of)")

_CAP = re.compile(r"(?:最高|上限|封顶|至多|最多|不超过|不高于|以内|up to|at most|no more than|capped at|a maximum of|not exceeding)")
_CAP_BEFORE = re.compile(r"(?:累计|合计)?(?:最高|上限|至多|最多)?(?:(?:可?给予|补助|补贴|资助|奖励|额度|金额|可达|一次性|每年|累计|达|为|不超过|不高于|不得超过|总额)){0,5}$|(?:up to|at most|no more than|capped at|a maximum of|not exceeding)(?: a)?(?: one-off)?(?: award of| grant of)? ?$")
_FLOOR_BEFORE = re.compile(r"(?:不少于|不低于|至少|at least|no less than) ?$")
_THRESHOLD_AFTER = re.compile(r"^(?:[(（]?含[^）)]{0,4}[)）]?)?(?:、[\d.万亿美欧元]+)*(?:以上|以下|以内)?[^，。；\d]{0,6}?(?:的|以上的?|以下的?|企业|项目)(?!奖励|补助|补贴|资助|奖金|一次性|支持|标准|基金)")
_THRESHOLD_BEFORE = re.compile(r"(?:首次)?(?:每增加|每新增|突破|达到|出口额|销售额|融资额|超过|达|满|预算金额在|投资额|总投资|营业收入|产值|税收|实缴|注册资本|费用|在)[^，。；\d]{0,4}(?:[\d.]+[万亿]?[美欧]?元、)*$")
_FUND = re.compile(r"基金|母基金|\bfund\b")
_CUMULATIVE = re.compile(r"累计|合计|in total")
_ANNUAL = re.compile(r"每年|按年|(?:a|per|each) year|annual")
_ONE_OFF = re.compile(r"一次性|one-off|one-time|lump[- ]sum")
_UNIT = re.compile(r"(?:每|/|元/)(?:平方米|月|人|亩|户|件|千瓦时|吨|台|个月)|/(?:月|平方米|人|年)|per (?:square metre|head|month)")
_RESPECTIVELY = re.compile(r"分别|各|晋级|分档|respectively")
_TOTAL = re.compile(r"(?:投入|安排|总规模|总额|共计|共|设立|筹集)[^，。；]{0,8}$|invest(?:ed|s)? $")
_ABOUT = re.compile(r"规模|左右|约|近|余|about|some|roughly")
_TARGET = re.compile(r"提出|到20\d\d|计划|拟|力争|将|plans? to|will ")
_RANGE = re.compile(r"^(?:-|至|到|—|~)\d")
_BACK = 24


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
    found: list[tuple[int | float, str, Span]] = []
    for match in _CHINESE_SUM.finditer(norm, within.start, within.end):
        value = number(match["number"])
        if value is not None:
            found.append((whole(value * _SCALES[match["scale"] or ""]), _CURRENCIES[match["currency"]], Span(*match.span())))
    for match in _BARE_HUNDREDS.finditer(norm, within.start, within.end):
        span = Span(*match.span())
        value = number(match["number"])
        if value is not None and not any(span.overlaps(known[2]) for known in found):
            found.append((whole(value * _SCALES[match["scale"]]), "CNY", span))
    return sorted(found, key=lambda item: item[2])


def _english_sums(norm: str, within: Span) -> list[tuple[int | float, str, Span]]:
    found: list[tuple[int | float, str, Span]] = []
    for match in _ENGLISH_SUM.finditer(norm, within.start, within.end):
        value = number(match["number"] or match["number2"])
        scale = _ENGLISH_SCALES.get(match["scale"] or match["scale2"] or "", 1)
        currency = _CURRENCIES[match["before"] or match["after"]]
        if value is not None:
            found.append((whole(value * scale), currency, Span(*match.span())))
    return found


def _is_threshold(norm: str, within: Span, core: Span) -> bool:
    """Return whether the sum is a condition to be met (turnover, budget), not money that is given."""
    after = norm[core.end : min(within.end, core.end + 16)]
    before = norm[max(within.start, core.start - _BACK) : core.start]
    if _CAP_BEFORE.search(before) and _CAP.search(before):
        return False
    if _FUND.match(after.lstrip("的")) or _FUND.search(after[:8]):
        return False
    return bool(_THRESHOLD_BEFORE.search(before) or (_THRESHOLD_AFTER.match(after) and not _ONE_OFF.search(before)))


def _meaning(norm: str, within: Span, value: float, currency: str, core: Span, given: int) -> Amount:
    before = norm[max(within.start, core.start - _BACK) : core.start]
    near = norm[max(within.start, core.start - 60) : min(within.end, core.end + 20)]
    local = re.split(r"[，；。]", before)[-1]
    semantics: list[str] = []
    start = core.start
    cap = _CAP_BEFORE.search(before)
    if cap and _CAP.search(cap.group()):
        semantics.append("cumulative_cap" if _CUMULATIVE.search(cap.group()) else "cap")
        start = core.start - len(cap.group())
    elif _FLOOR_BEFORE.search(before):
        semantics.append("floor")
    elif _FUND.search(near):
        semantics.extend(_fund(norm, within, core))
    elif _RANGE.match(norm[core.end : core.end + 2]):
        semantics.append("range")
    elif _TOTAL.search(before):
        semantics.append("total")
    else:
        semantics.append("exact")
    if _ONE_OFF.search(local):
        semantics.append("one_off")
    if _ANNUAL.search(before):
        semantics.append("annual")
    percent = _PERCENT.search(near)
    if percent:
        semantics.append("percentage")
    if _UNIT.search(local) or _UNIT.match(norm[core.end - 1 : core.end + 5]):
        semantics.append("per_unit")
    tiers = _RESPECTIVELY.search(norm[within.start : within.end])
    if given > 1 and "exact" in semantics and tiers:
        semantics.append("tiered")
    rate = float(percent["percent"] or percent["rate"]) if percent else None
    return Amount(whole(value), currency, semantics, Span(start, core.end), core, percent=rate)


def _fund(norm: str, within: Span, core: Span) -> list[str]:
    sentence = norm[within.start : within.end]
    found = ["fund_size"]
    if _TARGET.search(norm[max(within.start, core.start - 20) : core.start]):
        found.append("target")
    elif core.end - core.start <= len("百亿") and _ABOUT.search(sentence + "规模"):
        found.extend(["total", "approx"])
    return found
