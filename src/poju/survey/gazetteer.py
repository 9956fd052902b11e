"""The divisions of GB/T 2260 as tables to look names up in: those in force now, and those of the years before.

Texts are read with the newest table; ceased names (襄樊市, 璧山县, 崇文区) are found too. `of_year` then gives each
place the code and name that the list of the event's year holds. A list is the one published for the end of its year.
"""

from __future__ import annotations

import csv
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from poju.survey.datafiles import data_text as data_text  # noqa: PLC0414 - the other readers of data files take it here

NATION = "100000"
TAIWAN = "710000"
HONG_KONG = "810000"
MUNICIPALITIES = ("11", "12", "31", "50")
FIRST_YEAR = 2000
_SHORTEST_DISTRICT = 3
_MOST_STEPS = 8
_COLUMNS = ("code", "level", "hans", "hant", "short", "english")


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
class Stay:
    """A division under one code and name, in the lists of the years ``first`` to ``last``; None: before or after all.

    ``becomes`` is the code that the same division has next, ``joined`` the divisions that took its area over.
    """

    division: Division
    first: int | None
    last: int | None
    becomes: str
    joined: tuple[str, ...]

    def holds(self, year: int) -> bool:
        """Return whether the list at the end of ``year`` holds it."""
        return (self.first or FIRST_YEAR) <= max(year, FIRST_YEAR) and (self.last is None or year <= self.last)

    def away(self, year: int) -> int:
        """Return how many years ``year`` lies outside the stay; 0 for the year in which it ended, too."""
        if self.first is not None and year < self.first:
            return self.first - year
        return max(0, year - self.last - 1) if self.last is not None else 0


@dataclass(frozen=True, slots=True)
class Alias:
    """One way to write a division; ``weak`` ones count only beside a parent or an organ's name.

    ``former`` are ceased divisions of that name, to be taken only beside a place that held them.
    """

    text: str
    codes: tuple[str, ...]
    weak: bool
    former: tuple[str, ...] = ()


@cache
def rules() -> dict[str, Any]:
    """Return ``places.toml``."""
    return tomllib.loads(data_text("places.toml"))


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(line for line in data_text(name).splitlines() if not line.startswith("#")))


@cache
def _newest() -> dict[str, Division]:
    return {row["code"]: Division(**row) for row in _rows("gazetteer.csv")}


@cache
def history() -> tuple[Stay, ...]:
    """Return the stays of ``gazetteer_history.csv``: what began after 2000 or has ended since."""
    found = []
    for row in _rows("gazetteer_history.csv"):
        first, last = (int(row[name]) if row[name] else None for name in ("first", "last"))
        joined = tuple(code for code in row["joined"].split(";") if code)
        found.append(Stay(Division(*(row[name] for name in _COLUMNS)), first, last, row["becomes"], joined))
    return tuple(found)


@lru_cache(maxsize=64)
def divisions(year: int | None = None) -> dict[str, Division]:
    """Return ``{code: division}`` of the newest list, or of the list at the end of ``year`` (2000 for years before)."""
    if year is None:
        return _newest()
    later = {stay.division for stay in history() if stay.last is None and not stay.holds(year)}
    found = {code: division for code, division in _newest().items() if division not in later}
    found.update({s.division.code: s.division for s in history() if s.last is not None and s.holds(year)})
    return found


@cache
def every_division() -> dict[str, Division]:
    """Return ``{code: division}`` of the newest list and of the codes that have ceased, under their last names."""
    ceased = sorted((stay for stay in history() if stay.last is not None), key=lambda stay: stay.last or 0)
    return {stay.division.code: stay.division for stay in ceased} | _newest()


@cache
def _stays() -> dict[str, tuple[Stay, ...]]:
    """Return the stays of each code in the order of time; a code that never changed has one, open at both ends."""
    found: defaultdict[str, list[Stay]] = defaultdict(list)
    for stay in history():
        found[stay.division.code].append(stay)
    for code, division in _newest().items():
        if all(stay.last is not None for stay in found[code]):
            found[code].append(Stay(division, None, None, "", ()))
    return {code: tuple(sorted(stays, key=lambda stay: stay.last or 9999)) for code, stays in found.items()}


