"""Refusals in words: for each ``award.*`` and ``support.*`` code, what was needed and what was shown.

The sentences stand in ``refusals.toml`` as English format strings, the keys of the catalogues; figures are parameters.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from poju.i18n import _, translate
from poju.solution.bound import percent
from poju.support.condition import guard_ppm, lower_bound
from poju.support.programme import Programme
from poju.units import FEN_PER_YUAN

UNKNOWN = "–"
OTHER = _("The rules refused this with the code {code}.")


@cache
def sentences() -> Mapping[str, str]:
    """Return ``{code: English format string}``."""
    text = (resources.files("poju.support") / "refusals.toml").read_text(encoding="utf-8")
    return {code: str(sentence) for code, sentence in tomllib.loads(text)["refusals"].items()}


def explain(code: str, language: str, **figures: object) -> str:
    """Return the sentence for ``code`` in ``language`` (zh-Hant, zh-Hans, en); a figure that is not given shows as –.

    :func:`figures_of` gives the figures of a claim. A code that the table does not have is named as it is.
    """
    sentence = sentences().get(code, OTHER)
    names = [name for _text, name, _format, _conversion in string.Formatter().parse(sentence) if name]
    shown = {"code": code, **figures}
    return translate(sentence, language, **{name: shown.get(name, UNKNOWN) for name in names or ["code"]})


def figures_of(
    programme: Programme, result: Mapping[str, int] | None = None, *, amount: int = 0, spent: int = 0
) -> dict[str, str]:
    """Return every figure that a sentence may name, as text: percentages with two decimals, money in yuan.

    ``result``: a trial's figures; ``amount`` (fen): what was claimed; ``spent`` (fen): what the programme has paid.
    """
    condition = programme.condition
    figures = {
        "needed": percent(condition.minimum_lower_ppm),
        "least": str(condition.minimum_patients),
        "most": percent(condition.maximum_guard_ppm),
        "attestations": str(condition.attestations),
        "amount": yuan(amount),
        "cap": yuan(programme.cap),
        "budget": yuan(programme.budget),
        "left": yuan(programme.budget - spent),
        "use": condition.cohort_use,
        "stage": condition.stage,
    }
    if result is not None:
        figures |= {
            "lower": percent(lower_bound(result)),
            "patients": str(result["patients"]),
            "guard": percent(guard_ppm(result), up=True),
        }
    return figures


def yuan(fen: int) -> str:
    """Return fen as yuan with grouped thousands, and with fen only where there are any."""
    whole, rest = divmod(fen, FEN_PER_YUAN)
    return f"{whole:,}.{rest:02d}" if rest else f"{whole:,}"
