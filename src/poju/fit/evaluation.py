"""Honest evaluation: whether the ranking by structure agrees with what the provinces themselves stress.

``docs/reference/fit-evaluation.md`` has the question, the protocol by which the method was chosen, and which provinces
were sealed until it was. The scores are those of the answer (:meth:`Structure.standings`, known missing prerequisites
last) and use no label, so that every province is out of sample. Steps:

1. scores of all provinces × scenarios, and labels from the reports;
2. AUC within each province, its mean, a bootstrap over provinces, and the sealed provinces apart;
3. the same with provinces shuffled: each province's labels against another one's scores;
4. popularity on the same target, and both on popularity's own: the five fields a province names most;
5. each field over the provinces, with the number of provinces and an interval;
6. ranks and AUC under weight noise, data noise and both.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from poju.errors import CallerError
from poju.fit.auc import area, areas_across, interval, resampled_area, resampled_mean
from poju.fit.evaluation_page import render_evaluation, write_page
from poju.fit.figures import shipped_figures
from poju.fit.kernel import Pattern, Table
from poju.fit.noise import generator
from poju.fit.ranking import NOISES, Structure, kendall, known_missing, noisy_standings, popularity, ranks
from poju.fit.regions import regions
from poju.fit.scenarios import report_counts, scenarios
from poju.i18n import _
from poju.units import PPM

if TYPE_CHECKING:
    from poju.fit.structure import Standings

__all__ = ["evaluate", "render_evaluation", "write_page"]

Json = dict[str, Any]

DISTINCTIVE = 1.3
"""A province stresses a field at this multiple of the mean share, as in the first method's comparison."""

MOST_NAMED = 5
SEALED = 10
SEAL = "poju fit evaluation sealed provinces:"
DRAWS = 1000
MAXIMUM_DRAWS = 100_000
NOISE_DRAWS = 40
BINS = 20
LAST = -1e6
"""Below every standing: where a scenario with a prerequisite known to be missing is put."""


@dataclass(frozen=True)
class Material:
    """Step 1: what is compared, each array of shape (provinces, scenarios)."""

    structure: Structure
    names: tuple[str, ...]
    shares: Table
    stressed: Pattern
    missing: Pattern
    popular: Table

    def placed(self, scores: Standings) -> Table:
        """Return the scores as they rank: unknown like the mean, known missing last."""
        table = np.column_stack([np.nan_to_num(scores.standings[name]) for name in self.names])
        return np.where(self.missing, LAST + table, table)


def evaluate(*, seed: int = 1, draws: int = DRAWS) -> Json:
    """Return the evaluation, JSON-ready, integers and strings only; figures in ppm, shape in the reference.

    ``draws`` is the number of permutations and of bootstrap samples; the noise of step 6 takes :data:`NOISE_DRAWS`.
    Deterministic in ``seed``. Raises :class:`CallerError` for a seed or a number of draws out of range.
    """
    if not 0 <= seed < 2**63:
        raise CallerError(
            "fit-seed",
            _("A seed of {seed} is not possible."),
            hint=_("Give a whole number from 0 to 2^63−1."),
            seed=seed,
        )
    if not BINS <= draws <= MAXIMUM_DRAWS:
        raise CallerError(
            "fit-draws",
            _("An evaluation with {draws} draws is not possible."),
            hint=_("Give a whole number from 20 to 100,000."),
            draws=draws,
        )
    material = gathered()
    scores = material.structure.standings(_signals())
    table = material.placed(scores)
    source = generator(seed)
    counts = report_counts()
    return {
        "seed": seed,
        "draws": {"permutation": draws, "bootstrap": draws, "noise": NOISE_DRAWS},
        "year": counts.year,
        "source": counts.source,
        "threshold_ppm": round(DISTINCTIVE * PPM),
        "distinctive": _distinctive(material, table, source, draws),
        "steps": _steps(material, scores),
        "permutation": _permutation(material, table, source, draws),
        "popularity": _popularity(material, table, source, draws),
        "fields": _fields(material, table, source, draws),
        "robustness": _robustness(material, table, scores, seed),
        "provinces": _provinces(material, table),
    }


