"""``poju scenario check``: refuses a package that is not closed.

A package is closed when every role can be held and does something, every kind can be issued, every state can be
reached and left, every step can be made, every indicator reads fields that exist, every condition reads an indicator
that exists, no field is free text, and the access policies hold strictly against their schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from poju.errors import CallerError
from poju.i18n import _
from poju.scenario import check_access, check_draft, check_governance, check_workflow
from poju.scenario.files import read_files
from poju.scenario.kinds import ANYONE, FIELD_CLASSES, Kind
from poju.scenario.package import Package, load
from poju.scenario.problem import Problem
from poju.scenario.toml import fault, parse

HEADERS = ("id", "unit", "direction", "numerator", "denominator", "minimum", "guard", "class", "uses")
CLAIM_FIELDS = ("index", "time", "issuer", "subject")
"""What every statement has beside its fields; an indicator may read these too."""


def check(folder: Path) -> list[Problem]:
    """Return what keeps the package in ``folder`` from being closed; an empty list where nothing does.

    Raises ``package.no-folder`` or ``package.malformed`` where there is no package to check: no folder, or a
    ``scenario.toml`` that is missing or no TOML.
    """
    files = read_files(folder)
    if "scenario.toml" not in files:
        raise fault("scenario.toml", "it is missing")
    parse(files["scenario.toml"], "scenario.toml")
    try:
        package = load(folder)
    except CallerError as error:
        file = str(error.parameters.get("file", "statements"))
        return [Problem(file, error.code, error.message, error.hint, error.parameters)]
    return list(problems(package))


def problems(package: Package) -> Iterator[Problem]:
    """Yield every problem of a package that could be loaded, file by file."""
    kinds = package.all_kinds()
    yield from _roles(package, kinds)
    yield from _kinds(package, kinds)
    yield from _lists(package, kinds)
    yield from _points(package)
    yield from check_governance.problems(package)
    yield from check_workflow.problems(package, kinds)
    yield from check_access.problems(package)
    yield from _indicators(package, kinds)
    yield from _programme(package)
    if "README.md" not in package.files:
        yield Problem(
            "README.md",
            "package.no-readme",
            _("There is no README.md."),
            _("Write one page that an official can read: what is opened, to whom, under which rules."),
        )


def _roles(package: Package, kinds: Mapping[str, Kind]) -> Iterator[Problem]:
    used = {name for kind in kinds.values() for name in kind.by}
    used |= {name for row in package.workflow.transitions for name in row.by}
    for role in package.roles.values():
        if package.conflict(role.capabilities):
            yield Problem(
                "scenario.toml",
                "role.nobody-can-hold",
                _("Nobody can hold the role {role}: its capabilities are declared incompatible."),
                _("Split the role, or take one of its capabilities away."),
                {"role": role.id},
            )
        if not used & (role.capabilities | {role.id}):
            yield Problem(
                "scenario.toml",
                "role.does-nothing",
                _("The role {role} can do nothing: no statement and no step is open to it."),
                _("Give it a capability, name it in a statement's by, or take it out."),
                {"role": role.id},
            )
    authorities = [role.id for role in package.roles.values() if "authority" in role.capabilities]
    if len(authorities) != 1:
        yield Problem(
            "scenario.toml",
            "role.one-authority",
            _("{count} roles have the capability authority; there must be exactly one."),
            _("Give the capability to the one role that opens and governs the scenario."),
            {"count": len(authorities)},
        )


def _kinds(package: Package, kinds: Mapping[str, Kind]) -> Iterator[Problem]:
    held = {capability for role in package.roles.values() for capability in role.capabilities}
    for kind in kinds.values():
        file = f"statements/{kind.id}.toml" if not kind.generic else "scenario.toml"
        speakers = held | {ANYONE} if kind.generic else set(package.roles)
        unknown = [] if kind.generic else sorted(set(kind.by) - speakers)
        if unknown:
            yield Problem(
                file,
                "role.unknown",
                _("{where} names the role {role}, which the package does not have."),
                _("Declare the role in scenario.toml, or correct the name."),
                {"where": kind.id, "role": unknown[0]},
            )
        if not kind.self_certified and not set(kind.by) & speakers:
            yield Problem(
                file,
                "kind.nobody-may-issue",
                _("Nobody may issue the statement kind {kind}: no role fits {by}."),
                _("Give one role that capability in scenario.toml, or name a role in the kind's by."),
                {"kind": kind.id, "by": ", ".join(kind.by) or "-"},
            )
        if not kind.generic:
            yield from _fields(kind, file)


def _fields(kind: Kind, file: str) -> Iterator[Problem]:
    for field in kind.fields.values():
        if field.item_type == "label" and field.field_class != FIELD_CLASSES[0]:
            yield Problem(
                file,
                "field.free-text",
                _("The field {field} of {kind} is a label for members only: it could carry words about a person."),
                _("Use a code from a list; labels are for public names of organisations and things."),
                {"field": field.name, "kind": kind.id},
            )


def _lists(package: Package, kinds: Mapping[str, Kind]) -> Iterator[Problem]:
    lists = package.code_lists()
    for name, chosen in package.enumerated.items():
        kind, _dot, field = name.partition(".")
        found = kinds[kind].fields.get(field) if kind in kinds else None
        if found is None or found.item_type != "code" or chosen not in lists:
            yield Problem(
                "scenario.toml",
                "enumerated.unknown",
                _("enumerated: {field} = {list} joins a field and a list that are not both there."),
                _("Name a field of type code as kind.field, and one of these lists: {lists}."),
                {"field": name, "list": chosen, "lists": ", ".join(lists)},
            )


def _points(package: Package) -> Iterator[Problem]:
    states = {(state.subject, state.id) for state in package.workflow.states}
    for point in package.decision_points.values():
        if point.track not in package.tracks or (point.subject, point.state) not in states:
            yield Problem(
                "scenario.toml",
                "decision-point.unknown",
                _("The decision point {point} stands at a track or a state that does not exist."),
                _("Name a track of scenario.toml, and a subject and state of workflows.toml."),
                {"point": point.id},
            )
    # A draft says so of itself, and its note tells the same; until a track opens nothing can be submitted or paid.
    waiting = bool(package.tracks) and check_draft.waits_for_tracks(package.files)
    if not waiting and not any(track.status == "open" for track in package.tracks.values()):
        yield Problem(
            "scenario.toml",
            "track.none-open",
            _("No track is open, so there is nothing that providers could solve."),
            _('Set status = "open" on at least one track.'),
        )


def _indicators(package: Package, kinds: Mapping[str, Kind]) -> Iterator[Problem]:
    for indicator in package.indicators.values():
        file = f"indicators/{indicator.id}.sql"
        missing = [key for key in HEADERS if not indicator.header.get(key)]
        if missing or indicator.header.get("id") != indicator.id:
            yield Problem(
                file,
                "indicator.header",
                _("The header of the indicator {indicator} lacks {keys}, or its id is not the file's name."),
                _("Begin the query with one comment line for each: -- key: value."),
                {"indicator": indicator.id, "keys": ", ".join(missing) or "-"},
            )
        for use in indicator.uses:
            kind, _dot, field = use.partition(".")
            if kind not in kinds or field not in {*kinds[kind].fields, *CLAIM_FIELDS}:
                yield Problem(
                    file,
                    "indicator.field-unknown",
                    _("The indicator {indicator} reads {field}, which no statement has."),
                    _("Correct the line -- uses: it lists kind.field, separated by commas."),
                    {"indicator": indicator.id, "field": use},
                )


def _programme(package: Package) -> Iterator[Problem]:
    terms = package.programme
    instrument, condition = terms.get("instrument"), terms.get("condition")
    if not isinstance(instrument, dict) or not all(_positive(instrument.get(key)) for key in ("cap_fen", "budget_fen")):
        yield Problem(
            "programme.toml",
            "programme.no-cap",
            _("The support programme has no instrument with a cap and a budget."),
            _("Write [instrument] with cap_fen and budget_fen, both above 0."),
        )
    if not isinstance(condition, dict) or not _positive(condition.get("minimum_lower_ppm")):
        yield Problem(
            "programme.toml",
            "programme.no-condition",
            _("The support programme pays without a condition."),
            _("Write [condition] with the indicator and its minimum_lower_ppm."),
        )
        return
    if condition.get("indicator") not in package.indicators:
        yield Problem(
            "programme.toml",
            "programme.indicator-unknown",
            _("The support programme's condition reads the indicator {indicator}, which does not exist."),
            _("Name one of these: {indicators}."),
            {"indicator": condition.get("indicator"), "indicators": ", ".join(package.indicators) or "-"},
        )
    if condition.get("attestations", 0) < package.thresholds["attestations"]:
        yield Problem(
            "programme.toml",
            "programme.attestations",
            _("The support programme asks for fewer attestations than the scenario's threshold of {count}."),
            _("Raise attestations in [condition], or lower the threshold in scenario.toml."),
            {"count": package.thresholds["attestations"]},
        )
    if terms.get("track") not in package.tracks:
        yield Problem(
            "programme.toml",
            "programme.track-unknown",
            _("The support programme is for the track {track}, which does not exist."),
            _("Name one of the tracks of scenario.toml."),
            {"track": terms.get("track")},
        )


def _positive(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
