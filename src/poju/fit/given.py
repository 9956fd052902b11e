"""Fields that structure does not tell, read from figures that were given: hospital beds and health staff.

Where every region has them, dated, they are a signal like any other. Where only this region has, they are compared with
the whole country per resident. How far other regions lie from the country is then not known: the spread of the field's
own employment among them stands for it, halved and doubled for the interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from poju.fit.evidence import Evidence, ppm
from poju.fit.figures import POPULATION, Figure, columns, national_figures
from poju.fit.scenarios import Scenario, Signal
from poju.fit.structure import QUOTIENT_BOUND
from poju.units import PPM

SPREADS = (2.0, 1.0, 0.5)
"""The field's spread among regions is multiplied by these: low end, value and high end of the standing's distance."""


@dataclass(frozen=True)
class Given:
    """A standing from given figures: its value and both ends, the mean quotient, and the figures behind it."""

    standing: float
    ends: tuple[float, float]
    quotient: float
    reasons: list[dict[str, Any]]


def signals(evidence: Evidence, scenario: Scenario) -> tuple[Signal, ...]:
    """Return the signals of a field with the given figures among them; none where not every region has them dated."""
    codes = scenario.readable_with
    if not codes or not all(evidence.figures.dated(code) for code in (*codes, POPULATION)):
        return ()
    return (*evidence.signals(scenario), *(Signal(columns()[code].table, (code,)) for code in codes))


def reading(evidence: Evidence, scenario: Scenario) -> Given | None:
    """Return what this region's own figures say of ``scenario`` beside the country's; None where it has none."""
    if not evidence.economy.shipped:
        return None
    terms = [term for code in scenario.readable_with if (term := _term(evidence, code)) is not None]
    spread = _spread(evidence, scenario)
    if not terms or spread <= 0:
        return None
    quotients = [quotient for quotient, _reason in terms]
    logarithm = float(np.mean(np.log2(np.clip(quotients, 1 / QUOTIENT_BOUND, QUOTIENT_BOUND))))
    ends = sorted(logarithm / (spread * factor) for factor in SPREADS)
    return Given(
        logarithm / spread, (ends[0], ends[-1]), float(2.0**logarithm), [reason for _quotient, reason in terms]
    )


def _term(evidence: Evidence, code: str) -> tuple[float, dict[str, Any]] | None:
    """Return the region's figure per resident over the country's, and the reason that says so."""
    nation = national_figures()
    own = evidence.figures.stated(evidence.region.code, code)
    people = evidence.figures.stated(evidence.region.code, POPULATION)
    if own is None or not own.current or people is None or people.value == 0 or code not in nation:
        return None
    quotient = (own.value / people.value) / (nation[code].value / nation[POPULATION].value)
    return quotient, _reason(evidence, own, people, nation[code], quotient)


def _reason(evidence: Evidence, own: Figure, people: Figure, nation: Figure, quotient: float) -> dict[str, Any]:
    evidence.sources.update((nation.source, people.source))
    return evidence.sum([own], own.code) | {
        "industry": columns()[own.code].names,
        "location_quotient_ppm": ppm(quotient),
        "weight_ppm": PPM,
        "parts": [],
        "compared_with": {
            "value": nation.value,
            "unit": nation.unit,
            "year": nation.year,
            "source": nation.source,
        },
    }


def _spread(evidence: Evidence, scenario: Scenario) -> float:
    """Return the standard deviation of log2 of the field's first own quotient among the regions."""
    signal = scenario.signals[0]
    quotients = evidence.structure.quotients(signal.table, signal.codes)
    known = quotients[np.isfinite(quotients) & (quotients > 0)]
    return float(np.log2(known).std()) if known.size > 1 else 0.0
