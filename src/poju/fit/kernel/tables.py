"""Tables of regions by industries: what one is, what has to be said about it, and how its cells hang together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poju.errors import CallerError
from poju.i18n import _

Table = npt.NDArray[np.float64]
Pattern = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]

MAXIMUM_CELLS = 50_000_000
"""Bound on a table; 400 MB of float64, far above 3,000 regions × 5,000 industries."""

NO_COMPONENT = -1
"""Number of an empty row or column, which belongs to no component."""


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
    negative, infinite or not a number, or that together with the others overflows.
    """
    try:
        array = np.asarray(table, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise CallerError(
            "fit-table-value",
            _("The table holds a value that is negative or not a number."),
            hint=_("Leave out what is unknown and give what is known as zero or more."),
        ) from error
    if array.ndim != 2 or array.size == 0 or array.size > MAXIMUM_CELLS:  # noqa: PLR2004 - two dimensions: rows, columns
        raise CallerError(
            "fit-table-shape",
            _("A table of {shape} cells cannot be read as regions by industries."),
            hint=_("Give at least one region and one industry, and at most 50,000,000 cells."),
            shape="×".join(str(length) for length in array.shape),
        )
    # A not-a-number makes both extremes not a number, so that two passes and no copy say it all.
    if not (float(array.min()) >= 0 and float(array.max()) <= np.finfo(np.float64).max / array.size):
        raise CallerError(
            "fit-table-value",
            _("The table holds a value that is negative or not a number."),
            hint=_("Leave out what is unknown and give what is known as zero or more."),
        )
    return array


def describe(table: npt.ArrayLike) -> Description:
    """Return the empty rows, the empty columns and the number of connected components of ``table``."""
    filled: Pattern = np.asarray(checked(table) > 0, dtype=np.bool_)
    rows, columns = components(filled)
    return Description(
        empty_rows=tuple(int(index) for index in np.flatnonzero(rows == NO_COMPONENT)),
        empty_columns=tuple(int(index) for index in np.flatnonzero(columns == NO_COMPONENT)),
        components=int(rows.max()) + 1,
    )


@dataclass(frozen=True)
class Links:
    """The true cells of a pattern without empty rows and columns, by row and by column, for sums along either.

    ``columns`` lists, row after row, the columns of the row's cells, and ``row_starts`` where each row begins;
    ``rows`` and ``column_starts`` are the same by column.
    """

    columns: Indices
    row_starts: Indices
    rows: Indices
    column_starts: Indices

    @property
    def turned(self) -> Links:
        """The links of the transposed pattern."""
        return Links(self.rows, self.column_starts, self.columns, self.row_starts)

    @property
    def diversity(self) -> Table:
        """The number of cells of each row."""
        return np.diff(self.row_starts, append=self.columns.size).astype(np.float64)

    def by_row(self, values: Table) -> Table:
        """Return M · values: for each row the sum of ``values`` (of columns) over its cells."""
        return np.asarray(np.add.reduceat(values[self.columns], self.row_starts), dtype=np.float64)

    def by_column(self, values: Table) -> Table:
        """Return Mᵀ · values: for each column the sum of ``values`` (of rows) over its cells."""
        return np.asarray(np.add.reduceat(values[self.rows], self.column_starts), dtype=np.float64)


def links(pattern: Pattern) -> Links:
    """Return the links of ``pattern``, shape (regions, industries), in which no row and no column is empty."""
    rows, columns = np.nonzero(pattern)
    # numpy sorts short integers by radix, several times faster.
    order = np.argsort(columns.astype(np.min_scalar_type(pattern.shape[1])), kind="stable")
    return Links(columns, _starts(rows, pattern.shape[0]), rows[order], _starts(columns[order], pattern.shape[1]))


def _starts(sorted_indices: Indices, count: int) -> Indices:
    return np.asarray(np.searchsorted(sorted_indices, np.arange(count)), dtype=np.int64)


def within(pattern: Pattern, rows: Indices, columns: Indices) -> Pattern:
    """Return the part of ``pattern`` at these rows and columns; the pattern itself where that is all of it."""
    if (rows.size, columns.size) == pattern.shape:
        return pattern
    return np.asarray(pattern[np.ix_(rows, columns)], dtype=np.bool_)


def components(pattern: Pattern) -> tuple[Indices, Indices]:
    """Return the component of each row and of each column, numbered from 0 by their first row, −1 where it is empty.

    Each row starts as its own label and takes the least of what it shares a column with, and of what that label took,
    until nothing changes.
    """
    rows, columns, _joined = linked_components(pattern)
    return rows, columns


def linked_components(pattern: Pattern) -> tuple[Indices, Indices, Links | None]:
    """Return what :func:`components` does, and the links of all that is not empty; None where everything is."""
    rows, columns = np.flatnonzero(pattern.any(axis=1)), np.flatnonzero(pattern.any(axis=0))
    row_numbers = np.full(pattern.shape[0], NO_COMPONENT, dtype=np.int64)
    column_numbers = np.full(pattern.shape[1], NO_COMPONENT, dtype=np.int64)
    if rows.size == 0:
        return row_numbers, column_numbers, None
    joined = links(within(pattern, rows, columns))
    labels = np.arange(rows.size)
    while True:
        least = np.minimum.reduceat(labels[joined.rows], joined.column_starts)
        lower = np.minimum.reduceat(least[joined.columns], joined.row_starts)
        lower = np.minimum(lower, lower[lower])
        if np.array_equal(lower, labels):
            break
        labels = lower
    row_numbers[rows] = np.unique(labels, return_inverse=True)[1]
    column_numbers[columns] = row_numbers[rows[joined.rows[joined.column_starts]]]
    return row_numbers, column_numbers, joined
