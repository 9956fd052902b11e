"""What `survey` reads and says: documents, spans, policy events.

Offsets count the characters of the Python ``str`` as read with ``encoding="utf-8", newline=""``; spans are half-open.
SURV-1: every field of an event carries the span of its source that says it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from poju.survey.document import Document as Document  # noqa: PLC0414 - so a type checker sees it exported again

Json = dict[str, Any]


class Span(NamedTuple):
    """Half-open character offsets into a document's text."""

    start: int
    end: int

    def cite(self, text: str) -> Json:
        """Return ``{"start", "end", "text"}``; the text is the document's own characters."""
        return {"start": self.start, "end": self.end, "text": text[self.start : self.end]}

    def within(self, other: Span) -> bool:
        """Return whether ``other`` contains this span."""
        return other.start <= self.start and self.end <= other.end

    def overlaps(self, other: Span) -> bool:
        """Return whether the two spans share a character."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Region:
    """A place. ``code`` is its GB/T 2260 code or None; ``alternatives`` are the other codes a short name could mean.

    In an event ``code`` and ``name`` are those of the event's year, and ``now`` holds the codes of today if others.
    """

    code: str | None
    name: str
    level: str
    span: Span
    alternatives: tuple[str, ...] = ()
    now: tuple[str, ...] = ()

    def to_json(self, text: str) -> Json:
        """Return the region with its cited span."""
        found: Json = {"code": self.code, "name": self.name, "level": self.level, "span": self.span.cite(text)}
        if self.alternatives:
            found["alternatives"] = list(self.alternatives)
        if self.now:
            found["now"] = list(self.now)
        return found


@dataclass(frozen=True, slots=True)
class When:
    """A date. ``value`` is ISO 8601 cut to its ``precision`` (day, month, quarter, half_year, year, period) or None.

    ``relative`` tells how a date was worked out from an anchor: ``{"type", "anchor", "anchor_value", …}``. ``relation``
    is as_of, on_or_before or within where the text does not date the act itself; ``basis`` what the date then rests on
    (document, published, document_number, title, effective). ``start`` and ``end`` bound a period.
    """

    value: str | None = None
    precision: str = "none"
    expr: Span | None = None
    relative: Json | None = None
    calendar: str = "gregorian"
    relation: str | None = None
    basis: str | None = None
    part: str | None = None
    start: str | None = None
    end: str | None = None

    def to_json(self, text: str) -> Json:
        """Return the date with its cited expression."""
        found: Json = {"value": self.value, "precision": self.precision}
        if self.expr is not None:
            found["expr"] = self.expr.cite(text)
        if self.relative is not None:
            found["relative"] = self.relative
        if self.calendar != "gregorian":
            found["calendar"] = self.calendar
        for name in ("relation", "basis", "part", "start", "end"):
            value = getattr(self, name)
            if value is not None:
                found[name] = value
        return found


NO_DATE = When()


@dataclass(frozen=True, slots=True)
class Percent:
    """A rate in per cent, where it stands, and the words that say of what («实际研发投入»), if any."""

    value: float
    span: Span
    base: Span | None


@dataclass(slots=True)
class Amount:
    """Money. ``value`` is the figure in the unit of ``currency``, None for 数千万; ``yuan`` None if not CNY."""

    value: int | float | None
    currency: str
    semantics: list[str]
    span: Span
    core: Span
    percent: Percent | None = None
    threshold: int | float | None = None

    def to_json(self, text: str) -> Json:
        """Return the amount with its cited span; ``core`` is the figure alone."""
        known = self.currency == "CNY"
        found: Json = {
            "yuan": self.value if known else None,
            "currency": self.currency,
            "semantics": self.semantics,
            "span": self.span.cite(text),
            "core": self.core.cite(text),
        }
        if not known:
            found["value"] = self.value
        if self.percent is not None:
            found["percent"] = self.percent.value
            if self.percent.base is not None:
                found["percent_of"] = self.percent.base.cite(text)
        if self.threshold is not None:
            found["threshold_yuan"] = self.threshold
        return found


@dataclass(frozen=True, slots=True)
class Named:
    """An issuer, an enterprise or a title: a name and where it stands."""

    name: str
    span: Span

    def to_json(self, text: str) -> Json:
        """Return the name with its offsets beside it."""
        return {"name": self.name, **self.span.cite(text)}


@dataclass(slots=True)
class Event:
    """One dated act of one issuer using one instrument (``kind`` policy_event), or an outcome told by the text."""

    instrument: str
    side: str | None
    regions: list[Region]
    date: When
    citations: list[Span]
    cue: Span
    status: str
    kind: str = "policy_event"
    aggregate: bool = False
    amounts: list[Amount] = field(default_factory=list)
    issuers: list[Named] = field(default_factory=list)
    enterprises: list[Named] = field(default_factory=list)
    title: Named | None = None
    count: Json | None = None
    effective: Json | None = None
    horizon: Json | None = None
    part_of: str | None = None
    identifier: str = ""
    confidence_ppm: int | None = None
    subtype: str | None = None

    def to_json(self, text: str) -> Json:
        """Return the event as `poju survey --json` prints it."""
        thrust = None if self.side is None else ("pull" if self.side == "pull" else "push")
        found: Json = {
            "id": self.identifier,
            "kind": self.kind,
            "instrument": self.instrument,
            "side": self.side,
            "thrust": thrust,
            "regions": [region.to_json(text) for region in self.regions],
            "aggregate": self.aggregate,
            "date": self.date.to_json(text),
            "amounts": [amount.to_json(text) for amount in self.amounts],
            "issuers": [issuer.to_json(text) for issuer in self.issuers],
            "enterprises": [enterprise.to_json(text) for enterprise in self.enterprises],
            "status": self.status,
            "citations": [span.cite(text) for span in self.citations],
            "cue": self.cue.cite(text),
        }
        if self.title is not None:
            found["title"] = self.title.to_json(text)
        for name in ("count", "effective", "horizon", "part_of", "subtype", "confidence_ppm"):
            value = getattr(self, name)
            if value is not None:
                found[name] = value
        return found


@dataclass(frozen=True, slots=True)
class Finding:
    """What a text says about policies without reporting one: recommendation, hypothetical, gap, diagnosis, opinion."""

    type: str
    instruments: list[str]
    citation: Span

    def to_json(self, text: str) -> Json:
        """Return the finding with its cited span."""
        return {"type": self.type, "instruments": self.instruments, "citation": self.citation.cite(text)}


@dataclass(slots=True)
class DocumentEvents:
    """What was read in one document; the three lists are never mixed."""

    document: Document
    title: str
    language: str
    genre: str
    events: list[Event]
    outcomes: list[Event]
    findings: list[Finding]
    extractor: Json | None = None

    def to_json(self) -> Json:
        """Return one item of ``documents`` of `poju survey --json`; ``extractor`` only where it was not the rules."""
        text = self.document.text
        found: Json = {
            "path": self.document.path,
            "title": self.title,
            "language": self.language,
            "genre": self.genre,
            "events": [event.to_json(text) for event in self.events],
            "outcomes": [event.to_json(text) for event in self.outcomes],
            "findings": [finding.to_json(text) for finding in self.findings],
        }
        return found if self.extractor is None else found | {"read_by": self.extractor}
