"""Area under the ROC curve and its resampling: the chance that a marked item scores above an unmarked one."""

from __future__ import annotations

import numpy as np

from poju.fit.kernel import Pattern, Table


def area(scores: Table, marked: Pattern) -> float:
    """Return the AUC of ``scores`` for ``marked``, both of shape (n,); ties count half; NaN with one class only.

    The Mann–Whitney statistic over its maximum (Hanley & McNeil 1982, Radiology 143).
    """
    above, below = scores[marked], scores[~marked]
    if above.size == 0 or below.size == 0:
        return float("nan")
    return float(_wins(above[:, None], below[None, :]).mean())


def _wins(one: Table, other: Table) -> Table:
    """Return 1 where ``one`` is above ``other``, 0.5 where equal, 0 where below."""
    return np.asarray((np.sign(one - other) + 1) / 2, dtype=np.float64)


def areas_across(scores: Table, marked: Pattern) -> Table:
    """Return the AUC of row r's scores for row i's marks, shape (rows i, rows r); NaN where row i has one class only.

    The diagonal has each row's own; any permutation of rows is a choice of one entry from each row of the answer.
    """
    answer = np.full((len(marked), len(scores)), np.nan)
    for other, row in enumerate(scores):
        wins = _wins(row[:, None], row[None, :])
        for place, marks in enumerate(marked):
            pairs = int(marks.sum()) * int((~marks).sum())
            if pairs:
                answer[place, other] = float(wins[np.ix_(marks, ~marks)].sum()) / pairs
    return answer


def resampled_mean(values: Table, source: np.random.RandomState, draws: int) -> Table:
    """Return the means of ``draws`` bootstrap samples of ``values``, shape (draws,)."""
    chosen = source.randint(0, values.size, size=(draws, values.size))
    return np.asarray(values[chosen].mean(axis=1), dtype=np.float64)


def resampled_area(scores: Table, marked: Pattern, source: np.random.RandomState, draws: int) -> Table:
    """Return the AUC of ``draws`` samples in which both classes are resampled apart, shape (draws,); NaN as above."""
    above, below = scores[marked], scores[~marked]
    if above.size == 0 or below.size == 0:
        return np.full(draws, np.nan)
    wins = _wins(above[:, None], below[None, :])
    answer = np.empty(draws)
    for draw in range(draws):
        rows = source.randint(0, above.size, size=above.size)
        columns = source.randint(0, below.size, size=below.size)
        answer[draw] = float(wins[np.ix_(rows, columns)].mean())
    return answer


def interval(values: Table) -> tuple[float, float]:
    """Return the 2.5th and the 97.5th percentile of ``values`` by nearest rank; NaN where one of them is NaN."""
    if not np.isfinite(values).all():
        return float("nan"), float("nan")
    ordered = np.sort(values)
    cut = int(0.025 * len(ordered))
    return float(ordered[cut]), float(ordered[-1 - cut])
