"""Indicators: a figure by a published query, with unit, direction, denominator, minimum sample, guard, evidence class.

The query's header is read by the scenario package; here it is checked to be complete, and the query is run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from poju.errors import CallerError
from poju.evidence.query import Cell, Table, compute
from poju.i18n import LANGUAGES, _
from poju.scenario.package import Package
from poju.scenario.toml import Names, fault

CLASSES = ("log", "cohort", "attested")
"""*log*: recomputable from the log alone; *cohort*: by the runners now, by everyone once the cohort is opened;
*attested*: sample-audited."""

DIRECTIONS = ("higher", "lower")
MINIMUM_PATIENTS = 30
SMALLEST_CELL = 10


@dataclass(frozen=True)
class Indicator:
    """One published query and what its header says; ``digest`` is the SHA-256 of its file's bytes."""

    id: str
    names: Names
    unit: str
    direction: str
    numerator: str
    denominator: str
    minimum: int
    guard: str
    evidence_class: str
    uses: tuple[str, ...]
    query: bytes
    digest: bytes

    def compute(self, tables: Mapping[str, Table]) -> list[dict[str, Cell]]:
        """Return the query's rows over ``tables``; raise ``indicator.query`` or ``indicator.table``."""
        return compute(self.query.decode("utf-8"), tables)


def of(package: Package, identifier: str) -> Indicator:
    """Return the package's indicator ``identifier``; raise ``indicator.unknown`` or ``package.malformed``."""
    found = package.indicators.get(identifier)
    if found is None:
        raise CallerError(
            "indicator.unknown",
            _("The package {package} has no indicator {indicator}."),
            hint=_("It has these: {indicators}."),
            package=package.id,
            indicator=identifier,
            indicators=", ".join(package.indicators) or "-",
        )
    return from_header(identifier, found.header, found.query)


def from_header(identifier: str, header: Mapping[str, str], query: bytes) -> Indicator:
    """Return the indicator that ``header`` describes; raise ``package.malformed`` where a line is missing or wrong."""
    file = f"indicators/{identifier}.sql"
    # The package reads keys in lower case.
    names = {language: header.get(f"name {language.lower()}", "") for language in LANGUAGES}
    wanted = ("unit", "direction", "numerator", "denominator", "minimum", "guard", "class", "uses")
    missing = [key for key in wanted if not header.get(key)] + [key for key, name in names.items() if not name]
    if missing:
        raise fault(file, "its header has no line {key}", key=missing[0])
    if header.get("id") != identifier:
        raise fault(file, "the id in its header is not the file's name")
    if header["class"] not in CLASSES or header["direction"] not in DIRECTIONS:
        raise fault(file, "class is log, cohort or attested, and direction is higher or lower")
    if not header["minimum"].isdecimal() or int(header["minimum"]) < MINIMUM_PATIENTS:
        raise fault(file, "minimum is a number of patients, at least 30")
    return Indicator(
        id=identifier,
        names=names,
        unit=header["unit"],
        direction=header["direction"],
        numerator=header["numerator"],
        denominator=header["denominator"],
        minimum=int(header["minimum"]),
        guard=header["guard"],
        evidence_class=header["class"],
        uses=tuple(part.strip() for part in header["uses"].split(",")),
        query=query,
        digest=hashlib.sha256(query).digest(),
    )


def suppress(row: Mapping[str, Cell], minimum: int = MINIMUM_PATIENTS) -> dict[str, Cell] | None:
    """Return ``row`` as it may be published, or None where it may not be (PRIV-4).

    ``row`` has ``numerator``, ``denominator`` and ``patients``. Nothing is published below ``minimum`` patients, nor
    where numerator or its complement is a count from 1 to 9, since either would tell the other.
    """
    numerator, denominator, patients = (_integer(row.get(key)) for key in ("numerator", "denominator", "patients"))
    cells = (numerator, denominator - numerator)
    if patients < minimum or any(0 < cell < SMALLEST_CELL for cell in cells):
        return None
    return dict(row)


def suppress_cells(cells: Mapping[str, int]) -> dict[str, int | None]:
    """Return a table's counts with those from 1 to 9 as None, and complements too, given that their sum is known.

    Where exactly one cell would be hidden, the smallest other one is hidden with it; otherwise a subtraction shows it.
    """
    hidden = {name for name, count in cells.items() if 0 < count < SMALLEST_CELL}
    others = sorted((count, name) for name, count in cells.items() if name not in hidden and count > 0)
    if len(hidden) == 1 and others:
        hidden.add(others[0][1])
    return {name: None if name in hidden else count for name, count in cells.items()}


def _integer(value: Cell) -> int:
    return value if isinstance(value, int) else 0
