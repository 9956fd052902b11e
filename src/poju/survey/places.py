"""Find the places that a text names, as GB/T 2260 divisions."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from poju.survey.gazetteer import (
    NATION,
    Alias,
    aliases,
    contains,
    divisions,
    english_names,
    every_division,
    full_name,
    parents,
    rules,
)
from poju.survey.model import Region, Span
from poju.survey.text import Page

_GLUE = " ·的"
_ZONE = re.compile(
    r"(?:国家级?)?(?:高新技术产业开发区|高新技术开发区|高新技术产业园区|高新区|经济技术开发区|经济开发区|经开区|开发区"
    r"|保税区|自贸试验区|自由贸易试验区|综合保税区|新区|科技城|示范区)"
)
_ORGAN = re.compile(
    r"(?:省|市|区|县)?(?:人民政府|政府|省委|市委|区委|县委|[一-鿿]{2,12}(?:局|厅|委员会|办公室)|市长|书记|市)"
)
_CITY_OF = re.compile(r"\b(?i:city|town|municipality|province|state) of ([A-Z][A-Za-z'’-]+(?: [A-Z][A-Za-z'’-]+)?)")
_ENGLISH_WORDS = re.compile(r"[A-Z][A-Za-z'’]+(?:[ -](?:District|County|City|Banner|Mongolia|Kong))?")
_POSSESSIVE = re.compile(r"['’]s$")
_TOO_MANY_HOMONYMS = 6


def find_places(page: Page, within: Span) -> list[Region]:
    """Return the places named inside ``within``, in order; 杭州市余杭区 and 新疆伊宁 are one place each."""
    found = _english(page, within) if page.english else _chinese(page, within)
    return [region for region in found if region.code is not None or region.alternatives or page.english]


def _chinese(page: Page, within: Span) -> list[Region]:
    hits = _hits(page.norm, within)
    regions: list[Region] = []
    for span, alias in hits:
        beside = regions[-1] if regions and _adjacent(page.norm, regions[-1].span, span) else None
        region = _resolve(page.norm, span, alias, beside, regions)
        if region is None:
            continue
        if beside is not None and region.code and beside.code and contains(beside.code, region.code):
            region = Region(
                region.code, region.name, region.level, Span(beside.span.start, region.span.end), region.alternatives
            )
            regions.pop()
        regions.append(_with_zone(page.norm, region))
    return sorted([*regions, *_organs(page.norm, within)], key=lambda region: region.span)


def _hits(norm: str, within: Span) -> list[tuple[Span, Alias]]:
    """Return the longest alias at each position, without overlaps."""
    index = aliases()
    hits: list[tuple[Span, Alias]] = []
    position = within.start
    while position < within.end - 1:
        for alias in index.get(norm[position : position + 2], ()):
            if norm.startswith(alias.text, position) and position + len(alias.text) <= within.end:
                hits.append((Span(position, position + len(alias.text)), alias))
                position += len(alias.text)
                break
        else:
            position += 1
    return hits


def _adjacent(norm: str, before: Span, after: Span) -> bool:
    return 0 <= after.start - before.end <= 1 and norm[before.end : after.start] in ("", *_GLUE)


def _resolve(norm: str, span: Span, alias: Alias, beside: Region | None, earlier: list[Region]) -> Region | None:
    """Return the division that ``alias`` means here, or None where it is no place or cannot be told."""
    inside = [
        code
        for code in (*alias.codes, *alias.former)
        if beside and beside.code and beside.code != code and contains(beside.code, code)
    ]
    if inside:
        return _region(inside[0], span, tuple(_twins(inside[0], alias.text)))
    following = norm[span.end : span.end + 3]
    if any(following.startswith(word) for word in rules()["not_before"]) and not alias.text.endswith(
        ("省", "市", "区", "县")
    ):
        return None
    if alias.weak:
        listed = norm[span.start - 1 : span.start] == "、" and bool(earlier) and earlier[-1].span.end == span.start - 1
        named = every_division()[alias.codes[0]].level != "district" and (listed or _ORGAN.match(norm, span.end))
        if not named and not (len(alias.codes) == 1 and alias.codes[0] in _told_in_full(norm)):
            return None
    if alias.text in rules()["zones"]:
        return Region(alias.codes[0], alias.text, "zone", span)
    if len(alias.codes) == 1:
        return _region(alias.codes[0], span)
    return _by_context(span, alias, earlier)


@lru_cache(maxsize=8)
def _told_in_full(norm: str) -> frozenset[str]:
    """Return the divisions that the text names in full somewhere; their short names are theirs from then on."""
    return frozenset(
        alias.codes[0] for _, alias in _hits(norm, Span(0, len(norm))) if not alias.weak and len(alias.codes) == 1
    )


def _twins(code: str, text: str) -> list[str]:
    """Return the other districts of the same prefecture that share the short name (伊宁市, 伊宁县)."""
    return [
        division.code
        for division in divisions().values()
        if division.short == text and division.code != code and division.code[:4] == code[:4]
    ]


def _by_context(span: Span, alias: Alias, earlier: list[Region]) -> Region | None:
    """Choose among namesakes by the nearest earlier place that contains one; leave the code open where none does."""
    for region in reversed(earlier):
        for code in alias.codes:
            if region.code and region.code != NATION and (contains(region.code, code) or _same_city(region.code, code)):
                return _region(code, span)
    higher = [code for code in alias.codes if every_division()[code].level == "province"]
    if higher:
        return _region(higher[0], span)
    if len(alias.codes) > _TOO_MANY_HOMONYMS:
        return None
    return Region(
        None, every_division()[alias.codes[0]].hans, every_division()[alias.codes[0]].level, span, alias.codes
    )


def _same_city(known: str, code: str) -> bool:
    return known != code and bool(set(parents(known)[:1]) & set(parents(code)[:1]))


def _region(code: str, span: Span, alternatives: tuple[str, ...] = ()) -> Region:
    return Region(code, full_name(code), every_division()[code].level, span, alternatives)


def _with_zone(norm: str, region: Region) -> Region:
    """Let 贵阳高新区 be a place of its own name under its host's code."""
    match = _ZONE.match(norm, region.span.end)
    if not match or region.level == "province":
        return region
    span = Span(region.span.start, match.end())
    return Region(region.code, region.name + match.group(), "zone", span, region.alternatives)


