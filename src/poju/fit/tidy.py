"""The tidy format: one figure in a row, read strictly, with every problem named by row and column.

``region_code,region,industry_code,industry,year,value,unit,source`` in UTF-8. What a code means is for the caller to
say; here a row has eight fields, a year, a whole number and a source. Up to :data:`SHOWN` problems are told at once.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from poju.errors import CallerError, OperatorError
from poju.i18n import _, translate

HEADER = ("region_code", "region", "industry_code", "industry", "year", "value", "unit", "source")
MAXIMUM_BYTES = 8_000_000
MAXIMUM_ROWS = 50_000
MAXIMUM_VALUE = 10**15
MAXIMUM_TEXT = 200
FIRST_YEAR, LAST_YEAR = 1949, 2100
SHOWN = 20
"""Problems that one error tells; the rest is counted."""


@dataclass(frozen=True)
class TidyRow:
    """One row whose form is right; whether its codes and unit are known, the caller decides."""

    line: int
    region: str
    code: str
    year: int
    value: int
    unit: str
    source: str


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: a format string, a key of the translation catalogue, and what fills it in."""

    text: str
    parameters: dict[str, object]

    def told(self, language: str) -> str:
        """Return the problem in ``language``."""
        return translate(self.text, language, **self.parameters)


class ListedError(CallerError):
    """Many problems of one file in one error: the first :data:`SHOWN` are told, all are counted."""

    problems: tuple[Problem, ...] = ()
    total: int = 0

    def explain(self, language: str = "en") -> str:
        """Return the problems, one line each, then how many more there are, then the hint."""
        lines = [problem.told(language) for problem in self.problems]
        if self.total > len(self.problems):
            lines.append(translate(_("… and {count} more."), language, count=self.total - len(self.problems)))
        lines.append(translate(self.hint, language))
        return "\n".join(lines)


@dataclass
class Problems:
    """Collects what is wrong with the file at ``path``."""

    path: Path
    count: int = 0
    found: list[Problem] = field(default_factory=list)

    def add(self, line: int, column: str, text: str, **parameters: object) -> None:
        """Note one problem; ``text`` has the fields ``{path}``, ``{line}`` and ``{column}``."""
        self.count += 1
        if len(self.found) < SHOWN:
            told = {"path": self.path.name, "line": line, "column": column, **parameters}
            self.found.append(Problem(text, told))

    def stop(self, line: int, column: str, text: str) -> CallerError:
        """Return the error after which reading on makes no sense."""
        self.add(line, column, text)
        return self.error()

    def stop_if_any(self) -> None:
        """Raise ``fit-data-row`` where anything was noted."""
        if self.found:
            raise self.error()

    def error(self) -> CallerError:
        """Return everything noted as one error."""
        first = self.found[0]
        told = CallerError(
            "fit-data-row",
            first.text,
            hint=_(
                "The columns are region_code, region, industry_code, industry, year, value, unit, source;"
                " docs/reference/fit.md describes each and lists the codes and units."
            ),
            **first.parameters,
        )
        listed = ListedError(told.code, told.message, hint=told.hint, **told.parameters)
        listed.problems, listed.total = tuple(self.found), self.count
        return listed


def read_tidy(path: Path, problems: Problems) -> Iterator[TidyRow]:
    """Yield the rows of the tidy CSV at ``path`` whose form is right, noting the others in ``problems``.

    Raises :class:`CallerError` ``fit-data-row`` at once where the file is no CSV in this format or beyond its bounds;
    :class:`OperatorError` ``fit-data-unreadable`` where it cannot be opened.
    """
    rows = csv.reader(io.StringIO(read_text(path, problems)), strict=True)
    count = 0
    try:
        if tuple(next(rows, [])) != HEADER:
            text = _("{path}, row {line}, column {column}: the first row is not the header of the tidy format.")
            raise problems.stop(1, "region_code", text)
        for fields in rows:
            count += 1
            if count > MAXIMUM_ROWS:
                text = _("{path}, row {line}, column {column}: more than 50,000 rows.")
                raise problems.stop(rows.line_num, "region_code", text)
            row = _row(fields, rows.line_num, problems)
            if row is not None:
                yield row
    except csv.Error as error:
        text = _("{path}, row {line}, column {column}: not a well-formed CSV row.")
        raise problems.stop(rows.line_num, "region_code", text) from error
    if not count:
        text = _("{path}, row {line}, column {column}: no row with a figure follows the header.")
        raise problems.stop(1, "region_code", text)


def read_text(path: Path, problems: Problems) -> str:
    """Return the file at ``path`` as text: UTF-8, at most :data:`MAXIMUM_BYTES`; errors as :func:`read_tidy`."""
    try:
        with path.open("rb") as handle:
            content = handle.read(MAXIMUM_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise OperatorError(
            "fit-data-unreadable",
            _("The figures in {path} cannot be read."),
            hint=_("Check that the file exists and that you may read it."),
            path=path.name,
        ) from error
    if len(content) > MAXIMUM_BYTES:
        text = _("{path}, row {line}, column {column}: more than 8,000,000 bytes.")
        raise problems.stop(1, "region_code", text)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        text = _("{path}, row {line}, column {column}: not UTF-8 text.")
        raise problems.stop(line, "region", text) from error


def _row(fields: list[str], line: int, problems: Problems) -> TidyRow | None:
    """Return one row, checked from left to right; None where something in it was noted."""
    if len(fields) != len(HEADER):
        problems.add(line, "region_code", _("{path}, row {line}, column {column}: a row needs eight fields."))
        return None
    region, _name, code, _industry, year, value, unit, source = fields
    known_year, number = whole(year, LAST_YEAR), whole(value, MAXIMUM_VALUE)
    dated = known_year is not None and known_year >= FIRST_YEAR
    if not dated:
        problems.add(line, "year", _("{path}, row {line}, column {column}: not a year between 1949 and 2100."))
    if number is None:
        text = _("{path}, row {line}, column {column}: not a whole number of at most 10^15 and zero or more.")
        problems.add(line, "value", text)
    sourced = one_line(source)
    if not sourced:
        text = _("{path}, row {line}, column {column}: a source of one line and at most 200 characters is needed.")
        problems.add(line, "source", text)
    if known_year is None or not dated or number is None or not sourced:
        return None
    return TidyRow(line, region, code, known_year, number, unit, source)


def one_line(text: str) -> bool:
    """Return whether ``text`` says something in one printable line of at most :data:`MAXIMUM_TEXT` characters."""
    return bool(text.strip()) and len(text) <= MAXIMUM_TEXT and text.isprintable()


def whole(text: str, most: int) -> int | None:
    """Return ``text`` as a whole number in ASCII digits from 0 to ``most``, else None."""
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most))):
        return None
    number = int(text)
    return number if number <= most else None
