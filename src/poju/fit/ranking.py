"""Ranks of scenarios: by structure, with what noise does to them, and popularity over the other regions.

The scores themselves stand in :mod:`poju.fit.structure`. Scenarios are ranked by standing; those with a prerequisite
known to be missing come after all others.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from poju.fit.figures import Figures
from poju.fit.noise import generator
from poju.fit.structure import QUOTIENT_BOUND, Component, Standings, Structure, standings
from poju.units import PPM

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from poju.fit.scenarios import ReportCounts, Scenario, Signal

__all__ = [
    "QUOTIENT_BOUND",
    "Component",
    "Robustness",
    "Standings",
    "Structure",
    "kendall",
    "known_missing",
    "noisy_standings",
    "popularity",
    "rank_intervals",
    "rank_percentiles",
    "ranks",
    "robustness",
    "score",
    "standings",
]

DRAWS = 400
"""Weight draws behind an interval; 5th and 95th percentile then rest on 20 draws each."""

ROBUSTNESS_DRAWS = 100
"""Draws of figures and weights for one region; 5th and 95th percentile then rest on five draws each."""

NOISES = ("weights", "data", "both")
"""What is varied: the weights of the score, the figures it rests on, both at once."""

NOISE_OCTAVES = 1.0
"""Each weight is multiplied by 2^u, u uniform in ±1: from half to twice its value."""


def score(terms: list[tuple[float, float]]) -> float | None:
    """Return the weighted geometric mean of (quotient, weight) pairs, quotients bounded; None where all are NaN."""
    usable = [(quotient, weight) for quotient, weight in terms if np.isfinite(quotient) and weight > 0]
    total = sum(weight for _quotient, weight in usable)
    if total <= 0:
        return None
    logarithms = [
        weight * float(np.log2(min(max(quotient, 1 / QUOTIENT_BOUND), QUOTIENT_BOUND))) for quotient, weight in usable
    ]
    return float(2.0 ** (sum(logarithms) / total))


def ranks(scores: dict[str, float], unmet: set[str]) -> dict[str, int]:
    """Return rank 1, 2, … by ``scores``, the standings of one region; the ``unmet`` after all others; ties by id."""
    order = sorted(scores, key=lambda name: (name in unmet, -scores[name], name))
    return {name: place for place, name in enumerate(order, start=1)}


def rank_intervals(
    terms: dict[str, list[tuple[float, float]]], unmet: set[str], seed: int
) -> dict[str, tuple[int, int]]:
    """Return the 5th and the 95th percentile of each scenario's rank while every weight varies, for one region.

    Ranks here are by quotient, step 1 alone, since the terms of one region do not say how regions differ;
    :func:`robustness` takes both steps and varies the figures too, and is what an answer should show.

    ``terms`` are the (quotient, weight) pairs of each scenario. Deterministic in ``seed``: ``random.Random.random`` is
    the one generator whose sequence Python promises to keep.
    """
    source = random.Random(seed)  # noqa: S311 - repeatable noise, no secret
    seen: dict[str, list[int]] = {name: [] for name in terms}
    for _draw in range(DRAWS):
        varied = {
            name: score([(quotient, weight * _factor(source)) for quotient, weight in pairs])
            for name, pairs in sorted(terms.items())
        }
        for name, place in ranks({name: value for name, value in varied.items() if value is not None}, unmet).items():
            seen[name].append(place)
    low, high = DRAWS // 20, DRAWS - DRAWS // 20 - 1
    return {name: (sorted(places)[low], sorted(places)[high]) for name, places in seen.items() if places}


def _factor(source: random.Random) -> float:
    return float(2.0 ** (NOISE_OCTAVES * (2 * source.random() - 1)))


@dataclass(frozen=True)
class Robustness:
    """How far the ranks of one region move under noise of one kind at a time, and of both.

    Each mapping goes from scenario to the 5th and the 95th percentile of its rank; ``kendall_ppm`` has, for
    ``"weights"``, ``"data"`` and ``"both"``, the mean Kendall tau between the undisturbed ranking and the drawn ones,
    in ppm (1,000,000 = never another order).
    """

    weights: dict[str, tuple[int, int]]
    data: dict[str, tuple[int, int]]
    both: dict[str, tuple[int, int]]
    kendall_ppm: dict[str, int]


def robustness(
    structure: Structure,
    region: str,
    signals: Mapping[str, tuple[Signal, ...]],
    unmet: set[str],
    seed: int,
) -> Robustness:
    """Return the rank intervals of one region's scenarios under weight noise, data noise and both.

    ``signals`` has, for each scenario that is ranked, the signals it is scored by (as given to ``components``);
    ``region`` is a code of ``structure.regions``; ``unmet`` the scenarios with a prerequisite known to be missing,
    which stay after all others in every draw. Weight noise is that of :func:`rank_intervals`. Data noise varies every
    figure of *every* region by the law of its table in ``data/noise.toml`` (Poisson for counts of firms, a relative
    error of 2.5 % for values) and computes quotients and densities anew. Deterministic in ``seed``.
    """
    row = structure.row[region]
    undisturbed = ranks(structure.standings(signals).of(row), unmet)
    drawn: dict[str, list[dict[str, int]]] = {kind: [] for kind in NOISES}
    for draw in noisy_standings(structure, signals, seed, ROBUSTNESS_DRAWS):
        for kind, scores in draw.items():
            drawn[kind].append(ranks(scores.of(row), unmet))
    return Robustness(
        weights=rank_percentiles(drawn["weights"]),
        data=rank_percentiles(drawn["data"]),
        both=rank_percentiles(drawn["both"]),
        kendall_ppm={
            kind: round(PPM * sum(kendall(undisturbed, other) for other in orders) / len(orders))
            for kind, orders in drawn.items()
        },
    )


def noisy_standings(
    structure: Structure, signals: Mapping[str, tuple[Signal, ...]], seed: int, draws: int
) -> Iterator[dict[str, Standings]]:
    """Yield, ``draws`` times, the scores of all regions under each of :data:`NOISES`; see :func:`robustness`."""
    components = {name: structure.components(items) for name, items in sorted(signals.items())}
    weights = random.Random(seed)  # noqa: S311 - repeatable noise, no secret
    figures = generator(seed)
    for _draw in range(draws):
        other = structure.disturbed(figures)
        measured = {name: other.components(items) for name, items in sorted(signals.items())}
        factors = {name: [_factor(weights) for _part in parts] for name, parts in components.items()}
        yield {
            "weights": standings(_reweighted(components, factors)),
            "data": standings(measured),
            "both": standings(_reweighted(measured, factors)),
        }


def _reweighted(
    components: Mapping[str, list[Component]], factors: Mapping[str, list[float]]
) -> dict[str, list[Component]]:
    return {
        name: [replace(part, weight=part.weight * factor) for part, factor in zip(parts, factors[name], strict=True)]
        for name, parts in components.items()
    }


def rank_percentiles(orders: list[dict[str, int]]) -> dict[str, tuple[int, int]]:
    """Return the 5th and the 95th percentile of each scenario's rank over the draws in which it is ranked."""
    seen: dict[str, list[int]] = {}
    for order in orders:
        for name, place in order.items():
            seen.setdefault(name, []).append(place)
    answer = {}
    for name, places in sorted(seen.items()):
        places.sort()
        cut = len(places) // 20
        answer[name] = (places[cut], places[-1 - cut])
    return answer


