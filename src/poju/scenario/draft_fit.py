"""Read a fit's answer for a draft, strictly: the file may come from anywhere.

Only what the draft's README repeats is taken: region, ranks, figures with their sources, what was missing. Every text
is one line and bounded; what is no such answer ends in ``draft-fit-shape``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from poju.errors import CallerError, OperatorError
from poju.i18n import LANGUAGES, _
from poju.scenario.toml import Names

MAXIMUM_BYTES = 16 << 20
LONGEST_TEXT = 300
MOST_ITEMS = 64
LARGEST = 10**15


@dataclass(frozen=True)
class Reason:
    """One figure behind the choice.

    ``times_ppm``: how it compares with all regions, 1,000,000 = alike, or None; ``assumed``: a user set it.
    """

    names: Names
    value: int
    unit: str
    year: int | None
    source: str
    times_ppm: int | None
    assumed: bool


@dataclass(frozen=True)
class Need:
    """A prerequisite: ``met`` is True, False (missing) or None (to be established)."""

    text: Names
    met: bool | None


@dataclass(frozen=True)
class Choice:
    """What the fit said about the chosen scenario; ``interval`` is the rank's range, where it has a rank."""

    region: str
    region_names: Names
    scenario: str
    rank_common: int
    rank_distinctive: int | None
    interval: tuple[int, int] | None
    reasons: tuple[Reason, ...]
    needs: tuple[Need, ...]
    figures_wanted: tuple[Names, ...]


def read(path: Path) -> dict[str, Any]:
    """Return the JSON object in ``path``.

    Raises :class:`OperatorError` ``draft-fit-unreadable``, :class:`CallerError` ``draft-fit-shape`` where it is above
    16 MiB or no strict JSON object in UTF-8 (RFC 8259; no duplicate names, no NaN).
    """
    try:
        with path.open("rb") as handle:
            data = handle.read(MAXIMUM_BYTES + 1)
    except OSError as error:
        raise OperatorError(
            "draft-fit-unreadable",
            _("The fit's answer {path} cannot be read."),
            hint=_("Write it first: poju fit REGION --json > fit.json, or poju fit REGION --out FOLDER."),
            path=path.name,
        ) from error
    if len(data) > MAXIMUM_BYTES:
        _refuse(_("more than 16 MiB"))
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        _refuse(_("no strict JSON in UTF-8"))
    return _table(found, "the file")


def preferred(answer: dict[str, Any]) -> str:
    """Return the scenario to draft where none is named.

    It is the brief's first choice, else the first distinctive one that has no prerequisite known to be missing.
    """
    brief = answer.get("brief")
    if isinstance(brief, dict):
        choices = _items(brief.get("choices"), "brief.choices")
        if choices:
            return _line(_table(choices[0], "brief.choices").get("scenario"), "brief.choices.scenario")
    for row in _items(answer.get("distinctive"), "distinctive"):
        entry = _table(row, "distinctive")
        if all(need.met is not False for need in _needs(entry)):
            return _line(entry.get("scenario"), "distinctive.scenario")
    return _refuse(_("no scenario that could be chosen without --scenario"))


def choice(answer: dict[str, Any], scenario: str) -> Choice:
    """Return what ``answer`` says of ``scenario``; raise ``draft-fit-shape``, or ``draft-scenario-unknown``."""
    region = _table(answer.get("region"), "region")
    rows = {
        key: [_table(row, key) for row in _items(answer.get(key), key)]
        for key in ("common", "distinctive", "not_readable")
    }
    found = {key: next((row for row in rows[key] if row.get("scenario") == scenario), None) for key in rows}
    common, ranked = found["common"], found["distinctive"]
    told = ranked or found["not_readable"] or common
    if told is None:
        known = [str(row.get("scenario"))[:64] for row in rows["common"]]
        raise CallerError(
            "draft-scenario-unknown",
            _("The fit's answer says nothing about a scenario “{scenario}”."),
            hint=_("Choose one of: {known}."),
            scenario=scenario[:64],
            known=", ".join(known),
        )
    return Choice(
        region=_line(region.get("code"), "region.code"),
        region_names=_names(region.get("name"), "region.name"),
        scenario=scenario,
        rank_common=0 if common is None else _whole(common.get("rank"), "common.rank"),
        rank_distinctive=None if ranked is None else _whole(ranked.get("rank"), "distinctive.rank"),
        interval=None if ranked is None else _interval(ranked.get("interval")),
        reasons=tuple(_reasons(told)),
        needs=tuple(_needs(told)),
        figures_wanted=tuple(_names(item, "needs") for item in _items(told.get("needs"), "needs")),
    )


def _reasons(entry: dict[str, Any]) -> list[Reason]:
    found = []
    for item in _items(entry.get("reasons"), "reasons"):
        row = _table(item, "reasons")
        figure = _line(row.get("figure"), "reasons.figure")
        names = _names(row["industry"], "reasons.industry") if "industry" in row else dict.fromkeys(LANGUAGES, figure)
        year, times = row.get("year"), row.get("location_quotient_ppm")
        found.append(
            Reason(
                names=names,
                value=_whole(row.get("value"), "reasons.value"),
                unit=_line(row.get("unit"), "reasons.unit"),
                year=None if year is None else _whole(year, "reasons.year"),
                source=_line(row.get("source"), "reasons.source"),
                times_ppm=None if times is None else _whole(times, "reasons.location_quotient_ppm"),
                assumed=bool(row.get("assumed")),
            )
        )
    return found


def _needs(entry: dict[str, Any]) -> list[Need]:
    found = []
    for item in _items(entry.get("prerequisites"), "prerequisites"):
        row = _table(item, "prerequisites")
        met = row.get("met")
        if met is not None and not isinstance(met, bool):
            _refuse("prerequisites.met")
        found.append(Need(_names(row.get("text"), "prerequisites.text"), met))
    return found


def _interval(value: object) -> tuple[int, int] | None:
    if value is None:
        return None
    pair = [_whole(item, "interval") for item in _items(value, "interval")]
    if len(pair) != 2:  # noqa: PLR2004 - an interval has two ends
        _refuse("interval")
    return pair[0], pair[1]


def _table(value: object, where: str) -> dict[str, Any]:
    return value if isinstance(value, dict) else _refuse(where)


def _items(value: object, where: str) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) and len(value) <= MOST_ITEMS else _refuse(where)


def _whole(value: object, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > LARGEST:
        _refuse(where)
    return value


def _names(value: object, where: str) -> Names:
    table = _table(value, where)
    return {tag: _line(table.get(tag), f"{where}.{tag}") for tag in LANGUAGES}


def _line(value: object, where: str) -> str:
    """Return ``value`` as one bounded line: what does not print becomes a space, what is too long is cut with …."""
    if not isinstance(value, str) or not value.strip():
        _refuse(where)
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in value[: 4 * LONGEST_TEXT]).split())
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _no_constant(_name: str) -> NoReturn:
    raise ValueError


def _refuse(reason: str) -> NoReturn:
    raise CallerError(
        "draft-fit-shape",
        _("This is no answer of poju fit: {reason}."),
        hint=_("Give the file that poju fit REGION --json prints, or fit.json from poju fit REGION --out FOLDER."),
        reason=reason,
    )
