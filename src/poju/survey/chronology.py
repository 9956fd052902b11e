"""Which date an act of a news text has: its own, one counted from another event, or the sentence's."""

from __future__ import annotations

from poju.survey.cues import Cue
from poju.survey.dates import Anchor, Mention, anchored_place, find_dates, months_of, resolve
from poju.survey.model import NO_DATE, Event, Region, Span, When
from poju.survey.places import find_places
from poju.survey.profile import Profile
from poju.survey.subjects import Story
from poju.survey.text import Page

_APART = {"horizon", "effective"}


def date_for(
    page: Page, profile: Profile, sentence: Span, cue: Cue, story: Story, fresh: list[Event], *, named: bool
) -> When:
    """Return the date of the act that ``cue`` says.

    1. The last date before the cue in its sentence; 2. the first one after it; 3. the date of the act told before it in
    the sentence, or in the paragraph where the subject is carried on; 4. none.
    """
    mentions = [m for m in find_dates(page, sentence) if m.kind not in _APART]
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
    return _same_time(last)


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
    last = story.last()
    anchor = Anchor(last.date.value, last.identifier) if last is not None else Anchor(profile.date.value, None)
    if anchor.value is None:
        dated = [event for event in story.recent() if event.date.value]
        anchor = Anchor(dated[-1].date.value, dated[-1].identifier) if dated else Anchor(profile.date.value, None)
    return resolve(mention, anchor)


def _from_region(page: Page, sentence: Span, cue: Cue, mention: Mention, story: Story) -> When | None:
    """Count from the named region's event: «在貴陽的7個月後», `seven months after Guiyang`."""
    for region in _anchor_places(page, sentence, mention):
        event = story.of_region(region.code, cue.instrument)
        if event is not None:
            return resolve(mention, Anchor(event.date.value, event.identifier))
    return None


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
