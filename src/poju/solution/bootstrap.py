"""A paired bootstrap over patients: tells whether one version is better than another or was lucky.

Efron and Tibshirani, An Introduction to the Bootstrap, ch. 8 and 13 (percentile interval, the pair as the unit). Whole
patients are drawn, since one patient's orders resemble each other. Integers and SHA-256 only, so that every machine
gets the same.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from poju.errors import CallerError
from poju.i18n import _
from poju.solution.score import patient_sums
from poju.units import PPM

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from poju.solution.score import GradedRow

RESAMPLES = 1_000
WORD_BYTES = 8
TAIL_PER_MILLE = 25
"""2.5 % on either side of a 95 % interval."""


@dataclass(frozen=True)
class Difference:
    """Later score minus earlier score, in ppm, with its 95 % interval."""

    difference_ppm: int
    low_ppm: int
    high_ppm: int
    patients: int
    resamples: int
    seed: int

    @property
    def excludes_zero(self) -> bool:
        """Return whether the interval lies on one side of zero."""
        return self.low_ppm > 0 or self.high_ppm < 0


def draws(seed: int, below: int) -> Iterator[int]:
    """Yield whole numbers from 0 to ``below`` − 1, evenly: SHA-256 over seed and counter, biased words rejected."""
    limit = (1 << 8 * WORD_BYTES) // below * below
    counter = 0
    while True:
        block = hashlib.sha256(b"poju bootstrap" + seed.to_bytes(32, "big") + counter.to_bytes(8, "big")).digest()
        counter += 1
        for start in range(0, len(block), WORD_BYTES):
            word = int.from_bytes(block[start : start + WORD_BYTES], "big")
            if word < limit:
                yield word % below


def bootstrap(
    earlier: Sequence[GradedRow], later: Sequence[GradedRow], *, seed: int, resamples: int = RESAMPLES
) -> Difference:
    """Compare two graded trials over the same cohort.

    ``seed`` is 0 to 2²⁵⁶ − 1. Raises :class:`CallerError` where the trials are not over the same cases, or none of them
    has a valid result. A resample without an eligible order is drawn again.
    """
    cases = [[(row.case, row.patient, row.eligible) for row in rows] for rows in (earlier, later)]
    first, second = patient_sums(earlier), patient_sums(later)
    eligible = sum(n for _x, n in first.values())
    if cases[0] != cases[1] or not eligible:
        raise CallerError(
            "solution.unpaired",
            _("These trials cannot be compared: they are not over the same cases."),
            hint=_("Replay both versions over one cohort."),
        )
    # Both trials share the denominator, so one pair per patient is enough: gained points, eligible orders.
    pairs = [(second[patient][0] - x, n) for patient, (x, n) in first.items()]
    stream = draws(seed, len(pairs))
    differences: list[int] = []
    while len(differences) < resamples:
        drawn = [pairs[next(stream)] for _patient in pairs]
        weight = sum(n for _gain, n in drawn)
        if weight:
            differences.append(sum(gain for gain, _n in drawn) * PPM // weight)
    differences.sort()
    tail = resamples * TAIL_PER_MILLE // 1_000
    return Difference(
        difference_ppm=sum(gain for gain, _n in pairs) * PPM // eligible,
        low_ppm=differences[tail],
        high_ppm=differences[resamples - 1 - tail],
        patients=len(pairs),
        resamples=resamples,
        seed=seed,
    )
