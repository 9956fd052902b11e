"""The second eigenvector behind complexity, by a dense solver on small tables and by Lanczos's method on large ones.

Source: C. Lanczos (1950); full reorthogonalisation as in G. H. Golub & C. F. Van Loan, "Matrix Computations", §10.3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from poju.fit.kernel.tables import Links, Table

DENSE_UP_TO = 512
"""Rows of a symmetric matrix up to which all eigenvectors are computed at once."""

MOST_STEPS = 1500
ACCURACY = 1e-8
"""Residual, over the distance to the next eigenvalue, at which a vector is final; its error is then of this size."""

ROUNDING = 1e-15
"""Residual below which there is nothing but rounding, for a matrix of norm 1."""


@dataclass(frozen=True)
class Second:
    """Second largest eigenvalue of the symmetric form, its unit vector, and the third eigenvalue.

    Where nothing came to rest within :data:`MOST_STEPS`, ``third`` equals ``value``: the two could not be told apart.
    """

    value: float
    vector: Table
    third: float


@dataclass(frozen=True)
class Ritz:
    """What Lanczos's method has found: the largest value and its vector, the next value, and the basis it came from."""

    value: float
    vector: Table
    following: float
    basis: Table
    settled: bool


@dataclass(frozen=True)
class Side:
    """The symmetric matrix D^(−1/2) M U^(−1) Mᵀ D^(−1/2) of one connected pattern, by products, never as a whole.

    It is similar to D^(−1) M U^(−1) Mᵀ, of which the complexity index is the second right eigenvector; its first
    eigenvalue is 1 with the vector √D.
    """

    joined: Links
    own: Table
    other: Table

    def times(self, vector: Table) -> Table:
        """Return the matrix times ``vector``, shape (rows,)."""
        root = np.sqrt(self.own)
        product = self.joined.by_row(self.joined.by_column(vector / root) / self.other) / root
        return np.asarray(product, dtype=np.float64)


def second(joined: Links) -> Second:
    """Return the second eigenvector of the row side of a connected pattern with two rows or more."""
    own, other = joined.diversity, joined.turned.diversity
    if len(own) <= DENSE_UP_TO:
        scaled = np.zeros((len(own), len(other)))
        scaled[np.repeat(np.arange(len(own)), own.astype(np.int64)), joined.columns] = 1.0
        scaled /= np.sqrt(own)[:, None]
        scaled /= np.sqrt(other)
        values, vectors = np.linalg.eigh(scaled @ scaled.T)
        third = float(values[-3]) if len(values) > 2 else 0.0  # noqa: PLR2004 - two values have no third
        return Second(float(values[-2]), vectors[:, -2], third)
    side = Side(joined, own, other)
    first = np.sqrt(own / own.sum())[None, :]
    found = lanczos(side.times, first, lambda _value, residual, gap: residual <= ACCURACY * gap)
    # The basis holds one vector of a repeated eigenvalue; any other is orthogonal to all of it. What is left is
    # searched only until it is clear that it stays below.
    rest = lanczos(
        side.times, found.basis, lambda value, residual, _gap: residual <= max(ROUNDING, (found.value - value) / 2)
    )
    settled = found.settled and rest.settled
    return Second(found.value, found.vector, max(found.following, rest.value) if settled else found.value)


def lanczos(times: Callable[[Table], Table], known: Table, final: Callable[[float, float, float], bool]) -> Ritz:
    """Return the largest eigenvalue, and its unit vector, of a symmetric matrix of norm 1 outside ``known``.

    ``times`` multiplies a vector by the matrix, ``known`` (vectors, size) are orthonormal and left out, and ``final``
    says, of (value, residual, distance to the next value), when to stop. Deterministic: the start is a fixed vector.
    """
    kept, size = known.shape
    most = min(MOST_STEPS, size - kept)
    if most <= 0:
        return Ritz(0.0, np.zeros(size), 0.0, known, settled=True)
    basis = np.empty((kept + most + 1, size))
    basis[:kept] = known
    # Every coordinate takes part, and no symmetry of a table is likely to share the start's.
    start = _orthogonal(np.cos(np.arange(1.0, size + 1) ** 2 * np.sqrt(2.0)) + 0.5, known)
    basis[kept] = start / np.linalg.norm(start)
    diagonal: list[float] = []
    beside: list[float] = []
    look = 1
    while True:
        image = times(basis[kept + len(diagonal)])
        diagonal.append(float(basis[kept + len(diagonal)] @ image))
        steps = len(diagonal)
        image = _orthogonal(image, basis[: kept + steps])
        beside.append(float(np.linalg.norm(image)))
        exhausted = beside[-1] <= ROUNDING or steps >= size - kept
        if exhausted or steps >= most or steps == look:
            look = steps + 3 + steps // 20
            values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside[:-1], 1) + np.diag(beside[:-1], -1))
            following = float(values[-2]) if steps > 1 else 0.0
            residual = beside[-1] * abs(float(vectors[-1, -1]))
            settled = exhausted or residual <= ROUNDING or final(float(values[-1]), residual, values[-1] - following)
            if settled or steps >= most:
                vector = vectors[:, -1] @ basis[kept : kept + steps]
                return Ritz(float(values[-1]), vector, following, basis[: kept + steps], settled)
        basis[kept + steps] = image / beside[-1]


def _orthogonal(vector: Table, basis: Table) -> Table:
    """Return ``vector`` without its part in ``basis``, taken out twice: once leaves rounding behind."""
    for _pass in range(2):
        vector = vector - (basis @ vector) @ basis
    return vector
