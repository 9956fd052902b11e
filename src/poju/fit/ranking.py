"""Scores of scenarios for regions: popularity over the other regions, and the structure of this one.

The structural score of a scenario is a geometric mean of quotients, each 1 where the region is like all regions
together: the shrunk location quotient of each of its signals and, for tables so marked, the relatedness density around
its industries, normalised by region and by industry. What the tables cannot say is left out of the mean, not set to 1.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from poju.fit.figures import POPULATION, Figures, columns, table_rules
from poju.fit.kernel import Table, density, location_quotient, proximity, relative_quotient, specialised

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poju.fit.scenarios import ReportCounts, Signal

QUOTIENT_BOUND = 8.0
"""A quotient counts as at most 8 and at least 1/8, so that one figure cannot decide a score alone."""

DRAWS = 400
"""Weight draws behind an interval; 5th and 95th percentile then rest on 20 draws each."""

NOISE_OCTAVES = 1.0
"""Each weight is multiplied by 2^u, u uniform in ±1: from half to twice its value."""


@dataclass(frozen=True)
class Component:
    """One term of a score: the quotients of all regions, shape (regions,), and the weight of the term."""

    signal: Signal
    kind: str  # "quotient" or "density"
    quotients: Table
    weight: float


class Structure:
    """The tables of all regions, read once, from which every scenario's components follow."""

    def __init__(self, figures: Figures) -> None:
        self.figures = figures
        self.regions = figures.regions
        self.row = {region: index for index, region in enumerate(self.regions)}

    def table(self, name: str) -> tuple[tuple[str, ...], Table]:
        """Return the codes and the figures of a table, shape (regions, codes); an unknown figure counts as zero."""
        codes = tuple(code for code, column in columns().items() if column.table == name and code != POPULATION)
        values = [[self._value(region, code) for code in codes] for region in self.regions]
        return codes, np.asarray(values, dtype=np.float64)

    def _value(self, region: str, code: str) -> int:
        figure = self.figures.get(region, code)
        return 0 if figure is None else figure.value

    @cached_property
    def _tables(self) -> dict[str, tuple[tuple[str, ...], Table]]:
        return {name: self.table(name) for name, rule in table_rules().items() if rule.kind != "fact"}

    def quotients(self, table: str, codes: tuple[str, ...]) -> Table:
        """Return the shrunk quotient of the sum of ``codes``, shape (regions,); NaN where the table says nothing."""
        rule = table_rules()[table]
        known, values = self._tables[table]
        chosen = values[:, [known.index(code) for code in codes]].sum(axis=1, keepdims=True)
        if rule.kind == "per-person":
            sizes = np.asarray([self._value(region, POPULATION) for region in self.regions], dtype=np.float64)
        else:
            sizes = values.sum(axis=1)
        answer: Table = relative_quotient(chosen, sizes, shrinkage=rule.shrinkage)[:, 0]
        return answer

    @cached_property
    def _density(self) -> dict[str, tuple[tuple[str, ...], Table]]:
        """For each table so marked: density over region mean and industry mean, 1 where neither stands out."""
        answer = {}
        for name, rule in table_rules().items():
            if not rule.related:
                continue
            codes, values = self._tables[name]
            pattern = specialised(location_quotient(values))
            near = density(pattern, proximity(pattern))
            answer[name] = (codes, near)
        return answer

    def raw_density(self, table: str, codes: tuple[str, ...]) -> Table:
        """Return the mean relatedness density around ``codes``, shape (regions,), in [0, 1]; NaN where none is near."""
        known, near = self._density[table]
        return _mean(near[:, [known.index(code) for code in codes]])

    def density_quotients(self, table: str, codes: tuple[str, ...]) -> Table:
        """Return that density over what the region's and the industries' means let expect, shape (regions,)."""
        _known, near = self._density[table]
        here, around = _mean(near), self.raw_density(table, codes)
        if not np.isfinite(around).any() or not np.nanmean(here) > 0 or not np.nanmean(around) > 0:
            return np.full(len(self.regions), np.nan)
        expected = here * (np.nanmean(around) / np.nanmean(here))
        answer: Table = np.divide(around, expected, out=np.full_like(around, np.nan), where=expected > 0)
        return answer

    def components(self, signals: tuple[Signal, ...]) -> list[Component]:
        """Return the terms of the score that rests on ``signals``, in their order."""
        found = []
        for signal in signals:
            rule = table_rules()[signal.table]
            found.append(Component(signal, "quotient", self.quotients(signal.table, signal.codes), rule.weight))
            if rule.related:
                near = self.density_quotients(signal.table, signal.codes)
                found.append(Component(signal, "density", near, rule.density_weight))
        return found


def _mean(values: Table) -> Table:
    """Return the mean of each row over what is a number; NaN for a row without any."""
    finite = np.isfinite(values)
    count = finite.sum(axis=1)
    total = np.where(finite, values, 0.0).sum(axis=1)
    answer: Table = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return answer


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
    """Return rank 1, 2, … by score; scenarios with an unmet prerequisite come after all others; ties by id."""
    order = sorted(scores, key=lambda name: (name in unmet, -scores[name], name))
    return {name: place for place, name in enumerate(order, start=1)}


def rank_intervals(
    terms: dict[str, list[tuple[float, float]]], unmet: set[str], seed: int
) -> dict[str, tuple[int, int]]:
    """Return the 5th and the 95th percentile of each scenario's rank while every weight varies, for one region.

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
    raise NotImplementedError  # the shape is fixed for its callers; the computation follows in the next commit


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
