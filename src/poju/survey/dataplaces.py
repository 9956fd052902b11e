"""The checks of the tables of places: gazetteer, its history, places.toml, tiers, tiles."""

from __future__ import annotations

import re
from collections import Counter

from poju.i18n import _
from poju.survey.datasources import COUNT, FIELD, TWICE, UNKNOWN, Sources
from poju.survey.patterns import strings

_TAGS = ("zh-Hans", "zh-Hant", "en")
_PROVINCES = 34
_MUNICIPAL = ("11", "12", "31", "50")
_CODE = _("{code} is no code of six digits that fits its level: correct it")
_ORPHAN = _("{code} stands below no division of the file: add its province")
_SEVERAL = _("{name} names several cities: say in places.toml which one an English text means")
_YEARS = _("{code} begins after it ends, or twice at once: correct the years")


def check_gazetteer(sources: Sources) -> None:
    """Check codes, levels, parents and names of ``gazetteer.csv``; a name may stand once below one parent."""
    name = "gazetteer.csv"
    rows = sources.rows(name, "code", "level", "hans", "hant", "short", "english")
    codes = {row["code"] for _, row in rows}
    seen: Counter[tuple[str, ...]] = Counter()
    for line, row in rows:
        code, level = row["code"], row["level"]
        if not re.fullmatch(r"\d{6}", code) or level != _level(code):
            sources.add(name, line, _CODE, code=code)
        elif level != "country" and f"{code[:2]}0000" not in codes:
            sources.add(name, line, _ORPHAN, code=code)
        for wanted in ("hans", "hant", "short", "english"):
            if not row[wanted].strip():
                sources.add(name, line, FIELD, field=wanted)
        above = code[:2] if code[:2] in _MUNICIPAL else code[:4]
        for key in ((code,), (row["hans"], above if level == "district" else "")):
            seen[key] += 1
            if seen[key] > 1:
                sources.add(name, line, TWICE, name=key[0])
    _check_english(sources, rows)


def _check_english(sources: Sources, rows: list[tuple[int, dict[str, str]]]) -> None:
    """Check that an English name which several cities share is settled in ``places.toml``."""
    english: dict[str, list[int]] = {}
    for line, row in rows:
        if row["level"] == "city":
            english.setdefault(row["english"], []).append(line)
    told = sources.tables.get("places.toml", {}).get("english_preferred", {})
    for words, lines in english.items():
        if len(lines) > 1 and words not in told:
            sources.add("gazetteer.csv", lines[1], _SEVERAL, name=words)


def _codes(sources: Sources) -> set[str]:
    """Return every code that is or was in force."""
    names = ("gazetteer.csv", "gazetteer_history.csv")
    return {row["code"] for name in names for _, row in sources.rows(name, "code")}


def check_history(sources: Sources) -> None:
    """Check the years and the following codes of ``gazetteer_history.csv`` and ``gazetteer_changes.csv``."""
    name, known = "gazetteer_history.csv", _codes(sources)
    stays: dict[str, list[tuple[int, int]]] = {}
    for line, row in sources.rows(name, "code", "first", "last", "becomes", "joined"):
        first, last = (
            int(row[end]) if row[end].isdecimal() else other for end, other in (("first", 0), ("last", 9999))
        )
        if first > last or any(first <= end and start <= last for start, end in stays.get(row["code"], [])):
            sources.add(name, line, _YEARS, code=row["code"])
        stays.setdefault(row["code"], []).append((first, last))
        _must_be_known(sources, name, line, [row["becomes"], *row["joined"].split(";")], known)
    for line, row in sources.rows("gazetteer_changes.csv", "year", "code", "name", "change", "becomes", "joined"):
        if row["change"] not in {"corrects", "ends", "begins"} or not row["year"].isdecimal():
            sources.add("gazetteer_changes.csv", line, FIELD, field="change, year")
        _must_be_known(sources, "gazetteer_changes.csv", line, [row["becomes"], *row["joined"].split(";")], known)


def _must_be_known(sources: Sources, name: str, line: int, codes: list[str], known: set[str]) -> None:
    for code in codes:
        if code and code not in known:
            sources.add(name, line, UNKNOWN, name=code, where="gazetteer.csv")


def check_places(sources: Sources) -> None:
    """Check that every code of ``places.toml`` and ``tiers.toml`` is one, and that tiers have their names."""
    known = _codes(sources)
    for name in ("places.toml", "tiers.toml"):
        for _path, text in strings(sources.tables.get(name, {})):
            if re.fullmatch(r"\d{6}", text):
                _must_be_known(sources, name, sources.line(name, text), [text], known)
    for line, tier in sources.items("tiers.toml", "tier"):
        for wanted in ("id", *_TAGS):
            if not isinstance(tier.get(wanted), str):
                sources.add("tiers.toml", line, FIELD, field=wanted)


def check_grids(sources: Sources) -> None:
    """Check that ``tiles.csv`` has a place of its own for each of the 34 province-level units."""
    name, known = "tiles.csv", _codes(sources)
    rows = sources.rows(name, "code", "column", "row")
    if len(rows) != _PROVINCES:
        sources.add(name, 1, COUNT, count=len(rows), wanted=_PROVINCES)
    seen: set[tuple[str, str]] = set()
    for line, row in rows:
        _must_be_known(sources, name, line, [row["code"]], known)
        place = (row["column"], row["row"])
        if not all(number.isdecimal() for number in place):
            sources.add(name, line, FIELD, field="column, row")
        if place in seen:
            sources.add(name, line, TWICE, name=", ".join(place))
        seen.add(place)


def _level(code: str) -> str:
    if code == "100000":
        return "country"
    return "province" if code.endswith("0000") else "city" if code.endswith("00") else "district"
