"""Places of one region's scenarios: those that structure ranks, and between them those read from given figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from poju.fit.given import Given
from poju.fit.ranking import Robustness, ranks


@dataclass(frozen=True)
class Places:
    """Rank and standing by scenario; ``interval`` is the rank alone until :meth:`shaken` puts noise to it."""

    rank: dict[str, int]
    standing: dict[str, float]
    given: Mapping[str, Given]
    unmet: set[str]
    interval: dict[str, tuple[int, int]]
    noise: dict[str, dict[str, tuple[int, int]]] = field(default_factory=dict)

    def shaken(self, noise: Robustness) -> Places:
        """Return these places with intervals under ``noise``, which knows only what structure ranks.

        A scenario read from given figures has the ranks at both ends of its standing; whatever it may stand above
        moves down by one.
        """
        ends = {name: self._ends(name) for name in self.given}
        both = {name: _pushed(found, list(ends.values())) for name, found in noise.both.items()}
        return replace(self, interval=both | ends, noise={"weights": noise.weights, "data": noise.data})

    def _ends(self, name: str) -> tuple[int, int]:
        found = [
            ranks(self.standing | {name: end}, self.unmet)[name]
            for end in (*self.given[name].ends, self.standing[name])
        ]
        return min(found), max(found)


def _pushed(interval: tuple[int, int], ends: list[tuple[int, int]]) -> tuple[int, int]:
    """Return ``interval`` moved by scenarios with ranks within ``ends``: low where surely, high where maybe above."""
    low, high = interval
    return low + sum(last <= low for _first, last in ends), high + sum(first <= high for first, _last in ends)


def placed(standings: dict[str, float], given: Mapping[str, Given], unmet: set[str]) -> Places:
    """Return the places that follow from ``standings`` by structure and from ``given`` figures."""
    together = standings | {name: found.standing for name, found in given.items()}
    rank = ranks(together, unmet & set(together))
    return Places(rank, together, given, unmet & set(together), {name: (place, place) for name, place in rank.items()})
