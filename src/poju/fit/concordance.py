"""Concordances: industries of NACE Rev.2, NAICS 2012 and GB/T 4754-2017 brought to ISIC Rev.4.

``data/concordances/<classification>.csv`` has ``code,isic,match``: a code answers for all codes below it that have no
line of their own (325 is ISIC 20, but 3254 is 21). ``match`` is "part" where some of the class belongs to another
division; whatever rests on such a line is said to be partial.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from poju.fit.figures import INDUSTRY_PREFIX, shipped_text
from poju.units import PPM

CLASSIFICATIONS = ("isic4", "nace2", "naics2012", "naics2017", "gbt4754")
_FILES = {"naics2017": "naics2012"}
"""The classes that the table of NAICS 2012 names kept their codes and their meaning in the revision of 2017."""

ROUNDING_PPM = 10_000
"""Parts may exceed their whole by 1 %: statistics round each figure by itself."""


@dataclass(frozen=True)
class Line:
    """One line of a concordance: the ISIC division (two digits) or section (a letter), and whether it is the whole."""

    isic: str
    whole: bool


@dataclass(frozen=True)
class Brought:
    """One region in ISIC: values by column code, the columns that rest on a partial line, what did not add up."""

    values: dict[str, int]
    partial: frozenset[str]
    exceeding: tuple[str, ...]


@cache
def lines(classification: str) -> dict[str, Line]:
    """Return the concordance of one of :data:`CLASSIFICATIONS` by code."""
    name = _FILES.get(classification, classification)
    rows = csv.DictReader(shipped_text(f"concordances/{name}.csv").splitlines())
    return {row["code"]: Line(row["isic"], row["match"] == "whole") for row in rows}


def plain(code: str, classification: str) -> str:
    """Return ``code`` as the concordance writes it: no dots, and for NACE, ISIC and GB/T no letter before digits."""
    bare = code.replace(".", "")
    if classification.startswith("naics"):
        return bare
    return bare[1:] if len(bare) > 1 and bare[0].isalpha() else bare


def line_of(code: str, classification: str) -> Line | None:
    """Return the line for ``code`` (as :func:`plain` gives it): its own, else the nearest above it; None for none."""
    known = lines(classification)
    if code in known:
        return known[code]
    for length in range(len(code) - 1, 1, -1):
        if code.isdecimal() and code[:length] in known:
            return known[code[:length]]
    return None


def is_section(code: str, classification: str) -> bool:
    """Return whether ``code`` is a section or, in NAICS, a sector that holds more than one division."""
    found = lines(classification).get(code)
    return found is not None and found.isic.isalpha()


def bring(values: Mapping[str, int], classification: str) -> Brought:
    """Return the industries of one region, ``{code: value}``, in ISIC columns.

    A class that is given beside classes below it counts with what they leave over, so that a figure that was
    suppressed below stays in its class and nothing counts twice. Where they leave less than nothing, by more than
    :data:`ROUNDING_PPM`, the class is named in ``exceeding``.
    """
    rest = _remainders(values, classification)
    total: dict[str, int] = defaultdict(int)
    partial = set()
    for code, value in rest.items():
        line = line_of(code, classification)
        if line is None:
            continue
        column = INDUSTRY_PREFIX + line.isic
        total[column] += max(value, 0)
        if not line.whole and value > 0:
            partial.add(column)
    exceeding = tuple(
        code for code, value in sorted(rest.items()) if value < -(values[code] * ROUNDING_PPM // PPM) - len(values)
    )
    return Brought(dict(total), frozenset(partial), exceeding)


def _remainders(values: Mapping[str, int], classification: str) -> dict[str, int]:
    """Return each figure less those of the classes directly below it that are given too."""
    rest = dict(values)
    for code, value in values.items():
        above = _above(code, values, classification)
        if above is not None:
            rest[above] -= value
    return rest


def _above(code: str, given: Iterable[str], classification: str) -> str | None:
    """Return the nearest class above ``code`` among ``given``: by its digits, else by its section."""
    known = set(given)
    for length in range(len(code) - 1, 0, -1):
        if code.isdecimal() and code[:length] in known:
            return code[:length]
    if is_section(code, classification):
        return None
    line = line_of(code, classification)
    sections = {other for other in known if is_section(other, classification)}
    if line is None or not sections:
        return None
    mine = section_of(line.isic)
    return next((other for other in sorted(sections) if lines(classification)[other].isic == mine), None)


@cache
def _sections() -> dict[str, str]:
    return {row["code"]: row["section"] for row in csv.DictReader(shipped_text("isic4.csv").splitlines())}


def section_of(isic: str) -> str:
    """Return the section of an ISIC division; a section is its own."""
    return _sections()[isic] or isic


def divisions_of(section: str) -> tuple[str, ...]:
    """Return the divisions of an ISIC section."""
    return tuple(code for code, above in _sections().items() if above == section)
