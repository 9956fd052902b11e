"""Whose text it is: the place and the organ that issue an official text, from its head or else from its body."""

from __future__ import annotations

import re

from poju.survey.actors import parliament
from poju.survey.gazetteer import HONG_KONG, TAIWAN, full_name, parents
from poju.survey.model import Named, Region, Span
from poju.survey.places import find_places
from poju.survey.sums import home_currency
from poju.survey.text import Page

_OWN_PLACE = re.compile(
    r"(?:省|市|区|县)?(?:人民政府|政府|委员会|财政|行政区域|辖区|范围内|注册|登记|区委|市委|[一-鿿]{2,8}[局厅委办])"
)
_MONEY_OR_OFFICE = re.compile(r"港元|港币|hk\$|新台币|台币|nt\$|施政报告|policy address")
_ORGAN_OF_TITLE = re.compile(
    r"^[#\s]*(?P<organ>(?:中共|国务院|全国|最高|[一-鿿]{2,24}?(?:人民政府|政府|委员会|管委会|厅|局|部|院|委|行))"
    r"[一-鿿]{0,12}?(?:办公厅|办公室)?)(?=关于)"
)


_CONGRESS = re.compile(r"[一-鿿]{2,12}第[一二三四五六七八九十]+届人民代表大会(?:常务委员会)?")


def place_of(page: Page, sources: list[Span], lines: list[Span], minguo: Span | None) -> Region | None:
    """Return the issuer's place.

    1. The first place of ``sources``: title, signer, line of adoption. 2. Taiwan where the text is dated in 民國 years
    (at ``minguo``). 3. The place that the body is about. 4. Hong Kong or Taiwan by their money.
    """
    for span in sources:
        places = find_places(page, span)
        if places:
            return places[0]
    if minguo is not None:
        return Region(TAIWAN, full_name(TAIWAN), "province", minguo)
    return _place_of_body(page, lines) or _place_of_money(page)


def _place_of_body(page: Page, lines: list[Span]) -> Region | None:
    """Return the place that the text names as its own: with its organs or class word, most often, first."""
    weights: dict[str, int] = {}
    first: dict[str, Region] = {}
    for line in lines:
        for region in find_places(page, line):
            if region.code is None:
                continue
            own = _OWN_PLACE.match(page.norm, region.span.end) is not None
            full = page.norm[region.span.end - 1] in "省市区县州盟旗"
            weights[region.code] = weights.get(region.code, 0) + (4 if own else 0) + (2 if full else 1)
            first.setdefault(region.code, region)
    weighed = {code: weights[code] + sum(weights.get(parent, 0) for parent in parents(code)) for code in first}
    return first[max(first, key=lambda code: (weighed[code], -first[code].span.start))] if first else None


def _place_of_money(page: Page) -> Region | None:
    """Return Hong Kong or Taiwan where the text names no place but counts in their dollars or has their offices."""
    code = {"HKD": HONG_KONG, "TWD": TAIWAN}.get(home_currency(page.norm))
    match = _MONEY_OR_OFFICE.search(page.norm)
    if code is None or match is None:
        return None
    return Region(code, full_name(code), "province", Span(*match.span()))


def issuer_of_title(page: Page, title: Named) -> Named | None:
    """Return the organ before 關於 in «國務院辦公廳關於…的通知»."""
    match = _ORGAN_OF_TITLE.match(page.norm[slice(*title.span)])
    if match is None:
        return None
    span = Span(title.span.start + match.start("organ"), title.span.start + match.end("organ"))
    return Named(page.text[slice(*span)], span)


def issuer_of_meeting(page: Page, adoption: Span, region: Region, *, report: bool) -> Named | None:
    """Return who issues what a meeting adopted: the government of ``region`` for its report, else the congress."""
    if report:
        return Named(f"{region.name}人民政府", region.span)
    match = _CONGRESS.search(page.norm, adoption.start, adoption.end)
    if match is None:
        return None
    span = Span(*match.span())
    return Named(parliament(page.norm[span.start : span.end]), span)
