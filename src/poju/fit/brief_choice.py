"""The first page of a brief: each scenario with its place, its figures, and how far they can be trusted."""

from __future__ import annotations

from poju.fit.brief_voice import Json, Voice
from poju.i18n import _
from poju.units import PPM

MOST_FIGURES = 3
MOST_TASKS = 2
TASK_WIDTH = 110
MOST_PRESENT = 2
LINE = 200
"""Units of the drawing's scale from the first place to the last."""

PUSHED = _("Pushed without pull: of the policies surveyed here {push} push this field and none lets it be used.")
NOT_ABOVE = _("Its industries are not above what is usual.")
NOT_TOLD = _("The structure of industries cannot tell this field: the choice has to rest on other grounds.")
GIVEN = _("Structure alone cannot tell this field; the place rests on the figures that were given.")
UNTESTED = _("No test has shown that the structure of industries tells this field.")
TESTED = _("For this field a test showed that the structure of industries tells which regions stress it.")


def choice(voice: Voice, number: int, chosen: Json) -> Json:
    """Return one of the three scenarios as the template shows it."""
    name = chosen["scenario"]
    row, ranked = voice.rows.get(name) or {}, voice.ranked.get(name)
    common = voice.common[name]
    return {
        "number": number,
        "name": voice.name(common["names"]),
        "basis": _basis(voice, chosen, row),
        "problem": _problem(voice, name),
        "stats": _stats(voice, ranked, common),
        "rank": None if ranked is None else _places(voice, ranked),
        "reasons": _reasons(voice, row),
        "present": _present(voice, row),
        "caution": " ".join(voice.say(text) for text in _cautions(ranked)),
    }


def _basis(voice: Voice, chosen: Json, row: Json) -> str | None:
    """Return why this scenario is among the three where its place alone does not say so."""
    policies = row.get("policies")
    if chosen["basis"] == "common":
        return voice.say(_("Taken from what most regions do, because too few fields could be compared here."))
    if not policies:
        return None
    pushes = policies["push"] + policies["environment"]
    if policies["pushes_without_pull"]:
        return voice.say(PUSHED, push=pushes)
    if not pushes and not policies["pull"]:
        return None
    return voice.say(
        _("Surveyed policies of the field here: {push} push, {pull} pull."), push=pushes, pull=policies["pull"]
    )


def _problem(voice: Voice, name: str) -> str | None:
    """Return what providers would be asked to solve: the tasks of the first tracks."""
    tracks = voice.facts["catalogue"].get(name, {}).get("tracks", [])
    tasks = [voice.name(track["task"], TASK_WIDTH) for track in tracks[:MOST_TASKS]]
    return voice.say(_("To be solved: {tasks}."), tasks=voice.joined(tasks)) if tasks else None


def _stats(voice: Voice, ranked: Json | None, common: Json) -> list[Json]:
    stats = []
    if ranked is not None:
        low, high = ranked["interval"]
        place = voice.say(_("place {rank} of {count}"), rank=ranked["rank"], count=len(voice.ranked))
        span = voice.say(_("place {low} to {high} if the figures err"), low=low, high=high)
        if low == high:
            span = voice.say(_("stays there if the figures err"))
        stats.append({"label": voice.say(_("Distinctive here")), "value": place, "more": span})
        concentration = voice.say(_("{times} times"), times=voice.times(ranked["score_ppm"]))
        against = voice.say(_("what is usual in {compared}"), compared=voice.compared)
        stats.append({"label": voice.say(_("How far it stands out")), "value": concentration, "more": against})
    place = voice.say(_("place {rank} of {count}"), rank=common["rank"], count=len(voice.common))
    said = _("{share} % of what other reports name") if voice.of_reports else _("{share} % of industry elsewhere")
    share = voice.say(said, share=f"{common['score_ppm'] / 10_000:.1f}")
    stats.append({"label": voice.say(_("What most regions do")), "value": place, "more": share})
    return stats


def _places(voice: Voice, ranked: Json) -> Json:
    """Return the rank and its interval as places on a line of :data:`LINE` units, for the drawing."""
    count = max(len(voice.ranked), 2)
    low, high = ranked["interval"]
    spots = [round((place - 1) * LINE / (count - 1)) for place in (low, ranked["rank"], high)]
    text = voice.say(_("place {rank}; between {low} and {high}"), rank=ranked["rank"], low=low, high=high)
    return {"low": spots[0], "at": spots[1], "width": max(spots[2] - spots[0], 2), "text": text}


def _reasons(voice: Voice, row: Json) -> list[Json]:
    """Return the figures behind the place, the most telling first; a sum gives its parts."""
    found: list[Json] = []
    for reason in row.get("reasons", []):
        if not str(reason["figure"]).startswith("density:"):
            found += reason.get("parts") or [reason]
    found.sort(key=lambda reason: (-int(reason["location_quotient_ppm"]), reason["figure"]))
    return [voice.figure(reason) for reason in found[:MOST_FIGURES]]


def _present(voice: Voice, row: Json) -> str | None:
    """Return the prerequisites that a figure shows to be there, in one line."""
    met = [voice.name(item["text"]) for item in row.get("prerequisites", []) if item["met"] is True]
    if not met:
        return None
    return voice.say(_("There already: {what}."), what=voice.joined(met[:MOST_PRESENT]))


def _cautions(ranked: Json | None) -> list[str]:
    """Return how far structure can be trusted in this field, and whether the region stands out in it at all."""
    if ranked is None:
        return [NOT_TOLD]
    usual = [] if ranked["score_ppm"] >= PPM else [NOT_ABOVE]
    if ranked.get("given"):
        return [*usual, GIVEN]
    return [*usual, TESTED if ranked["readable"] else UNTESTED]
