"""What the tests of the brief share: answers of several regions, and one that has as much to tell as can be."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from poju.fit import rank

ROOT = Path(__file__).resolve().parents[2]
NEW_JERSEY = ROOT / "examples" / "economies" / "new-jersey"
REGIONS = ("110000", "150000", "220000", "370000", "440000", "460000", "520000", "530000")
"""Few and many neighbours, an island, long and short texts: Yunnan and Jilin have the longest first pages."""

SOURCE = "Statistical yearbook of the region, table {number}, as published by its bureau; "


@cache
def _told(region: str) -> str:
    economy = None if len(region) == 6 else NEW_JERSEY
    return json.dumps(rank(region, economy=economy), ensure_ascii=False)


def answer(region: str) -> dict[str, Any]:
    """The fit's answer for a province, or for a county of New Jersey; a fresh copy each time."""
    told: dict[str, Any] = json.loads(_told(region))
    return told


def crowded(region: str) -> dict[str, Any]:
    """The same with all there can be: policies, assumptions, scenarios left out, long names, many long sources."""
    told = answer(region)
    told["region"]["name"] = {"zh-Hant": "長" * 90, "zh-Hans": "长" * 90, "en": "A region of a long name " * 9}
    number = 0
    for row in (*told["distinctive"], *told["not_readable"]):
        row["policies"] = {"push": 12, "environment": 13, "pull": 0, "pushes_without_pull": True}
        for reason in row["reasons"]:
            for figure in (reason, *reason.get("parts", [])):
                number += 1
                figure["source"] = (SOURCE.format(number=number) * 4)[:200]
    for row in told["distinctive"][:2]:
        row["prerequisites"][0]["met"] = False
    counts = {"events": 1234, "push": 1000, "environment": 200, "pull": 34}
    told["policies"] = {"source": "landscape.json", "without_field": 3, "scenarios": {}} | counts
    first = told["distinctive"][0]["reasons"][0]
    assumed = {"figure": "X", "industry": first["industry"], "unit": "x", "value": 10**12, "before": None, "year": None}
    told["assumed"] = [assumed] * 9
    return told
