"""Figures: what is known of each region, each with its unit, year and source.

The shipped figures stand in ``data/*.csv``; a user's own CSV in the same tidy format replaces them cell by cell, and
an assumption (``--set``) does so for one region and is marked. In tables that count things by industry a row that is
not there counts as zero; everywhere else it is unknown.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from poju.fit.tidy import Problems, TidyRow, read_tidy
from poju.i18n import LANGUAGES, _

POPULATION = "POP"
INDUSTRY_TABLE = "isic"
INDUSTRY_PREFIX = "ISIC"
FACT_TABLES = ("indicators", "health", "geography")
"""Tables whose columns mean the same in every economy: a folder may bring figures of them beside its industries."""

_COUNTED_TABLES = ("firms", INDUSTRY_TABLE)


@dataclass(frozen=True)
class Figure:
    """One figure of one region.

    ``year`` is None where the source states none: such a figure is never a current one. ``assumed`` marks what a
    user set to see what would follow: it has no source but the user.
    """

    region: str
    code: str
    value: int
    year: int | None
    unit: str
    source: str
    assumed: bool = False

    @property
    def current(self) -> bool:
        """Whether the figure may enter a score: its year is stated, or it is an assumption that says so itself."""
        return self.assumed or self.year is not None


@dataclass(frozen=True)
class TableRule:
    """How a table is read, from ``data/tables.toml``; ``shrinkage`` in the table's unit, the weights without one."""

    file: str
    kind: str
    shrinkage: float
    weight: float
    related: bool = False
    density_weight: float = 0.0


@dataclass(frozen=True)
class Column:
    """One column: the table it belongs to and its name in each language."""

    code: str
    table: str
    names: dict[str, str]


def shipped_text(name: str) -> str:
    """Return the text of ``data/<name>``."""
    return (resources.files("poju.fit") / "data" / name).read_text(encoding="utf-8")


@cache
def table_rules() -> dict[str, TableRule]:
    """Return how each table is read, by its id: the shipped ones, and the one for other economies' industries."""
    raw = tomllib.loads(shipped_text("tables.toml")) | tomllib.loads(shipped_text("isic.toml"))
    return {name: TableRule(**rule) for name, rule in raw.items()}


@cache
def columns() -> dict[str, Column]:
    """Return every column a figure may stand in, by its code; ISIC divisions and sections are ``ISIC86``, ``ISICQ``."""
    rows = csv.DictReader(shipped_text("columns.csv").splitlines())
    found = {row["code"]: Column(row["code"], row["table"], {tag: row[tag] for tag in LANGUAGES}) for row in rows}
    for row in csv.DictReader(shipped_text("isic4.csv").splitlines()):
        code = INDUSTRY_PREFIX + row["code"]
        found[code] = Column(code, INDUSTRY_TABLE, {tag: row[tag] for tag in LANGUAGES})
    return found


class Figures:
    """All figures in force, by (region code, column code)."""

    def __init__(self, cells: dict[tuple[str, str], Figure]) -> None:
        self._cells = cells
        self.regions = tuple(sorted({region for region, _code in cells}))
        self._samples: dict[str, Figure] = {}
        for figure in cells.values():
            self._samples.setdefault(figure.code, figure)

    def get(self, region: str, code: str) -> Figure | None:
        """Return the figure; zero for a counted industry without a row; None where nothing is known."""
        known = self.stated(region, code)
        if known is not None or columns()[code].table not in _COUNTED_TABLES or code not in self._samples:
            return known
        sample = self._samples[code]
        return Figure(region, code, 0, sample.year, sample.unit, sample.source)

    def stated(self, region: str, code: str) -> Figure | None:
        """Return the figure only where a row states it."""
        return self._cells.get((region, code))

    def dated(self, code: str) -> bool:
        """Return whether every region has this figure with a stated year."""
        found = [self.get(region, code) for region in self.regions]
        return all(figure is not None and figure.current for figure in found)

    def unit(self, code: str) -> str | None:
        """Return the unit in which the column is kept, or None where the column holds no figure."""
        return self._samples[code].unit if code in self._samples else None

    def replaced(self, newer: list[Figure]) -> Figures:
        """Return these figures with ``newer`` in the place of those of the same region and column."""
        return Figures(self._cells | {(figure.region, figure.code): figure for figure in newer})

    def only(self, regions: Collection[str]) -> Figures:
        """Return the figures of ``regions`` alone."""
        return Figures({key: figure for key, figure in self._cells.items() if key[0] in regions})


@cache
def shipped_figures() -> Figures:
    """Return the figures that come with Poju: 31 provinces, with the sources that ``data/README.md`` describes."""
    cells: dict[tuple[str, str], Figure] = {}
    for rule in table_rules().values():
        if not rule.file:
            continue
        for row in csv.DictReader(shipped_text(rule.file).splitlines()):
            year = int(row["year"]) if row["year"] else None
            key = (row["region_code"], row["industry_code"])
            cells[key] = Figure(*key, int(row["value"]), year, row["unit"], row["source"])
    return Figures(cells)


@cache
def national_figures() -> dict[str, Figure]:
    """Return the whole country's figures by column: what one region's own figure is compared with.

    Only for columns for which no dated figure of every province is shipped, from ``data/national.csv``.
    """
    rows = csv.DictReader(shipped_text("national.csv").splitlines())
    return {
        row["industry_code"]: Figure(
            row["region_code"],
            row["industry_code"],
            int(row["value"]),
            int(row["year"]),
            row["unit"],
            row["source"],
        )
        for row in rows
    }


def load_figures(path: Path | None) -> Figures:
    """Return the shipped figures, replaced by those in the tidy CSV at ``path`` where one is given.

    Raises :class:`poju.errors.CallerError` naming file, row and column of everything that cannot be used.
    """
    shipped = shipped_figures()
    return shipped if path is None else own_figures(path, shipped)


def own_figures(path: Path, known: Figures) -> Figures:
    """Return ``known`` with the figures of the tidy CSV at ``path`` in their place; errors as :func:`load_figures`."""
    problems = Problems(path)
    found: dict[tuple[str, str], Figure] = {}
    for row in read_tidy(path, problems):
        if _usable(row, known, problems) and _first(row, found, problems):
            found[row.region, row.code] = Figure(row.region, row.code, row.value, row.year, row.unit, row.source)
    problems.stop_if_any()
    return known.replaced(list(found.values()))


def _usable(row: TidyRow, known: Figures, problems: Problems) -> bool:
    before = problems.count
    if row.region not in known.regions:
        problems.add(
            row.line, "region_code", _("{path}, row {line}, column {column}: no code of a region with figures.")
        )
    if row.code not in columns() or known.unit(row.code) is None:
        problems.add(
            row.line, "industry_code", _("{path}, row {line}, column {column}: no column of this code is known.")
        )
    elif row.unit != known.unit(row.code):
        problems.add(
            row.line,
            "unit",
            _("{path}, row {line}, column {column}: the unit must be that of the shipped column."),
        )
    return problems.count == before


def _first(row: TidyRow, found: dict[tuple[str, str], Figure], problems: Problems) -> bool:
    """Return whether the cell is met for the first time, and say so where it is not."""
    if (row.region, row.code) not in found:
        return True
    problems.add(
        row.line,
        "industry_code",
        _("{path}, row {line}, column {column}: this region has this industry already."),
    )
    return False
