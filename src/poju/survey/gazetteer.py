"""The divisions of GB/T 2260 as a table to look names up in."""

from __future__ import annotations

import csv
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

NATION = "100000"
TAIWAN = "710000"
HONG_KONG = "810000"
MUNICIPALITIES = ("11", "12", "31", "50")
_SHORTEST_DISTRICT = 3


@dataclass(frozen=True, slots=True)
class Division:
    """One division: its GB/T 2260 code, level (country, province, city, district) and names."""

    code: str
    level: str
    hans: str
    hant: str
    short: str
    english: str


@dataclass(frozen=True, slots=True)
class Alias:
    """One way to write a division; ``weak`` ones count only beside a parent or an organ's name."""

    text: str
    codes: tuple[str, ...]
    weak: bool


def data_text(name: str) -> str:
    """Return the text of a data file of this room."""
    return (resources.files("poju.survey") / "data" / name).read_text(encoding="utf-8")


@cache
def rules() -> dict[str, Any]:
    """Return ``places.toml``."""
    return tomllib.loads(data_text("places.toml"))


@cache
def divisions() -> dict[str, Division]:
    """Return ``{code: division}`` of ``gazetteer.csv``."""
    rows = csv.DictReader(line for line in data_text("gazetteer.csv").splitlines() if not line.startswith("#"))
    return {row["code"]: Division(**row) for row in rows}


def parents(code: str) -> list[str]:
    """Return the codes of the divisions that contain ``code``, nearest first, without the country."""
    found = [f"{code[:4]}00", f"{code[:2]}0000"]
    return [parent for parent in found if parent != code and parent in divisions()]


def contains(outer: str, inner: str) -> bool:
    """Return whether the division ``outer`` is ``inner`` or holds it."""
    return outer == inner or outer in parents(inner) or (outer == NATION and inner != NATION)


def full_name(code: str) -> str:
    """Return the name that people read: a district with its city, everything else alone; zh-Hans."""
    division = divisions()[code]
    if division.level == "district":
        parent = next(iter(parents(code)), None)
        return (divisions()[parent].hans if parent else "") + division.hans
    return division.hans


def row_of(code: str) -> str:
    """Return the code under which the landscape shows ``code``: a district's prefecture city or municipality."""
    if divisions().get(code) is None or divisions()[code].level != "district":
        return code
    return next(iter(parents(code)), code)


@cache
def aliases() -> dict[str, list[Alias]]:
    """Return the Chinese aliases by their first two characters, longest first."""
    words, ordinary = set(rules()["everyday_words"]), set(rules()["ordinary_districts"])
    strong: defaultdict[str, set[str]] = defaultdict(set)
    weak: defaultdict[str, set[str]] = defaultdict(set)
    for division in divisions().values():
        if division.level == "country" or division.hans in ordinary:
            continue
        strong[division.hans].add(division.code)
        if division.level == "district":
            weak[division.short].add(division.code)
        else:
            (weak if division.short in words else strong)[division.short].add(division.code)
    for name, code in (rules()["without_code"] | rules()["zones"]).items():
        strong[name].add(code)
    _add_former_names(strong)
    return _by_first_characters(strong, weak)


def _add_former_names(strong: defaultdict[str, set[str]]) -> None:
    """Let a city that became a district be found by its former class (临川市 → 临川区), where that is unique."""
    stems: defaultdict[str, set[str]] = defaultdict(set)
    for division in divisions().values():
        if division.level == "district" and len(division.short) >= _SHORTEST_DISTRICT - 1:
            stems[division.short].add(division.code)
    for stem, codes in stems.items():
        if len(codes) == 1:
            for suffix in ("市", "区", "县"):
                strong.setdefault(stem + suffix, set()).update(() if strong[stem + suffix] else codes)


def _by_first_characters(strong: dict[str, set[str]], weak: dict[str, set[str]]) -> dict[str, list[Alias]]:
    index: defaultdict[str, list[Alias]] = defaultdict(list)
    short_district = _SHORTEST_DISTRICT
    for text in {*strong, *weak}:
        codes = tuple(sorted(strong.get(text) or weak[text]))
        highest = any(divisions()[code].level != "district" for code in codes)
        if len(text) < short_district - 1 or not codes:
            continue
        if highest:
            codes = tuple(code for code in codes if divisions()[code].level != "district")
        too_short = len(text) < short_district and not highest
        index[text[:2]].append(Alias(text, codes, weak=text not in strong or too_short))
    for found in index.values():
        found.sort(key=lambda alias: -len(alias.text))
    return dict(index)


@cache
def english_names() -> dict[str, tuple[str, ...]]:
    """Return ``{english name in lower case: codes}``; districts only with their class word."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for division in divisions().values():
        if division.level != "country":
            found[division.english.lower()].add(division.code)
    preferred = {name.lower(): code for name, code in rules()["english_preferred"].items()}
    table = {name: tuple(sorted(codes)) for name, codes in found.items()}
    for name, code in preferred.items():
        table[name] = (code,)
    return table
