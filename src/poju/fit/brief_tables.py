"""The second page of a brief: what is missing, what the neighbours stress, the first package, and what is not known."""

from __future__ import annotations

from poju.fit.brief_voice import COUNTED, Json, Voice
from poju.fit.scenarios import KINDS
from poju.i18n import _

NEED_WIDTH = 110
SHORT_WIDTH = 40
MOST_NEEDS = 2
MOST_NEEDS_TOGETHER = 5
"""Where prerequisites are not told apart by kind, as in answers of earlier versions."""

MOST_DATA = 3
MOST_ASSUMED = 3
MOST_NAMED = 4
MOST_WANTED = 3

KIND_TITLES = {
    "institution": _("Institutions"),
    "data": _("Data in place"),
    "capacity": _("Capacity"),
    "law": _("Rules"),
}
NO_NEIGHBOURS = _("For this region no table of neighbours and no reports of theirs are at hand.")
AROUND = _(
    "Fields that the neighbours' {year} government work reports name at least 1.3 times as much as all reports do. At"
    " the right: how often each names the fields of the scenarios above. A report is intent, neither award nor result."
)
NOT_SURVEYED = _("What they did is not told here, since no survey of policies was given (poju survey, --policies).")
AROUND_SURVEYED = _(
    "What they did, as far as surveyed: {counted}. At the right, after the mentions: policies of the scenario's field"
    " that push / that pull."
)
FIRST_PACKAGE = _(
    "None of the three has a finished package yet. A first package for “{scenario}” needs: the institutions and rules"
    " above, one class of data really opened, one track with cases whose right answer is known, an indicator that"
    " anyone can recompute, and a cap for the money."
)
NO_PROMISE = _(
    "It says where industries stand out. It does not say that a scenario would succeed, and it predicts no award."
)
UNTESTED = _("Where a field is not tested, the place is a question to the departments, not a finding.")
BRIDGED = _("Industries were brought to one classification; where a class belongs to two, its figure is divided.")
LISTED_FIRMS = _(
    "Firms are those listed on the exchanges: small firms do not count, and where there are few, one more moves the"
    " place. Employment covers urban units only."
)


def needs(voice: Voice) -> list[Json]:
    """Return the table of what is missing: a row for each kind of prerequisite and one for the data to be opened."""
    names = [chosen["scenario"] for chosen in voice.facts["choices"]]
    table = []
    for kind in KINDS:
        cells = [_open(voice, name, kind) for name in names]
        if any(cells):
            table.append({"title": voice.say(KIND_TITLES[kind]), "cells": cells})
    if not table:
        cells = [_open(voice, name, None) for name in names]
        table.append({"title": voice.say(_("To be established")), "cells": cells})
    opened = [
        [
            {"text": voice.name(text, NEED_WIDTH), "by": ""}
            for text in voice.facts["catalogue"][name]["needs"][:MOST_DATA]
        ]
        for name in names
    ]
    return [*table, {"title": voice.say(_("Data to be opened")), "cells": opened}]


def _open(voice: Voice, name: str, kind: str | None) -> list[Json]:
    """Return the prerequisites of ``kind`` that are missing or to be established, each with what would show it."""
    found = []
    for item in (voice.rows.get(name) or {}).get("prerequisites", []):
        if item["met"] is True or (kind is not None and item.get("kind") != kind):
            continue
        shown = item.get("shown_by")
        by = "" if shown is None else voice.say(_("shown by: {what}"), what=voice.name(shown, NEED_WIDTH))
        found.append({"text": voice.name(item["text"], NEED_WIDTH), "by": by})
    return found[: MOST_NEEDS if kind is not None else MOST_NEEDS_TOGETHER]


def around(voice: Voice) -> Json | None:
    """Return the table of the neighbours' reports, or None where no neighbours are known."""
    told = voice.facts["neighbours"]
    if not told or not told["regions"]:
        return None
    rows = []
    for row in told["regions"]:
        stressed = [f"{voice.name(item['names'])} {item['times_ppm'] / 1_000_000:.1f}×" for item in row["stressed"]]
        name = voice.name(row["names"])
        if row["border"] == "strait":
            name = voice.say(_("{region} (across a strait)"), region=name)
        counts = [
            {"mentions": mentions, "policies": policies}
            for mentions, policies in zip(row["mentions"], _policies(voice, row["code"]), strict=True)
        ]
        rows.append({"name": name, "stressed": voice.listed(stressed) or "–", "counts": counts})
    fields = [voice.name(names) for names in told["fields"]]
    return {"fields": fields, "rows": rows, "year": told["year"], "note": voice.note(told["source"])}


def _surveyed(voice: Voice) -> list[Json] | None:
    """Return the neighbours' surveyed policies; None where no survey was given."""
    found: list[Json] | None = voice.answer.get("policies", {}).get("neighbours")
    return found


