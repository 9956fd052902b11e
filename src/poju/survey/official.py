"""Events of official texts: one region, one issuer, one date for the whole document; each clause is an act.

Statutes' «应当» clauses, the measures of a policy, the plans of a work report. What the document defines, forbids or
punishes is no event; what a report says about the past year is an outcome, not a plan.
"""

from __future__ import annotations

import re

from poju.survey.amounts import find_amounts
from poju.survey.cues import Cue, find_cues, grant_for, grant_marker, instruments
from poju.survey.dates import find_dates
from poju.survey.gazetteer import contains
from poju.survey.model import Amount, Event, Finding, Region, Span
from poju.survey.money import WITHOUT_MONEY, clause_of, names_recipient, owned_amounts
from poju.survey.places import find_places
from poju.survey.profile import Profile
from poju.survey.text import Page
from poju.survey.wording import outcome_of, search, table, void_cue, void_in_law

_FORBIDDEN = re.compile(r"不得|禁止|严禁|不予|不再|尚未|未经|未(?=通过|按|依|制定|编制|建立|设立)")
_CONTINUED = re.compile(
    r"^(?:每年)?(?:每家|每个|每户|单个|同一|单家|单项|同一家|对同一)[^，。；]{0,20}(?:最高|累计|不超过|补助|奖励|额度)|^(?:最高|累计|原则上)[^，。；]{0,20}(?:不超过|万元)|^(?:晋级补差|突破|达到)"
)
_FORMS = {"law": "regulation", "plan": "strategy_plan", "report": "strategy_plan"}
_BENEFITS = frozenset({"tax_incentive", "rent_subsidy"})
_ONE_ACT = frozenset({"talent_incentive"})  # a sentence on people lists many kinds of them: attract, train, use well
_HEADING_LENGTH = 40
_MOST_CITATIONS = 8


def official_events(page: Page, profile: Profile) -> tuple[list[Event], list[Event], list[Finding]]:
    """Return the events, outcomes and findings of an official text."""
    events = _document_events(page, profile)
    outcomes: list[Event] = []
    looking_back = False
    for line in page.lines():
        if line.start < profile.body_start or line in profile.apart:
            continue
        looking_back = _looks_back(page, line, profile, before=looking_back)
        in_line: list[Event] = []
        for sentence in page.sentences(line):
            told = outcome_of(page, sentence)
            if told is not None:
                outcomes.append(_outcome(profile, sentence, told))
            elif not looking_back and not void_in_law(page, sentence) and not page.in_speech(sentence):
                _read_sentence(page, profile, sentence, in_line)
        events.extend(in_line)
    return _joined(events, page, profile), outcomes, []


def _looks_back(page: Page, line: Span, profile: Profile, *, before: bool) -> bool:
    """Return whether the line stands in the part of a report that looks back; only headings change that.

    A heading that names the report's own year («三、2026年主要工作») opens what is to be done.
    """
    if line.end - line.start > _HEADING_LENGTH:
        return before
    if profile.date.value is not None and page.norm.find(f"{profile.date.value[:4]}年", line.start, line.end) >= 0:
        return False
    if search(table()["review"]["opens"], page, line):
        return True
    return before and search(table()["review"]["closes"], page, line) is None


def _document_events(page: Page, profile: Profile) -> list[Event]:
    """Return the act that the document itself is: a law is regulation, a plan or report is strategy, a notice opens."""
    heads = [named.span for named in (profile.title,) if named is not None]
    heads += [profile.adoption] if profile.adoption is not None else []
    if not heads:
        return []
    instruments_told = [_FORMS[profile.form]] if profile.form in _FORMS else []
    if profile.title is not None:
        opened = [cue.instrument for cue in find_cues(page, profile.title.span, "official")]
        if "scenario_opening" in opened or (
            "场景" in page.norm[slice(*profile.title.span)] and "开放" in page.norm[slice(*profile.title.span)]
        ):
            instruments_told.append("scenario_opening")
        elif profile.form == "notice":
            instruments_told.extend(opened[:1])
    return [_event(profile, Cue(name, heads[0]), list(dict.fromkeys(heads)), "issued") for name in instruments_told]


