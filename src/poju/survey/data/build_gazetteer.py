"""Make ``gazetteer.csv`` again from the packages ``cpca`` (GB/T 2260 codes, MIT) and ``pypinyin`` (readings, MIT).

Neither is needed at run time. Example: pip download cpca pypinyin; unzip both into DIR;
python build_gazetteer.py DIR/cpca/resources/adcodes.csv DIR > gazetteer.csv
"""

from __future__ import annotations

import csv
import re
import sys
from importlib import import_module
from pathlib import Path

from opencc import OpenCC  # type: ignore[import-untyped] # the package has no stubs

HEADER = """\
# GB/T 2260 divisions of the year 2020: code, level, names in three scripts, short name, English name.
# Source: adcodes.csv of the Python package cpca 0.5.5 (MIT, (c) 2018 QinYuan Du); zh-Hant by OpenCC's s2tw
# (Apache-2.0); English from Hanyu Pinyin readings of pypinyin (MIT), with the official spellings below.
# Made by build_gazetteer.py; do not edit by hand, edit the script.
"""

OFFICIAL_ENGLISH = {
    "110000": "Beijing", "120000": "Tianjin", "130000": "Hebei", "140000": "Shanxi", "150000": "Inner Mongolia",
    "310000": "Shanghai", "500000": "Chongqing", "540000": "Tibet", "610000": "Shaanxi", "650000": "Xinjiang",
    "640000": "Ningxia", "450000": "Guangxi", "710000": "Taiwan", "810000": "Hong Kong", "820000": "Macao",
    "610100": "Xi'an", "540100": "Lhasa", "150100": "Hohhot", "650100": "Urumqi", "230100": "Harbin",
    "230200": "Qiqihar", "150200": "Baotou", "150600": "Ordos", "150700": "Hulunbuir", "540200": "Shigatse",
    "654000": "Ili", "653100": "Kashgar", "653200": "Hotan", "652900": "Aksu", "650200": "Karamay", "632800": "Haixi",
    "654002": "Yining City", "654021": "Yining County", "460200": "Sanya", "360100": "Nanchang",
}  # fmt: skip
SUFFIXES = (
    "特别行政区", "维吾尔自治区", "壮族自治区", "回族自治区", "自治区", "自治州", "自治县", "自治旗", "地区", "林区",
    "新区", "省", "市", "区", "县", "旗", "盟",
)  # fmt: skip
ENGLISH_SUFFIXES = {"区": "District", "县": "County", "旗": "Banner", "市": "City"}
PROVINCE, PREFECTURE = "0000", "00"
MUNICIPALITIES = ("11", "12", "31", "50")


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
    syllables = lazy_pinyin(stem)  # type: ignore[operator] # the package has no stubs
    text = syllables[0]
    for syllable in syllables[1:]:
        text += ("'" if re.match("[aoe]", syllable) else "") + syllable
    text = text.replace("v", "u").capitalize()
    kind = ENGLISH_SUFFIXES.get(name[-1], "")
    return f"{text} {kind}".strip() if level(code) == "district" else text


def main() -> None:
    """Write the gazetteer to standard output."""
    source, readings = Path(sys.argv[1]), Path(sys.argv[2])
    sys.path.insert(0, str(readings))
    lazy_pinyin = import_module("pypinyin").lazy_pinyin
    convert = OpenCC("s2tw").convert
    peoples = nations(source.parent)
    with source.open(encoding="utf-8", newline="") as handle:
        rows = {row["adcode"][:6]: row["name"] for row in csv.DictReader(handle) if row["adcode"].endswith("000000")}
    rows["100000"] = "全国"
    sys.stdout.write(HEADER)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["code", "level", "hans", "hant", "short", "english"])
    for code, name in sorted(rows.items()):
        if name in {"市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"}:
            continue
        stem = short(name, peoples)
        kind, en = ("country", "China") if code == "100000" else (level(code), english(code, name, stem, lazy_pinyin))
        writer.writerow([code, kind, name, convert(name), stem, en])


if __name__ == "__main__":
    main()