@cache
def _national_organs() -> re.Pattern[str]:
    """Return the organs as one pattern; 财政部门 is a department of any level, not the ministry."""
    names = sorted(rules()["national_organs"], key=len, reverse=True)
    return re.compile("(?:" + "|".join(re.escape(name) for name in names) + ")(?!门)")


def _organs(norm: str, within: Span) -> list[Region]:
    found: list[Region] = []
    for match in _national_organs().finditer(norm, within.start, within.end):
        before = norm[match.start() - 1 : match.start()]
        if before not in {"省", "市", "区", "县", "州"}:
            found.append(Region(NATION, "全国", "country", Span(*match.span())))
    return found


def _english(page: Page, within: Span) -> list[Region]:
    text = page.text
    regions: list[Region] = []
    for match in _ENGLISH_WORDS.finditer(text, within.start, within.end):
        region = _english_region(Span(*match.span()), _english_codes(text, match), regions)
        if region is not None:
            regions.append(region)
    for match in _CITY_OF.finditer(text, within.start, within.end):
        span = Span(*match.span())
        if not any(region.span.overlaps(span) for region in regions):
            regions.append(Region(None, text[span.start : span.end], "city", span))
    regions += _english_organs(page.norm, within)
    return _without_parents(sorted(regions, key=lambda region: region.span))


def _english_codes(text: str, match: re.Match[str]) -> tuple[str, ...]:
    name = _POSSESSIVE.sub("", match.group())
    zone = rules()["zones_english"].get(name.replace("’", "'"))
    if zone is not None:
        return (zone,)
    table = english_names()
    exact = table.get(name.replace("’", "'").replace("-", " ").lower(), ())
    return exact or table.get(name.split(" ")[0].lower(), ()) or _before_parent(text, name, match.end())


def _english_organs(norm: str, within: Span) -> list[Region]:
    found: list[Region] = []
    organs = dict.fromkeys(rules()["national_organs_english"], NATION) | rules()["organs_english"]
    for name, code in organs.items():
        position = norm.find(name, within.start, within.end)
        if position >= 0:
            found.append(_region(code, Span(position, position + len(name))))
    return found


def _before_parent(text: str, name: str, position: int) -> tuple[str, ...]:
    """Return the districts called ``name`` where a place that contains them follows: `Yining, Xinjiang`."""
    follows = re.match(r",? (?:in )?([A-Z][A-Za-z']+(?: Mongolia)?)", text[position : position + 40])
    outer = english_names().get(follows[1].lower(), ()) if follows else ()
    if not outer:
        return ()
    found = [d for d in divisions().values() if d.level == "district" and d.english.split(" ")[0] == name]
    inside = sorted((d for d in found if contains(outer[0], d.code)), key=lambda d: (not d.hans.endswith("市"), d.code))
    return (inside[0].code,) if inside else ()


def _english_region(span: Span, codes: tuple[str, ...], earlier: list[Region]) -> Region | None:
    if len(codes) > 1:
        return _by_context(span, Alias("", codes, weak=False), earlier)
    return _region(codes[0], span) if codes else None


def _without_parents(regions: list[Region]) -> list[Region]:
    """Read `Yuhang District, Hangzhou` and `Guiyang, Guizhou` as the smaller place."""
    kept: list[Region] = []
    for region in regions:
        last = kept[-1] if kept else None
        near = last is not None and 0 < region.span.start - last.span.end <= 3  # noqa: PLR2004 - a comma, a space or " of"
        if near and last and last.code and region.code and contains(region.code, last.code):
            continue
        kept.append(region)
    return kept
