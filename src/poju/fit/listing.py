"""The catalogue as data and as text, and its check: what there is to open, and what each scenario asks for."""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise
from typing import Any

from poju.fit.figures import columns
from poju.fit.scenarios import KINDS, Names, Scenario, faults, scenarios
from poju.fit.text import columned, joined
from poju.i18n import LANGUAGES, _, translate

KIND_NAMES = {
    "institution": _("institutions"),
    "data": _("data"),
    "capacity": _("capacity"),
    "law": _("law"),
}


def catalogue() -> list[dict[str, Any]]:
    """Return the catalogue, JSON-ready, in the order of the file.

    Each entry: ``id``, ``names`` and ``needs`` in three languages, ``field``, ``industries`` (GB/T 4754-2017),
    ``isic`` (Rev.4 divisions), ``prerequisites`` (``id``, ``kind``, ``text``, ``shown_by`` and ``figures``, the codes
    of the columns that would show it), ``tracks`` (``id``, ``names``, ``task``, ``score``), ``keywords`` by language,
    ``evidence_needed``, ``readable`` (bool), ``readability`` ("yes", "no", "unproven"), ``package`` (str or None),
    ``sources`` (one line each).
    """
    return [_entry(scenario) for scenario in scenarios().values()]


def _entry(scenario: Scenario) -> dict[str, Any]:
    return {
        "id": scenario.id,
        "names": scenario.names,
        "field": scenario.field,
        "industries": list(scenario.industries),
        "isic": list(scenario.isic),
        "prerequisites": [
            {
                "id": item.id,
                "kind": item.kind,
                "text": item.text,
                "shown_by": item.shown_by,
                "figures": [code for test in item.any_of for code in test.codes],
            }
            for item in scenario.prerequisites
        ],
        "needs": list(scenario.needs),
        "tracks": [asdict(track) for track in scenario.tracks],
        "keywords": {tag: list(words) for tag, words in scenario.keywords.items()},
        "evidence_needed": list(scenario.evidence_needed),
        "readable": scenario.readability == "yes",
        "readability": scenario.readability,
        "package": scenario.package,
        "sources": [f"{source.titles['en']} <{source.address}>" for source in scenario.sources],
    }


def check_catalogue() -> list[str]:
    """Return what is wrong with the shipped catalogue, one English line each; an empty list where all holds.

    Beyond what every load checks: each text is there in three languages, each Chinese one in full-width punctuation,
    no track or prerequisite of a scenario is given twice, no keyword belongs to two scenarios, and every scenario has
    a source of its own beside the general ones. Raises :class:`poju.errors.BugError` where it cannot be read at all.
    """
    found = scenarios()
    problems = [f"{name}: {problem}" for name, scenario in found.items() for problem in faults(scenario)]
    owners: dict[str, str] = {}
    for name, scenario in found.items():
        problems += [f"{name}: {problem}" for text in _texts(scenario) for problem in _text_faults(text)]
        tracks = [track.id for track in scenario.tracks]
        if len(set(tracks)) < len(tracks):
            problems.append(f"{name}: a track is given twice")
        if all(sum(source in other.sources for other in found.values()) > 1 for source in scenario.sources):
            problems.append(f"{name}: no source of its own")
        for word in sorted({word for words in scenario.keywords.values() for word in words}):
            if owners.setdefault(word, name) != name:
                problems.append(f"{name}: keyword {word} belongs to {owners[word]}")
    return problems


def _texts(scenario: Scenario) -> list[Names]:
    texts = [scenario.names, *scenario.needs, *scenario.evidence_needed]
    texts += [text for item in scenario.prerequisites for text in (item.text, item.shown_by)]
    texts += [text for track in scenario.tracks for text in (track.names, track.task, track.score)]
    return texts + [source.titles for source in scenario.sources]


def _text_faults(text: Names) -> list[str]:
    problems = [f"no text in {tag} beside “{text['en']}”" for tag in LANGUAGES if not text[tag].strip()]
    if not text["en"].isascii():
        problems.append(f"“{text['en']}” is not plain English")
    problems += [
        f"half-width punctuation in “{text[tag]}”"
        for tag in ("zh-Hant", "zh-Hans")
        if any(mark in text[tag] for mark in (";", "?", "!")) or _half_comma(text[tag])
    ]
    return problems


def _half_comma(text: str) -> bool:
    """Return whether a half-width comma or colon stands beside a Chinese character."""
    return any("一" <= one <= "鿿" and two in ",:" for one, two in pairwise(text))


def render_catalogue(language: str, scenario: str | None = None) -> str:
    """Return the catalogue as text in ``language``: one line a scenario, or all of ``scenario`` where one is named."""
    found = scenarios()
    if scenario is not None:
        return _whole(found[scenario], language)
    head = [translate(title, language) for title in (_("scenario"), _("name"), "ISIC", _("readable"), _("package"))]
    rows = [head]
    for item in found.values():
        readable = translate(READABLE_NAMES[item.readability], language)
        package = item.package or translate(_("none"), language)
        rows.append([item.id, item.names[language], _divisions(item), readable, package])
    said = translate(
        _("{count} scenarios. All about one: poju fit catalogue {example}"),
        language,
        count=len(found),
        example=next(iter(found)),
    )
    return "\n".join(line.rstrip() for line in columned(rows)) + f"\n\n{said}\n"


READABLE_NAMES = {"yes": _("yes"), "no": _("no"), "unproven": _("not proven")}


def _divisions(scenario: Scenario) -> str:
    return " ".join(scenario.isic)


def _labelled(label: str, said: str, language: str) -> str:
    return translate(_("{label}: {said}"), language, label=label, said=said)


def _whole(scenario: Scenario, language: str) -> str:
    """Return everything the catalogue says of one scenario."""
    lines = [f"{scenario.names[language]} ({scenario.id})", ""]
    industries = joined([columns()[f"ISIC{code}"].names for code in scenario.isic])[language]
    lines.append(_labelled(f"ISIC Rev.4 {_divisions(scenario)}", industries, language))
    lines.append(_labelled("GB/T 4754-2017", " ".join(scenario.industries), language))
    lines += ["", translate(_("Prerequisites"), language)]
    for kind in KINDS:
        for item in scenario.prerequisites:
            if item.kind == kind:
                lines.append("  " + _labelled(translate(KIND_NAMES[kind], language), item.text[language], language))
                told = translate(_("shown by: {figure}"), language, figure=item.shown_by[language])
                lines.append(f"     {told}")
    lines += ["", translate(_("Data to open"), language), *(f"  {need[language]}" for need in scenario.needs)]
    lines += ["", translate(_("Tracks"), language)]
    for track in scenario.tracks:
        lines.append("  " + _labelled(track.names[language], track.task[language], language))
        lines.append("     " + translate(_("scored by: {score}"), language, score=track.score[language]))
    package = scenario.package or translate(_("none yet"), language)
    lines += [
        "",
        _labelled(translate(_("package"), language), package, language),
        "",
        translate(_("Sources"), language),
    ]
    lines += [f"  {source.titles[language]} <{source.address}>" for source in scenario.sources]
    return "\n".join(lines) + "\n"
