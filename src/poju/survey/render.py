"""The landscape as a table for a terminal: regions × instruments, 推動 first, 拉動 last even where empty."""

from __future__ import annotations

import unicodedata
from itertools import zip_longest

from poju.i18n import _, translate
from poju.survey.gazetteer import divisions, parents
from poju.survey.model import Json
from poju.survey.scape.rows import short_names_of

FILLED, EMPTY = "■", "·"
WIDTH = 100
_GAP = 2
_PUSH = _("push 推動")
_PULL = _("pull 拉動")
_COUNTS = _("{events} events in {places} places, {pull} of them pull")
_ALIKE = _("how alike two regions are: {value}")
_NONE = _("No policy event was found.")
_OUTCOMES = _("apart from these: {outcomes} outcomes, {solved} problems solved, {findings} remarks that are no events")
_WALL = "│"


def render(landscape: Json, language: str, *, width: int = WIDTH) -> str:
    """Return the first-screen matrix in ``language`` (zh-Hant, zh-Hans, en): ■ for told, · for not, then the counts.

    Push and environment instruments have a column where some region uses them; every pull instrument has one always.
    Where the names of the instruments would make a line longer than ``width`` columns of the terminal, they stand
    upright over narrow columns (Chinese), or as numbers that a list below explains (English).
    """
    used = {cell["instrument"] for cell in landscape["cells"]}
    columns = [item for item in landscape["instruments"] if item["thrust"] == "pull" or item["id"] in used]
    heads = [item["short"][language] for item in columns]
    names = [_row_name(region, language) for region in landscape["regions"]]
    first = max((_width(name) for name in names), default=0) + _GAP
    if first + sum(_width(head) + _GAP for head in heads) <= width:
        lines = _wide(landscape, columns, heads, names, language)
    else:
        lines = _narrow(landscape, columns, heads, language, width)
    if not names:
        lines.append(translate(_NONE, language))
    return "\n".join([*lines, "", *_counts(landscape, language)])


def _counts(landscape: Json, language: str) -> list[str]:
    counts = {name: landscape["counts"][name] for name in ("events", "places", "pull")}
    alike = f"{landscape['similarity']['value_ppm'] / 1_000_000:.2f}"
    told = {
        "outcomes": len(landscape["outcomes"]),
        "solved": landscape["problems_solved"],
        "findings": len(landscape["findings"]),
    }
    counted = translate(_COUNTS, language, **counts) + "    " + translate(_ALIKE, language, value=alike)
    return [counted, translate(_OUTCOMES, language, **told)]


def _wide(landscape: Json, columns: list[Json], heads: list[str], names: list[str], language: str) -> list[str]:
    """Return the table with a word over each column."""
    filled = _filled(landscape)
    first = max((_width(name) for name in names), default=0) + _GAP
    lines = [_band(columns, heads, first, language), _row("", heads, heads, first)]
    for region, name in zip(landscape["regions"], names, strict=True):
        marks = [FILLED if (region["code"], item["id"]) in filled else EMPTY for item in columns]
        lines.append(_row(name, marks, heads, first))
    return lines


def _narrow(landscape: Json, columns: list[Json], heads: list[str], language: str, width: int) -> list[str]:
    """Return the table with upright heads; a wall stands where pull begins."""
    filled = _filled(landscape)
    upright = [f"{number:02d}" for number in range(1, len(heads) + 1)] if language == "en" else heads
    names = [_short_row_name(region, language) for region in landscape["regions"]]
    first = max((_width(name) for name in names), default=0) + 1
    step = 3 if first + 3 * len(heads) + 1 <= width else 2
    wall = sum(1 for item in columns if item["thrust"] != "pull")
    band = _pad(translate(_PUSH, language), wall * step) + _WALL + translate(_PULL, language)
    lines = [" " * first + band]
    lines += [" " * first + _cells(list(line), step, wall) for line in zip_longest(*upright, fillvalue=" ")]
    for region, name in zip(landscape["regions"], names, strict=True):
        marks = [FILLED if (region["code"], item["id"]) in filled else EMPTY for item in columns]
        lines.append(_pad(name, first) + _cells(marks, step, wall))
    if language == "en":
        lines += ["", *_legend(upright, heads, width)]
    return lines


def _cells(marks: list[str], step: int, wall: int) -> str:
    pieces = [mark + " " * (step - _width(mark)) for mark in marks]
    return ("".join(pieces[:wall]) + _WALL + "".join(pieces[wall:])).rstrip()


def _legend(numbers: list[str], heads: list[str], width: int) -> list[str]:
    lines = [""]
    for number, head in zip(numbers, heads, strict=True):
        item = f"{number} {head}"
        if lines[-1] and len(lines[-1]) + _GAP + len(item) > width:
            lines.append("")
        lines[-1] += ("  " if lines[-1] else "") + item
    return lines


def _filled(landscape: Json) -> set[tuple[str, str]]:
    return {(cell["region"], cell["instrument"]) for cell in landscape["cells"]}


def _row_name(region: Json, language: str) -> str:
    """Return 浙江 杭州 for a city of a province, the name alone for the rest."""
    name = str(region["name"][language])
    province = next((divisions()[code] for code in reversed(parents(region["code"]))), None)
    if province is None or region["level"] == "province":
        return name
    above = {"zh-Hans": province.hans, "zh-Hant": province.hant, "en": province.english}[language]
    return f"{above} {name}"


def _short_row_name(region: Json, language: str) -> str:
    """Return the same without the class words; in English a city alone, for its name is long enough."""
    name = short_names_of(region["code"])[language]
    above = next(reversed(parents(region["code"])), None)
    if above is None or region["level"] == "province" or language == "en":
        return name
    return f"{short_names_of(above)[language]} {name}"


def _band(columns: list[Json], heads: list[str], first: int, language: str) -> str:
    """Return the line over the columns that says where push ends and pull begins."""
    push = [head for item, head in zip(columns, heads, strict=True) if item["thrust"] != "pull"]
    width = sum(_width(head) + _GAP for head in push)
    return " " * first + _pad(translate(_PUSH, language), width) + translate(_PULL, language)


def _row(name: str, marks: list[str], heads: list[str], first: int) -> str:
    cells = [_pad(mark, _width(head) + _GAP) for mark, head in zip(marks, heads, strict=True)]
    return (_pad(name, first) + "".join(cells)).rstrip()


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _pad(text: str, width: int) -> str:
    return text + " " * max(0, width - _width(text))