@cache
def _before() -> dict[str, tuple[str, ...]]:
    """Return ``{code: codes}``: under which codes the same division stood before."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for stay in history():
        if stay.becomes and stay.becomes != stay.division.code:
            found[stay.becomes].append(stay.division.code)
    return {code: tuple(codes) for code, codes in found.items()}


@lru_cache(maxsize=4096)
def same_division(code: str) -> tuple[str, ...]:
    """Return all codes that the division ``code`` has had, its newest first: (500120, 500227) for 璧山."""
    newest = code
    for _step in range(_MOST_STEPS):
        following = _stays().get(newest, ())[-1:]
        if not following or not following[0].becomes or following[0].becomes == newest:
            break
        newest = following[0].becomes
    found = [newest]
    for known in found:
        found += [former for former in _before().get(known, ()) if former not in found]
    return tuple(found)


@lru_cache(maxsize=4096)
def of_year(code: str, year: int, *, in_full: bool = True) -> Division:
    """Return the division ``code`` as the list of ``year`` has it: its code and name of that year.

    1. Itself, where its name was in force. 2. Where it was named ``in_full``: another division of the same name in the
    same province, if only that one was in force (巢湖市 before 2011 was 341400). 3. The same division under its code
    and name of that year. 4. Not in force then: as in the year nearest to that. `KeyError` for an unknown code.
    """
    name = every_division()[code].hans
    chain = [stay for member in same_division(code) for stay in _stays()[member]]
    mine = [stay for stay in chain if stay.holds(year)]
    for stay in mine:
        if stay.division.hans == name:
            return stay.division
    others = [d for d in divisions(year).values() if d.hans == name and d.code[:2] == code[:2]]
    if in_full and len(others) == 1 and others[0].code not in divisions():
        return others[0]
    own = [stay for stay in chain if stay.division.code == code]
    return (mine or sorted(own or chain, key=lambda stay: stay.away(year)))[0].division


def code_of(name: str, year: int | None = None) -> tuple[str, ...]:
    """Return the codes of the divisions called ``name`` (in full, Simplified) at the end of ``year``, now by default.

    A name that ended in that very year counts, where no other division took it over.
    """
    found = tuple(sorted(d.code for d in divisions(year).values() if d.hans == name))
    if found or year is None:
        return found
    return tuple(sorted(s.division.code for s in history() if s.division.hans == name and s.last == year - 1))


@lru_cache(maxsize=4096)
def present(code: str) -> tuple[str, ...]:
    """Return the codes of today for the area of ``code``: itself, its next code, or those that took it over; sorted."""
    found: set[str] = set()
    waiting, seen = [code], {code}
    while waiting:
        known = waiting.pop()
        if known in _newest():
            found.add(known)
            continue
        for stay in _stays().get(known, ())[-1:]:
            following = {stay.becomes, *stay.joined} - seen - {""}
            seen |= following
            waiting += sorted(following)
    return tuple(sorted(found))


def parents(code: str) -> list[str]:
    """Return the codes of the divisions that contain ``code``, nearest first, without the country."""
    found = [f"{code[:4]}00", f"{code[:2]}0000"]
    return [parent for parent in found if parent != code and parent in every_division()]


def contains(outer: str, inner: str) -> bool:
    """Return whether the division ``outer`` is ``inner`` or holds it, or has held it under an earlier code."""
    if outer == inner or outer in parents(inner) or (outer == NATION and inner != NATION):
        return True
    return any(outer in parents(former) for former in same_division(inner)[1:])


def full_name(code: str) -> str:
    """Return the name that people read: a district with its city, everything else alone; zh-Hans."""
    return full_name_of(every_division()[code])


def full_name_of(division: Division) -> str:
    """Return the name that people read of a division that may be one of an earlier year; zh-Hans."""
    if division.level == "district":
        parent = next(iter(parents(division.code)), None)
        return (every_division()[parent].hans if parent else "") + division.hans
    return division.hans


def row_of(code: str) -> str:
    """Return the code under which the landscape shows ``code``: a district's prefecture city or municipality, of today.

    A ceased division stands in the row of what took its place; where several rows did, in a row of its own.
    """
    if code not in divisions():
        rows = {row_of(now) for now in present(code)}
        return rows.pop() if len(rows) == 1 else code
    if divisions()[code].level != "district":
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
    former = _add_ceased(strong, weak, ordinary)
    _add_former_names(strong)
    return _by_first_characters(strong, weak, former)


def _add_ceased(
    strong: defaultdict[str, set[str]], weak: defaultdict[str, set[str]], ordinary: set[str]
) -> dict[str, tuple[str, ...]]:
    """Let ceased names be found as the division that bears the area on; return those whose name another one has now."""
    former: defaultdict[str, set[str]] = defaultdict(set)
    taken = {*strong, *weak}
    for stay in history():
        ceased = stay.division
        if stay.last is None or ceased.hans in ordinary:
            continue
        newest = same_division(ceased.code)[0]
        for name, target in ((ceased.hans, strong), (ceased.short, weak if ceased.level == "district" else strong)):
            if name not in taken:
                target[name].add(newest)
            elif newest not in strong.get(name, ()) and newest not in weak.get(name, ()):
                former[name].add(newest)
    return {name: tuple(sorted(codes)) for name, codes in former.items()}


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


def _by_first_characters(
    strong: dict[str, set[str]], weak: dict[str, set[str]], former: dict[str, tuple[str, ...]]
) -> dict[str, list[Alias]]:
    index: defaultdict[str, list[Alias]] = defaultdict(list)
    short_district = _SHORTEST_DISTRICT
    for text in {*strong, *weak}:
        codes = tuple(sorted(strong.get(text) or weak[text]))
        highest = any(every_division()[code].level != "district" for code in codes)
        if len(text) < short_district - 1 or not codes:
            continue
        if highest:
            codes = tuple(code for code in codes if every_division()[code].level != "district")
        too_short = len(text) < short_district and not highest
        index[text[:2]].append(
            Alias(
                text,
                codes,
                weak=text not in rules()["zones"] and (text not in strong or too_short),
                former=former.get(text, ()),
            )
        )
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
    for stay in history():
        if stay.last is not None and stay.division.level == "city" and stay.division.english.lower() not in found:
            found[stay.division.english.lower()].add(same_division(stay.division.code)[0])
    preferred = {name.lower(): code for name, code in rules()["english_preferred"].items()}
    table = {name: tuple(sorted(codes)) for name, codes in found.items()}
    for name, code in preferred.items():
        table[name] = (code,)
    return table
