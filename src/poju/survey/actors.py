"""Who issues and who takes part: organs beside places, enterprises by their legal form or in a list."""

from __future__ import annotations

import re

from poju.survey.gazetteer import NATION
from poju.survey.model import Named, Region, Span
from poju.survey.text import Page

_ORGAN = re.compile(
    r"(?:省|市|区|县)?(?:人民代表大会常务委员会|人民代表大会|人大常委会|人民政府办公厅|人民政府办公室|人民政府|政府办公厅|政府|委员会书记|省委书记|市委书记"
    r"|区委书记|委书记|省委|市委|区委|县委|省长|市长|区长|县长|管理委员会|管委会|[一-鿿]{2,14}?(?:管理局|监督局|委员会|局|厅|办公室|管委会))"
)
_BESIDE = re.compile(r"[、和与及]([一-鿿]{2,16}?(?:管理委员会|管委会|委员会|政府|局|厅|办公室))")
_ENTERPRISE = re.compile(r"[一-鿿a-z0-9（）]{2,18}?(?:股份有限公司|有限责任公司|有限公司|集团)")
_LIST_OF_FIRMS = re.compile(r"(?:有|包括|如|像)(?P<list>[^，。；：]{4,160}?)等(?=[^，。；]{0,14}(?:企业|公司|机构))")
_LEADING = re.compile(r"^(?:已经|已|有|由|与|和|及|同|向|对|包括|共同|联合|引进|吸引)+")
_ORDER = re.compile(r"第[一二三四五六七八九十百]+届|第[一二三四五六七八九十百]+次会议")


def issuers_of(page: Page, subjects: list[Region], sentence: Span) -> list[Named]:
    """Return the organs that stand right at the ``subjects``' names, or these names alone, and organs listed beside."""
    found: list[Named] = []
    for region in subjects:
        if region.level == "country" and region.code == NATION:
            found.append(Named(page.text[region.span.start : region.span.end], region.span))
            continue
        match = _ORGAN.match(page.norm, region.span.end, max(sentence.end, region.span.end))
        span = Span(region.span.start, match.end()) if match is not None else region.span
        found.append(Named(page.text[span.start : span.end], span))
        found.extend(_beside(page, span.end, sentence))
    return found


def _beside(page: Page, position: int, sentence: Span) -> list[Named]:
    match = _BESIDE.match(page.norm, position, max(sentence.end, position))
    if match is None:
        return []
    span = Span(*match.span(1))
    return [Named(page.text[span.start : span.end], span)]


def enterprises_of(page: Page, span: Span) -> list[Named]:
    """Return the enterprises named inside ``span``: with a legal form, or listed before «等30餘家…企業»."""
    found: list[Named] = []
    for match in _LIST_OF_FIRMS.finditer(page.norm, span.start, span.end):
        position = match.start("list")
        for name in match["list"].split("、"):
            place = Span(position, position + len(name))
            found.append(Named(page.text[place.start : place.end], place))
            position += len(name) + 1
    for match in _ENTERPRISE.finditer(page.norm, span.start, span.end):
        lead = _LEADING.match(match.group())
        start = match.start() + (lead.end() if lead else 0)
        start = max(start, *(match.start() + match.group().rfind(mark) + 1 for mark in "与由和"))
        place = Span(start, match.end())
        if not any(place.overlaps(known.span) for known in found) and place.end - place.start > len("有限公司"):
            found.append(Named(page.text[place.start : place.end], place))
    return found


def parliament(name: str) -> str:
    """Return a people's congress without its number: 深圳市第七届人民代表大会… → 深圳市人民代表大会…."""
    return _ORDER.sub("", name)
