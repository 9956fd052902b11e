"""Geometry of the small server-side charts: whole units of a view box, no colours, no words; templates draw them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from poju.units import PPM

Record = dict[str, Any]


@dataclass(frozen=True)
class Scale:
    """A linear scale from ``low``..``high`` parts per million to ``start``..``stop`` units of the view box."""

    low: int
    high: int
    start: int
    stop: int

    def __call__(self, ppm: int) -> int:
        """Return the place of ``ppm``, held within the scale's ends."""
        held = min(max(ppm, self.low), self.high)
        return self.start + (held - self.low) * (self.stop - self.start) // max(self.high - self.low, 1)


@dataclass(frozen=True)
class Point:
    """One trial: its score, the whisker down to its lower bound, its line of the table."""

    x: int
    y: int
    lower: int
    row: Record
    cut: bool
    """Whether the score or its bound lies below the drawn part, so that the mark stands at its edge."""


@dataclass(frozen=True)
class Series:
    """The versions of one solution on one cohort, in their order."""

    solution: str
    cohort: str
    shape: int
    points: tuple[Point, ...]

    @property
    def path(self) -> str:
        """Return the line through the scores as SVG coordinates."""
        return " ".join(f"{point.x},{point.y}" for point in self.points)


@dataclass(frozen=True)
class ScoreChart:
    """Scores over versions; ``ticks`` are (ppm, y), ``versions`` are (label, x)."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    ticks: tuple[tuple[int, int], ...]
    versions: tuple[tuple[str, int], ...]
    series: tuple[Series, ...]
    condition: int | None

    @property
    def cut(self) -> bool:
        """Return whether a mark stands at the lower edge instead of its place."""
        return any(point.cut for series in self.series for point in series.points)


CHART_LOW = -PPM
TICK = PPM // 4


def version_order(label: str) -> tuple[int, bool, str]:
    """Return what puts versions in their order: by number, a draft (``v3-draft``) before the version it became."""
    number = "".join(character for character in label.partition("-")[0] if character in "0123456789")
    return (int(number[:9] or 0), "-" not in label, label)


def in_order(rows: list[Record]) -> list[Record]:
    """Return trials by solution, in the order in which solutions first appear, then by version, held-out ones first."""
    solutions = list(dict.fromkeys(row["solution"] for row in rows))
    return sorted(
        rows,
        key=lambda row: (solutions.index(row["solution"]), version_order(row["version"]), row["cohort"] == "open"),
    )


def scores(rows: list[Record], cohort: str, condition_ppm: int | None) -> ScoreChart | None:
    """Return the chart of one ``cohort``'s ``rows``, or None where it has none with a score.

    The vertical scale ends at -1 and 1: one wrong offer costs three right ones, so a score may lie far below zero.
    """
    own = [row for row in rows if row["cohort"] == cohort and row["score_ppm"] is not None]
    if not own:
        return None
    left, right, top, bottom = 64, 500, 20, 250
    lowest = min(min(row["score_ppm"], row["lower_ppm"] or row["score_ppm"]) for row in own)
    low = max(CHART_LOW, (lowest // TICK) * TICK) if lowest < 0 else 0
    scale = Scale(low, PPM, bottom, top)
    own = in_order(own)
    versions = sorted({row["version"] for row in own}, key=version_order)
    step = (right - left) // len(versions)
    places = {version: left + step // 2 + step * index for index, version in enumerate(versions)}
    solutions = list(dict.fromkeys(row["solution"] for row in own))
    series = []
    for shape, solution in enumerate(solutions):
        shift = (2 * shape - len(solutions) + 1) * 9
        points = tuple(
            Point(
                x=places[row["version"]] + shift,
                y=scale(row["score_ppm"]),
                lower=scale(row["score_ppm"] if row["lower_ppm"] is None else row["lower_ppm"]),
                row=row,
                cut=min(row["score_ppm"], row["lower_ppm"] or 0) < low,
            )
            for row in own
            if row["solution"] == solution
        )
        series.append(Series(solution, cohort, shape, points))
    step_ppm = TICK if PPM - low <= PPM else 2 * TICK
    ticks = tuple((ppm, scale(ppm)) for ppm in range(low, PPM + 1, step_ppm))
    condition = None if condition_ppm is None else scale(condition_ppm)
    return ScoreChart(520, 290, left, right, top, bottom, ticks, tuple(places.items()), tuple(series), condition)


@dataclass(frozen=True)
class Span:
    """One interval on a horizontal scale with a zero line."""

    y: int
    start: int
    stop: int
    row: Record


@dataclass(frozen=True)
class SpanChart:
    """Bootstrap intervals, one below the other; ``zero`` is the place of no difference."""

    width: int
    height: int
    zero: int
    low: int
    high: int
    spans: tuple[Span, ...]


def intervals(rows: list[Record]) -> SpanChart | None:
    """Return the chart of the paired bootstrap ``rows``, or None where there is none."""
    own = [row for row in rows if row["low_ppm"] is not None and row["high_ppm"] is not None]
    if not own:
        return None
    low = min(0, *(row["low_ppm"] for row in own))
    high = max(0, *(row["high_ppm"] for row in own))
    scale = Scale(low, high if high > low else low + 1, 214, 508)
    spans = tuple(
        Span(24 + 22 * index, scale(row["low_ppm"]), scale(row["high_ppm"]), row) for index, row in enumerate(own)
    )
    return SpanChart(520, 40 + 22 * len(own), scale(0), low, high, spans)


@dataclass(frozen=True)
class State:
    """One state of a workflow: a box around ``x``."""

    name: str
    x: int


@dataclass(frozen=True)
class Arc:
    """One transition: an arrow from ``start`` to ``stop``, ``depth`` units away from the line of boxes."""

    start: int
    stop: int
    depth: int
    number: int
    forward: bool


@dataclass(frozen=True)
class Diagram:
    """A workflow: boxes in one line, arrows that lead on above it, arrows that lead back below it."""

    width: int
    height: int
    line: int
    box: int
    states: tuple[State, ...]
    arcs: tuple[Arc, ...]


WIDEST_DIAGRAM = 9
START = ""
"""The state of a subject that does not exist yet."""


def state_name(state: object) -> str:
    """Return the identifier of a workflow's state, given as it is or as a record with an ``id``."""
    return str(state.get("id", START)) if isinstance(state, dict) else str(state)


