"""What is missing: instruments that nobody uses, regions that push and never pull."""

from __future__ import annotations

from collections import defaultdict

from poju.survey.model import Json
from poju.survey.scape.rows import PPM, rows_of, tally

_UNLIKELY = 50_000
"""Five in a hundred: below this, a row without pull is more than a short text."""


def gaps(events: list[Json], instruments: list[Json]) -> Json:
    """Return {"unused": [instrument], "unused_pull": [instrument], "push_without_pull": [region row]}.

    A row is {"region", "events", "push", "environment", "pull", "chance_ppm", "telling"}: ``chance_ppm`` is how often a
    region with as many events would show no pull if every event pulled with the share of the whole sample; ``telling``
    where that is below five in a hundred. Where nothing pulls anywhere there is nothing to compare with, and no row is
    ``telling``: what is missing then is missing from the whole sample.
    """
    used = {event["instrument"] for event in events}
    held: defaultdict[str, list[Json]] = defaultdict(list)
    for event in events:
        for row in rows_of(event):
            held[row].append(event)
    pulls = sum(1 for event in events if event["side"] == "pull")
    rows = []
    for region, told in held.items():
        counted = tally(told)
        if counted["pull"]:
            continue
        chance = (len(events) - pulls) ** len(told) * PPM // len(events) ** len(told)
        rows.append({"region": region, **counted, "chance_ppm": chance, "telling": pulls > 0 and chance < _UNLIKELY})
    return {
        "unused": [item["id"] for item in instruments if item["id"] not in used],
        "unused_pull": [item["id"] for item in instruments if item["id"] not in used and item["thrust"] == "pull"],
        "push_without_pull": rows,
    }
