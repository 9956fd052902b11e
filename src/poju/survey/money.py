"""Which act a sum of money belongs to, where one sentence tells several."""

from __future__ import annotations

import re

from poju.survey.amounts import find_amounts
from poju.survey.cues import Cue
from poju.survey.model import Amount, Span
from poju.survey.text import Page

WITHOUT_MONEY = frozenset(
    {"strategy_plan", "white_paper", "leadership_signal", "governance_body", "regulation", "public_procurement"}
)
_RECIPIENT_CLAUSE = re.compile(
    r"^(?:第[一二三四五六七八九十百]+条|[一二三四五六七八九十]+、|（[一二三四五六七八九十\d]+）|\d+[.、])?\s*(?:并|同时|其中)?(?:对|凡|给|经|被|获)"
)


def owned_amounts(page: Page, sentence: Span, cues: list[Cue]) -> dict[str, list[Amount]]:
    """Return the sums of ``sentence`` by instrument.

    1. A sum inside cues belongs to the shortest of them. 2. Else to the cue that ends last before it.
    3. Else to the first cue after it. Plans, papers and rules carry none.
    """
    found: dict[str, list[Amount]] = {}
    for amount in find_amounts(page, sentence):
        owner = _owner(amount, [cue for cue in cues if cue.instrument not in WITHOUT_MONEY])
        if owner is not None:
            found.setdefault(owner.instrument, []).append(amount)
    return found


def _owner(amount: Amount, cues: list[Cue]) -> Cue | None:
    around = [cue for cue in cues if amount.core.within(cue.span)]
    if around:
        return min(around, key=lambda cue: cue.span.end - cue.span.start)
    before = [cue for cue in cues if cue.span.end <= amount.core.end]
    if before:
        return max(before, key=lambda cue: (cue.span.end, cue.span.start))
    return min(cues, key=lambda cue: cue.span.start, default=None)


def names_recipient(page: Page, clause: Span) -> bool:
    """Return whether the clause says who gets a grant («對首次獲得備案的企業»), not what is done."""
    return _RECIPIENT_CLAUSE.match(page.norm[clause.start : clause.end]) is not None


def clause_of(page: Page, sentence: Span, span: Span) -> Span:
    """Return the clauses of ``sentence`` that ``span`` touches, as one span."""
    parts = [clause for clause in page.clauses(sentence) if clause.overlaps(span)]
    return Span(parts[0].start, parts[-1].end) if parts else sentence
