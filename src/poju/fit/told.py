"""Parts of the answer as sentences: reasons down to their figures, prerequisites, what was set, what cannot be read."""

from __future__ import annotations

from typing import Any

from poju.fit.evidence import DENSITY_UNIT
from poju.fit.listing import KIND_NAMES
from poju.fit.text import columned, joined, wrapped
from poju.i18n import _, translate

EXPLAINED = 3
"""Scenarios whose reasons are printed in full; ``--json`` has those of all."""

ALONE = _("From this region's figures alone, beside the whole country's; how far other regions differ is estimated.")
FACT_UNIT = "1 = "
SMALLEST_PPM = 500
"""Shares below it would be rounded to none."""

Json = dict[str, Any]


def percent(ppm: int) -> str:
    """Return a share in parts per million as a percentage with one decimal: 68_123 is ``6.8%``, 237 ``<0.1%``."""
    return "<0.1%" if 0 < ppm < SMALLEST_PPM else f"{ppm / 10_000:.1f}%"


def times(ppm: int) -> str:
    """Return a quotient in parts per million with two decimals: 1_526_606 is ``1.53×``."""
    return f"{ppm / 1_000_000:.2f}×"


def what_if(fit: Json, language: str) -> str:
    """Return what was assumed and which ranks it moved; nothing where nothing was."""
    if "assumed" not in fit:
        return ""
    lines = [translate(_("What if: assumed figures, without a source"), language)]
    for item in fit["assumed"]:
        told = translate(
            _("{figure} ({code}): {before} → {after}"),
            language,
            figure=item["industry"][language],
            code=item["figure"],
            before=_before(item, language),
            after=_amount(item["value"], item["unit"], language),
        )
        lines.append(f"  {told}")
    return "\n".join([*lines, *_moves(fit, language)])


def _before(item: Json, language: str) -> str:
    """Return what stood in the place of an assumption."""
    if item["before"] is None:
        return translate(_("none"), language)
    shown = _amount(item["before"], item["unit"], language)
    if item["year"] is None:
        return translate(_("{value} (year not stated)"), language, value=shown)
    return shown


def _moves(fit: Json, language: str) -> list[str]:
    moved = [row for row in fit["distinctive"] if row["rank_before"] != row["rank"]]
    if not moved:
        return ["  " + translate(_("No rank changes."), language)]
    rows = []
    for row in moved:
        new = row["rank_before"] is None
        before = translate(_("not ranked"), language) if new else str(row["rank_before"])
        score = "" if new else f"{times(row['score_before_ppm'])} → {times(row['score_ppm'])}"
        rows.append([f"  {before} → {row['rank']}", row["names"][language], score or times(row["score_ppm"])])
    return [translate(_("Ranks before → after"), language), *(line.rstrip() for line in columned(rows))]


def policies_told(fit: Json, language: str) -> str:
    """Return how the region's surveyed policies push and pull, and where they push without pull."""
    if "policies" not in fit:
        return ""
    found = fit["policies"]
    if not found["events"]:
        lines = [translate(_("The survey that was given holds nothing about this region."), language)]
        return "\n".join([*lines, *_neighbours(fit, language)])
    lines = [
        translate(
            _("Surveyed policies here: {events} events, pushes {push}, pulls {pull}; {without} name no field."),
            language,
            events=found["events"],
            push=found["push"] + found["environment"],
            pull=found["pull"],
            without=found["without_field"],
        )
    ]
    names = {row["scenario"]: row["names"][language] for row in fit["common"]}
    for name, counts in found["scenarios"].items():
        if counts["pushes_without_pull"]:
            pushes = counts["push"] + counts["environment"]
            told = translate(_("{scenario}: pushes {push}, pulls 0"), language, scenario=names[name], push=pushes)
            lines.append(f"  {told}")
            lines.append(wrapped(f"     {counts['events'][0]['text']}", indent="     "))
    if found["events"] and not found["pull"]:
        lines.append(translate(_("Nothing pulls: no policy here is on the demand side."), language))
    return "\n".join([*lines, *_neighbours(fit, language)])


def _neighbours(fit: Json, language: str) -> list[str]:
    """Return what the survey holds about the provinces around, and their policies in the first three fields here."""
    around = fit["policies"]["neighbours"]
    known = [row for row in around if row["events"]]
    silent = [row["names"] for row in around if not row["events"]]
    lines = []
    if known:
        lines.append(translate(_("Neighbours in this survey"), language))
        told = _("{region}: {events} events, pushes {push}, pulls {pull}")
        lines += [f"  {translate(told, language, region=row['names'][language], **_totals(row))}" for row in known]
    for row in fit["distinctive"][:EXPLAINED] if known else []:
        counts = [(other["names"][language], other["scenarios"].get(row["scenario"])) for other in known]
        shown = [f"{name} {_both(count)}" for name, count in counts if count]
        said = _("{scenario}, there (pushes/pulls): {counted}")
        counted = translate(_("; "), language).join(shown) or translate(_("none"), language)
        lines.append("  " + translate(said, language, scenario=row["names"][language], counted=counted))
    if silent:
        said = _("The survey holds nothing about: {regions}.")
        lines.append(translate(said, language, regions=joined(silent)[language]))
    return [wrapped(line, indent="    ") for line in lines]


