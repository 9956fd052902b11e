"""The answer as text for a person: the two rankings side by side, what was assumed, then the reasons behind them."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from poju.fit.structure import FEWEST_REGIONS
from poju.fit.text import PAGE, columned, padded, shortened, width, wrapped
from poju.fit.told import explained, percent, policies_told, times, unread, what_if
from poju.i18n import SOURCE_LANGUAGE, _, translate

__all__ = ["percent", "render", "times"]

BETWEEN = " │ "
NARROWEST_NAME = 12

NOTHING = "–"
SCORE = _("score: 1.00× is like all regions together; σ: standard deviations from the mean of all regions.")
SCORE_FEW = _(
    "score: 1.00× is like all regions together; log₂: its logarithm, by which the rank goes where fewer than eight"
    " regions are compared."
)
MISSING, UNPROVEN, UNPULLED = "!", "?", "◁"
"""Marks behind a row; the legend says what each means, where one shows."""


def render(fit: dict[str, Any], language: str) -> str:
    """Return the answer of :func:`poju.fit.rank` as text in ``language`` (zh-Hant, zh-Hans or en), without colour.

    No line of the tables is wider than 100 columns; sentences are broken to that width.
    """
    sections = [
        _title(fit, language),
        _side_by_side(fit, language),
        _legend(fit, language),
        what_if(fit, language),
        policies_told(fit, language),
        explained(fit, language),
        unread(fit, language),
        wrapped(_labelled(_("Method"), translate(fit["method"], language), language)),
        "\n".join([translate(_("Sources"), language), *_sources(fit)]),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _sources(fit: dict[str, Any]) -> list[str]:
    return [wrapped(f"  {source}", indent="    ") for source in fit["sources"]]


def _labelled(label: str, text: str, language: str) -> str:
    return translate(_("{label}: {said}"), language, label=translate(label, language), said=text)


def _title(fit: dict[str, Any], language: str) -> str:
    region = fit["region"]
    lines = [
        translate(
            _("{name} ({code}): which scenario fits? Figures up to {year}."),
            language,
            name=region["name"][language],
            code=region["code"],
            year=fit["year"],
        )
    ]
    if not fit["economy"]["shipped"]:
        said = _("Compared with {economy}, {count} regions with figures.")
        lines.append(translate(said, language, economy=fit["economy"]["name"][language], count=_compared(fit)))
    return "\n".join(lines)


def _compared(fit: dict[str, Any]) -> int:
    return int(fit["economy"]["compared"])


def _side_by_side(fit: dict[str, Any], language: str) -> str:
    """Return both rankings; names are cut as far as needed for the page, in English they are the scenarios' ids."""
    titles = (_title_of(fit, language), translate(_("What is distinctive here"), language))
    left = [["#", titles[0], translate(_("share"), language)]]
    left += [[str(row["rank"]), _name(row, language), _share(row)] for row in fit["common"]]
    right = [_heads(fit, titles[1], language)]
    right += [_distinctive_row(row, fit, language) for row in fit["distinctive"]]
    _fit_names(left, right)
    left_lines, right_lines = columned(left), columned(right)
    room = max(map(width, left_lines))
    pairs = zip_longest(left_lines, right_lines, fillvalue="")
    return "\n".join(f"{padded(one, room)}{BETWEEN}{other}".rstrip() for one, other in pairs)


def _share(row: dict[str, Any]) -> str:
    """Return a common row's share; a dash where no figure is behind it."""
    return percent(row["score_ppm"]) if row["reasons"] else NOTHING


def _few(fit: dict[str, Any]) -> bool:
    """Return whether so few regions are compared that a standing is a logarithm and no standard deviation."""
    return _compared(fit) < FEWEST_REGIONS


def _title_of(fit: dict[str, Any], language: str) -> str:
    if fit["common_basis"] == "reports":
        return translate(_("What most regions do"), language)
    return translate(_("What is largest elsewhere"), language)


