"""Events of news texts: each act has its own subject and date; talk about acts is kept apart as findings.

A cue is an event only where a place acts, nobody merely says so, and nothing in the sentence makes it a wish, a
hypothesis, a gap or a diagnosis.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from poju.survey.actors import enterprises_of, issuers_of
from poju.survey.chronology import date_for, remember_date
from poju.survey.cues import Cue, find_cues, grant_for, grant_marker, instruments
from poju.survey.dates import find_dates
from poju.survey.gazetteer import contains
from poju.survey.model import NO_DATE, Amount, Event, Finding, Named, Region, Span
from poju.survey.money import clause_of, names_recipient, owned_amounts
from poju.survey.places import find_places
from poju.survey.profile import Profile
from poju.survey.subjects import Story, acting_places, dateline_place, grouped, remember_name, subject_of
from poju.survey.text import Page
from poju.survey.wording import is_recap, outcome_of, remark, status_of, voided

_HEADING = 16
_LEAD_IN = 120
_MEMORY = 500
_HEADING_EN = 60
_HAN = re.compile(r"[一-鿿]")
_ENDED = re.compile(r"[。！？；，,.;!?|」”\"]$")
_ABSORBING = {
    "challenge_bounty",
    "scenario_opening",
    "demonstration",
    "first_unit",
    "user_voucher",
    "guidance_fund",
    "rent_subsidy",
    "tax_incentive",
}
_RECIPIENT = re.compile(
    r"(?:对|给|向)[^，。；]{2,40}?(?:企业|机构|单位|个人|团队|人才|者|公司)|(?:中选|入选|获选|立项)的?(?:项目|企业|单位)"
)


@dataclass(frozen=True, slots=True)
class _Scene:
    """One sentence being read: ``fresh`` are the events it has told so far."""

    page: Page
    profile: Profile
    sentence: Span
    story: Story
    fresh: list[Event]


def news_events(page: Page, profile: Profile) -> tuple[list[Event], list[Event], list[Finding]]:
    """Return the events, outcomes and findings of a news text."""
    story = Story(dateline=dateline_place(page, profile))
    outcomes: list[Event] = []
    findings: list[Finding] = []
    for line in page.lines():
        if line.start < profile.body_start or line in profile.apart:
            continue
        if _is_furniture(page, line):
            continue
        if _is_heading(page, line):
            places = find_places(page, line)
            story.heading, story.subject = places[-1:], []
            continue
        story.subject, story.paragraph_start = [], line.start
        for sentence in page.sentences(_after_byline(line, profile)):
            _read_sentence(page, profile, sentence, story, outcomes, findings)
            remember_date(page, profile, sentence, story)
    return story.events, outcomes, findings


def _after_byline(line: Span, profile: Profile) -> Span:
    """Return ``line`` without the words of reporters and agencies at its start."""
    byline = next((span for span in profile.bylines if span.start == line.start), None)
    return line if byline is None else Span(byline.end, line.end)


def _is_furniture(page: Page, line: Span) -> bool:
    words = page.text[line.start : line.end]
    return not page.english and len(words) <= _HEADING and not _HAN.search(words)


def _is_heading(page: Page, line: Span) -> bool:
    words = page.norm[line.start : line.end]
    limit = _HEADING_EN if page.english else _HEADING
    return len(words) <= limit and not _ENDED.search(words) and not find_dates(page, line)


def _read_sentence(
    page: Page, profile: Profile, sentence: Span, story: Story, outcomes: list[Event], findings: list[Finding]
) -> None:
    places = acting_places(page, sentence)
    cues = _with_grant(page, sentence, _acts(page, sentence))
    remarked = remark(page, sentence) if not cues else None
    if remarked is not None:
        _note(findings, Finding(remarked, [], sentence))
    told = outcome_of(page, sentence)
    if told is not None and not page.in_speech(told[1]):
        clauses = [c for c in page.clauses(sentence) if c.overlaps(told[1])]
        cues = [cue for cue in cues if cue.span.end <= clauses[0].start]
        outcomes.append(_outcome(page, sentence, told, story))
    fresh: list[Event] = []
    owned = owned_amounts(page, sentence, cues)
    for cue in cues:
        reason = voided(page, sentence, cue.span)
        subject, named = subject_of(page, sentence, cue.span, places, story)
        if reason is not None or not subject:
            _note(findings, Finding(reason or "unattributed", [cue.instrument], clause_of(page, sentence, cue.span)))
            continue
        if is_recap(page, sentence) or _told_as_anchor(page, sentence, cue, subject, story):
            continue
        same = next((e for e in fresh if e.instrument == cue.instrument and e.regions == subject), None)
        if same is not None:
            _extend(same, clause_of(page, sentence, cue.span))
            continue
        event = _event(_Scene(page, profile, sentence, story, fresh), cue, subject, named=named)
        _money(page, sentence, event, owned.get(cue.instrument, []))
        if not _retold(event, story):
            fresh.append(event)
            story.events.append(event)
            remember_name(page, event, clause_of(page, sentence, cue.span), story)
    if places and not (fresh and fresh[-1].aggregate):
        story.subject = fresh[-1].regions if fresh else [places[-1]]


def _acts(page: Page, sentence: Span) -> list[Cue]:
    """Return the cues of the sentence's own words: what stands inside a title is content, not an act."""
    titles = [] if page.english else page.titles(sentence)
    return [cue for cue in find_cues(page, sentence, "news") if not any(cue.span.within(title) for title in titles)]