def _event(profile: Profile, cue: Cue, citations: list[Span], status: str) -> Event:
    regions: list[Region] = [] if profile.region is None else [profile.region]
    return Event(
        instrument=cue.instrument,
        side=instruments()[cue.instrument].side,
        regions=regions,
        date=profile.date,
        citations=citations,
        cue=cue.span,
        status=status,
        issuers=[profile.issuer] if profile.issuer is not None else [],
        title=profile.title if profile.title is not None and profile.title.span in citations else None,
        effective=profile.effective,
    )


def _read_sentence(page: Page, profile: Profile, sentence: Span, in_line: list[Event]) -> None:
    clauses = page.clauses(sentence)
    marker = grant_marker(page, sentence)
    cues = [
        cue
        for cue in find_cues(page, sentence, "official")
        if not _forbidden(page, cue, clauses)
        and not void_cue(page, clause_of(page, sentence, cue.span), cue.span, granted=marker is not None)
    ]
    if marker is not None and _FORBIDDEN.search(page.norm, clause_of(page, sentence, marker).start, marker.end):
        marker = None
    amounts = find_amounts(page, sentence)
    capped = any({"cap", "cumulative_cap", "floor"} & set(amount.semantics) for amount in amounts)
    if (marker is not None or (capped and not cues)) and _continues(page, sentence, in_line):
        _continue(in_line[-1], sentence, amounts)
        return
    if marker is not None:
        cues = _with_grant(page, sentence, marker, cues)
    owned = owned_amounts(page, sentence, cues)
    apart = marker is None and not page.english
    for said in _acts(cues, clauses, apart=apart):
        name = said[0].instrument
        granted = marker is not None and (name in owned or any(cue.span.overlaps(marker) for cue in said))
        citations = (
            [sentence]
            if granted and len({cue.instrument for cue in cues}) == 1
            else _clauses_of(said, clauses, sentence)
        )
        event = _event(profile, said[0], citations, "planned" if profile.form == "report" else "issued")
        event.regions = _where(page, said, event.regions)
        event.amounts = _between(owned.get(name, []), said, cues)
        event.horizon = _horizon(page, sentence)
        _append(in_line, event, sentence)


def _acts(cues: list[Cue], clauses: list[Span], *, apart: bool) -> list[list[Cue]]:
    """Return the cues by act: one for each tool, or, ``apart``, another where it is said again after another clause."""
    found: list[list[Cue]] = []
    for cue in cues:
        known = next((acts for acts in reversed(found) if acts[0].instrument == cue.instrument), None)
        near = known is not None and _index(cue, clauses) - _index(known[-1], clauses) <= 1
        if known is not None and (near or not apart or cue.instrument in _ONE_ACT):
            known.append(cue)
        else:
            found.append([cue])
    return found


def _index(cue: Cue, clauses: list[Span]) -> int:
    return next((i for i, clause in enumerate(clauses) if clause.end >= cue.span.end), 0)


def _between(amounts: list[Amount], said: list[Cue], cues: list[Cue]) -> list[Amount]:
    """Return the sums that belong to ``said``: up to the next act of the same tool, from the first cue or before it."""
    same = [cue.span.start for cue in cues if cue.instrument == said[0].instrument]
    start = 0 if said[0].span.start == min(same) else said[0].span.start
    end = min((position for position in same if position > said[-1].span.start), default=None)
    return [a for a in amounts if start <= a.core.end and (end is None or a.core.end <= end)]


def _where(page: Page, said: list[Cue], issuers: list[Region]) -> list[Region]:
    """Return the places inside the issuer's that the act itself names («支持保定…基地发展»), then the issuer's."""
    named = [region for cue in said for region in find_places(page, cue.span)]
    own = [
        r for r in named if r.code and any(i.code and i.code != r.code and contains(i.code, r.code) for i in issuers)
    ]
    return [*dict.fromkeys(own), *issuers]


def _append(in_line: list[Event], event: Event, sentence: Span) -> None:
    """Add ``event``; a numbered heading («1.加大…補貼力度») and the grant under it are one event."""
    earlier = [e for e in in_line if e.citations[-1].end <= sentence.start]
    heading = next((e for e in earlier if e.instrument == event.instrument and not e.amounts), None)
    if heading is None or not event.amounts:
        in_line.append(event)
        return
    heading.citations.extend(event.citations)
    heading.amounts, heading.cue = event.amounts, event.cue


