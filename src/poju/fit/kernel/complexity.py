"""Economic complexity of regions (ECI) and of industries (PCI).

Source: C. A. Hidalgo & R. Hausmann, "The building blocks of economic complexity", PNAS 106 (2009), in the eigenvector
form of Hausmann, Hidalgo et al., "The Atlas of Economic Complexity" (2014), part 1, technical box 2: ECI is the
eigenvector of D⁻¹ M U⁻¹ Mᵀ to its second largest eigenvalue, where D holds the diversity of the regions and U the
ubiquity of the industries, and PCI that of U⁻¹ Mᵀ D⁻¹ M.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poju.fit.kernel.spectrum import second
from poju.fit.kernel.tables import Indices, Links, Pattern, Table, linked_components, links, within

SAME = 1e-8
"""Eigenvalues, of matrices whose first is 1, that differ by less are taken as equal, since rounding alone would mix
their vectors by more than 1e-8; a correlation below it is taken as none."""

ORDERED = "ordered"
ONE_REGION = "one-region"
ALIKE = "alike"
REPEATED = "repeated"
UNSIGNED = "unsigned"


@dataclass(frozen=True)
class Complexity:
    """ECI of regions, PCI of industries, and for each component whether it has them.

    ``regions`` (shape (regions,)) and ``industries`` (shape (industries,)) are NaN where nothing can be said.
    ``region_components`` and ``industry_components`` number the component of each, −1 for an empty row or column.
    ``states`` says for each component: ``"ordered"``, or why its figures are NaN: ``"one-region"``; ``"alike"``, no
    region differs from another; ``"repeated"``, the second eigenvalue cannot be told from the third, and any mixture of
    two orders would do; ``"unsigned"``, nothing says which end of the order is up. ``eigenvalues`` has the second
    eigenvalue of each component (the first is 1), NaN for one region.

    Each component is standardised by itself: **figures of two components cannot be compared**, since no region of
    the one shares an industry with one of the other.
    """

    regions: Table
    industries: Table
    region_components: Indices
    industry_components: Indices
    states: tuple[str, ...]
    eigenvalues: tuple[float, ...]

    @property
    def connected(self) -> bool:
        """Whether all that is not empty hangs together, so that all figures can be compared."""
        return len(self.states) == 1


def complexity(pattern: Pattern) -> Complexity:
    """Return ECI and PCI of ``pattern``, shape (regions, industries), component by component.

    ECI has mean 0 and standard deviation 1 (divisor n) over the regions of its component. PCI is shifted and divided by
    the same mean and deviation as ECI, so that a region's ECI is the mean PCI of its industries. The sign is such that
    ECI rises with diversity; where it does not move with it, such that it rises with the rarity of the industries.
    """
    rows, columns, joined = linked_components(pattern)
    regions = np.full(pattern.shape[0], np.nan)
    industries = np.full(pattern.shape[1], np.nan)
    states = []
    eigenvalues = []
    count = int(rows.max()) + 1
    for number in range(count):
        here, theirs = np.flatnonzero(rows == number), np.flatnonzero(columns == number)
        state, value, own, other = _component(
            joined if count == 1 and joined is not None else links(within(pattern, here, theirs))
        )
        states.append(state)
        eigenvalues.append(value)
        regions[here], industries[theirs] = own, other
    return Complexity(regions, industries, rows, columns, tuple(states), tuple(eigenvalues))


def _component(joined: Links) -> tuple[str, float, Table | float, Table | float]:
    """Return state, second eigenvalue, ECI and PCI of one component; NaN for both unless it is ordered."""
    diversity, ubiquity = joined.diversity, joined.turned.diversity
    if len(diversity) == 1:
        return ONE_REGION, np.nan, np.nan, np.nan
    if (diversity == len(ubiquity)).all():
        return ALIKE, 0.0, np.nan, np.nan
    # The two sides share their eigenvalues above 0: the shorter one is taken.
    wide = len(diversity) <= len(ubiquity)
    found = second(joined if wide else joined.turned)
    if found.value - found.third <= SAME:
        return REPEATED, found.value, np.nan, np.nan
    if wide:
        regions = found.vector / np.sqrt(diversity)
        industries = joined.by_column(regions) / ubiquity / found.value
    else:
        industries = found.vector / np.sqrt(ubiquity)
        regions = joined.by_row(industries) / diversity
    sign = _direction(regions, diversity) or _direction(regions, -joined.by_row(ubiquity) / diversity)
    if sign == 0:
        return UNSIGNED, found.value, np.nan, np.nan
    mean, deviation = float(regions.mean()), float(regions.std())
    return ORDERED, found.value, sign * (regions - mean) / deviation, sign * (industries - mean) / deviation


def _direction(values: Table, guide: Table) -> int:
    """Return the sign of the correlation of ``values`` with ``guide``; 0 where there is none."""
    one, other = values - values.mean(), guide - guide.mean()
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    if size <= SAME * float(np.linalg.norm(values) * np.linalg.norm(guide)):
        return 0
    correlation = float(one @ other) / size
    return 0 if abs(correlation) <= SAME else int(np.sign(correlation))
