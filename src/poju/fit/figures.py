"""Figures: what is known of each region, each with its unit, year and source.

The shipped figures stand in ``data/*.csv``; a user's own CSV in the same tidy format replaces them cell by cell. Where
a count of firms has no row the figure is zero; everywhere else it is unknown.
"""

from __future__ import annotations

import csv
import io
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from poju.errors import CallerError, OperatorError
from poju.i18n import LANGUAGES, _

if TYPE_CHECKING:
    from pathlib import Path

HEADER = ("region_code", "region", "industry_code", "industry", "year", "value", "unit", "source")
POPULATION = "POP"
MAXIMUM_BYTES = 8_000_000
MAXIMUM_ROWS = 50_000
MAXIMUM_VALUE = 10**15
MAXIMUM_TEXT = 200
FIRST_YEAR, LAST_YEAR = 1949, 2100


@dataclass(frozen=True)
class Figure:
    """One figure of one region. ``year`` is None where the source states none: such a figure is never a current one."""

    region: str
    code: str
    value: int
    year: int | None
    unit: str
    source: str


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


def _shipped(name: str) -> str:
    return (resources.files("poju.fit") / "data" / name).read_text(encoding="utf-8")


@cache
def table_rules() -> dict[str, TableRule]:
    """Return how each table is read, by its id."""
    return {name: TableRule(**rule) for name, rule in tomllib.loads(_shipped("tables.toml")).items()}


@cache
def columns() -> dict[str, Column]:
    """Return every column a figure may stand in, by its code."""
    rows = csv.DictReader(_shipped("columns.csv").splitlines())
    return {row["code"]: Column(row["code"], row["table"], {tag: row[tag] for tag in LANGUAGES}) for row in rows}


class Figures:
    """All figures in force, by (region code, column code)."""

    def __init__(self, cells: dict[tuple[str, str], Figure]) -> None:
        self._cells = cells
        self.regions = tuple(sorted({region for region, _code in cells}))
        self._samples: dict[str, Figure] = {}
        for figure in cells.values():
            self._samples.setdefault(figure.code, figure)

    def get(self, region: str, code: str) -> Figure | None:
        """Return the figure; zero for a count of firms without a row; None where nothing is known."""
        known = self._cells.get((region, code))
        if known is not None or columns()[code].table != "firms" or code not in self._samples:
            return known
        sample = self._samples[code]
        return Figure(region, code, 0, sample.year, sample.unit, sample.source)

    def dated(self, code: str) -> bool:
        """Return whether every region has this figure with a stated year."""
        found = [self.get(region, code) for region in self.regions]
        return all(figure is not None and figure.year is not None for figure in found)

    def unit(self, code: str) -> str | None:
        """Return the unit in which the column is kept, or None where the column holds no figure."""
        return self._samples[code].unit if code in self._samples else None

    def replaced(self, newer: list[Figure]) -> Figures:
        """Return these figures with ``newer`` in the place of those of the same region and column."""
        return Figures(self._cells | {(figure.region, figure.code): figure for figure in newer})


@cache
def shipped_figures() -> Figures:
    """Return the figures that come with Poju: 31 provinces, with the sources that ``data/README.md`` describes."""
    cells: dict[tuple[str, str], Figure] = {}
    for rule in table_rules().values():
        for row in csv.DictReader(_shipped(rule.file).splitlines()):
            year = int(row["year"]) if row["year"] else None
            key = (row["region_code"], row["industry_code"])
            cells[key] = Figure(*key, int(row["value"]), year, row["unit"], row["source"])
    return Figures(cells)


def load_figures(path: Path | None) -> Figures:
    """Return the shipped figures, replaced by those in the tidy CSV at ``path`` where one is given.

    Raises :class:`CallerError` naming file, row and column for whatever cannot be used.
    """
    shipped = shipped_figures()
    return shipped if path is None else shipped.replaced(_read(path, shipped))