def _forbidden(page: Page, cue: Cue, clauses: list[Span]) -> bool:
    clause = next((c for c in clauses if c.overlaps(cue.span)), cue.span)
    return _FORBIDDEN.search(page.norm, clause.start, cue.span.end) is not None


def _continues(page: Page, sentence: Span, in_line: list[Event]) -> bool:
    """Return whether the sentence goes on about the grant before it: a cap for each firm, the next tier after «；»."""
    if not in_line or in_line[-1].instrument in WITHOUT_MONEY:
        return False
    if not in_line[-1].amounts:
        return _CONTINUED.match(page.norm[sentence.start : sentence.end]) is not None
    words = page.norm[sentence.start : sentence.end]
    before = page.norm[sentence.start - 1]
    if before == "；":
        instrument, _ = grant_for(page, sentence)
        return instrument in {in_line[-1].instrument, "award_grant"}
    return _CONTINUED.match(words) is not None


def _continue(event: Event, sentence: Span, amounts: list[Amount]) -> None:
    event.citations.append(sentence)
    event.amounts.extend(amounts)
    exact = [amount for amount in event.amounts if "exact" in amount.semantics]
    if len(exact) > 1:
        for amount in exact:
            if "tiered" not in amount.semantics:
                amount.semantics.append("tiered")


def _with_grant(page: Page, sentence: Span, marker: Span, cues: list[Cue]) -> list[Cue]:
    """Add the grant's instrument; of the other cues those stay that are acts of their own before its clause."""
    at = clause_of(page, sentence, marker).start
    apart = [c for c in cues if c.span.end <= at and not names_recipient(page, clause_of(page, sentence, c.span))]
    window = Span(max((c.span.end for c in apart), default=sentence.start), sentence.end)
    instrument, _ = grant_for(page, window)
    clause = clause_of(page, sentence, marker)
    later = [cue for cue in cues if cue.span.start >= clause.end]
    within = [cue for cue in cues if cue not in apart and cue not in later]
    if instrument == "award_grant" and within:
        return cues
    kept = [c for c in within if c.instrument == instrument or (c.instrument in _BENEFITS and c.span.within(clause))]
    return sorted([*apart, Cue(instrument, marker), *kept, *later], key=lambda cue: cue.span)


def _clauses_of(said: list[Cue], clauses: list[Span], sentence: Span) -> list[Span]:
    found: list[Span] = []
    for cue in said:
        parts = [clause for clause in clauses if clause.overlaps(cue.span)]
        span = Span(min(c.start for c in parts), max(c.end for c in parts)) if parts else sentence
        if span not in found:
            found.append(span)
    return found


def _horizon(page: Page, sentence: Span) -> dict[str, object] | None:
    for mention in find_dates(page, sentence):
        if mention.kind == "horizon" and "year" in mention.parts:
            return {"value": mention.parts["year"], "expr": mention.span.cite(page.text)}
    return None


def _outcome(profile: Profile, sentence: Span, told: tuple[str, Span, dict[str, object]]) -> Event:
    subtype, cue, count = told
    event = _event(profile, Cue("regulation", cue), [sentence], "reported")
    event.instrument, event.side, event.kind = "outcome", None, "outcome"
    event.subtype, event.count = subtype, count
    return event


def _joined(events: list[Event], page: Page, profile: Profile) -> list[Event]:
    """Let sentences that say the same tool in the same words be one act, and a notice with what repeats its subject."""
    kept: list[Event] = []
    known: dict[tuple[str, str], Event] = {}
    for event in events:
        notice = profile.form == "notice"
        key = (event.instrument, "" if notice else page.norm[slice(*event.cue)])
        first = known.get(key)
        if first is None or event.amounts or (first.amounts and not notice):
            kept.append(event)
            known.setdefault(key, event)
        elif len(first.citations) < _MOST_CITATIONS:
            first.citations.extend(span for span in event.citations if span not in first.citations)
    return kept
