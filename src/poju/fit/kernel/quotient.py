"""Location quotient, RCA and their relatives: a share here over the share everywhere.

Sources: P. S. Florence (1939), location quotient; B. Balassa (1965), revealed comparative advantage (the same ratio).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poju.errors import CallerError
from poju.fit.kernel.tables import Pattern, Table, checked
from poju.i18n import _

ROWS_AT_A_TIME = 64
"""Rows whose quotients are held where only the pattern is wanted."""


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
    return _quotient(array, sizes, expected, shrinkage)


def _quotient(array: Table, sizes: Table, expected: Table, shrinkage: float) -> Table:
    with np.errstate(divide="ignore", invalid="ignore"):
        # In place, since a table of 3,000 × 5,000 takes 120 MB each time.
        quotient: Table = array + shrinkage * expected
        quotient /= sizes[:, None] + shrinkage
        quotient /= expected
    # An empty column gives 0 ÷ 0 and an empty row without shrinkage 0 ÷ 0: both say nothing, and both stay NaN.
    quotient[~np.isfinite(quotient)] = np.nan
    return quotient


def specialised(quotient: npt.ArrayLike, *, threshold: float = 1.0) -> Pattern:
    """Return the binary RCA pattern M: where the quotient reaches ``threshold`` (Hidalgo et al. 2007: 1); NaN is no."""
    array = np.asarray(quotient, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray(array >= threshold, dtype=np.bool_)


def specialisation(table: npt.ArrayLike, *, threshold: float = 1.0) -> Pattern:
    """Return ``specialised(location_quotient(table), threshold=threshold)`` without holding the quotients.

    For large tables of which the pattern alone is wanted. Raises :class:`CallerError` as :func:`checked` does.
    """
    array = checked(table)
    sizes = array.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = array.sum(axis=0) / float(array.sum())
    pattern = np.empty(array.shape, dtype=np.bool_)
    for start in range(0, len(array), ROWS_AT_A_TIME):
        rows = slice(start, start + ROWS_AT_A_TIME)
        pattern[rows] = specialised(_quotient(array[rows], sizes[rows], expected, 0.0), threshold=threshold)
    return pattern
