"""Which date an act of a news text has: its own, one counted from another event, or the sentence's."""

from __future__ import annotations

from dataclasses import replace

from poju.survey.cues import Cue
from poju.survey.dates import Mention, anchored_place, find_dates
from poju.survey.model import NO_DATE, Event, Region, Span, When
from poju.survey.places import find_places
from poju.survey.profile import Profile
from poju.survey.reckoning import day_of, months_of
from poju.survey.resolution import Anchor, counts_from_publication, five_year_plan, resolve
from poju.survey.subjects import Story
from poju.survey.text import Page

_APART = {"horizon", "effective"}
_COUNTED = {"same_day", "same_month", "same_year", "bare_day", "next_year", "next_named_month", "step"}
_COUNTED |= {"offset", "compared"}
_REMEMBERED = {"absolute", "minguo", "this_year", "this_month", "this_day", "same_year", "next_year", "offset", "step"}
_FUTURE = ("将", "拟", "预计", "定于", "计划于", "计划在", "will ", "plans to", "is to ", "are to ")
_NEAR_DAYS = 45


def date_for(
    page: Page, profile: Profile, sentence: Span, cue: Cue, story: Story, fresh: list[Event], *, named: bool
) -> When:
    """Return the date of the act that ``cue`` says.

    1. The last date before the cue in its sentence; 2. the first one after it; 3. the date of the act told before it in
    the sentence, or in the paragraph where the subject is carried on; 4. the five-year plan that the sentence names;
    5. the day of the text itself, which the act is not after. A date that counts from a day which the text does not
    tell leaves the act undated: no other date of the sentence stands in for it.
    """
    told = find_dates(page, sentence)
    mentions = [m for m in told if m.kind not in _APART and m.span != profile.datestamp]
    before = [m for m in mentions if m.span.start < cue.span.start or m.span.overlaps(cue.span)]
    after = [m for m in mentions if m.span.start >= cue.span.end]
    for mention in (*reversed(before), *after[:1]):
        if mention in after and (fresh and not page.english and mention.kind != "compared"):
            continue
        shared = next((event for event in fresh if event.date.expr == mention.span), None)
        beside = page.english and mention.parts.get("way") in {"after", "before"}
        if shared is not None and not beside:
            return _same_time(shared)
        when = _resolved(page, profile, sentence, cue, mention, story)
        if when is not None:
            return when
        if mention in before and counts_from_publication(mention) and published(profile).value is None:
            return NO_DATE
    last = fresh[-1] if fresh else (None if named else story.in_paragraph())
    carried = _same_time(last)
    if carried.value is not None:
        return carried
    planned = [when for when in map(five_year_plan, told) if when is not None]
    return planned[0] if planned else _by_then(profile)


def remember_date(page: Page, profile: Profile, sentence: Span, story: Story) -> None:
    """Keep the last date of ``sentence`` for what the next one counts from it, whether or not an act was told."""
    mentions = [m for m in find_dates(page, sentence) if m.kind in _REMEMBERED and m.span != profile.datestamp]
    for mention in reversed(mentions):
        when = _counted(page, profile, sentence, mention, story)
        if when is not None and when.value is not None:
            story.told, story.told_at = when, mention.span.start
            return


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
    if mention.kind in {"offset", "compared"}:
        counted = _from_region(page, sentence, cue, mention, story)
        if counted is not None or "place" in mention.parts:
            return counted
        if page.english and mention.parts.get("way") in {"after", "before"} and _goes_on(page, sentence, mention):
            return _beside_dateline(page, profile, sentence, cue, mention)
    return _counted(page, profile, sentence, mention, story)


def _goes_on(page: Page, sentence: Span, mention: Mention) -> bool:
    """Return whether the clause goes on after `three months after`, so that it names what it counts from."""
    clause = next((c for c in page.clauses(sentence) if c.overlaps(mention.span)), sentence)
    return any(character.isalnum() for character in page.norm[mention.span.end : clause.end])


def _counted(page: Page, profile: Profile, sentence: Span, mention: Mention, story: Story) -> When | None:
    """Return what ``mention`` means, counted from the day of the text, a date before it, or the last event."""
    today = Anchor(published(profile).value, None)
    ago = mention.kind == "offset" and counts_from_publication(mention)
    if counts_from_publication(mention) and (today.value is not None or not ago):
        return resolve(mention, today)
    anchor = _in_sentence(page, sentence, mention, story) or story.anchor()
    if anchor is None:
        found = resolve(mention, today)
        return _not_after(page, sentence, found, today.value)
    if mention.kind == "same_year" and _just_before(resolve(mention, today), today.value):
        return resolve(mention, today)
    return resolve(mention, anchor)


def _in_sentence(page: Page, sentence: Span, mention: Mention, story: Story) -> Anchor | None:
    """Return the date that stands before ``mention`` in its sentence and after the last event («…，同日…»), or None."""
    last = story.last()
    start = max(sentence.start, last.citations[-1].end if last is not None else 0)
    if mention.kind not in _COUNTED or start >= mention.span.start:
        return None
    for other in reversed(find_dates(page, Span(start, mention.span.start))):
        if other.kind not in {"absolute", "minguo", "offset"}:
            continue
        when = resolve(other, story.anchor() or Anchor(None, None))
        if when is not None and when.value is not None:
            return Anchor(when.value, None, told=True)
    return None


def _just_before(when: When | None, today: str | None) -> bool:
    """Return whether a day without a year lies so shortly before the day of the text that no other year is meant."""
    day, now = day_of(when.value) if when is not None else None, day_of(today)
    return day is not None and now is not None and 0 <= (now - day).days <= _NEAR_DAYS


def _not_after(page: Page, sentence: Span, when: When | None, today: str | None) -> When | None:
    """Put a month without a year into the last year where it would otherwise lie ahead («12月20日» told in April)."""
    if when is None or when.value is None or today is None or when.relative is None or "month" not in when.relative:
        return when
    ahead = when.value > today[: len(when.value)]
    if not ahead or any(word in page.norm[sentence.start : sentence.end] for word in _FUTURE):
        return when
    return replace(when, value=f"{int(when.value[:4]) - 1:04d}{when.value[4:]}")


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
    if mention.kind == "compared":
        return find_places(page, mention.span) if "place" in mention.parts else []
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
