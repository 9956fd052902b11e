"""An economy: its regions, their figures in one classification, and who can be compared with whom.

The shipped one is China's 31 provinces. Another stands in a folder: ``economy.toml`` (country, names, classification,
source), ``regions.csv`` (``code,parent,zh-Hant,zh-Hans,en``) and ``figures.csv`` in the tidy format. Its industries
are brought to ISIC Rev.4 by a concordance, so that every scenario finds them.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from poju.errors import CallerError, OperatorError
from poju.fit.concordance import CLASSIFICATIONS, bring, divisions_of, is_section, line_of, plain, section_of
from poju.fit.figures import (
    FACT_TABLES,
    INDUSTRY_PREFIX,
    Figure,
    Figures,
    columns,
    shipped_figures,
)
from poju.fit.regions import Region, regions
from poju.fit.tidy import MAXIMUM_TEXT, Problems, TidyRow, one_line, read_text, read_tidy
from poju.i18n import LANGUAGES, _

REGION_HEADER = ("code", "parent", "zh-Hant", "zh-Hans", "en")
SHIPPED_COUNTRY = "CN"
FEWEST_PEERS = 2
MOST_REGIONS = 5_000
_COUNTRY_LETTERS = 2

Names = dict[str, str]


@dataclass(frozen=True)
class Economy:
    """Regions that have figures in one classification.

    ``country`` is ISO 3166-1 alpha-2; ``partial`` are ISIC columns that rest on classes of which a part belongs to
    another division; ``by_section`` says that industries are known by section only.
    """

    country: str
    names: Names
    classification: str
    source: str
    places: dict[str, Region]
    figures: Figures
    partial: frozenset[str] = frozenset()
    by_section: bool = False

    @property
    def shipped(self) -> bool:
        """Whether this is the one that comes with Poju, whose fields have tests of their own."""
        return self.places is regions()

    def peers(self, region: Region) -> tuple[str, ...]:
        """Return the regions that ``region`` is compared with, itself among them: those in the same one above.

        Regions of one level only, since a province beside its own cities would count twice.
        """
        return tuple(code for code in self.figures.regions if self.places[code].parent == region.parent)


@cache
def shipped_economy() -> Economy:
    """Return China's provinces with the shipped figures."""
    names = {"zh-Hant": "中國各省", "zh-Hans": "中国各省", "en": "the provinces of China"}
    return Economy(SHIPPED_COUNTRY, names, "gbt4754", "data/README.md", regions(), shipped_figures())


def load_economy(folder: Path) -> Economy:
    """Return the economy in ``folder``.

    Raises :class:`CallerError` ``fit-economy`` where economy.toml or regions.csv cannot be used, ``fit-data-row``
    naming row and column of every figure that cannot be used (up to twenty at once); :class:`OperatorError`
    ``fit-data-unreadable`` where a file cannot be opened.
    """
    if not folder.is_dir():
        raise OperatorError(
            "fit-data-unreadable",
            _("There is no folder {folder}."),
            hint=_("Name the folder that holds economy.toml, regions.csv and figures.csv."),
            folder=folder.name,
        )
    about = _about(folder / "economy.toml")
    places = _places(folder / "regions.csv")
    figures, partial, by_section = _figures(folder / "figures.csv", about["classification"], places)
    names = {tag: about[tag] for tag in LANGUAGES}
    return Economy(
        about["country"], names, about["classification"], about["source"], places, figures, partial, by_section
    )


def _about(path: Path) -> dict[str, str]:
    """Return country, classification, source and the name in three languages from ``economy.toml``."""
    try:
        raw = tomllib.loads(read_text(path, Problems(path)))
    except tomllib.TOMLDecodeError as error:
        raise _refused(path, _("it is no well-formed TOML")) from error
    names = raw.pop("names", None)
    if not isinstance(names, dict) or set(names) != set(LANGUAGES):
        raise _refused(path, _("names needs zh-Hant, zh-Hans and en"))
    if set(raw) != {"country", "classification", "source"}:
        raise _refused(path, _("it needs country, classification, source and names, and nothing else"))
    found = raw | names
    if not all(isinstance(text, str) and one_line(text) for text in found.values()):
        raise _refused(path, _("each entry is one line of at most 200 characters"))
    country = found["country"]
    if len(country) != _COUNTRY_LETTERS or not (country.isascii() and country.isupper()):
        raise _refused(path, _("country is a code of two capital letters, such as US"))
    if found["classification"] not in CLASSIFICATIONS:
        raise _refused(path, _("classification is one of isic4, nace2, naics2012, naics2017, gbt4754"))
    return found


