"""Where: the 34 province-level units as a grid of equal tiles; no boundary is drawn."""

from __future__ import annotations

import csv
from collections import defaultdict
from functools import cache

from poju.survey.gazetteer import data_text
from poju.survey.model import Json
from poju.survey.scape.rows import codes_of, names_of, province_of, short_names_of, tally


@cache
def grid() -> dict[str, tuple[int, int]]:
    """Return ``{code: (column, row)}`` of ``tiles.csv``, counted from 1 at the top left."""
    lines = (line for line in data_text("tiles.csv").splitlines() if not line.startswith("#"))
    return {row["code"]: (int(row["column"]), int(row["row"])) for row in csv.DictReader(lines)}


def tiles(events: list[Json]) -> list[Json]:
    """Return one record for each of the 34 units: its place in the grid and the events in it and below it.

    An event of several provinces counts in each; an event of the whole country counts in none.
    """
    held: defaultdict[str, list[Json]] = defaultdict(list)
    for event in events:
        for province in dict.fromkeys(province_of(code) for code in codes_of(event)):
            if province is not None:
                held[province].append(event)
    return [
        {
            "code": code,
            "names": names_of(code),
            "short": short_names_of(code),
            "column": column,
            "row": row,
            **tally(held.get(code, [])),
        }
        for code, (column, row) in grid().items()
    ]