def _read(path: Path, shipped: Figures) -> list[Figure]:
    rows = csv.reader(io.StringIO(_text(path)), strict=True)
    found: dict[tuple[str, str], Figure] = {}
    try:
        _check_header(next(rows, []), path)
        for row in rows:
            line = rows.line_num
            if len(found) >= MAXIMUM_ROWS:
                raise _refused(
                    path, line, "region_code", _("{path}, row {line}, column {column}: more than 50,000 rows.")
                )
            figure = _figure(row, path, line, shipped)
            if (figure.region, figure.code) in found:
                raise _refused(
                    path,
                    line,
                    "industry_code",
                    _("{path}, row {line}, column {column}: this region has this industry already."),
                )
            found[figure.region, figure.code] = figure
    except csv.Error as error:
        raise _refused(
            path, rows.line_num, "region_code", _("{path}, row {line}, column {column}: not a well-formed CSV row.")
        ) from error
    if not found:
        raise _refused(
            path, 1, "region_code", _("{path}, row {line}, column {column}: no row with a figure follows the header.")
        )
    return list(found.values())


def _text(path: Path) -> str:
    try:
        with path.open("rb") as handle:
            content = handle.read(MAXIMUM_BYTES + 1)
    except OSError as error:
        raise OperatorError(
            "fit-data-unreadable",
            _("The figures in {path} cannot be read."),
            hint=_("Check that the file exists and that you may read it."),
            path=path.name,
        ) from error
    if len(content) > MAXIMUM_BYTES:
        raise _refused(path, 1, "region_code", _("{path}, row {line}, column {column}: more than 8,000,000 bytes."))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(
            path,
            content.count(b"\n", 0, error.start) + 1,
            "region",
            _("{path}, row {line}, column {column}: not UTF-8 text."),
        ) from error


def _check_header(header: list[str], path: Path) -> None:
    if tuple(header) != HEADER:
        raise _refused(
            path,
            1,
            "region_code",
            _("{path}, row {line}, column {column}: the first row is not the header of the tidy format."),
        )


def _figure(row: list[str], path: Path, line: int, shipped: Figures) -> Figure:
    """Return one row as a figure, checked field by field from left to right."""
    if len(row) != len(HEADER):
        raise _refused(path, line, "region_code", _("{path}, row {line}, column {column}: a row needs eight fields."))
    region, _name, code, _industry, year, value, unit, source = row
    if region not in shipped.regions:
        problem = _("{path}, row {line}, column {column}: no GB/T 2260 code of a province with figures.")
        raise _refused(path, line, "region_code", problem)
    if code not in columns():
        raise _refused(
            path, line, "industry_code", _("{path}, row {line}, column {column}: no column of this code is known.")
        )
    known_year = _whole(year, LAST_YEAR)
    if known_year is None or known_year < FIRST_YEAR:
        raise _refused(path, line, "year", _("{path}, row {line}, column {column}: not a year between 1949 and 2100."))
    number = _whole(value, MAXIMUM_VALUE)
    if number is None:
        raise _refused(
            path,
            line,
            "value",
            _("{path}, row {line}, column {column}: not a whole number of at most 10^15 and zero or more."),
        )
    if unit != shipped.unit(code):
        raise _refused(
            path, line, "unit", _("{path}, row {line}, column {column}: the unit must be that of the shipped column.")
        )
    if not source.strip() or len(source) > MAXIMUM_TEXT or not source.isprintable():
        raise _refused(
            path,
            line,
            "source",
            _("{path}, row {line}, column {column}: a source of one line and at most 200 characters is needed."),
        )
    return Figure(region, code, number, known_year, unit, source)


def _whole(text: str, most: int) -> int | None:
    """Return ``text`` as a whole number in ASCII digits from 0 to ``most``, else None."""
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most))):
        return None
    number = int(text)
    return number if number <= most else None


def _refused(path: Path, line: int, column: str, problem: str) -> CallerError:
    return CallerError(
        "fit-data-row",
        problem,
        hint=_(
            "The columns are region_code, region, industry_code, industry, year, value, unit, source;"
            " docs/reference/fit.md describes each and lists the codes and units."
        ),
        path=path.name,
        line=line,
        column=column,
    )
