"""Grades and figures of a trial, in whole numbers (tracks.md: mutual recognition).

score = (correct − 3 × wrong offers) ÷ orders that have a valid result. Denominators come from the answer key. An answer
that failed (trap, time-out, invalid advice) counts as a wrong offer, also before the guard; an abstention where a valid
result exists is merely not correct.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from poju.errors import CallerError
from poju.i18n import _
from poju.solution.bound import lower_ppm, ratio_ppm
from poju.solution.rules import WRONG_WEIGHT, split_spread
from poju.solution.trace import FAILED
from poju.units import PPM

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from poju.solution.trace import Row, Trace


@dataclass(frozen=True)
class GradedRow:
    """One case after its truth was looked up.

    ``outcome``: ``correct`` | ``wrong`` | ``missed`` | ``rightly-none`` | one of :data:`poju.solution.trace.FAILED`.
    ``eligible``: a valid result exists; otherwise ``must_repeat`` says why the examination has to be done.
    """

    case: str
    patient: str
    outcome: str
    eligible: bool
    must_repeat: str | None

    @property
    def counts_as_wrong(self) -> bool:
        """Return whether it was a wrong offer or counts as one because the answer failed."""
        return self.outcome == "wrong" or self.outcome in FAILED

    @property
    def points(self) -> int:
        """Return what the case adds to the score's numerator."""
        if self.outcome == "correct":
            return 1
        return -WRONG_WEIGHT if self.counts_as_wrong else 0


@dataclass(frozen=True)
class Score:
    """The figures of one trial: counts of orders, and ratios in parts per million (ppm).

    ``patients``: distinct patients with an order. ``wrong``: wrong offers and failed answers; ``invalid``: the failed
    ones among them. ``must_repeat``: orders without a valid result. ``spread``: S of :mod:`poju.solution.bound`.
    ``score_ppm`` is rounded down, ``guard_ppm`` up, so that rounding never pays. ``lower_ppm`` is None below two
    patients or without an eligible order, and then nothing can be released.
    """

    orders: int
    eligible: int
    correct: int
    wrong: int
    missed: int
    must_repeat: int
    must_repeat_offers: int
    invalid: int
    patients: int
    spread: int
    score_ppm: int | None
    lower_ppm: int | None
    guard_ppm: int

    def figures(self) -> dict[str, int]:
        """Return the integers that a trial registers, by the names of :data:`poju.solution.rules.FIGURES`."""
        high, low = split_spread(self.spread)
        return {
            "orders": self.orders,
            "eligible": self.eligible,
            "correct": self.correct,
            "wrong": self.wrong,
            "missed": self.missed,
            "must_repeat": self.must_repeat,
            "must_repeat_offers": self.must_repeat_offers,
            "invalid": self.invalid,
            "patients": self.patients,
            "numerator": self.correct - WRONG_WEIGHT * self.wrong,
            "denominator": self.eligible,
            "spread_high": high,
            "spread_low": low,
        }


def grade(trace: Trace, key: Mapping[str, Mapping[str, Any]]) -> list[GradedRow]:
    """Return each row of ``trace`` with its outcome, by case.

    ``key`` is ``{case: {"valid": [ids], "must_repeat": code or None}}``. Raises :class:`CallerError` where the two are
    not about exactly the same cases: a trial cut short has no figure.
    """
    answered = {row.case for row in trace.rows}
    if answered != set(key):
        raise CallerError(
            "solution.key",
            _("The trace and the answer key differ in {count} cases, such as {case}."),
            hint=_("Finish the trial (resume it), and use the answer key of the same cohort."),
            count=len(answered ^ set(key)),
            case=min(answered ^ set(key)),
        )
    return [grade_row(row, key[row.case]) for row in trace.rows]


def grade_row(row: Row, truth: Mapping[str, Any]) -> GradedRow:
    """Return ``row`` with its outcome under ``truth``."""
    valid = truth["valid"]
    if row.state in FAILED:
        outcome = row.state
    elif row.offer is None:
        outcome = "missed" if valid else "rightly-none"
    else:
        outcome = "correct" if row.offer in valid else "wrong"
    return GradedRow(row.case, row.patient, outcome, bool(valid), truth["must_repeat"])


def score(rows: Iterable[GradedRow]) -> Score:
    """Return the figures of graded ``rows``."""
    listed = list(rows)
    outcomes = [row.outcome for row in listed]
    repeats = [row for row in listed if not row.eligible]
    offers = sum(row.counts_as_wrong for row in repeats)
    clusters = list(patient_sums(listed).values())
    points, eligible = totals(clusters)
    spread = cluster_spread(clusters)
    return Score(
        orders=len(listed),
        eligible=eligible,
        correct=outcomes.count("correct"),
        wrong=sum(row.counts_as_wrong for row in listed),
        missed=outcomes.count("missed"),
        must_repeat=len(repeats),
        must_repeat_offers=offers,
        invalid=sum(outcome in FAILED for outcome in outcomes),
        patients=len(clusters),
        spread=spread,
        score_ppm=ratio_ppm(points, eligible),
        lower_ppm=lower_ppm(points, eligible, len(clusters), spread),
        guard_ppm=-(-offers * PPM // len(repeats)) if repeats else 0,
    )


def patient_sums(rows: Iterable[GradedRow]) -> dict[str, tuple[int, int]]:
    """Return ``{patient: (points, eligible orders)}``, patients in sorted order."""
    sums: dict[str, tuple[int, int]] = {}
    for row in rows:
        points, eligible = sums.get(row.patient, (0, 0))
        sums[row.patient] = (points + row.points, eligible + row.eligible)
    return dict(sorted(sums.items()))


def totals(clusters: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return X = Σ x_i and N = Σ n_i of clusters (points, eligible orders)."""
    return sum(x for x, _n in clusters), sum(n for _x, n in clusters)


def cluster_spread(clusters: Sequence[tuple[int, int]]) -> int:
    """Return S = Σ (x_i·N − X·n_i)²."""
    points, eligible = totals(clusters)
    return sum((x * eligible - points * n) ** 2 for x, n in clusters)
