"""How alike the regions' policies are: 大同小異 as a number, beside what chance would give."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations
from math import comb

from poju.survey.gazetteer import NATION
from poju.survey.model import Json
from poju.survey.scape.rows import PPM, rows_of

ALIKE_FROM = 2
MEASURE = "mean Jaccard of instrument sets over pairs of regions with ≥2 instruments"
BASELINE = "exact mean Jaccard of two random sets of the same sizes, drawn from the instruments in use (hypergeometric)"


def similarity(events: Sequence[Json]) -> Json:
    """Return how alike regions are (Jaccard 1912, intersection over union), in parts per million.

    {"measure", "value_ppm", "pairs": [{"a", "b", "ppm", "shared", "of", "expected_ppm"}], "baseline": {"measure",
    "universe", "expected_ppm"}, "sizes": {region: instruments}, "left_out": [region], "supported"}. ``shared`` and
    ``of`` count the intersection and the union. Regions with one instrument are ``left_out``: two of them are either
    the same or nothing alike. The country is not a region. ``supported`` wants one pair at least.

    The baseline draws from the instruments that some region uses, not from all 32: unused ones would make any two
    regions look more alike than chance.
    """
    sets: dict[str, set[str]] = {}
    for event in events:
        for code in rows_of(event):
            if code != NATION:
                sets.setdefault(code, set()).add(event["instrument"])
    universe = len(set().union(*sets.values()))
    able = [code for code, told in sets.items() if len(told) >= ALIKE_FROM]
    pairs = [_pair(a, b, sets, universe) for a, b in combinations(able, 2)]
    return {
        "measure": MEASURE,
        "value_ppm": _mean(pairs, "ppm"),
        "pairs": pairs,
        "baseline": {"measure": BASELINE, "universe": universe, "expected_ppm": _mean(pairs, "expected_ppm")},
        "sizes": {code: len(told) for code, told in sets.items()},
        "left_out": [code for code, told in sets.items() if len(told) < ALIKE_FROM],
        "supported": bool(pairs),
    }


@cache
def expected_jaccard_ppm(first: int, second: int, universe: int) -> int:
    """Return the expected Jaccard index of two random subsets of sizes ``first`` and ``second`` of ``universe`` things.

    The size k of the intersection is hypergeometric, P(k) = C(first, k) C(universe - first, second - k) / C(universe,
    second), and the index is k / (first + second - k); exact in integers, cut to whole parts per million.
    """
    ways = comb(universe, second)
    total = 0
    for shared in range(max(0, first + second - universe), min(first, second) + 1):
        drawn = comb(first, shared) * comb(universe - first, second - shared)
        total += drawn * shared * PPM * PPM // (first + second - shared)
    return total // (ways * PPM)


def _pair(a: str, b: str, sets: dict[str, set[str]], universe: int) -> Json:
    shared, union = len(sets[a] & sets[b]), len(sets[a] | sets[b])
    expected = expected_jaccard_ppm(len(sets[a]), len(sets[b]), universe)
    return {"a": a, "b": b, "ppm": shared * PPM // union, "shared": shared, "of": union, "expected_ppm": expected}


def _mean(pairs: list[Json], name: str) -> int:
    return sum(int(pair[name]) for pair in pairs) // len(pairs) if pairs else 0