def _both(counts: Json) -> str:
    return f"{counts['push'] + counts['environment']}/{counts['pull']}"


def _totals(row: Json) -> Json:
    return {"events": row["events"], "push": row["push"] + row["environment"], "pull": row["pull"]}


def explained(fit: Json, language: str) -> str:
    """Return the first three with their prerequisites and reasons."""
    lines = [translate(_("Reasons for the first three"), language)]
    for row in fit["distinctive"][:EXPLAINED]:
        lines.append(f"  {row['rank']}. {row['names'][language]}  {times(row['score_ppm'])}")
        lines += [f"     {_prerequisite(item, language)}" for item in row["prerequisites"]]
        if row.get("given") == "this region and the country":
            lines.append(f"     {translate(ALONE, language)}")
        lines += [f"     {line}" for reason in row["reasons"] for line in _reason_lines(reason, language)]
    return "\n".join(_kept(line) for line in lines)


def _kept(line: str) -> str:
    """Return ``line`` broken to the page, its later lines indented as far as the first and a little more."""
    return wrapped(line, indent=" " * (len(line) - len(line.lstrip()) + 2))


def _prerequisite(item: Json, language: str) -> str:
    states = {
        True: _("prerequisite met"),
        False: _("prerequisite missing"),
        None: _("prerequisite to be established"),
    }
    line = translate(
        _("{state} ({kind}): {said}"),
        language,
        state=translate(states[item["met"]], language),
        kind=translate(KIND_NAMES[item["kind"]], language),
        said=item["text"][language],
    )
    if item["figure"] is None:
        return line
    return translate(_("{said} ({figure})"), language, said=line, figure=_figure(item["figure"], language))


def _reason_lines(reason: Json, language: str) -> list[str]:
    """Return a reason and, indented, the single figures that it is the sum of."""
    lines = [_reason(reason, language)]
    if reason.get("partial"):
        lines[0] += " " + translate(_("[in part: a class of it belongs to another division]"), language)
    beside = reason.get("compared_with")
    if beside is not None:
        shown = translate(_("the whole country: {figure}"), language, figure=_figure(beside, language))
        lines.append(f"       {shown}")
    parts = reason.get("parts", [])
    if len(parts) > 1:
        lines += [f"       {_reason(part, language)}" for part in parts]
    return lines


def _reason(reason: Json, language: str) -> str:
    return translate(
        _("{times}  {industry}: {figure}"),
        language,
        times=times(reason["location_quotient_ppm"]),
        industry=reason["industry"][language],
        figure=_figure(reason, language),
    )


def _figure(figure: Json, language: str) -> str:
    if figure.get("assumed"):
        year = translate(_("assumed"), language)
    elif figure["year"] is None:
        year = translate(_("year not stated"), language)
    else:
        year = str(figure["year"])
    amount = _amount(figure["value"], figure["unit"], language)
    return translate(_("{amount}, {year}"), language, amount=amount, year=year)


def _amount(value: int, unit: str, language: str) -> str:
    """Return a value with its unit; yes or no for a fact such as a sea coast, a percentage for a density."""
    if unit == DENSITY_UNIT:
        return translate(_("relatedness density {share}"), language, share=percent(value))
    if unit.startswith(FACT_UNIT):
        return translate(_("yes") if value else _("no"), language)
    return translate(_("{value} {unit}"), language, value=f"{value:,}", unit=translate(unit, language))


def unread(fit: Json, language: str) -> str:
    """Return the fields that structure does not tell, with the data that would."""
    if not fit["not_readable"]:
        return ""
    lines = [translate(_("Not readable from structure"), language)]
    for row in fit["not_readable"]:
        said = translate(_("{scenario}: {why}"), language, scenario=row["names"][language], why=row["why"][language])
        lines.append(f"  {said}")
        if row["needs"]:
            needs = translate(_("; "), language).join(need[language] for need in row["needs"])
            lines.append("     " + translate(_("It would need: {needs}."), language, needs=needs))
        lines += [_undated(figure, language) for figure in row["undated"]]
        if "policies" in row:
            counts = row["policies"]
            told = _("policies here: pushes {push}, pulls {pull}")
            pushes = counts["push"] + counts["environment"]
            lines.append("     " + translate(told, language, push=pushes, pull=counts["pull"]))
    return "\n".join(_kept(line) for line in lines)


def _undated(figure: Json, language: str) -> str:
    return "     " + translate(
        _("{figure}: {value} {unit}, year not stated in the source: not current, not used."),
        language,
        figure=figure["industry"][language],
        value=f"{figure['value']:,}",
        unit=translate(figure["unit"], language),
    )
