"""The landscape as a table for a terminal: regions × instruments, 推動 first, 拉動 last even where empty."""

from __future__ import annotations

import unicodedata

from poju.i18n import _, translate
from poju.survey.gazetteer import divisions, parents
from poju.survey.model import Json

FILLED, EMPTY = "■", "·"
_GAP = 2
_PUSH = _("push 推動")
_PULL = _("pull 拉動")
_COUNTS = _("{events} events in {places} places, {pull} of them pull")
_ALIKE = _("how alike two regions are: {value}")
_NONE = _("No policy event was found.")
_OUTCOMES = _("apart from these: {outcomes} outcomes, {solved} problems solved, {findings} remarks that are no events")


def render(landscape: Json, language: str) -> str:
    """Return the first-screen matrix in ``language`` (zh-Hant, zh-Hans, en): ■ for told, · for not, then the counts.

    Push and environment instruments have a column where some region uses them; every pull instrument has one always.
    """
    used = {cell["instrument"] for cell in landscape["cells"]}
    columns = [item for item in landscape["instruments"] if item["thrust"] == "pull" or item["id"] in used]
    filled = {(cell["region"], cell["instrument"]) for cell in landscape["cells"]}
    heads = [item["short"][language] for item in columns]
    names = [_row_name(region, language) for region in landscape["regions"]]
    first = max((_width(name) for name in names), default=0) + _GAP
    lines = [_band(columns, heads, first, language), _row("", heads, heads, first)]
    for region, name in zip(landscape["regions"], names, strict=True):
        marks = [FILLED if (region["code"], item["id"]) in filled else EMPTY for item in columns]
        lines.append(_row(name, marks, heads, first))
    if not names:
        lines.append(translate(_NONE, language))
    counts = landscape["counts"]
    alike = f"{landscape['similarity']['value_ppm'] / 1_000_000:.2f}"
    lines.append("")
    lines.append(translate(_COUNTS, language, **counts) + "    " + translate(_ALIKE, language, value=alike))
    told = {
        "outcomes": len(landscape["outcomes"]),
        "solved": landscape["problems_solved"],
        "findings": len(landscape["findings"]),
    }
    lines.append(translate(_OUTCOMES, language, **told))
    return "\n".join(lines)


def _row_name(region: Json, language: str) -> str:
    """Return 浙江 杭州 for a city of a province, the name alone for the rest."""
    name = str(region["name"][language])
    province = next((divisions()[code] for code in reversed(parents(region["code"]))), None)
    if province is None or region["level"] == "province":
        return name
    above = {"zh-Hans": province.hans, "zh-Hant": province.hant, "en": province.english}[language]
    return f"{above} {name}"


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
    return text + " " * max(1, width - _width(text))
