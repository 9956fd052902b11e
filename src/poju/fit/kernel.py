"""Structure of an economy in numpy: location quotient, RCA, proximity, relatedness density.

A *table* is a two-dimensional array of non-negative numbers, one row for each region and one column for each industry.
What a table cannot say is stated, never guessed: an empty row or column gives NaN, and :func:`describe` names it.

Sources:
- P. S. Florence (1939), location quotient; B. Balassa (1965), revealed comparative advantage (the same ratio).
- C. A. Hidalgo, B. Klinger, A.-L. Barabasi, R. Hausmann, "The Product Space Conditions the Development of Nations",
  Science 317 (2007): RCA with threshold 1, proximity (equation 1 of the main text) and density (its supplement).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poju.errors import CallerError
from poju.i18n import _

Table = npt.NDArray[np.float64]
Pattern = npt.NDArray[np.bool_]

MAXIMUM_CELLS = 50_000_000
"""Bound on a table; 400 MB of float64, far above 3,000 regions × 5,000 industries."""


EXACT_IN_FLOAT32 = 2**24
"""Every whole number below it is a float32 exactly."""


@dataclass(frozen=True)
class Description:
    """What has to be said about a table before its figures are read.

    ``empty_rows`` and ``empty_columns`` are indices that sum to zero; ``components`` counts the groups of regions and
    industries that no positive cell joins (1 for a connected table, empty rows and columns left out; 0 for all zeros).
    """

    empty_rows: tuple[int, ...]
    empty_columns: tuple[int, ...]
    components: int


def checked(table: npt.ArrayLike) -> Table:
    """Return ``table`` as a float64 array of shape (regions, industries).

    Raises :class:`CallerError` where it is not two-dimensional, has no cell, is too large, or holds a value that is
    negative, infinite or not a number.
    """
    array = np.asarray(table, dtype=np.float64)
    if array.ndim != 2 or array.size == 0 or array.size > MAXIMUM_CELLS:  # noqa: PLR2004 - two dimensions: rows, columns
        raise CallerError(
            "fit-table-shape",
            _("A table of {shape} cells cannot be read as regions by industries."),
            hint=_("Give at least one region and one industry, and at most 50,000,000 cells."),
            shape="×".join(str(length) for length in array.shape),
        )
    if not np.isfinite(array).all() or (array < 0).any():
        raise CallerError(
            "fit-table-value",
            _("The table holds a value that is negative or not a number."),
            hint=_("Leave out what is unknown and give what is known as zero or more."),
        )
    return array


def describe(table: npt.ArrayLike) -> Description:
    """Return the empty rows, the empty columns and the number of connected components of ``table``."""
    filled = checked(table) > 0
    rows: Pattern = np.asarray(filled.any(axis=1), dtype=np.bool_)
    columns: Pattern = np.asarray(filled.any(axis=0), dtype=np.bool_)
    return Description(
        empty_rows=tuple(int(index) for index in np.flatnonzero(~rows)),
        empty_columns=tuple(int(index) for index in np.flatnonzero(~columns)),
        components=_components(filled, rows),
    )


def _components(filled: Pattern, rows: Pattern) -> int:
    """Count the components by spreading from one region to its industries and back until nothing is added."""
    waiting = rows.copy()
    count = 0
    while waiting.any():
        count += 1
        reached = np.zeros_like(waiting)
        frontier = np.zeros_like(waiting)
        frontier[np.argmax(waiting)] = True
        while frontier.any():
            reached |= frontier
            industries = filled[frontier].any(axis=0)
            frontier = filled[:, industries].any(axis=1) & ~reached
        waiting &= ~reached
    return count


def location_quotient(table: npt.ArrayLike, *, shrinkage: float = 0.0) -> Table:
    """Return each industry's share in its region over its share in all regions, shape (regions, industries).

    ``shrinkage`` is the weight κ, in the table's own unit, of a region that looks like all regions together; it is
    added to each region before the share is taken, (x_rc + κ·p_c) ÷ (x_r + κ) ÷ p_c, so that a region with few
    observations is not read as specialised (Dirichlet prior centred on the national shares p). With κ = 0 this is the
    plain quotient. A column that is empty in all regions is NaN; so is an empty row, unless κ > 0 makes it 1: nothing
    known, hence like everyone.
    """
    array = checked(table)
    return relative_quotient(array, array.sum(axis=1), shrinkage=shrinkage, reference=float(array.sum()))


def relative_quotient(
    table: npt.ArrayLike, size: npt.ArrayLike, *, shrinkage: float = 0.0, reference: float | None = None
) -> Table:
    """Return (x_rc ÷ s_r) ÷ (x_c ÷ s) for a size ``s`` of each region, such as its population; κ in the unit of size.

    ``size`` has shape (regions,); ``reference`` is the size of all, by default their sum. With the row sums as size it
    is the location quotient. Raises :class:`CallerError` as :func:`checked` does, and where shrinkage is negative or
    the sizes do not fit the rows.
    """
    array, sizes = checked(table), checked(np.asarray(size, dtype=np.float64).reshape(-1, 1))[:, 0]
    if sizes.shape[0] != array.shape[0]:
        raise CallerError(
            "fit-table-size",
            _("The table has {rows} regions and {sizes} sizes were given."),
            hint=_("Give one size for each region."),
            rows=array.shape[0],
            sizes=sizes.shape[0],
        )
    if not np.isfinite(shrinkage) or shrinkage < 0:
        raise CallerError(
            "fit-shrinkage",
            _("A shrinkage of {shrinkage} is not possible."),
            hint=_("Give zero or more, in the unit of the table."),
            shrinkage=shrinkage,
        )
    total = float(sizes.sum()) if reference is None else reference
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = array.sum(axis=0) / total
        quotient: Table = (array + shrinkage * expected) / (sizes[:, None] + shrinkage) / expected
    # An empty column gives 0 ÷ 0 and an empty row without shrinkage 0 ÷ 0: both say nothing, and both stay NaN.
    quotient[~np.isfinite(quotient)] = np.nan
    return quotient


def specialised(quotient: npt.ArrayLike, *, threshold: float = 1.0) -> Pattern:
    """Return the binary RCA pattern M: where the quotient reaches ``threshold`` (Hidalgo et al. 2007: 1); NaN is no."""
    array = np.asarray(quotient, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray(array >= threshold, dtype=np.bool_)


def proximity(pattern: npt.NDArray[np.bool_]) -> Table:
    """Return φ_ij = min(P(i|j), P(j|i)) = regions with both ÷ regions of the more common (Hidalgo et al. 2007, eq. 1).

    ``pattern`` has shape (regions, industries), the answer (industries, industries), symmetric, in [0, 1]. The diagonal
    is 0: an industry is no evidence for itself, so that density does not repeat what the quotient says already. An
    industry nobody is specialised in has proximity 0 to all.
    """
    # Counts below 2^24 are exact in float32, whose product takes half the time.
    if pattern.shape[0] < EXACT_IN_FLOAT32:
        present = pattern.astype(np.float32)
        answer: Table = (present.T @ present).astype(np.float64)
    else:
        exact = pattern.astype(np.float64)
        answer = exact.T @ exact
    ubiquity = np.maximum(np.diag(answer), 1.0)
    answer /= np.maximum.outer(ubiquity, ubiquity)
    np.fill_diagonal(answer, 0.0)
    return answer


def density(pattern: npt.NDArray[np.bool_], relations: Table) -> Table:
    """Return ω_rj = Σ_i M_ri φ_ij ÷ Σ_i φ_ij: how much of what is near j the region has (Hidalgo et al. 2007).

    Shape (regions, industries), in [0, 1]; NaN for an industry that is near nothing, as an isolated pair or an empty
    column is: there is no neighbourhood to speak of, and 0 would be a claim.
    """
    reach = relations.sum(axis=0)
    near = pattern.astype(np.float64) @ relations
    answer: Table = np.divide(near, reach[None, :], out=np.full_like(near, np.nan), where=reach[None, :] > 0)
    return answer
