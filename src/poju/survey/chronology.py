"""Which date an act of a news text has: its own, one counted from another event, or the sentence's."""

from __future__ import annotations

from poju.survey.cues import Cue
from poju.survey.dates import Mention, anchored_place, find_dates
from poju.survey.model import NO_DATE, Event, Region, Span, When
from poju.survey.places import find_places
from poju.survey.profile import Profile
from poju.survey.resolution import Anchor, counts_from_publication, five_year_plan, months_of, resolve
from poju.survey.subjects import Story
from poju.survey.text import Page

_APART = {"horizon", "effective"}


def date_for(
    page: Page, profile: Profile, sentence: Span, cue: Cue, story: Story, fresh: list[Event], *, named: bool
) -> When:
    """Return the date of the act that ``cue`` says.

    1. The last date before the cue in its sentence; 2. the first one after it; 3. the date of the act told before it in
    the sentence, or in the paragraph where the subject is carried on; 4. the five-year plan that the sentence names;
    5. the day of the text itself, which the act is not after.
    """
    told = find_dates(page, sentence)
    mentions = [m for m in told if m.kind not in _APART and m.span != profile.datestamp]
    before = [m for m in mentions if m.span.start < cue.span.start or m.span.overlaps(cue.span)]
    after = [m for m in mentions if m.span.start >= cue.span.end]
    for mention in (*reversed(before), *after[:1]):
        if mention in after and (fresh and not page.english):
            continue
        shared = next((event for event in fresh if event.date.expr == mention.span), None)
        beside = page.english and mention.parts.get("way") in {"after", "before"}
        if shared is not None and not beside:
            return _same_time(shared)
        when = _resolved(page, profile, sentence, cue, mention, story)
        if when is not None:
            return when
    last = fresh[-1] if fresh else (None if named else story.in_paragraph())
    carried = _same_time(last)
    if carried.value is not None:
        return carried
    planned = [when for when in map(five_year_plan, told) if when is not None]
    return planned[0] if planned else _by_then(profile)


def _by_then(profile: Profile) -> When:
    """Return the day of the text as the last on which the act can have been done, or none."""
    day = published(profile)
    if day.value is None:
        return NO_DATE
    return When(day.value, day.precision, day.expr, None, day.calendar, relation="on_or_before", basis="published")


def published(profile: Profile) -> When:
    """Return the day that «去年» and «昨日» count from: that of publication, else the text's own."""
    return profile.published if profile.published.value is not None else profile.date


def _same_time(last: Event | None) -> When:
    if last is None or last.date.value is None:
        return NO_DATE
    relative = {"type": "same_time", "anchor": last.identifier, "anchor_value": last.date.value}
    return When(last.date.value, last.date.precision, last.date.expr, relative, last.date.calendar)


def _resolved(page: Page, profile: Profile, sentence: Span, cue: Cue, mention: Mention, story: Story) -> When | None:
    if mention.kind == "offset":
        counted = _from_region(page, sentence, cue, mention, story)
        if counted is not None:
            return counted
        if page.english and mention.parts.get("way") in {"after", "before"}:
            return _beside_dateline(page, profile, sentence, cue, mention)
    if counts_from_publication(mention):
        return resolve(mention, Anchor(published(profile).value, None))
    last = story.last()
    anchor = Anchor(last.date.value, last.identifier) if last is not None else Anchor(profile.date.value, None)
    if anchor.value is None:
        dated = [event for event in story.recent() if event.date.value]
        anchor = Anchor(dated[-1].date.value, dated[-1].identifier) if dated else Anchor(profile.date.value, None)
    return resolve(mention, anchor)


def _from_region(page: Page, sentence: Span, cue: Cue, mention: Mention, story: Story) -> When | None:
    """Count from the named region's event: «在貴陽的7個月後», `seven months after Guiyang`."""
    for region in _anchor_places(page, sentence, mention):
        event = _meant(page, sentence, mention, story.all_of_region(region.code)) or story.of_region(
            region.code, cue.instrument
        )
        if event is not None:
            return resolve(mention, Anchor(event.date.value, event.identifier))
    return None


def _meant(page: Page, sentence: Span, mention: Mention, candidates: list[Event]) -> Event | None:
    """Return the event whose own words the anchor repeats («高雄試跑一年之後»), or None."""
    clause = next((c for c in page.clauses(sentence) if c.overlaps(mention.span)), sentence)
    words = page.norm[clause.start : mention.span.start]
    pairs = {words[i : i + 2] for i in range(len(words) - 1)} - {
        page.norm[slice(*r.span)][:2] for e in candidates for r in e.regions
    }
    shared = [(sum(pair in page.norm[slice(*e.citations[0])] for pair in pairs), e) for e in candidates]
    best = max((count for count, _ in shared), default=0)
    return next(event for count, event in reversed(shared) if count == best) if best else None


def _anchor_places(page: Page, sentence: Span, mention: Mention) -> list[Region]:
    if page.english:
        clause = next((c for c in page.clauses(sentence) if c.overlaps(mention.span)), sentence)
        return find_places(page, Span(mention.span.end, max(clause.end, mention.span.end)))[:1]
    span = anchored_place(page, mention, sentence)
    if span is not None:
        return find_places(page, span)
    clause = next((c for c in page.clauses(sentence) if c.overlaps(mention.span)), sentence)
    return find_places(page, Span(clause.start, mention.span.start))[-1:]


def _beside_dateline(page: Page, profile: Profile, sentence: Span, cue: Cue, mention: Mention) -> When | None:
    """Read «three months after A did this, B did that»: A's act is dated back from B's, on the dateline's day."""
    if profile.date.value is None:
        return None
    clause = next((c for c in page.clauses(sentence) if c.overlaps(mention.span)), sentence)
    if not cue.span.overlaps(clause):
        return profile.date
    months = months_of(mention)
    turned = "before" if mention.parts["way"] == "after" else "after"
    reversed_mention = Mention("offset", mention.span, {**mention.parts, "way": turned})
    return resolve(reversed_mention, Anchor(profile.date.value, None)) if months is not None else None