def workflow(table: Record) -> Diagram | None:
    """Return the diagram of a workflow ``table``, or None where it has no state or too many for one line."""
    names = list(dict.fromkeys(state_name(state) for state in table["states"]))
    if any(transition["from"] == START for transition in table["transitions"]) and START not in names:
        names.insert(0, START)
    if not names or len(names) > WIDEST_DIAGRAM:
        return None
    box = 128
    places = {name: 74 + 168 * index for index, name in enumerate(names)}
    arcs: list[Arc] = []
    for number, transition in enumerate(table["transitions"], start=1):
        if transition["from"] not in places or transition["to"] not in places:
            continue
        start, stop = places[transition["from"]], places[transition["to"]]
        distance = abs(stop - start) // 168
        # several statements may lead the same way: each further one takes its own height
        same = sum(1 for arc in arcs if (arc.start, arc.stop) == (start, stop))
        arcs.append(Arc(start, stop, 16 + 16 * max(distance, 1) + 20 * same, number, stop > start))
    above = max((arc.depth for arc in arcs if arc.forward), default=0) + 20
    below = max((arc.depth for arc in arcs if not arc.forward), default=0) + 20
    states = tuple(State(name, x) for name, x in places.items())
    return Diagram(168 * len(names) - 20, above + below + 36, above + 18, box, states, tuple(arcs))


def bar(ppm: int | None, full: int, width: int = 100) -> int:
    """Return the length of a bar for ``ppm`` where ``full`` fills ``width`` units; never below zero."""
    return 0 if not ppm or full <= 0 else max(0, min(width, ppm * width // full))


def largest(rows: list[Record], field: str) -> int:
    """Return the largest figure in a ``field`` of ``rows``, at least zero: what fills a bar."""
    return max((row[field] for row in rows if row[field] is not None), default=0)