def _places(path: Path) -> dict[str, Region]:
    """Return the regions of ``regions.csv`` by code; a parent is a code of the same file or a Chinese province."""
    problems = Problems(path)
    reader = csv.reader(io.StringIO(read_text(path, problems)), strict=True)
    found: dict[str, Region] = {}
    try:
        if tuple(next(reader, [])) != REGION_HEADER:
            raise _refused(path, _("its first row is not code,parent,zh-Hant,zh-Hans,en"))
        for row in reader:
            _place(row, found, path, reader.line_num)
    except csv.Error as error:
        raise _refused(path, _("it is no well-formed CSV"), row=reader.line_num) from error
    if not found or len(found) > MOST_REGIONS:
        raise _refused(path, _("it names no region, or more than 5,000"))
    for region in found.values():
        if region.parent is not None and region.parent not in found and region.parent not in regions():
            raise _refused(path, _("a parent is no region of this file and no province"))
    return found


def _place(row: list[str], found: dict[str, Region], path: Path, line: int) -> None:
    if len(row) != len(REGION_HEADER) or not all(len(cell) <= MAXIMUM_TEXT and cell.isprintable() for cell in row):
        raise _refused(path, _("a row needs five cells of at most 200 characters"), row=line)
    code, parent, hant, hans, english = row
    if not code.isascii() or not code.isalnum() or code in found or not (hant and hans and english):
        raise _refused(path, _("a code is of letters and digits, given once, with a name in each language"), row=line)
    if parent == code:
        raise _refused(path, _("a region is its own parent"), row=line)
    found[code] = Region(code, {"zh-Hant": hant, "zh-Hans": hans, "en": english}, (), parent or None)


def _figures(path: Path, classification: str, places: dict[str, Region]) -> tuple[Figures, frozenset[str], bool]:
    """Return the figures with their industries in ISIC, the partial columns, and whether only sections are known."""
    problems = Problems(path)
    rows: dict[str, dict[str, TidyRow]] = defaultdict(dict)
    facts: list[Figure] = []
    units: dict[str, str] = {}
    for row in read_tidy(path, problems):
        if row.region not in places:
            text = _("{path}, row {line}, column {column}: no code of regions.csv.")
            problems.add(row.line, "region_code", text)
        elif _is_fact(row.code):
            facts.append(Figure(row.region, row.code, row.value, row.year, row.unit, row.source))
        else:
            _take_industry(row, classification, rows, units, problems)
    found = {(figure.region, figure.code): figure for figure in facts}
    partial: set[str] = set()
    for region, given in rows.items():
        brought = bring({code: row.value for code, row in given.items()}, classification)
        for code in brought.exceeding:
            text = _("{path}, row {line}, column {column}: the classes below {code} exceed it.")
            problems.add(given[code].line, "value", text, code=code)
        partial |= brought.partial
        found |= _cells(region, brought.values, list(given.values()))
    problems.stop_if_any()
    if not rows:
        raise problems.stop(1, "industry_code", _("{path}, row {line}, column {column}: no industry has a figure."))
    by_section = all(is_section(code, classification) for given in rows.values() for code in given)
    return Figures(found), frozenset(partial), by_section


def _is_fact(code: str) -> bool:
    return code in columns() and columns()[code].table in FACT_TABLES


def _take_industry(
    row: TidyRow,
    classification: str,
    rows: dict[str, dict[str, TidyRow]],
    units: dict[str, str],
    problems: Problems,
) -> None:
    code = plain(row.code, classification)
    if line_of(code, classification) is None:
        text = _("{path}, row {line}, column {column}: {code} is no class of {classification}.")
        problems.add(row.line, "industry_code", text, code=row.code[:20], classification=classification)
    elif units.setdefault("unit", row.unit) != row.unit:
        text = _("{path}, row {line}, column {column}: all industries need one unit.")
        problems.add(row.line, "unit", text)
    elif code in rows[row.region]:
        text = _("{path}, row {line}, column {column}: this region has this industry already.")
        problems.add(row.line, "industry_code", text)
    else:
        rows[row.region][code] = row


def _cells(region: str, values: dict[str, int], given: list[TidyRow]) -> dict[tuple[str, str], Figure]:
    """Return the figures of one region by column; their year is the oldest, their source all that were given."""
    year = min(row.year for row in given)
    source = "; ".join(sorted({row.source for row in given}))[:MAXIMUM_TEXT]
    unit = given[0].unit
    return {(region, code): Figure(region, code, value, year, unit, source) for code, value in values.items()}


def divisions_known(economy: Economy, isic: tuple[str, ...]) -> tuple[str, ...]:
    """Return the ISIC columns by which ``economy`` reads the divisions ``isic``; none where it cannot.

    An economy that knows sections only reads a field by a section where the field's divisions are at least half of it.
    """
    if not economy.by_section:
        return tuple(INDUSTRY_PREFIX + code for code in isic)
    sections = dict.fromkeys(section_of(code) for code in isic)
    return tuple(
        INDUSTRY_PREFIX + section
        for section in sections
        if 2 * len(set(divisions_of(section)) & set(isic)) >= len(divisions_of(section))
    )


def _refused(path: Path, reason: str, row: int = 1) -> CallerError:
    return CallerError(
        "fit-economy",
        _("{path}, row {row}, cannot be used: {reason}."),
        hint=_("docs/reference/fit.md describes the three files of an economy; examples/economies holds one."),
        path=path.name,
        row=row,
        reason=reason,
    )
