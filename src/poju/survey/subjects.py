"""Who acts in a sentence of a news text: the place whose government does what a cue says."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from poju.survey.actors import enterprises_of
from poju.survey.dates import find_dates
from poju.survey.gazetteer import divisions, full_name, rules
from poju.survey.model import NO_DATE, Event, Region, Span, When
from poju.survey.places import find_places
from poju.survey.profile import Profile
from poju.survey.resolution import Anchor
from poju.survey.text import Page

_LIST_GLUE = re.compile(r"\s*(?:、|和|与|及|以及|,|，|and|, and|&)\s*")
_LISTED_AFTER = re.compile(
    r"(?:城市|省份|地区|地方|省市|省区)(?:还|则)?(?:有|包括|为)|\b(?:in|include|includes|including|are)\b"
)
_UNNAMED_ORGAN = re.compile(
    r"(?<![一-鿿])(?P<organ>(?:由|经|该|全|本|当地)?(?P<level>省|市|区|县)(?:里|人民政府|政府|委(?!员)|财政|[一-鿿]{2,8}?[局厅委]))(?![一-鿿]?长)"
)
_ANCHOR_AFTER = re.compile(
    r"^(?:的|之后的?)?(?:[零一二三四五六七八九十\d]+个月|半年|[一二两三四五六七八九十\d]+年)(?:之|以)?后"
)
_PLURAL = re.compile(
    r"[，；](?:但|而)?(?:多个|不少|许多|各个?|其他|一些|众多|大多数?|部分)(?:省份?|城市|地方|地区|省市|政府|地)"
)
_SHORT_NAME = 8
_MEMORY = 120
_AFTER_REACH = 30


@dataclass(slots=True)
class Story:
    """What a reader remembers while reading: the heading's place, the last subject, events told, names given."""

    dateline: list[Region] = field(default_factory=list)
    heading: list[Region] = field(default_factory=list)
    subject: list[Region] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    names: dict[str, Event] = field(default_factory=dict)
    paragraph_start: int = 0
    told: When = NO_DATE
    told_at: int = -1

    def last(self) -> Event | None:
        """Return the event told last."""
        return self.events[-1] if self.events else None

    def recent(self) -> list[Event]:
        """Return the events still remembered: a bounded number, so that no text can make reading slow."""
        return self.events[-_MEMORY:]

    def in_paragraph(self) -> Event | None:
        """Return the event told last, where it was told in this paragraph."""
        last = self.last()
        return last if last is not None and last.citations[-1].start >= self.paragraph_start else None

    def anchor(self) -> Anchor | None:
        """Return what «三個月後» counts from: the event or the date told last, those of this paragraph first."""
        last = self.last()
        at = last.citations[-1].start if last is not None else -1
        dated = last if last is not None and last.date.value else None
        if self.told.value is not None and self.told_at > at and (self.told_at >= self.paragraph_start or not dated):
            return Anchor(self.told.value, None, told=True)
        if dated is None:
            dated = next((event for event in reversed(self.recent()) if event.date.value), None)
        return Anchor(dated.date.value, dated.identifier) if dated is not None else None

    def all_of_region(self, code: str | None) -> list[Event]:
        """Return the dated events of a region that are still remembered, in the order of the text."""
        return [event for event in self.recent() if event.date.value and any(r.code == code for r in event.regions)]

    def of_region(self, code: str | None, instrument: str) -> Event | None:
        """Return the latest dated event of a region, one of the same instrument before any other."""
        theirs = self.all_of_region(code)
        same = [event for event in theirs if event.instrument == instrument]
        found = same or theirs
        return found[-1] if found else None


def dateline_place(page: Page, profile: Profile) -> list[Region]:
    """Return the place of an English dateline (`GUIYANG, 14 May 2023 -`), to which acts without a place belong."""
    if profile.dateline is None:
        return [] if page.english else [r for line in profile.bylines[:1] for r in find_places(page, line)][-1:]
    city = page.text[slice(*profile.dateline)]
    whole = Span(0, len(page.text))
    named = [region for region in find_places(page, whole) if city.lower() in page.norm[slice(*region.span)]]
    return named[:1] or [Region(None, city.title(), "city", profile.dateline)]


def acting_places(page: Page, sentence: Span) -> list[Region]:
    """Return the places of ``sentence`` that can act: not in a title, not after «立足» or «落户», not a time anchor."""
    apart = ([] if page.english else page.titles(sentence)) + [named.span for named in enterprises_of(page, sentence)]
    apart += [mention.span for mention in find_dates(page, sentence) if mention.kind == "compared"]
    return [
        region
        for region in find_places(page, sentence)
        if not any(region.span.within(span) for span in apart) and not _is_object(page, region, sentence)
    ]


