"""Which provinces border on which, from ``data/neighbours.csv``: plain geography."""

from __future__ import annotations

import csv
from functools import cache

from poju.fit.figures import shipped_text


@cache
def borders() -> dict[str, tuple[tuple[str, str], ...]]:
    """Return ``{code: ((neighbour's code, "land" or "strait"), …)}``, both ways, each by code."""
    found: dict[str, list[tuple[str, str]]] = {}
    for row in csv.DictReader(shipped_text("neighbours.csv").splitlines()):
        one, other = row["region_code"], row["neighbour_code"]
        found.setdefault(one, []).append((other, row["border"]))
        found.setdefault(other, []).append((one, row["border"]))
    return {code: tuple(sorted(around)) for code, around in found.items()}