def _policies(voice: Voice, code: str) -> list[str]:
    """Return, for each of the three, how many surveyed policies of the neighbour push and pull: “5/1”, or nothing."""
    chosen = [one["scenario"] for one in voice.facts["choices"]]
    row = next((row for row in _surveyed(voice) or [] if row["code"] == code), None)
    if row is None or not row["events"]:
        return [""] * len(chosen)
    counts = [row["scenarios"].get(name, {"push": 0, "environment": 0, "pull": 0}) for name in chosen]
    return [f"{count['push'] + count['environment']}/{count['pull']}" for count in counts]


def around_told(voice: Voice, year: int | None) -> list[str]:
    """Return the sentences above the table of the neighbours, ``year`` that of their reports; None where none are."""
    if year is None:
        return [voice.say(NO_NEIGHBOURS)]
    lines = [voice.say(AROUND, year=year)]
    surveyed = _surveyed(voice)
    if surveyed is None:
        return [*lines, voice.say(NOT_SURVEYED)]
    known = [row for row in surveyed if row["events"]]
    if not known:
        return [*lines, voice.say(_("The survey that was given holds nothing about the neighbours."))]
    counted = [
        voice.say(_("{region} {events}, of which {pull} pull"), region=voice.name(row["names"]), **_shown(row))
        for row in known
    ]
    lines.append(voice.say(AROUND_SURVEYED, counted=voice.joined(counted)))
    silent = [voice.name(row["names"]) for row in surveyed if not row["events"]]
    if silent:
        lines.append(voice.say(_("The survey holds nothing about: {regions}."), regions=voice.listed(silent)))
    return lines


def _shown(row: Json) -> Json:
    return {key: row[key] for key in ("events", "pull")}


def package(voice: Voice) -> Json:
    """Return the paragraphs on the first package to open, and the command that drafts it, as words."""
    chosen = [one["scenario"] for one in voice.facts["choices"]]
    finished = voice.facts["packages"]
    ready = [one for one in finished if one["scenario"] in chosen]
    if ready:
        said = _("{scenario} has a finished package, {package}: it can be checked, signed and opened.")
        name, identifier = voice.name(ready[0]["names"]), ready[0]["package"]
        return _package(voice, [voice.say(said, scenario=name, package=identifier)], ready[0]["scenario"])
    if not chosen:
        return {"lines": [], "how": "", "command": []}
    name = voice.name(voice.common[chosen[0]]["names"])
    lines = [voice.say(FIRST_PACKAGE, scenario=name)]
    if finished:
        said = _("Finished today: {package} ({scenario}). Whether it fits here, structure cannot tell.")
        lines.append(voice.say(said, package=finished[0]["package"], scenario=voice.name(finished[0]["names"])))
    return _package(voice, lines, chosen[0])


def _package(voice: Voice, lines: list[str], scenario: str) -> Json:
    command = f"poju scenario new NAME --from fit.json --scenario {scenario}"
    return {"lines": lines, "how": voice.say(_("Its draft is one command away:")), "command": command.split()}


def limits(voice: Voice) -> list[str]:
    """Return what the brief does not know."""
    lines = [voice.say(NO_PROMISE)]
    rows = [voice.ranked[one["scenario"]] for one in voice.facts["choices"] if one["scenario"] in voice.ranked]
    if not all(row["readable"] for row in rows):
        lines.append(voice.say(UNTESTED))
    lines += [*_unread(voice), *_assumed(voice)]
    units = {reason["unit"] for row in voice.answer["distinctive"] for reason in row["reasons"]}
    if units & set(COUNTED):
        lines.append(voice.say(LISTED_FIRMS))
    if not voice.answer.get("economy", {}).get("shipped", True):
        lines.append(voice.say(BRIDGED))
    return lines


def _unread(voice: Voice) -> list[str]:
    """Return which fields structure cannot tell, and which figures would let it."""
    rows = voice.answer["not_readable"]
    if not rows:
        return []
    names = voice.joined([voice.name(row["names"]) for row in rows[:MOST_NAMED]])
    wanted = list(dict.fromkeys(voice.name(need) for row in rows for need in row["needs"]))
    if not wanted:
        return [voice.say(_("Not readable from structure: {names}."), names=names)]
    said = _("Not readable from structure: {names}. Among others, these figures are wanting: {figures}.")
    return [voice.say(said, names=names, figures=voice.joined(wanted[:MOST_WANTED]))]


def _assumed(voice: Voice) -> list[str]:
    """Return which figures were assumed."""
    assumed = voice.answer.get("assumed") or []
    if not assumed:
        return []
    shown = [f"{voice.name(item['industry'], SHORT_WIDTH)} = {item['value']:,}" for item in assumed[:MOST_ASSUMED]]
    said = _("Assumed, not measured: {figures} ({count} in all). The places hold only if these do.")
    return [voice.say(said, figures=voice.listed(shown), count=len(assumed))]
