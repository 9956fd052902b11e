"""The catalogue as a page of the reference, written from the data so that it cannot say anything else."""

from __future__ import annotations

from poju.fit.figures import columns
from poju.fit.scenarios import KINDS, Scenario, scenarios

READABLE = {
    "yes": "structure told which provinces stress it",
    "no": "structure did not tell which provinces stress it",
    "unproven": "not proven either way",
}


def catalogue_page() -> str:
    """Return ``docs/reference/scenario-catalogue.md``: every scenario in English, names also in Chinese."""
    found = scenarios()
    lines = [
        "# Scenario catalogue",
        "",
        "Written by `poju fit catalogue --page` from `src/poju/fit/data/scenarios.toml` and `tracks.toml`; a test",
        f"holds it to them. {len(found)} scenarios, each with prerequisites of four kinds (institutions, data,",
        "capacity, law), the figure or document that would show each, the data to open, and tracks: what a solution is",
        "asked to do and how it would be scored. All of it in three languages: `poju fit catalogue --json`.",
    ]
    for scenario in found.values():
        lines += _section(scenario)
    return "\n".join(lines) + "\n"


def _section(scenario: Scenario) -> list[str]:
    names = " · ".join(dict.fromkeys((scenario.names["zh-Hant"], scenario.names["zh-Hans"])))
    industries = ", ".join(f"{code} {columns()[f'ISIC{code}'].names['en'].lower()}" for code in scenario.isic)
    lines = [
        "",
        f"## {scenario.id}",
        "",
        f"{scenario.names['en']} ({names}).",
        f"Field in the reports: {scenario.field}; {READABLE[scenario.readability]}.",
        f"Package: {scenario.package or 'none yet'}.",
        "",
        f"Industries: ISIC Rev.4 {industries}; GB/T 4754-2017 {', '.join(scenario.industries)}.",
        "",
        "| Prerequisite | Kind | Shown by | Figures |",
        "|---|---|---|---|",
    ]
    for item in sorted(scenario.prerequisites, key=lambda one: KINDS.index(one.kind)):
        codes = ", ".join(code for test in item.any_of for code in test.codes) or "–"
        lines.append(f"| {item.text['en']} | {item.kind} | {item.shown_by['en']} | {codes} |")
    lines += ["", "Data to open: " + "; ".join(need["en"] for need in scenario.needs) + ".", ""]
    lines += ["| Track | What a solution is asked to do | Scored by |", "|---|---|---|"]
    lines += [f"| {one.names['en']} | {one.task['en']} | {one.score['en']} |" for one in scenario.tracks]
    own = [source for source in scenario.sources if "general basis" not in source.titles["en"]]
    return [*lines, "", "Sources: " + "; ".join(source.titles["en"] for source in own) + "."]
