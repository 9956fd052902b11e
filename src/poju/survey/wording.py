"""Why a sentence is not an event, how far an act has come, and what is an outcome: ``wording.toml``, compiled."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from typing import Any

from poju.survey.gazetteer import data_text
from poju.survey.model import Json, Span
from poju.survey.numbers import number
from poju.survey.text import Page


@cache
def table() -> dict[str, Any]:
    """Return ``wording.toml``."""
    return tomllib.loads(data_text("wording.toml"))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def search(pattern: str, page: Page, span: Span) -> Span | None:
    """Return where ``pattern`` first matches inside ``span``, or None."""
    match = _compiled(pattern).search(page.norm[span.start : span.end])
    return Span(span.start + match.start(), span.start + match.end()) if match else None


def voided(page: Page, sentence: Span, cue: Span) -> str | None:
    """Return why a cue of a news sentence reports no act (hypothetical, recommendation, gap …), or None."""
    for item in table()["void"]:
        if search(item["pattern"], page, sentence):
            return str(item["type"])
    return "opinion" if page.in_speech(cue) else None


def remark(page: Page, sentence: Span) -> str | None:
    """Return the type of a remark about policies that reports no act at all (a gap, a diagnosis), or None."""
    if search(table()["remark"]["about"], page, sentence) is None:
        return None
    return next((str(item["type"]) for item in table()["void"] if search(item["pattern"], page, sentence)), None)


def void_in_law(page: Page, sentence: Span) -> bool:
    """Return whether a sentence of an official text defines, refers or punishes instead of doing."""
    return search(table()["official_void"]["pattern"], page, sentence) is not None


def void_cue(page: Page, clause: Span, cue: Span, *, granted: bool) -> bool:
    """Return whether a cue of an official text names what there is, when or who, instead of doing it.

    «在制定規劃時», «本市制定的標準», «編制規劃應當徵求意見», «部門負責…». A clause that only ends in «的» is a
    condition unless the sentence grants money (``granted``).
    """
    shapes = table()["official_cue"]
    end = Span(cue.end, max(cue.end, clause.end))
    binding = search("应当|可以|应", page, Span(clause.start, max(clause.start, cue.start)))
    return (
        search(shapes["within"], page, cue) is not None
        or search(shapes["whole"], page, clause) is not None
        or search(shapes["before"], page, Span(clause.start, max(clause.start, cue.start))) is not None
        or (binding is None and search(shapes["after"], page, end) is not None)
        or (not granted and search(shapes["condition"], page, clause) is not None)
        or (not granted and search(shapes["holder"], page, end) is not None)
    )


def is_recap(page: Page, sentence: Span) -> bool:
    """Return whether the sentence ranks an act that was told before (the second city that …)."""
    return search(table()["recap"]["pattern"], page, sentence) is not None


def status_of(page: Page, clause: Span, cue: Span, default: str) -> str:
    """Return planned, held, in_force, issued or announced by the words of the cue, then of its clause."""
    for within in (cue, clause):
        for status in ("held", "planned", "in_force", "issued", "announced"):
            if search(table()["status"][status], page, within):
                return status
    return default


def outcome_of(page: Page, sentence: Span) -> tuple[str, Span, Json] | None:
    """Return ``(subtype, cue, count)`` where the sentence tells a result: firms settled, problems solved."""
    patterns = table()["outcome"]
    names = ("solved", "settled_english") if page.english else ("solved", "settled", "settled_after")
    for name in names:
        match = _compiled(patterns[name]).search(page.norm, sentence.start, sentence.end)
        if match is None:
            continue
        parts = match.groupdict()
        written = "count_en" if parts.get("count") is None else "count"
        value = number(parts[written])
        if value is None:
            continue
        more = parts.get("more") or parts.get("plus")
        end = match.end(written)
        for group in ("more", "unit", "plus"):
            if parts.get(group):
                end = max(end, match.end(group))
        count = {
            "value": int(value),
            "relation": "more_than" if more else "exact",
            "span": Span(match.start(written), end).cite(page.text),
        }
        return ("problems_solved" if name == "solved" else "settled"), Span(*match.span()), count
    return None
