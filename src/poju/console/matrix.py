"""The article's picture: regions × instruments, 推動 columns first, 拉動 columns last, demonstration rows apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]
SIDES = ("push", "environment", "pull")


@dataclass(frozen=True)
class Cell:
    """One square: the events that one region has with one instrument; ``code`` names the region that a click shows."""

    instrument: Record
    code: str
    events: tuple[Record, ...]

    @property
    def pulls(self) -> bool:
        """Return whether the square stands in the 拉動 columns."""
        return is_pull(self.instrument)

    @property
    def marked(self) -> bool:
        """Return whether an event of the demonstration itself is in the square."""
        return any(event["marked"] for event in self.events)


@dataclass(frozen=True)
class Row:
    """One line: a region, or several whose one and only instrument is the same."""

    regions: tuple[Record, ...]
    cells: tuple[Cell, ...]

    @property
    def pushes(self) -> int:
        """Return how many events of the line push."""
        return sum(len(cell.events) for cell in self.cells if not cell.pulls)

    @property
    def pulls(self) -> int:
        """Return how many events of the line pull."""
        return sum(len(cell.events) for cell in self.cells if cell.pulls)


@dataclass(frozen=True)
class Matrix:
    """The whole picture; ``demonstration`` holds the rows in which the demonstration's own events stand."""

    columns: tuple[Record, ...]
    rows: tuple[Row, ...]
    demonstration: tuple[Row, ...]
    unknown: tuple[str, ...] = field(default=())

    @property
    def pushing(self) -> int:
        """Return how many columns push; they come first."""
        return sum(1 for column in self.columns if not is_pull(column))


def is_pull(instrument: Record) -> bool:
    """Return whether an instrument pulls: its thrust says so, or its side where no thrust is given."""
    return bool((instrument["thrust"] or instrument["side"]) == "pull")


def build(landscape: Record, *, merge: bool) -> Matrix:
    """Return the picture of a ``landscape`` (docs/reference/console.md).

    ``merge`` puts regions with one and the same single instrument into one line, as on the first screen. Cells that
    name a region, an instrument or an event which the landscape lacks are listed in ``unknown``, not dropped silently.
    """
    columns = tuple(sorted(landscape["instruments"], key=_column_order))
    events = {event["id"]: event for event in landscape["events"]}
    known_regions = {region["code"] for region in landscape["regions"]}
    known_instruments = {column["id"] for column in columns}
    filled: dict[tuple[str, str], list[Record]] = {}
    unknown: list[str] = []
    for cell in landscape["cells"]:
        if cell["region"] not in known_regions or cell["instrument"] not in known_instruments:
            unknown.append(f"{cell['region']}/{cell['instrument']}")
            continue
        unknown += [name for name in cell["events"] if name not in events]
        filled[cell["region"], cell["instrument"]] = [events[name] for name in cell["events"] if name in events]
    told = tuple(_row((region,), columns, filled, with_marked=False) for region in landscape["regions"])
    told = tuple(row for row in told if any(cell.events for cell in row.cells))
    marked = tuple(_row((region,), columns, filled, with_marked=True) for region in landscape["regions"])
    marked = tuple(row for row in marked if any(cell.marked for cell in row.cells))
    return Matrix(columns, _merged(told) if merge else told, marked, tuple(unknown))


def side(instrument: Record) -> str:
    """Return the group of columns that an instrument stands in: one of :data:`SIDES`."""
    if is_pull(instrument):
        return "pull"
    return "push" if instrument["side"] == "push" else "environment"


def _column_order(instrument: Record) -> int:
    return SIDES.index(side(instrument))


def _row(
    regions: tuple[Record, ...],
    columns: tuple[Record, ...],
    filled: dict[tuple[str, str], list[Record]],
    *,
    with_marked: bool,
) -> Row:
    code = regions[0]["code"]
    cells = []
    for column in columns:
        events = filled.get((code, column["id"]), [])
        shown = tuple(event for event in events if with_marked or not event["marked"])
        cells.append(Cell(column, code, shown))
    return Row(regions, tuple(cells))


def _merged(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """Join lines with one and the same single square; the others keep their places before them."""
    kept: list[Row] = []
    single: dict[str, list[Row]] = {}
    for row in rows:
        filled = [cell for cell in row.cells if cell.events]
        if len(filled) == 1:
            single.setdefault(filled[0].instrument["id"], []).append(row)
        else:
            kept.append(row)
    return (*kept, *(_join(group) for group in single.values()))


def _join(group: list[Row]) -> Row:
    if len(group) == 1:
        return group[0]
    cells = []
    for position, first in enumerate(group[0].cells):
        events: dict[str, Record] = {}
        for row in group:
            events.update({event["id"]: event for event in row.cells[position].events})
        cells.append(Cell(first.instrument, "", tuple(events.values())))
    return Row(tuple(row.regions[0] for row in group), tuple(cells))


@dataclass(frozen=True)
class Telling:
    """Events that fill the same squares: told once, however many squares they fill.

    ``regions`` are the lines, ``anchors`` the squares that lead here; ``others`` the ids of events told elsewhere which
    fill one of these squares too, so that no sentence behind a square is missed.
    """

    instrument: Record
    regions: tuple[Record, ...]
    events: tuple[Record, ...]
    anchors: tuple[str, ...]
    others: tuple[Record, ...]


def anchor(region: str, instrument: str) -> str:
    """Return the name of a square's place on the page."""
    return f"cell-{region}-{instrument}"


def tellings(matrix: Matrix, region: str = "", instrument: str = "") -> list[Telling]:
    """Return each event behind the filled squares once, in reading order.

    Only the squares of one ``region`` and one ``instrument`` where these are given; an event that fills one of them
    names all the regions that it fills.
    """
    squares = _squares(matrix)
    filled: dict[str, list[Square]] = {}
    for square in squares:
        for event in square.events:
            filled.setdefault(event["id"], []).append(square)
    wanted = [s for s in squares if region in ("", s.region["code"]) and instrument in ("", s.instrument["id"])]
    groups: dict[tuple[str, ...], list[Record]] = {}
    for event in {event["id"]: event for square in wanted for event in square.events}.values():
        names = tuple(anchor(s.region["code"], s.instrument["id"]) for s in filled[event["id"]])
        groups.setdefault(names, []).append(event)
    placed: set[str] = set()
    found = []
    for names, events in groups.items():
        mine = filled[events[0]["id"]]
        own = {event["id"] for event in events}
        others = {e["id"]: e for square in mine if square in wanted for e in square.events if e["id"] not in own}
        anchors = tuple(name for name in names if name not in placed)
        placed.update(anchors)
        found.append(
            Telling(mine[0].instrument, tuple(s.region for s in mine), tuple(events), anchors, tuple(others.values()))
        )
    return found


@dataclass(frozen=True)
class Square:
    """One filled square with the events behind it."""

    region: Record
    instrument: Record
    events: tuple[Record, ...]


def _squares(matrix: Matrix) -> list[Square]:
    """Return the filled squares in reading order; a line of the demonstration stands for its region's own line."""
    marked = {row.regions[0]["code"]: row for row in matrix.demonstration}
    rows = [marked.pop(row.regions[0]["code"], row) for row in matrix.rows] + list(marked.values())
    return [Square(row.regions[0], cell.instrument, cell.events) for row in rows for cell in row.cells if cell.events]