def kendall(first: Mapping[str, int], second: Mapping[str, int]) -> float:
    """Return Kendall's tau of two strict rankings over the scenarios in both, in [-1, 1]; 1 for fewer than two.

    Tau-a (M. G. Kendall 1938): concordant less discordant pairs over all pairs.
    """
    names = sorted(first.keys() & second.keys())
    if len(names) < 2:  # noqa: PLR2004 - a pair is two
        return 1.0
    one, other = (np.asarray([ranking[name] for name in names]) for ranking in (first, second))
    agreement = np.sign(one[:, None] - one) * np.sign(other[:, None] - other)
    return float(agreement.sum() / (len(names) * (len(names) - 1)))


def known_missing(scenario: Scenario, figures: Figures, region: str) -> bool:
    """Return whether a prerequisite of ``scenario`` is known to be missing in ``region``.

    So it is where figures could show it and each of them is there and stays below its threshold.
    """
    return any(
        item.any_of and all(_below(test.codes, test.minimum, figures, region) for test in item.any_of)
        for item in scenario.prerequisites
    )


def _below(codes: tuple[str, ...], minimum: int, figures: Figures, region: str) -> bool:
    known = [figure.value for code in codes if (figure := figures.get(region, code)) is not None]
    return bool(known) and sum(known) < minimum


def popularity(counts: ReportCounts, field: str, *, without: str) -> float:
    """Return the mean share of ``field`` in the field mentions of every region but ``without``, in [0, 1].

    Leaving the region itself out keeps its own emphasis from becoming its baseline.
    """
    shares = []
    for region, fields in counts.mentions.items():
        total = sum(fields.values())
        if region != without and total > 0:
            shares.append(fields[field] / total)
    return sum(shares) / len(shares) if shares else 0.0
