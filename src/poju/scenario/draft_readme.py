"""The page of a drafted package: what was chosen, on which evidence, what was missing, what remains to be decided.

It is Markdown in three languages, one after the other. The fit's answer may come from anywhere, so every text of it is
escaped: it can neither end a table's cell nor become a link or markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from poju.i18n import LANGUAGES, _, translate
from poju.scenario.draft_fit import Choice, Need, Reason

if TYPE_CHECKING:
    from poju.scenario.draft import Plan

DENSITY_UNIT = "ppm, relatedness density"
"""Of a fit's figure that is a share and no amount."""

MARKUP = re.compile(r"([\\`*_{}\[\]<>#|!~])")
TITLES = {"zh-Hant": "繁體中文", "zh-Hans": "简体中文", "en": "English"}

COPIED = _("A copy of the finished package {package}. What a demonstration had set is marked: it is yours to decide.")
DRAFTED = _("A draft. It passes the check, but nobody has decided anything yet: each mark in its files waits for you.")


def readme(plan: Plan, *, finished: bool) -> str:
    """Return the page of ``plan``; ``finished``: it follows the page of the package that was copied."""
    names = " · ".join(dict.fromkeys(_safe(plan.names[tag]) for tag in LANGUAGES))
    lines = [f"# {names}", ""] if not finished else ["", f"# {plan.id}", ""]
    for language in LANGUAGES:
        lines += [f"## {TITLES[language]}", "", *_page(plan, language, finished=finished)]
    # The check reads this mark; whoever signs the page takes it out.
    lines += ["<!-- TODO draft.evidence -->"] if plan.choice is not None else []
    return "\n".join(lines).rstrip() + "\n"


def _page(plan: Plan, language: str, *, finished: bool) -> Iterator[str]:
    yield translate(COPIED if finished else DRAFTED, language, package=plan.package)
    yield ""
    if plan.choice is None:
        yield translate(_("It was made without a fit, so no evidence stands behind it."), language)
        yield ""
    else:
        yield from _evidence(plan.choice, language)
    if not finished:
        yield from _listed(_("Institutions"), [role.names[language] for role in plan.roles], language)
        yield from _listed(_("Data to be opened"), [item.names[language] for item in plan.data], language)
        yield from _tracks(plan, language)
    yield from _steps(language)


def _evidence(choice: Choice, language: str) -> Iterator[str]:
    yield f"### {translate(_('Why this scenario'), language)}"
    yield ""
    yield _place(choice, language)
    yield ""
    if choice.reasons:
        heads = (_("Figure"), _("Value"), _("Year"), _("Against all regions"), _("Source"))
        yield "| " + " | ".join(translate(head, language) for head in heads) + " |"
        yield "|---|---:|---|---:|---|"
        yield from (_row(reason, language) for reason in choice.reasons)
        yield ""
    missing = [_need(need, language) for need in choice.needs if need.met is not True]
    missing += [
        translate(_("a figure that would let structure tell: {figure}"), language, figure=_safe(names[language]))
        for names in choice.figures_wanted
    ]
    yield from _listed(_("What was missing when the choice was made"), missing, language, safe=True)


def _place(choice: Choice, language: str) -> str:
    region = f"{_safe(choice.region_names[language])} ({_safe(choice.region)})"
    if choice.rank_distinctive is None:
        said = _("{region}: place {common} of what most regions do; the region's structure cannot tell this field.")
        return translate(said, language, region=region, common=choice.rank_common or "–")
    low, high = choice.interval or (choice.rank_distinctive, choice.rank_distinctive)
    said = _("{region}: place {own} of what is distinctive (between {low} and {high}), place {common} of what most do.")
    common = choice.rank_common or "–"
    return translate(said, language, region=region, own=choice.rank_distinctive, low=low, high=high, common=common)


def _row(reason: Reason, language: str) -> str:
    times = "–" if reason.times_ppm is None else f"{reason.times_ppm / 1_000_000:.2f}×"
    undated = _("assumed, not measured") if reason.assumed else _("year not stated")
    year = translate(undated, language) if reason.year is None or reason.assumed else str(reason.year)
    value = f"{reason.value:,} {_safe(translate(reason.unit, language))}"
    if reason.unit == DENSITY_UNIT:
        value = translate(_("relatedness density {share}"), language, share=f"{reason.value / 10_000:.1f}%")
    return f"| {_safe(reason.names[language])} | {value} | {year} | {times} | {_safe(reason.source)} |"


def _need(need: Need, language: str) -> str:
    said = _("missing: {what}") if need.met is False else _("to be established: {what}")
    return translate(said, language, what=_safe(need.text[language]))


def _listed(title: str, items: list[str], language: str, *, safe: bool = False) -> Iterator[str]:
    if items:
        yield f"### {translate(title, language)}"
        yield ""
        yield from (f"- {item if safe else _safe(item)}" for item in items)
        yield ""


def _tracks(plan: Plan, language: str) -> Iterator[str]:
    lines = []
    for track in plan.tracks:
        told = [track.names[language], *(one[language] for one in (track.task, track.score) if one is not None)]
        lines.append(" — ".join(_safe(text) for text in told))
    yield from _listed(_("Tracks, declared and not yet open"), lines, language, safe=True)


def _steps(language: str) -> Iterator[str]:
    yield f"### {translate(_('What to do next'), language)}"
    yield ""
    steps = (
        _("Run poju scenario check on this folder: it lists what is still to be decided, with file and line."),
        _("Decide it with the institutions, and take each mark out."),
        _("Have this page signed: register the choice as a selection, with the evidence above."),
        _("Open: poju ledger serve FOLDER --package this folder; docs/guides/authority.md has the four statements."),
    )
    yield from (f"{number}. {_safe(translate(step, language))}" for number, step in enumerate(steps, start=1))
    yield ""


def _safe(text: str) -> str:
    return MARKUP.sub(r"\\\1", text)
