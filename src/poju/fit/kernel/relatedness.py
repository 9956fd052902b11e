"""Proximity of industries and relatedness density of regions.

Source: C. A. Hidalgo, B. Klinger, A.-L. Barabasi, R. Hausmann, "The Product Space Conditions the Development of
Nations", Science 317 (2007): proximity (equation 1 of the main text) and density (its supplement).
"""

from __future__ import annotations

from collections.abc import Callable

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
"""Industries taken at a time, so that proximity is never there as a whole where only density is asked for."""


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
    for start in range(0, len(ubiquity), BLOCK):
        block = slice(start, min(start + BLOCK, len(ubiquity)))
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
    """Return density by way of the split that :func:`relatedness` describes."""
    regions, industries = pattern.shape
    present = pattern.astype(np.float32)
    together, ubiquity = _shared(present)
    blocks = [slice(start, min(start + BLOCK, industries)) for start in range(0, industries, BLOCK)]
    # Each block goes through the same buffers: fresh memory costs more time than the arithmetic in it.
    relations = np.empty((min(BLOCK, industries), industries))
    spare = np.empty(relations.shape)
    single = np.empty(relations.shape, dtype=np.float32)
    near = np.empty((regions, len(relations)), dtype=np.float32)

    def times(vectors: Table) -> Table:
        """Return φ times ``vectors``, shape (industries, vectors)."""
        product = np.empty((industries, vectors.shape[1]))
        for block in blocks:
            rows = relations[: block.stop - block.start]
            _proximity(together, ubiquity, block, rows, itself=itself)
            product[block] = rows @ vectors
        return product

    reach, basis, image = _broad(times, industries)
    broad = np.concatenate([pattern[start : start + BLOCK] @ basis for start in range(0, regions, BLOCK)])
    turned = np.ascontiguousarray(basis.T)
    answer = np.empty(pattern.shape, dtype=np.float64)
    for block in blocks:
        width = block.stop - block.start
        _proximity(together, ubiquity, block, relations[:width], itself=itself)
        np.matmul(image[block], turned, out=spare[:width])
        np.subtract(relations[:width], spare[:width], out=single[:width], casting="same_kind")
        np.matmul(present, single[:width].T, out=near[:, :width])
        part = answer[:, block]
        np.matmul(broad, image[block].T, out=part)
        part += near[:, :width]
        part /= np.where(reach[block] > 0, reach[block], np.nan)
        np.clip(part, 0.0, 1.0, out=part)
    return answer


def _broad(times: Callable[[Table], Table], industries: int) -> tuple[Table, Table, Table]:
    """Return Σ_i φ_ij, an orthonormal Q that spans most of φ, and V = φ Q, so that V Qᵀ is near φ.

    Q is the range of φ on a few fixed vectors (Halko, Martinsson, Tropp 2011, algorithm 4.1); any Q gives the same sum
    in the end, a good one leaves a small rest.
    """
    places = np.arange(1.0, industries + 1)
    start = [np.ones(industries)] + [np.cos(places**2 * np.sqrt(1.0 + number)) for number in range(1, BROAD)]
    product = times(np.column_stack(start))
    basis = np.linalg.qr(product)[0]
    return product[:, 0], basis, times(basis)
