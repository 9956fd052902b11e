"""The region's published recognition list and its institutions' code books, from the data files beside this module."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

_DATA = resources.files(__package__) / "data"


@dataclass(frozen=True, slots=True)
class Unit:
    """A UCUM unit and how a value in an item's first unit is written in it: × multiplier ÷ divisor, so many digits."""

    code: str
    multiplier: int
    divisor: int
    digits: int


NO_UNIT = Unit("", 1, 1, 0)
"""Imaging measures nothing."""


@dataclass(frozen=True, slots=True)
class Component:
    """A further component of a panel; ``low`` and ``high`` bound its reference interval in thousandths of ``unit``."""

    name: str
    unit: Unit
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Item:
    """One examination that the region recognises, under the region's standard code.

    ``window_days`` is how long a result stays valid. ``monitoring_days`` is the interval of a chronic series, 0 where
    the item has none. A result counts only in one of ``specimens`` and ``units``; ``wrong_specimens`` and
    ``wrong_units`` occur in practice and cannot be compared. ``low`` and ``high`` bound the reference interval of the
    leading component in thousandths of the first unit. ``modality`` is a DICOM code for imaging, else empty.
    """

    code: str
    name: dict[str, str]
    record_class: str
    window_days: int
    monitoring_days: int
    weight: int
    specimens: tuple[str, ...]
    wrong_specimens: tuple[str, ...]
    units: tuple[Unit, ...]
    wrong_units: tuple[Unit, ...]
    methods: tuple[str, ...]
    low: int
    high: int
    components: tuple[Component, ...]
    modality: str


@dataclass(frozen=True, slots=True)
class Book:
    """One institution; ``codes`` is ``{standard item: local code}``; the concordance lacks the ``unmapped`` items."""

    id: str
    role: str
    name: str
    code_system: str
    codes: dict[str, str]
    unmapped: frozenset[str]

    @property
    def orders(self) -> bool:
        """Whether patients are seen here; a laboratory only performs."""
        return self.role != "laboratory"


@cache
def items() -> dict[str, Item]:
    """Return ``{standard code: item}`` in the order of the published list."""
    return {row["code"]: _item(row) for row in _read("items.json")["items"]}


@cache
def books() -> dict[str, Book]:
    """Return ``{institution: code book}``: h1 … h4, c1, c2, l1."""
    return {row["id"]: _book(row) for row in _read("institutions.json")["institutions"]}


@cache
def concordance() -> dict[str, str]:
    """Return the region's published concordance, ``system|code`` to standard code; it is not complete."""
    return {
        f"{book.code_system}|{code}": item
        for book in books().values()
        for item, code in book.codes.items()
        if item not in book.unmapped
    }


def _read(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((_DATA / name).read_text("utf-8"))
    return loaded


def _item(row: dict[str, Any]) -> Item:
    return Item(
        code=row["code"],
        name=row["name"],
        record_class=row["class"],
        window_days=row["window_days"],
        monitoring_days=row["monitoring_days"],
        weight=row["weight"],
        specimens=tuple(row["specimens"]),
        wrong_specimens=tuple(row["wrong_specimens"]),
        units=tuple(Unit(**unit) for unit in row["units"]),
        wrong_units=tuple(Unit(**unit) for unit in row["wrong_units"]),
        methods=tuple(row["methods"]),
        low=row["low"],
        high=row["high"],
        components=tuple(_component(part) for part in row["components"]),
        modality=row["modality"],
    )


def _component(row: dict[str, Any]) -> Component:
    return Component(name=row["name"], unit=Unit(row["unit"], 1, 1, 1), low=row["low"], high=row["high"])


def _book(row: dict[str, Any]) -> Book:
    return Book(
        id=row["id"],
        role=row["role"],
        name=row["name"],
        code_system=row["code_system"],
        codes=row["codes"],
        unmapped=frozenset(row["unmapped"]),
    )