def _name(row: dict[str, Any], language: str) -> str:
    return str(row["scenario"] if language == SOURCE_LANGUAGE else row["names"][language])


def _heads(fit: dict[str, Any], title: str, language: str) -> list[str]:
    heads = [
        "#",
        title,
        *(
            translate(head, language)
            for head in (_("log₂") if _few(fit) else _("σ"), _("score"), _("base"), _("5–95 %"))
        ),
    ]
    if "policies" in fit:
        heads.append(translate(_("push/pull"), language))
    return [*heads, ""]


def _distinctive_row(row: dict[str, Any], fit: dict[str, Any], language: str) -> list[str]:
    low, high = row["interval"]
    cells = [
        str(row["rank"]),
        _name(row, language),
        f"{row['standing_ppm'] / 1_000_000:+.1f}".replace("-", "−"),
        times(row["score_ppm"]),
        percent(row["baseline_ppm"]),
        f"{low}–{high}",
    ]
    if "policies" in fit:
        counts = row["policies"]
        cells.append(f"{counts['push'] + counts['environment']}/{counts['pull']}")
    return [*cells, _marks(row)]


def _marks(row: dict[str, Any]) -> str:
    marks = MISSING if any(item["met"] is False for item in row["prerequisites"]) else ""
    marks += "" if row["readable"] else UNPROVEN
    return marks + (UNPULLED if row.get("policies", {}).get("pushes_without_pull") else "")


def _fit_names(left: list[list[str]], right: list[list[str]]) -> None:
    """Shorten the names, in place, until both tables stand within the page."""
    fixed = sum(_fixed_width(table) for table in (left, right)) + width(BETWEEN)
    wanted = [max(width(row[1]) for row in table) for table in (left, right)]
    spare = PAGE - fixed - sum(wanted)
    while spare < 0 and max(wanted) > NARROWEST_NAME:
        wanted[wanted.index(max(wanted))] -= 1
        spare += 1
    for table, room in zip((left, right), wanted, strict=True):
        for row in table:
            row[1] = shortened(row[1], room)


def _fixed_width(table: list[list[str]]) -> int:
    """Return the columns that a table takes beside its names: the other cells and the gaps."""
    others = [place for place in range(len(table[0])) if place != 1]
    return sum(max(width(row[place]) for row in table) for place in others) + 2 * len(others)


def _agreement(fit: dict[str, Any], language: str) -> list[str]:
    """Return how well the whole order holds under noise, as Kendall's tau with two decimals."""
    tau = {kind: f"{value / 1_000_000:.2f}" for kind, value in fit["robustness"]["kendall_ppm"].items()}
    if not tau:
        return []
    said = _("Order kept under noise (Kendall τ, 1 = always): weights {weights}, figures {data}, both {both}.")
    return [translate(said, language, **tau)]


def _legend(fit: dict[str, Any], language: str) -> str:
    """Return what the columns and the marks that show mean."""
    rows = fit["distinctive"]
    shown = {mark for row in rows for mark in _marks(row)}
    share = (
        _("share, base: the field's part in the 2026 reports of the other regions.")
        if fit["common_basis"] == "reports"
        else _("share, base: the part of its industries in the other regions; no reports of this country are at hand.")
    )
    said = [
        share,
        SCORE_FEW if _few(fit) else SCORE,
        _("5–95 %: where the rank falls while weights and figures vary within their error."),
    ]
    marks = {
        MISSING: _("a prerequisite is missing"),
        UNPROVEN: _("not proven: no test has shown that structure tells this field"),
        UNPULLED: _("pushed without pull: policies, but none on the demand side"),
    }
    lines = [translate(text, language) for text in said]
    lines += _agreement(fit, language)
    lines += [f"{mark} {translate(text, language)}" for mark, text in marks.items() if mark in shown]
    return "\n".join(wrapped(line, indent="  ") for line in lines)
