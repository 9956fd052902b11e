"""What the page shows, worked out before it is drawn: columns, rows, the events that it holds, charts' numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath

from poju.survey.gazetteer import NATION
from poju.survey.keys import Evidence, evidence_of
from poju.survey.model import Json
from poju.survey.scape.rows import rows_of

WIDEST_HEAT_MAP = 48
SHOWN_PAIRS = 8
SHOWN_FOLLOWERS = 12
SHOWN_REMARKS = 60
TALL_FROM = 16
_SMALLER = (1000, 300, 100, 40, 20, 10, 6, 4, 3, 2, 1)


@dataclass(frozen=True)
class Bar:
    """One period of the timeline: where it stands and how high its three parts are, in units of the drawing."""

    period: str
    left: float
    label: str
    parts: tuple[tuple[str, float, float], ...]
    counts: Json


class Sheet:
    """A landscape as the page draws it; ``most`` is how many events with their sentences the page may hold."""

    height = 120

    def __init__(self, landscape: Json, most: int) -> None:
        self.landscape = landscape
        self.held = held_events(landscape, most)
        self.evidence: Evidence = evidence_of(landscape, self.held)
        self.events = [event for event in landscape["events"] if event["id"] in self.held]
        self.names = {item["code"]: item["name"] for item in landscape["regions"]}
        self.short = {item["code"]: item["short"] for item in landscape["regions"]}
        self.kinds = {item["id"]: item for item in landscape["instruments"]}
        self.marked = any(event["marked"] for event in landscape["events"])

    @cached_property
    def columns(self) -> list[Json]:
        """Return the instruments that have a column: those in use, and all that pull."""
        used = {cell["instrument"] for cell in self.landscape["cells"]}
        return [item for item in self.landscape["instruments"] if item["thrust"] == "pull" or item["id"] in used]

    @cached_property
    def pushing(self) -> int:
        """Return how many columns push; they come first."""
        return sum(1 for item in self.columns if item["thrust"] != "pull")

    @cached_property
    def rows(self) -> list[Json]:
        """Return the regions: as one text tells them, or by code where several texts are read; the country last."""
        regions = list(self.landscape["regions"])
        if self.landscape["sample"]["documents"] > 1:
            regions.sort(key=lambda item: item["code"])
        return sorted(regions, key=lambda item: bool(item["code"] == NATION))

    def row_name(self, region: Json) -> Json:
        """Return 浙江 杭州 for a city of a province, the short name for the rest."""
        above = region["province"]
        if above in (None, region["code"]):
            return dict(region["short"])
        tile = next(tile for tile in self.landscape["tiles"] if tile["code"] == above)
        return {language: f"{tile['short'][language]} {name}" for language, name in region["short"].items()}

    def count(self, region: str, instrument: str) -> int:
        """Return how many events a square stands for."""
        key = self.evidence.key("cell", region, instrument)
        return 0 if key is None else len(key.events)

    def event_rows(self, event: Json) -> list[Json]:
        """Return the names of the rows in which ``event`` stands."""
        return [self.short[code] for code in rows_of(event)]

    def document(self, event: Json) -> Json:
        """Return the document that tells of ``event``."""
        found: Json = self.landscape["documents"][event["document"] - 1]
        return found

    @property
    def step(self) -> int:
        """Return how wide a period is drawn; a year needs room for its number."""
        return 22 if self.landscape["timeline"]["unit"] == "month" else 44

    @cached_property
    def bars(self) -> list[Bar]:
        """Return the timeline's bars; the highest one fills the drawing."""
        periods = self.landscape["timeline"]["periods"]
        highest = max((len(period["events"]) for period in periods), default=0) or 1
        found = []
        for position, period in enumerate(periods):
            base, parts = float(self.height), []
            for side in ("push", "environment", "pull"):
                tall = round(period[side] * self.height / highest, 2)
                base = round(base - tall, 2)
                if tall:
                    parts.append((side, base, tall))
            january = position == 0 or period["period"].endswith("-01") or len(period["period"]) == len("2018")
            label = period["period"][:4] if january else ""
            found.append(Bar(period["period"], position * self.step, label, tuple(parts), period))
        return found

    @cached_property
    def alike(self) -> list[str]:
        """Return the rows of the heat map, those most like the others first; none where it would be too wide."""
        sums: dict[str, int] = {}
        for pair in self.landscape["similarity"]["pairs"]:
            for code in (pair["a"], pair["b"]):
                sums[code] = sums.get(code, 0) + pair["ppm"]
        ranked = sorted(sums, key=lambda code: (-sums[code], code))
        return ranked if len(ranked) <= WIDEST_HEAT_MAP else []

    @cached_property
    def likeness(self) -> dict[tuple[str, str], Json]:
        """Return ``{(a, b): pair}`` in both directions."""
        pairs = self.landscape["similarity"]["pairs"]
        return {key: pair for pair in pairs for key in ((pair["a"], pair["b"]), (pair["b"], pair["a"]))}

    @cached_property
    def most_alike(self) -> list[Json]:
        """Return the pairs that are furthest above chance."""
        pairs = self.landscape["similarity"]["pairs"]
        return sorted(pairs, key=lambda pair: (pair["expected_ppm"] - pair["ppm"], pair["a"], pair["b"]))[:SHOWN_PAIRS]

    @cached_property
    def least_alike(self) -> list[Json]:
        """Return the pairs that are furthest below chance, of those not named as alike."""
        pairs = [pair for pair in self.landscape["similarity"]["pairs"] if pair not in self.most_alike]
        return sorted(pairs, key=lambda pair: (pair["ppm"] - pair["expected_ppm"], pair["a"], pair["b"]))[:SHOWN_PAIRS]


def held_events(landscape: Json, most: int) -> set[str]:
    """Return the ids of the events whose sentences the page holds: all, or the first of each square up to ``most``."""
    if len(landscape["events"]) <= most:
        return {event["id"] for event in landscape["events"]}
    for each in _SMALLER:
        chosen = {identifier for cell in landscape["cells"] for identifier in cell["events"][:each]}
        if len(chosen) <= most:
            return chosen
    return {event["id"] for event in landscape["events"][:most]}


def file_name(path: str) -> str:
    """Return what the page says of a document's place: its path as named; of an absolute one the last part only."""
    pure = PurePath(path)
    return pure.name if pure.is_absolute() else path
