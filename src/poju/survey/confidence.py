"""How sure it is that a found event is one: a small logistic model over what can be seen of it, fitted on labels.

The weights are data (``confidence.toml``), fitted by ``scripts/survey_confidence.py`` on events as they were found in
labelled texts *before* their labels were used to better the rules, so that the figure holds for texts not seen yet.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from functools import cache
from typing import Any

from poju.survey.gazetteer import data_text
from poju.survey.model import Event

PPM = 1_000_000
_STEP = 1_000
_SHORT_CUE = 6
_LONG_CUE = 20
_CROWD = 3


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(data_text("confidence.toml"))


def features(event: Event, beside: Sequence[Event], genre: str) -> dict[str, int]:
    """Return what the model looks at, each 0 or 1.

    ``beside`` are the events told near it; ``genre`` is official or news. own_act: the document itself is the act;
    short_cue and long_cue: a fixed term, or words far apart; money: a sum is cited; crowded: three events or more share
    the sentence; everyday: the instrument is said in everyday words (platform, centre, talent); inherited: a news act
    whose date the text gives elsewhere or not at all.
    """
    length = event.cue.end - event.cue.start
    shared = sum(any(a.overlaps(b) for a in event.citations for b in other.citations) for other in beside)
    own = genre == "official" and event.cue in event.citations
    news = genre == "news"
    found = {
        "news": news,
        "own_act": own,
        "short_cue": length <= _SHORT_CUE,
        "long_cue": length >= _LONG_CUE and not own,
        "money": bool(event.amounts),
        "crowded": shared >= _CROWD,
        "everyday": event.instrument in _table()["everyday"]["instruments"],
        "inherited": news and (event.date.expr is None or event.date.relative is not None),
    }
    return {name: int(value) for name, value in found.items()}


def confidence_ppm(event: Event, beside: Sequence[Event], genre: str) -> int:
    """Return the probability, in parts per million and steps of a thousand, that a reader would call this an event."""
    weights: dict[str, float] = _table()["weights"]
    seen = features(event, beside, genre)
    odds = weights["intercept"] + sum(weights[name] * value for name, value in seen.items())
    probability = 1 / (1 + math.exp(-odds))
    return min(PPM - _STEP, max(_STEP, round(probability * PPM / _STEP) * _STEP))