def _with_grant(page: Page, sentence: Span, cues: list[Cue]) -> list[Cue]:
    """Add the award that the sentence grants, unless the money belongs to an act told right before it."""
    marker = grant_marker(page, sentence)
    if marker is None:
        return cues
    clauses = page.clauses(sentence)
    cues = [
        c for c in cues if c.span.end > marker.start or not names_recipient(page, clause_of(page, sentence, c.span))
    ]
    at = next((i for i, clause in enumerate(clauses) if clause.overlaps(marker)), 0)
    last = next((i for i, clause in reversed(list(enumerate(clauses))) if clause.start < marker.end), at)
    window = Span(clauses[max(0, at - 1)].start if at else clauses[at].start, clauses[last].end)
    clear = [cue.span.end for cue in cues if cue.span.end <= marker.start and cue.span.end > window.start]
    if clear:
        window = Span(max(clear), window.end)
    instrument, _ = grant_for(page, marker if page.english else window)
    if any(cue.instrument == instrument for cue in cues):
        return cues
    absorbing = [c for c in cues if c.instrument in _ABSORBING and (c.span.start <= marker.end or not page.english)]
    if absorbing and (page.english or not _RECIPIENT.search(page.norm, window.start, window.end)):
        return cues
    return sorted([*cues, Cue(instrument, marker)], key=lambda cue: cue.span)


def _note(findings: list[Finding], finding: Finding) -> None:
    if all(known.citation != finding.citation or known.type != finding.type for known in findings[-_MEMORY:]):
        findings.append(finding)


def _told_as_anchor(page: Page, sentence: Span, cue: Cue, subject: list[Region], story: Story) -> bool:
    """Return whether the clause only names an earlier act to count time from («貴陽發布十條七個月後，…»)."""
    clause = clause_of(page, sentence, cue.span)
    counted = [
        m
        for m in find_dates(page, clause)
        if m.kind == "offset" and m.span.start >= cue.span.end and m.span.end >= clause.end - 1
    ]
    return bool(counted) and story.of_region(subject[0].code, cue.instrument) is not None


