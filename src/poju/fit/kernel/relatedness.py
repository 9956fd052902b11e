"""Proximity of industries and relatedness density of regions.

Source: C. A. Hidalgo, B. Klinger, A.-L. Barabasi, R. Hausmann, "The Product Space Conditions the Development of
Nations", Science 317 (2007): proximity (equation 1 of the main text) and density (its supplement).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from poju.fit.kernel.tables import Pattern, Table

EXACT_IN_FLOAT32 = 2**24
"""Every whole number below it is a float32 exactly, and so is a count of regions below it."""

SINGLE_FROM = 2**31
"""From so many multiplications on, most of density is multiplied out in float32; see :func:`relatedness`."""

BROAD = 16
"""Vectors that hold the broad structure of proximity."""

BLOCK = 512
"""Industries multiplied at a time."""

ROWS_AT_A_TIME = 64
"""Rows computed at a time: what fits into a processor's cache takes a fraction of the time."""


def proximity(pattern: Pattern, *, itself: bool = False) -> Table:
    """Return φ_ij = min(P(i|j), P(j|i)) = regions with both ÷ regions of the more common (Hidalgo et al. 2007, eq. 1).

    ``pattern`` has shape (regions, industries), the answer (industries, industries), symmetric, in [0, 1]. The diagonal
    is 0: an industry is no evidence for itself, so that density does not repeat what the quotient says already; with
    ``itself`` it is 1, as the formula and the package ecomplexity have it. An industry nobody is specialised in has
    proximity 0 to all, itself included.
    """
    exact = pattern.shape[0] < EXACT_IN_FLOAT32
    together, ubiquity = _shared(pattern.astype(np.float32) if exact else pattern.astype(np.float64))
    answer = np.empty(together.shape, dtype=np.float64)
    for start in range(0, len(ubiquity), ROWS_AT_A_TIME):
        block = slice(start, min(start + ROWS_AT_A_TIME, len(ubiquity)))
        _proximity(together, ubiquity, block, answer[block], itself=itself)
    return answer


Shared = npt.NDArray[np.float32] | Table


def _shared(present: Shared) -> tuple[Shared, Table]:
    """Return the regions that two industries share, and the ubiquity of each, at least 1.

    The product Mᵀ M is recognised as symmetric and takes half the time; in float32, exact for these counts, a quarter.
    """
    together: Shared = present.T @ present
    return together, np.maximum(np.diag(together), 1).astype(np.float64)


def _proximity(together: Shared, ubiquity: Table, block: slice, answer: Table, *, itself: bool) -> None:
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

    On large tables φ is split into V Qᵀ, which has its broad structure, and a small rest: M V Qᵀ is multiplied out in
    float64, M times the rest in float32, whose error is in proportion to the sums that run through it. The answer
    differs from that in float64 by less than 1e-7 (1e-8 but for perfectly nested tables; the benchmark prints it).
    """
    regions, industries = pattern.shape
    if regions * industries**2 < SINGLE_FROM:
        return density(pattern, proximity(pattern, itself=itself))
    return _relatedness(pattern, itself=itself)


def _relatedness(pattern: Pattern, *, itself: bool) -> Table:
    """Return density by way of the split that :func:`relatedness` describes.

    Fresh memory costs more time than the arithmetic in it. So proximity passes through one small buffer, and the rest
    of φ takes the place of the counts that it is made of.
    """
    regions, industries = pattern.shape
    present = pattern.astype(np.float32)
    together, ubiquity = _shared(present)
    buffer = np.empty((min(ROWS_AT_A_TIME, industries), industries))

    def rows_of() -> Iterator[tuple[slice, Table]]:
        for start in range(0, industries, ROWS_AT_A_TIME):
            block = slice(start, min(start + ROWS_AT_A_TIME, industries))
            _proximity(together, ubiquity, block, buffer[: block.stop - start], itself=itself)
            yield block, buffer[: block.stop - start]

    # φ times a few fixed vectors spans most of what φ does (Halko, Martinsson, Tropp 2011, algorithm 4.1). The first of
    # them is all ones, which gives Σ_i φ_ij on the way.
    vectors = _fixed_vectors(industries)
    product = np.empty(vectors.shape)
    for block, rows in rows_of():
        product[block] = rows @ vectors
    reach, basis = product[:, 0], np.linalg.qr(product)[0]
    turned = np.ascontiguousarray(basis.T)
    image = np.empty(basis.shape)
    for block, rows in rows_of():
        image[block] = rows @ basis
        np.subtract(rows, image[block] @ turned, out=together[block], casting="same_kind")
    broad = np.concatenate([pattern[row : row + ROWS_AT_A_TIME] @ basis for row in range(0, regions, ROWS_AT_A_TIME)])
    answer = np.empty(pattern.shape, dtype=np.float64)
    for start in range(0, industries, BLOCK):
        part, block = answer[:, start : start + BLOCK], slice(start, start + BLOCK)
        np.matmul(broad, image[block].T, out=part)
        part += present @ together[block].T
        part /= np.where(reach[block] > 0, reach[block], np.nan)
        np.clip(part, 0.0, 1.0, out=part)
    return answer


def _fixed_vectors(industries: int) -> Table:
    """Return :data:`BROAD` vectors, shape (industries, vectors): all ones, and others without a pattern."""
    places = np.arange(1.0, industries + 1)
    others = [np.cos(places**2 * np.sqrt(1.0 + number)) for number in range(1, BROAD)]
    return np.column_stack([np.ones(industries), *others])
