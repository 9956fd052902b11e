"""The structure of all regions and the scores that follow from it.

The structural score has two steps, and :meth:`Structure.standings` is the one function that takes them, for the answer
that people see as for the evaluation that judges it:

1. The *quotient* of a scenario in a region is a weighted geometric mean of quotients, each 1 where the region is like
   all regions together: the shrunk location quotient of each signal and, for tables so marked, the relatedness density
   around its industries, normalised by region and by industry. What the tables cannot say is left out of the mean.
2. The *standing* is the quotient's logarithm in standard deviations from the mean of all regions. Ports are in few
   provinces and farming is in all, so a quotient of 2 means little for the one and much for the other: only standings
   can be compared between scenarios. No label enters.

Scenarios are ranked by standing; those with a prerequisite known to be missing come after all others.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from poju.fit.figures import POPULATION, Figures, columns, table_rules
from poju.fit.kernel import Table, location_quotient, relatedness, relative_quotient, specialised
from poju.fit.noise import disturbed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poju.fit.scenarios import Signal

QUOTIENT_BOUND = 8.0
"""A quotient counts as at most 8 and at least 1/8, so that one figure cannot decide a score alone."""

FEWEST_REGIONS = 8
"""Below it a mean and a standard deviation over regions say little: the standing is then the logarithm itself."""


@dataclass(frozen=True)
class Component:
    """One term of a score: the quotients of all regions, shape (regions,), and the weight of the term."""

    signal: Signal
    kind: str  # "quotient" or "density"
    quotients: Table
    weight: float


@dataclass(frozen=True)
class Standings:
    """Scores of all regions by scenario, each of shape (regions,): quotients, 1 = like all; standings, 0 = the mean.

    Both are NaN where no table says anything of the scenario in that region.
    """

    quotients: dict[str, Table]
    standings: dict[str, Table]

    def of(self, row: int) -> dict[str, float]:
        """Return the standings of one region, by its row; scenarios of which nothing is known are left out."""
        here = {name: float(values[row]) for name, values in self.standings.items()}
        return {name: value for name, value in here.items() if np.isfinite(value)}


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

    @cached_property
    def _population(self) -> Table:
        return np.asarray([self._value(region, POPULATION) for region in self.regions], dtype=np.float64)

    def disturbed(self, source: np.random.RandomState) -> Structure:
        """Return this structure with every figure varied by the law of its table in ``data/noise.toml``."""
        varied = copy.copy(self)
        tables = {
            name: (codes, disturbed(values, name, source)) for name, (codes, values) in sorted(self._tables.items())
        }
        population = disturbed(self._population, columns()[POPULATION].table, source)
        varied.__dict__.pop("_density", None)
        varied.__dict__ |= {"_tables": tables, "_population": population}
        return varied

    def quotients(self, table: str, codes: tuple[str, ...]) -> Table:
        """Return the shrunk quotient of the sum of ``codes``, shape (regions,); NaN where the table says nothing."""
        rule = table_rules()[table]
        known, values = self._tables[table]
        chosen = values[:, [known.index(code) for code in codes]].sum(axis=1, keepdims=True)
        sizes = self._population if rule.kind == "per-person" else values.sum(axis=1)
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
            near = relatedness(pattern)
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

    def standings(self, signals: Mapping[str, tuple[Signal, ...]]) -> Standings:
        """Return the scores of all regions for scenarios with these ``signals``: what is shown and evaluated."""
        return standings({name: self.components(items) for name, items in signals.items()})


def standings(components: Mapping[str, list[Component]]) -> Standings:
    """Return the scores that follow from the ``components`` of each scenario, steps 1 and 2 of the module."""
    logarithms = {
        name: _combined(_logarithms(parts), np.asarray([part.weight for part in parts], dtype=np.float64))
        for name, parts in components.items()
    }
    return Standings(
        quotients={name: np.exp2(values) for name, values in logarithms.items()},
        standings={name: _standardised(values) for name, values in logarithms.items()},
    )


def _logarithms(parts: list[Component]) -> Table:
    """Return log2 of the bounded quotients, shape (regions, terms)."""
    quotients = np.column_stack([part.quotients for part in parts])
    return np.asarray(np.log2(np.clip(quotients, 1 / QUOTIENT_BOUND, QUOTIENT_BOUND)), dtype=np.float64)


def _combined(logarithms: Table, weights: Table) -> Table:
    """Return the weighted mean of each row over what is a number, shape (regions,); NaN where nothing is."""
    finite = np.isfinite(logarithms)
    total = np.where(finite, logarithms, 0.0) @ weights
    weight = finite @ weights
    answer: Table = np.divide(total, weight, out=np.full(total.shape, np.nan), where=weight > 0)
    return answer


def _standardised(values: Table) -> Table:
    """Return ``values`` in standard deviations (divisor n) from their mean; 0 for all where none differs."""
    known = values[np.isfinite(values)]
    if known.size == 0 or values.size < FEWEST_REGIONS:
        return values
    spread = float(known.std())
    # Equal logarithms may differ in the last bit; that is no difference to be scaled up.
    if spread <= 1e-12:  # noqa: PLR2004 - as the comment above says
        return np.where(np.isfinite(values), 0.0, np.nan)
    return np.asarray((values - known.mean()) / spread, dtype=np.float64)


def _mean(values: Table) -> Table:
    """Return the mean of each row over what is a number; NaN for a row without any."""
    finite = np.isfinite(values)
    count = finite.sum(axis=1)
    total = np.where(finite, values, 0.0).sum(axis=1)
    answer: Table = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return answer
