"""Tiers of administration compared: whether large cities hold back and smaller ones run ahead."""

from __future__ import annotations

from collections import defaultdict

from poju.survey.model import Json
from poju.survey.scape.rows import PPM, codes_of, tally, tier_of, tiers

FEWEST_REGIONS = 3
"""A tier with fewer regions in the sample is shown, but nothing is said about it."""


def levels(events: list[Json]) -> list[Json]:
    """Return the tiers that the sample tells of, highest first.

    Each is {"tier", "names", "units", "regions", "events", "push", "environment", "pull", "pull_ppm",
    "instruments_milli", "supported"}: a district counts as a district here, not under its city. ``instruments_milli``
    is the mean number of instruments of a told region, in thousandths.
    """
    held: defaultdict[str, list[Json]] = defaultdict(list)
    used: defaultdict[str, dict[str, set[str]]] = defaultdict(dict)
    for event in events:
        codes = dict.fromkeys(codes_of(event))
        for name in dict.fromkeys(tier_of(code).id for code in codes):
            held[name].append(event)
        for code in codes:
            used[tier_of(code).id].setdefault(code, set()).add(event["instrument"])
    found = []
    for tier in tiers():
        regions = used.get(tier.id, {})
        if not regions:
            continue
        counted = tally(held[tier.id])
        found.append(
            {
                "tier": tier.id,
                "names": tier.names,
                "units": tier.units,
                "regions": list(regions),
                **counted,
                "pull_ppm": counted["pull"] * PPM // len(counted["events"]),
                "instruments_milli": sum(len(kinds) for kinds in regions.values()) * 1000 // len(regions),
                "supported": len(regions) >= FEWEST_REGIONS,
            }
        )
    return found
