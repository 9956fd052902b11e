"""One document → its events, outcomes and findings."""

from __future__ import annotations

from poju.survey.confidence import confidence_ppm
from poju.survey.model import Document, DocumentEvents, Event, Finding
from poju.survey.news import news_events
from poju.survey.official import official_events
from poju.survey.profile import Profile, profile_of
from poju.survey.text import Page, page_of
from poju.survey.years import settle_codes

_TITLE_LENGTH = 80
_BOUNDARY = "，。；、：！？,;:!? 　"


def extract(document: Document) -> DocumentEvents:
    """Return what ``document`` tells, each field cited (SURV-1); the same text gives the same result everywhere.

    1. Bring the text into a normal form of the same length. 2. Read its head: genre, title, region, date, issuer.
    3. Read the sentences by genre. 4. Number the events in the order of the text.
    """
    page = page_of(document.text)
    profile = profile_of(page)
    reader = official_events if profile.genre == "official" else news_events
    events, outcomes, findings = reader(page, profile)
    found = finished(document, page, profile, events, outcomes, findings)
    for event in events:
        event.confidence_ppm = confidence_ppm(event, page, profile.genre)
    return found


def finished(
    document: Document,
    page: Page,
    profile: Profile,
    events: list[Event],
    outcomes: list[Event],
    findings: list[Finding],
) -> DocumentEvents:
    """Return what any extractor has read, numbered in the order of the text, each place with the code of its year."""
    _number(events, "e")
    _number(outcomes, "o")
    _attach(events, profile)
    settle_codes(page, profile.date, [*events, *outcomes])
    return DocumentEvents(
        document=document,
        title=_title(page, profile),
        language=page.language,
        genre=profile.genre,
        events=events,
        outcomes=outcomes,
        findings=findings,
    )


def _number(events: list[Event], letter: str) -> None:
    """Give ids in text order; ids given while reading are provisional and are renamed wherever they are quoted."""
    events.sort(key=lambda event: (event.citations[-1 if event.kind == "policy_event" else 0], event.cue))
    names = {event.identifier: f"{letter}{i:02d}" for i, event in enumerate(events, 1) if event.identifier}
    for i, event in enumerate(events, 1):
        event.identifier = f"{letter}{i:02d}"
        if event.part_of is not None:
            event.part_of = names.get(event.part_of)
        if event.date.relative is not None and event.date.relative.get("anchor") is not None:
            event.date.relative["anchor"] = names.get(event.date.relative["anchor"])


def _attach(events: list[Event], profile: Profile) -> None:
    """Let the measures of a law, policy or report be parts of the document's own event."""
    if profile.genre != "official" or not events:
        return
    head = next((event for event in events if event.title is not None or event.cue == profile.adoption), None)
    for event in events:
        if head is not None and event is not head and event.part_of is None:
            event.part_of = head.identifier


def _title(page: Page, profile: Profile) -> str:
    if profile.title is not None:
        return profile.title.name
    body = [line for line in page.lines() if line.start >= profile.body_start]
    first = next((line for line in body if line.end - line.start > len("導讀導讀")), body[0] if body else None)
    return "" if first is None else _shortened(page.text[first.start : first.end])


def _shortened(line: str) -> str:
    """Return ``line`` for display: a long one cut at its last boundary before the 80th character, with an ellipsis."""
    if len(line) <= _TITLE_LENGTH:
        return line
    head = line[:_TITLE_LENGTH]
    at = max(head.rfind(mark) for mark in _BOUNDARY)
    return head[: at if at > 0 else _TITLE_LENGTH].rstrip(_BOUNDARY) + "…"