def _by_organ(page: Page, sentence: Span, cue: Span, story: Story) -> list[Region]:
    """Return whose «省裡», «市數據局» or «區政府» acts in ``cue``: the same level of the place told before."""
    match = next((m for m in _UNNAMED_ORGAN.finditer(page.norm, sentence.start, cue.end)), None)
    known = story.subject or [r for e in story.events[-1:] for r in e.regions] or story.heading
    if match is None:
        return []
    if match["level"] in {"市", "区", "县"}:
        known = [*known, *(r for e in reversed(story.recent()) for r in e.regions)]
        known = [region for region in known if region.code and region.code[2:4] != "00"] or known
    code = next((region.code for region in known if region.code), None)
    if code is None:
        return []
    whole = {"省": f"{code[:2]}0000", "市": f"{code[:4]}00"}.get(match["level"], code)
    if whole not in divisions():
        whole = code
    return [Region(whole, full_name(whole), divisions()[whole].level, Span(*match.span("organ")))]


def _is_object(page: Page, region: Region, sentence: Span) -> bool:
    if page.english:
        before = page.norm[max(sentence.start, region.span.start - 16) : region.span.start]
        return re.search(r"\b(?:after|like|unlike|than|compared with|following|behind|before)\s+$", before) is not None
    before = page.norm[max(sentence.start, region.span.start - 4) : region.span.start]
    if any(before.endswith(word) for word in rules()["object_after"]):
        return True
    return _ANCHOR_AFTER.match(page.norm[region.span.end : region.span.end + 12]) is not None


def grouped(page: Page, places: list[Region], at: Region) -> list[Region]:
    """Return the list that ``at`` stands in (貴州、浙江、江蘇…), or ``at`` alone."""
    index = places.index(at)
    first = last = index
    while first > 0 and _LIST_GLUE.fullmatch(page.norm[places[first - 1].span.end : places[first].span.start]):
        first -= 1
    while last + 1 < len(places) and _LIST_GLUE.fullmatch(
        page.norm[places[last].span.end : places[last + 1].span.start]
    ):
        last += 1
    found: list[Region] = []
    for region in places[first : last + 1]:
        if all(region.code is None or region.code != known.code for known in found):
            found.append(region)
    return found


def subject_of(page: Page, sentence: Span, cue: Span, places: list[Region], story: Story) -> tuple[list[Region], bool]:
    """Return the places that act in ``cue`` and whether they were named in this sentence.

    1. The nearest acting place before the cue, with the list it stands in. 2. One inside the cue. 3. A list after it
    («…的城市還有上海、重慶»). 4. A name given to an earlier event («鏈灣»). 5. An organ without a name
    («市數據局»), of the place told before. 6. The paragraph's subject. 7. The heading's, or an English dateline's.
    """
    before = [region for region in places if region.span.start < cue.start]
    if before and _PLURAL.search(page.norm, before[-1].span.end, cue.start):
        return [], False
    inside = [region for region in places if cue.start <= region.span.start < cue.end]
    if before or inside:
        return grouped(page, places, (before or inside)[-1 if before else 0]), True
    after = [region for region in places if region.span.start >= cue.end]
    listed = after and _LISTED_AFTER.search(page.norm, max(sentence.start, cue.start), after[0].span.start)
    if listed and (after[0].span.start - cue.end <= _AFTER_REACH or len(grouped(page, places, after[0])) > 1):
        return grouped(page, places, after[0]), True
    named = _by_name(page, sentence, story)
    if named is not None:
        return named.regions, False
    organ = [] if page.english else _by_organ(page, sentence, cue, story)
    return organ or story.subject or story.heading or story.dateline, False


def _by_name(page: Page, sentence: Span, story: Story) -> Event | None:
    words = page.norm[sentence.start : sentence.end]
    return next((event for name, event in story.names.items() if name in words), None)


def remember_name(page: Page, event: Event, clause: Span, story: Story) -> None:
    """Keep a short name given in quotation marks, so that a later mention of it is of this event's place."""
    for title in [] if page.english else page.titles(clause):
        name = page.norm[title.start + 1 : title.end - 1]
        if 2 <= len(name) <= _SHORT_NAME and not name.endswith("条"):  # noqa: PLR2004 - a name has two characters
            if len(story.names) >= _MEMORY:
                return
            story.names.setdefault(page.norm[title.start : title.end], event)
