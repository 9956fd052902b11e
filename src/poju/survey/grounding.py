"""Turn a language model's answer into events that the text itself bears out; count what it does not, by reason.

Nothing is believed. A quote has to stand in the text, exactly and once; places, dates and sums are read again from the
quoted words by the same code as the rules use; the instrument has to be one of the taxonomy and said by the words. So
a text that gives orders to the model ("report a hundred events") gains no event by it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from poju.survey.actors import enterprises_of
from poju.survey.amounts import find_amounts
from poju.survey.cues import instruments, lexicon
from poju.survey.dates import find_dates
from poju.survey.model import NO_DATE, Amount, Event, Named, Region, Span, When
from poju.survey.money import clause_of
from poju.survey.places import find_places
from poju.survey.profile import Profile
from poju.survey.resolution import Anchor, resolve
from poju.survey.text import Page
from poju.survey.wording import status_of, void_in_law, voided

MOST_EVENTS = 200
MOST_OF_A_SENTENCE = 6
SHORTEST_QUOTE = 4
LONGEST_QUOTE = 800
_MOST_SUMS = 20
_MOST_ISSUERS = 6
_LONGEST_NAME = 60


class UngroundedError(Exception):
    """An event that the text does not bear out; its only argument is the reason that is counted."""


@dataclass(slots=True)
class Grounding:
    """The events of one document that hold, and how many events and fields did not, by reason."""

    page: Page
    profile: Profile
    events: list[Event] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    told: int = 0

    def take(self, answer: Any, window: Span) -> None:  # noqa: ANN401 - untrusted JSON
        """Add the events of ``answer``, a decoded JSON answer about the part ``window`` of the text."""
        items = answer.get("events") if isinstance(answer, dict) else None
        if not isinstance(items, list):
            self.dropped["answer_of_another_shape"] += 1
            return
        self.told += len(items)
        self.dropped["event_beyond_limit"] += max(0, len(items) - MOST_EVENTS)
        for item in items[:MOST_EVENTS]:
            try:
                event = self._event(item, window)
            except UngroundedError as error:
                self.dropped[str(error.args[0])] += 1
            else:
                event.identifier = f"x{len(self.events)}"
                self.events.append(event)

    def _event(self, item: Any, window: Span) -> Event:  # noqa: ANN401 - untrusted JSON
        """Return the event that ``item`` tells, read again from the text.

        1. A known instrument. 2. A quote that stands in the window once. 3. Words in it that say the instrument, and
        none that make it a wish, a gap, or somebody's opinion. 4. Not told before. 5. A place that acts. 6. Date, sums
        and issuers from their own quotes; one that does not hold is left out, the event stays.
        """
        if not isinstance(item, dict):
            raise UngroundedError("event_of_another_shape")
        instrument = item.get("instrument")
        if not isinstance(instrument, str) or instrument not in instruments():
            raise UngroundedError("instrument_unknown")
        quote = self._only(item.get("quote"), window)
        sentence = self._sentence(quote)
        cue = self._cue(item.get("cue"), quote)
        self._must_say(instrument, quote, cue)
        self._must_be_new(instrument, quote, cue)
        event = Event(
            instrument=instrument,
            side=instruments()[instrument].side,
            regions=self._regions(item.get("region_quote"), quote, window),
            date=self._date(item.get("date_quote"), quote, window),
            citations=[quote],
            cue=cue,
            status=status_of(self.page, clause_of(self.page, quote, cue), cue, "issued"),
            amounts=self._amounts(item.get("amount_quotes"), sentence),
            issuers=self._issuers(item.get("issuer_quotes"), quote, window),
            enterprises=enterprises_of(self.page, quote),
        )
        event.aggregate = len(event.regions) > 1
        for amount in event.amounts:
            clause = clause_of(self.page, sentence, amount.core)
            if not any(clause.within(cited) for cited in event.citations):
                event.citations.append(clause)
        return event

    def _only(self, quote: Any, window: Span) -> Span:  # noqa: ANN401 - untrusted JSON
        """Return where ``quote`` stands in ``window``; it has to stand there once."""
        if not isinstance(quote, str) or not SHORTEST_QUOTE <= len(quote) <= LONGEST_QUOTE:
            raise UngroundedError("quote_too_short_or_long")
        places = self._places(quote, window)
        if len(places) != 1:
            raise UngroundedError("quote_ambiguous" if places else "quote_absent")
        return places[0]

    def _places(self, quote: str, within: Span) -> list[Span]:
        """Return the first two places of ``quote`` inside ``within``."""
        first = self.page.text.find(quote, within.start, within.end)
        if first < 0:
            return []
        second = self.page.text.find(quote, first + 1, within.end)
        return [Span(at, at + len(quote)) for at in (first, second) if at >= 0]

    def _sentence(self, quote: Span) -> Span:
        """Return the sentences that ``quote`` touches, as one span."""
        lines = [line for line in self.page.lines() if line.overlaps(quote)]
        touched = [s for line in lines for s in self.page.sentences(line) if s.overlaps(quote)]
        return Span(min(s.start for s in touched), max(s.end for s in touched)) if touched else quote

    def _cue(self, words: Any, quote: Span) -> Span:  # noqa: ANN401 - untrusted JSON
        found = self._places(words, quote) if isinstance(words, str) and words.strip() else []
        if len(found) == 1:
            return found[0]
        self.dropped["cue_ambiguous" if found else "cue_absent"] += 1
        return quote

    def _must_say(self, instrument: str, quote: Span, cue: Span) -> None:
        words = self.page.norm[slice(*quote)]
        if not any(key in words for key in _keys(instrument, english=self.page.english)):
            raise UngroundedError("instrument_not_said")
        official = self.profile.genre == "official"
        reason = None if official else voided(self.page, quote, cue)
        if reason is not None or (official and void_in_law(self.page, quote)) or self.page.in_speech(cue):
            raise UngroundedError(f"no_act_{reason or 'rule'}")

    def _must_be_new(self, instrument: str, quote: Span, cue: Span) -> None:
        near = [event for event in self.events if event.citations[0].overlaps(quote)]
        if any(event.instrument == instrument and event.cue.overlaps(cue) for event in near):
            raise UngroundedError("told_before")
        if len(near) >= MOST_OF_A_SENTENCE:
            raise UngroundedError("event_beyond_limit")

    def _beside(self, words: Any, quote: Span, window: Span, field_name: str) -> Span | None:  # noqa: ANN401 - as above
        """Return where a field's words stand: once in the quote, else once before it in the window; None if neither."""
        if words is None:
            return None
        if isinstance(words, str) and words.strip() and len(words) <= LONGEST_QUOTE:
            for within in (quote, Span(window.start, quote.start), window):
                found = self._places(words, within)
                if len(found) == 1:
                    return found[0]
                if found:
                    self.dropped[f"{field_name}_ambiguous"] += 1
                    return None
        self.dropped[f"{field_name}_absent"] += 1
        return None

    def _regions(self, words: Any, quote: Span, window: Span) -> list[Region]:  # noqa: ANN401 - untrusted JSON
        """Return the places read from the quoted words; else those of an official document itself; else no event."""
        span = self._beside(words, quote, window, "region")
        found = find_places(self.page, span) if span is not None else []
        if span is not None and not found:
            self.dropped["region_not_read"] += 1
        if not found and self.profile.genre == "official" and self.profile.region is not None:
            found = [self.profile.region]
        if not found:
            raise UngroundedError("event_without_region")
        return found

    def _date(self, words: Any, quote: Span, window: Span) -> When:  # noqa: ANN401 - untrusted JSON
        own = self.profile.date if self.profile.genre == "official" else NO_DATE
        span = self._beside(words, quote, window, "date")
        if span is None:
            return own
        dated = [event for event in self.events if event.date.value and event.citations[0].start < quote.start]
        last = max(dated, key=lambda event: event.citations[0].start, default=None)
        anchor = Anchor(last.date.value, last.identifier) if last else Anchor(self.profile.date.value, None)
        for mention in find_dates(self.page, span):
            when = resolve(mention, anchor)
            if when is not None:
                return when
        self.dropped["date_not_read"] += 1
        return own

    def _amounts(self, quotes: Any, sentence: Span) -> list[Amount]:  # noqa: ANN401 - untrusted JSON
        found: list[Amount] = []
        read = find_amounts(self.page, sentence)
        for words in quotes[:_MOST_SUMS] if isinstance(quotes, list) else []:
            span = self._beside(words, sentence, sentence, "amount")
            if span is None:
                continue
            mine = [amount for amount in read if amount.core.overlaps(span) and amount not in found]
            found += mine
            if not mine:
                self.dropped["amount_not_read"] += 1
        return sorted(found, key=lambda amount: amount.core)

    def _issuers(self, quotes: Any, quote: Span, window: Span) -> list[Named]:  # noqa: ANN401 - untrusted JSON
        found: list[Named] = []
        for words in quotes[:_MOST_ISSUERS] if isinstance(quotes, list) else []:
            span = self._beside(words, quote, window, "issuer")
            if span is not None and span.end - span.start <= _LONGEST_NAME:
                found.append(Named(self.page.text[slice(*span)], span))
        if not found and self.profile.genre == "official" and self.profile.issuer is not None:
            return [self.profile.issuer]
        return found


@cache
def _keys(instrument: str, *, english: bool) -> frozenset[str]:
    """Return the words of the lexicon of which one has to stand in a text that says ``instrument``."""
    return frozenset(key for p in lexicon() if p.instrument == instrument and p.english == english for key in p.keys)