def sealed(codes: tuple[str, ...]) -> frozenset[str]:
    """Return the :data:`SEALED` codes that come first by the SHA-256 of :data:`SEAL` and the code."""
    return frozenset(sorted(codes, key=lambda code: hashlib.sha256((SEAL + code).encode()).digest())[:SEALED])


def gathered() -> Material:
    """Return what is compared: the shipped figures, reports and catalogue."""
    structure = Structure(shipped_figures())
    counts = report_counts()
    entries = scenarios()
    totals = {region: sum(fields.values()) for region, fields in counts.mentions.items()}
    shares = np.asarray(
        [
            [counts.mentions[region][entry.field] / totals[region] for entry in entries.values()]
            for region in structure.regions
        ]
    )
    missing = [
        [known_missing(entry, structure.figures, region) for entry in entries.values()] for region in structure.regions
    ]
    popular = [
        [popularity(counts, entry.field, without=region) for entry in entries.values()] for region in structure.regions
    ]
    return Material(
        structure=structure,
        names=tuple(entries),
        shares=shares,
        stressed=shares >= DISTINCTIVE * shares.mean(axis=0),
        missing=np.asarray(missing, dtype=np.bool_),
        popular=np.asarray(popular, dtype=np.float64),
    )


def _signals() -> dict[str, Any]:
    return {name: entry.signals for name, entry in scenarios().items()}


def _within(table: Table, labels: Pattern) -> Table:
    """Return the AUC within each province, shape (provinces,)."""
    return np.asarray([area(row, marks) for row, marks in zip(table, labels, strict=True)], dtype=np.float64)


def _distinctive(material: Material, table: Table, source: np.random.RandomState, draws: int) -> Json:
    """Step 2: the mean over all provinces, over both parts, and over what an answer ranks."""
    within = _within(table, material.stressed)
    closed = _closed(material)
    ranked = np.asarray([scenarios()[name].readability != "no" for name in material.names])
    parts = {
        "all": within,
        "development": within[~closed],
        "sealed": within[closed],
        "ranked": _within(table[:, ranked], material.stressed[:, ranked]),
    }
    return {name: _mean_area(values, source, draws) for name, values in parts.items()}


def _closed(material: Material) -> Pattern:
    shut = sealed(material.structure.regions)
    return np.asarray([region in shut for region in material.structure.regions], dtype=np.bool_)


def _mean_area(areas: Table, source: np.random.RandomState, draws: int) -> Json:
    """Return the mean of the provinces' AUC with its bootstrap interval and the number of provinces."""
    known = areas[np.isfinite(areas)]
    low, high = interval(resampled_mean(known, source, draws))
    return {"auc_ppm": _ppm(float(known.mean())), "low_ppm": _ppm(low), "high_ppm": _ppm(high), "n": int(known.size)}


def _steps(material: Material, scores: Standings) -> list[Json]:
    """Return what each part of the method adds: quotients alone, standings, and with missing prerequisites last."""
    quotients = np.column_stack([np.nan_to_num(np.log2(scores.quotients[name])) for name in material.names])
    level = np.column_stack([np.nan_to_num(scores.standings[name]) for name in material.names])
    closed = _closed(material)
    found = []
    for name, table in (
        ("quotient", quotients),
        ("quotient-prerequisites", np.where(material.missing, LAST + quotients, quotients)),
        ("standing", level),
        ("standing-prerequisites", material.placed(scores)),
    ):
        within = _within(table, material.stressed)
        found.append(
            {
                "step": name,
                "auc_ppm": _ppm(float(np.nanmean(within))),
                "development_ppm": _ppm(float(np.nanmean(within[~closed]))),
                "sealed_ppm": _ppm(float(np.nanmean(within[closed]))),
            }
        )
    return found


def _permutation(material: Material, table: Table, source: np.random.RandomState, draws: int) -> Json:
    """Step 3: every province's labels against another's scores; p = (1 + as high or higher) ÷ (1 + draws)."""
    across = areas_across(table, material.stressed)
    rows = np.arange(len(across))
    observed = float(np.nanmean(across[rows, rows]))
    shuffled = np.sort([float(np.nanmean(across[rows, source.permutation(len(rows))])) for _draw in range(draws)])
    counts, edges = np.histogram(shuffled, bins=BINS)
    return {
        "observed_ppm": _ppm(observed),
        "mean_ppm": _ppm(float(shuffled.mean())),
        "p95_ppm": _ppm(float(shuffled[int(draws * 0.95)])),
        "p_value_ppm": _ppm((1 + int((shuffled >= observed).sum())) / (1 + draws)),
        "histogram": [
            {"from_ppm": _ppm(float(low)), "to_ppm": _ppm(float(high)), "count": int(count)}
            for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
        ],
    }


