"""The answer as text for a person: the two rankings side by side, then the reasons, then what cannot be read."""

from __future__ import annotations

import unicodedata
from itertools import zip_longest
from typing import Any

from poju.i18n import _, translate

EXPLAINED = 3
"""Scenarios whose reasons are printed in full; ``--json`` has those of all."""


def render(fit: dict[str, Any], language: str) -> str:
    """Return the answer of :func:`poju.fit.rank` as text in ``language`` (zh-Hant, zh-Hans or en), without colour."""
    region = fit["region"]
    title = translate(
        _("{name} ({code}): which scenario fits? Figures up to {year}."),
        language,
        name=region["name"][language],
        code=region["code"],
        year=fit["year"],
    )
    sections = [
        title,
        _side_by_side(fit, language),
        _legend(language),
        _explained(fit, language),
        _unread(fit, language),
    ]
    sections.append(translate(_("Method"), language) + ": " + translate(fit["method"], language))
    sections.append("\n".join([translate(_("Sources"), language), *(f"  {source}" for source in fit["sources"])]))
    return "\n\n".join(section for section in sections if section) + "\n"


def percent(ppm: int) -> str:
    """Return a share in parts per million as a percentage with one decimal: 68_123 is ``6.8%``."""
    return f"{ppm / 10_000:.1f}%"


def times(ppm: int) -> str:
    """Return a quotient in parts per million with two decimals: 1_526_606 is ``1.53×``."""
    return f"{ppm / 1_000_000:.2f}×"


def _width(text: str) -> int:
    """Return how many columns of a terminal ``text`` takes: a wide character takes two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _side_by_side(fit: dict[str, Any], language: str) -> str:
    left = [["#", translate(_("What most regions do"), language), translate(_("share"), language)]]
    left += [[str(row["rank"]), row["names"][language], percent(row["score_ppm"])] for row in fit["common"]]
    right = [
        [
            "#",
            translate(_("What is distinctive here"), language),
            translate(_("score"), language),
            translate(_("baseline"), language),
            translate(_("rank 5–95 %"), language),
            "",
        ]
    ]
    right += [_distinctive_row(row, language) for row in fit["distinctive"]]
    left_lines, right_lines = _columns(left), _columns(right)
    width = max(map(_width, left_lines))
    pairs = zip_longest(left_lines, right_lines, fillvalue="")
    return "\n".join(f"{_padded(one, width)}  │ {other}".rstrip() for one, other in pairs)


def _distinctive_row(row: dict[str, Any], language: str) -> list[str]:
    low, high = row["interval"]
    marks = []
    if any(item["met"] is False for item in row["prerequisites"]):
        marks.append(translate(_("prerequisite missing"), language))
    if not row["readable"]:
        marks.append(translate(_("not proven"), language))
    return [
        str(row["rank"]),
        row["names"][language],
        times(row["score_ppm"]),
        percent(row["baseline_ppm"]),
        f"{low}–{high}",
        "; ".join(marks),
    ]


def _columns(rows: list[list[str]]) -> list[str]:
    """Return the rows with their cells aligned, two spaces between columns."""
    widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(_padded(cell, width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def _legend(language: str) -> str:
    return translate(
        _(
            "share and baseline: the field's part in the reports of the other regions. score: 1.00× is like all regions"
            " together. not proven: no test has shown that structure tells this field."
        ),
        language,
    )


def _explained(fit: dict[str, Any], language: str) -> str:
    lines = [translate(_("Reasons for the first three"), language)]
    for row in fit["distinctive"][:EXPLAINED]:
        lines.append(f"  {row['rank']}. {row['names'][language]}  {times(row['score_ppm'])}")
        lines += [f"     {_prerequisite(item, language)}" for item in row["prerequisites"]]
        lines += [f"     {line}" for reason in row["reasons"] for line in _reason_lines(reason, language)]
    return "\n".join(lines)


def _prerequisite(item: dict[str, Any], language: str) -> str:
    states = {
        True: _("prerequisite met"),
        False: _("prerequisite missing"),
        None: _("prerequisite to be established"),
    }
    line = f"{translate(states[item['met']], language)}: {item['text'][language]}"
    return line if item["figure"] is None else f"{line} ({_figure(item['figure'], language)})"


def _reason_lines(reason: dict[str, Any], language: str) -> list[str]:
    """Return a reason and, indented, the single figures that it is the sum of."""
    lines = [f"{times(reason['location_quotient_ppm'])}  {reason['industry'][language]}: {_figure(reason, language)}"]
    parts = reason.get("parts", [])
    if len(parts) > 1:
        lines += [
            f"       {times(part['location_quotient_ppm'])}  {part['industry'][language]}: {_figure(part, language)}"
            for part in parts
        ]
    return lines


def _figure(figure: dict[str, Any], language: str) -> str:
    year = translate(_("year not stated"), language) if figure["year"] is None else str(figure["year"])
    return f"{figure['value']:,} {translate(figure['unit'], language)}, {year}"


def _unread(fit: dict[str, Any], language: str) -> str:
    if not fit["not_readable"]:
        return ""
    lines = [translate(_("Not readable from structure"), language)]
    for row in fit["not_readable"]:
        lines.append(f"  {row['names'][language]}: {row['why'][language]}")
        if row["needs"]:
            needs = "; ".join(need[language] for need in row["needs"])
            lines.append("     " + translate(_("It would need: {needs}."), language, needs=needs))
        lines += [_undated(figure, language) for figure in row["undated"]]
    return "\n".join(lines)


def _undated(figure: dict[str, Any], language: str) -> str:
    return "     " + translate(
        _("{figure}: {value} {unit}, year not stated in the source: not current, not used."),
        language,
        figure=figure["industry"][language],
        value=f"{figure['value']:,}",
        unit=translate(figure["unit"], language),
    )