def _event(scene: _Scene, cue: Cue, subject: list[Region], *, named: bool) -> Event:
    page, sentence, story, fresh = scene.page, scene.sentence, scene.story, scene.fresh
    clause = clause_of(page, sentence, cue.span)
    date = date_for(page, scene.profile, sentence, cue, story, fresh, named=named)
    leads_in = not fresh and cue.span.start - sentence.start < _LEAD_IN
    start = sentence.start if leads_in else clause.start
    citations = [Span(start, clause.end)]
    event = Event(
        instrument=cue.instrument,
        side=instruments()[cue.instrument].side,
        regions=subject,
        date=date,
        citations=citations,
        cue=cue.span,
        status=status_of(page, clause, cue.span, "issued"),
        aggregate=len(subject) > 1,
        issuers=issuers_of(page, subject if named else [], sentence),
        enterprises=enterprises_of(page, citations[0]),
        title=_title(page, clause),
        identifier=f"x{len(story.events)}",
    )
    event.part_of = _parent(event, story, fresh, named=named)
    return event


def _title(page: Page, clause: Span) -> Named | None:
    for title in [] if page.english else page.titles(clause):
        if title.end - title.start > len("「十」"):
            return Named(page.text[title.start + 1 : title.end - 1], Span(title.start + 1, title.end - 1))
    return None


def _parent(event: Event, story: Story, fresh: list[Event], *, named: bool) -> str | None:
    """Return the plan or paper that the act belongs to: told in the same sentence, or before it in the paragraph."""
    last = story.in_paragraph()
    candidates = fresh or ([last] if last is not None and not named else [])
    for earlier in candidates[:1]:
        apart = event.date.value is not None and event.date.value != earlier.date.value
        if event.instrument == "strategy_plan" or apart or not _related(earlier, event):
            return None
        return (
            earlier.identifier
            if earlier.instrument in {"strategy_plan", "white_paper", "regulation"}
            else earlier.part_of
        )
    return None


def _related(one: Event, other: Event) -> bool:
    codes = [(a.code, b.code) for a in one.regions for b in other.regions]
    return any(a is not None and b is not None and (contains(a, b) or contains(b, a)) for a, b in codes) or (
        one.regions == other.regions
    )


def _extend(event: Event, clause: Span) -> None:
    if not any(clause.within(span) for span in event.citations):
        event.citations.append(clause)


def _money(page: Page, sentence: Span, event: Event, amounts: list[Amount]) -> None:
    """Give the event its sums, and cite the clauses in which they stand."""
    event.amounts = amounts
    for amount in amounts:
        _extend(event, clause_of(page, sentence, amount.core))


def _retold(event: Event, story: Story) -> bool:
    """Merge the second telling of an act into the first: one place inside the other, same sum, one of them undated."""
    if event.aggregate or not event.amounts:
        return False
    sums = {amount.value for amount in event.amounts}
    for known in story.recent():
        if known.instrument != event.instrument or known.aggregate or not _related(known, event):
            continue
        if {amount.value for amount in known.amounts} != sums or (known.date.value and event.date.value):
            continue
        known.citations.extend(event.citations)
        if known.date.value is None:
            known.date, known.regions, known.cue = event.date, event.regions, event.cue
            known.issuers, known.title, known.amounts = event.issuers, event.title, event.amounts
        known.enterprises.extend(event.enterprises)
        return True
    return False


def _outcome(page: Page, sentence: Span, told: tuple[str, Span, dict[str, object]], story: Story) -> Event:
    subtype, cue, count = told
    places = find_places(page, sentence)
    near = [region for region in places if region.span.start >= cue.start] or places
    regions = grouped(page, places, near[0]) if near else (story.subject or story.heading)
    return Event(
        instrument="outcome",
        side=None,
        regions=list(regions),
        date=NO_DATE,
        citations=[sentence if not page.english else clause_of(page, sentence, cue)],
        cue=cue,
        status="reported",
        kind="outcome",
        enterprises=enterprises_of(page, sentence),
        count=count,
        subtype=subtype,
    )