def _popularity(material: Material, table: Table, source: np.random.RandomState, draws: int) -> Json:
    """Step 4: popularity on what is distinctive, and structure, popularity and both on the five most named fields."""
    order = np.argsort(np.argsort(-material.shares, axis=1, kind="stable"), axis=1, kind="stable")
    most: Pattern = np.asarray(order < MOST_NAMED, dtype=np.bool_)
    both = _places(table) + _places(material.popular)
    return {
        "distinctive": _mean_area(_within(material.popular, material.stressed), source, draws),
        "most_named": {
            name: _mean_area(_within(scores, most), source, draws)
            for name, scores in (("structure", table), ("popularity", material.popular), ("both", both))
        },
    }


def _places(table: Table) -> Table:
    """Return the place of each scenario within its province, 0 = lowest: what two scores are added up by."""
    return np.asarray(np.argsort(np.argsort(table, axis=1, kind="stable"), axis=1, kind="stable"), dtype=np.float64)


def _fields(material: Material, table: Table, source: np.random.RandomState, draws: int) -> list[Json]:
    """Step 5: each field's AUC over the provinces, positives and negatives resampled apart."""
    found = []
    for column, name in enumerate(material.names):
        scores, labels = table[:, column], material.stressed[:, column]
        low, high = interval(resampled_area(scores, labels, source, draws))
        entry = scenarios()[name]
        found.append(
            {
                "scenario": name,
                "names": entry.names,
                "field": entry.field,
                "n": len(labels),
                "stressed": int(labels.sum()),
                "auc_ppm": _ppm(area(scores, labels)),
                "low_ppm": _ppm(low),
                "high_ppm": _ppm(high),
                "told": "yes" if low > 0.5 else "no" if high < 0.5 else "open",  # noqa: PLR2004 - chance
                "readability": entry.readability,
            }
        )
    return found


def _robustness(material: Material, table: Table, scores: Standings, seed: int) -> Json:
    """Step 6: mean Kendall tau over provinces and draws, and the AUC of the noisy scores."""
    still = [_order(material, scores, row) for row in range(len(table))]
    taus: dict[str, list[float]] = {kind: [] for kind in NOISES}
    areas: dict[str, list[float]] = {kind: [] for kind in NOISES}
    for draw in noisy_standings(material.structure, _signals(), seed, NOISE_DRAWS):
        for kind, moved in draw.items():
            taus[kind] += [kendall(order, _order(material, moved, row)) for row, order in enumerate(still)]
            areas[kind].append(float(np.nanmean(_within(material.placed(moved), material.stressed))))
    return {
        kind: {
            "kendall_ppm": _ppm(float(np.mean(taus[kind]))),
            "auc_ppm": _ppm(float(np.mean(areas[kind]))),
            "auc_low_ppm": _ppm(min(areas[kind])),
            "auc_high_ppm": _ppm(max(areas[kind])),
        }
        for kind in NOISES
    }


def _order(material: Material, scores: Standings, row: int) -> dict[str, int]:
    missing = {name for column, name in enumerate(material.names) if material.missing[row, column]}
    return ranks(scores.of(row), missing)


def _provinces(material: Material, table: Table) -> list[Json]:
    """Return each province's own AUC, by structure and by popularity, and whether it was sealed."""
    own, popular = _within(table, material.stressed), _within(material.popular, material.stressed)
    closed: npt.NDArray[np.bool_] = _closed(material)
    return [
        {
            "region": code,
            "names": regions()[code].names,
            "sealed": bool(closed[row]),
            "stressed": int(material.stressed[row].sum()),
            "auc_ppm": _ppm(float(own[row])),
            "popularity_auc_ppm": _ppm(float(popular[row])),
        }
        for row, code in enumerate(material.structure.regions)
    ]


def _ppm(value: float) -> int | None:
    """Return ``value`` in ppm; None where there is nothing to compare."""
    return round(value * PPM) if np.isfinite(value) else None
