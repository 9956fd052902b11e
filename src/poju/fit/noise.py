"""Noise of the figures themselves: how far each table may be off, by ``data/noise.toml``, and draws from it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from poju.fit.kernel import Table


@dataclass(frozen=True)
class Law:
    """How the figures of a table vary: "counts", "relative" with a ``spread`` of the logarithm, or "exact"; and why."""

    law: str
    spread: float
    why: str


@cache
def laws() -> dict[str, Law]:
    """Return the law of each table by its id; ``"default"`` is that of a table not named."""
    text = (resources.files("poju.fit") / "data" / "noise.toml").read_text(encoding="utf-8")
    return {name: Law(**entry) for name, entry in tomllib.loads(text).items()}


def generator(seed: int) -> np.random.RandomState:
    """Return a source of noise for ``seed`` (0 to 2^63 − 1).

    Of numpy's generators only ``RandomState`` promises the same sequence in every later version (NEP 19).
    """
    return np.random.RandomState([seed & 0xFFFFFFFF, seed >> 32])


def disturbed(values: Table, table: str, source: np.random.RandomState) -> Table:
    """Return ``values`` (any shape, non-negative) drawn anew by the law of ``table``; zero stays zero."""
    law = laws().get(table, laws()["default"])
    if law.law == "counts":
        return np.asarray(source.poisson(values), dtype=np.float64)
    if law.law == "relative":
        return np.asarray(values * np.exp(law.spread * source.standard_normal(values.shape)), dtype=np.float64)
    return values
