"""How sure it is that a found event is one: a small logistic model over what can be seen of it, fitted on labels.

The weights are data (``confidence.toml``), fitted by ``scripts/survey_confidence.py`` on events that rules found which
had been made before any of the labels was read, so that the figure holds for texts not seen yet. What a clause is
looked at for (a verb of acting, words in quotation marks) is the table ``[confidence]`` of ``wording.toml``.
"""

from __future__ import annotations

import math
import tomllib
from functools import cache
from typing import Any

from poju.survey.datafiles import data_text
from poju.survey.model import Event, Span
from poju.survey.text import Page
from poju.survey.wording import search, table

PPM = 1_000_000
_STEP = 1_000
_BREAKS = "。；\n，"
_REACH = 400


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(data_text("confidence.toml"))


def features(event: Event, page: Page, genre: str) -> dict[str, int]:
    """Return what the model looks at, each 0 or 1; ``genre`` is official or news.

    acting: a verb of acting opens the clause, or nearly; strong: the cue itself holds one; quoted: the clause has words
    in quotation marks, which often name what there is; own_act: the document itself is the act; pull, push: the side.
    """
    clause = _clause(page, event.cue)
    shapes = table()["confidence"]
    found = {
        "acting": search(shapes["acting"], page, clause) is not None,
        "strong": search(shapes["strong"], page, event.cue) is not None,
        "quoted": search(shapes["quoted"], page, clause) is not None,
        "own_act": genre == "official" and event.cue in event.citations,
        "pull": event.side == "pull",
        "push": event.side == "push",
    }
    return {name: int(value) for name, value in found.items()}


def _clause(page: Page, cue: Span) -> Span:
    """Return the clause in which ``cue`` begins, from the mark before it to the next, of bounded length."""
    norm = page.norm
    start = max(norm.rfind(mark, max(0, cue.start - _REACH), cue.start) for mark in _BREAKS) + 1
    start = max(start, cue.start - _REACH, 0)
    ends = [at for at in (norm.find(mark, start, cue.end + _REACH) for mark in _BREAKS) if at >= 0]
    return Span(start, min(ends, default=min(len(norm), cue.end + _REACH)))


def confidence_ppm(event: Event, page: Page, genre: str) -> int:
    """Return the probability, in parts per million and steps of a thousand, that a reader would call this an event."""
    weights: dict[str, float] = _table()["weights"]
    seen = features(event, page, genre)
    odds = weights["intercept"] + sum(weights[name] * value for name, value in seen.items())
    probability = 1 / (1 + math.exp(-odds))
    return min(PPM - _STEP, max(_STEP, round(probability * PPM / _STEP) * _STEP))
