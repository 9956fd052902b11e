"""Proximity of industries and relatedness density of regions.

Source: C. A. Hidalgo, B. Klinger, A.-L. Barabasi, R. Hausmann, "The Product Space Conditions the Development of
Nations", Science 317 (2007): proximity (equation 1 of the main text) and density (its supplement).
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from poju.fit.kernel.tables import Pattern, Table

Single = TypeVar("Single", np.float32, np.float64)

EXACT_IN_FLOAT32 = 2**24
"""Every whole number below it is a float32 exactly, and so is a count of regions below it."""

SINGLE_FROM = 2**31
"""From so many multiplications on, density is multiplied out in float32, around means; see :func:`relatedness`."""

BLOCK = 512
"""Industries taken at a time, so that proximity is never there as a whole where only density is asked for."""


def proximity(pattern: Pattern, *, itself: bool = False) -> Table:
    """Return φ_ij = min(P(i|j), P(j|i)) = regions with both ÷ regions of the more common (Hidalgo et al. 2007, eq. 1).

    ``pattern`` has shape (regions, industries), the answer (industries, industries), symmetric, in [0, 1]. The diagonal
    is 0: an industry is no evidence for itself, so that density does not repeat what the quotient says already; with
    ``itself`` it is 1, as the formula and the package ecomplexity have it. An industry nobody is specialised in has
    proximity 0 to all, itself included.
    """
    together, ubiquity = _together(pattern)
    answer = np.empty(together.shape, dtype=np.float64)
    for start in range(0, len(ubiquity), BLOCK):
        block = slice(start, min(start + BLOCK, len(ubiquity)))
        _proximity(together, ubiquity, block, answer[block], itself=itself)
    return answer


def _together(pattern: Pattern) -> tuple[npt.NDArray[np.float32] | Table, Table]:
    """Return the regions that two industries share, and the ubiquity of each, at least 1.

    The product Mᵀ M is recognised as symmetric and takes half the time; in float32, exact for these counts, a quarter.
    """
    if pattern.shape[0] < EXACT_IN_FLOAT32:
        short = pattern.astype(np.float32)
        together: npt.NDArray[np.float32] | Table = short.T @ short
    else:
        long = pattern.astype(np.float64)
        together = long.T @ long
    return together, np.maximum(np.diag(together), 1).astype(np.float64)


def _proximity(
    together: npt.NDArray[np.float32] | Table, ubiquity: Table, block: slice, answer: Table, *, itself: bool
) -> None:
    """Fill ``answer``, shape (industries of the block, industries), with their proximity to all."""
    np.maximum(ubiquity[block, None], ubiquity, out=answer)
    np.divide(together[block], answer, out=answer)
    rows = np.arange(len(answer))
    answer[rows, block.start + rows] = (together[block.start + rows, block.start + rows] > 0) if itself else 0.0


def density(pattern: Pattern, relations: Table) -> Table:
    """Return ω_rj = Σ_i M_ri φ_ij ÷ Σ_i φ_ij: how much of what is near j the region has (Hidalgo et al. 2007).

    ``relations`` is φ, shape (industries, industries), as :func:`proximity` gives it. Shape (regions, industries), in
    [0, 1]; NaN for an industry that is near nothing, as an isolated pair or an empty column is: there is no
    neighbourhood to speak of, and 0 would be a claim.
    """
    reach = relations.sum(axis=0)
    near: Table = pattern.astype(np.float64) @ relations
    near /= np.where(reach > 0, reach, np.nan)
    return np.clip(near, 0.0, 1.0, out=near)


def relatedness(pattern: Pattern, *, itself: bool = False) -> Table:
    """Return ``density(pattern, proximity(pattern, itself=itself))`` without holding proximity as a whole.

    On large tables the sum is taken as Σ_i M_ri (φ_ij − m_j) + d_r m_j, m_j the mean of φ_ij over i and d_r the number of
    industries of the region: the first term is then small, so that float32 suffices for it. The answer differs from
    that in float64 by far less than 1e-7 (3e-9 at 3,000 × 5,000; ``benchmarks/fit_kernel.py`` measures it).
    """
    regions, industries = pattern.shape
    if regions * industries**2 >= SINGLE_FROM:
        return _relatedness(pattern, np.float32, itself=itself)
    return _relatedness(pattern, np.float64, itself=itself)


def _relatedness(pattern: Pattern, kind: type[Single], *, itself: bool) -> Table:
    """Return density, multiplied out in ``kind``: around means in float32, as it stands in float64."""
    regions, industries = pattern.shape
    together, ubiquity = _together(pattern)
    present: npt.NDArray[Single] = pattern.astype(kind)
    diversity = pattern.sum(axis=1).astype(np.float64)
    answer = np.empty(pattern.shape, dtype=np.float64)
    # Each block goes through the same buffers: fresh memory costs more time than the arithmetic in it.
    widest = min(BLOCK, industries)
    relations = np.empty((widest, industries))
    short = np.empty((widest, industries), dtype=kind)
    near = np.empty((regions, widest), dtype=kind)
    for start in range(0, industries, BLOCK):
        block = slice(start, min(start + BLOCK, industries))
        width = block.stop - start
        _proximity(together, ubiquity, block, relations[:width], itself=itself)
        reach = relations[:width].sum(axis=1)
        mean = reach / industries if kind is np.float32 else np.zeros(width)
        np.subtract(relations[:width], mean[:, None], out=short[:width], casting="same_kind")
        np.matmul(present, short[:width].T, out=near[:, :width])
        part = answer[:, block]
        np.multiply.outer(diversity, mean, out=part)
        part += near[:, :width]
        part /= np.where(reach > 0, reach, np.nan)
        np.clip(part, 0.0, 1.0, out=part)
    return answer
