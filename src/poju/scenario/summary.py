"""A package as a person reads it, and the same as JSON; the generated table of statement kinds in the specification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from poju.i18n import _, translate
from poju.scenario.fields import Field
from poju.scenario.kinds import Kind, room_kinds
from poju.scenario.package import Package
from poju.scenario.workflow import Transition

SECONDS = {86_400: _("{count} days"), 3_600: _("{count} hours"), 60: _("{count} minutes"), 1: _("{count} seconds")}


def describe(package: Package) -> dict[str, Any]:
    """Return the package as JSON values; ``names`` hold three languages, ``digest`` is hexadecimal, times seconds."""
    kinds = package.all_kinds()
    return {
        "id": package.id,
        "version": package.version,
        "names": dict(package.names),
        "digest": package.digest.hex(),
        "sectors": list(package.sectors),
        "formats": list(package.formats),
        "roles": [
            {"id": role.id, "names": dict(role.names), "capabilities": sorted(role.capabilities)}
            for role in package.roles.values()
        ],
        "tracks": [
            {"id": track.id, "names": dict(track.names), "status": track.status} for track in package.tracks.values()
        ],
        "classes": [{"id": name, "names": dict(names)} for name, names in package.classes.items()],
        "purposes": [{"id": name, "names": dict(names)} for name, names in package.purposes.items()],
        "thresholds": dict(package.thresholds),
        "windows": dict(package.windows),
        "recognition_windows": dict(package.recognition_windows),
        "workflows": [_workflow(package, subject) for subject in sorted(package.workflow.subjects)],
        "kinds": [
            {"id": kind.id, "names": dict(kind.names), "roles": roles_for(package, kind)} for kind in kinds.values()
        ],
        "indicators": [
            {"id": indicator.id, "unit": indicator.header.get("unit", ""), "class": indicator.header.get("class", "")}
            for indicator in package.indicators.values()
        ],
    }


def roles_for(package: Package, kind: Kind) -> list[str]:
    """Return the package's roles that may issue ``kind``, in the package's order; none for a self-certified kind."""
    return [
        role.id
        for role in package.roles.values()
        if kind.for_anyone or set(kind.by) & (role.capabilities if kind.generic else {role.id})
    ]


def _workflow(package: Package, subject: str) -> dict[str, Any]:
    states = [state for state in package.workflow.states if state.subject == subject]
    rows = [row for row in package.workflow.transitions if row.subject == subject and not row.refuse]
    return {
        "subject": subject,
        "states": [{"id": state.id, "names": dict(state.names), "terminal": state.terminal} for state in states],
        "transitions": [
            {"from": row.source, "statement": row.statement, "role": ", ".join(row.by), "to": row.target, **_only(row)}
            for row in rows
        ],
    }


def _only(row: Transition) -> dict[str, Any]:
    return {"when": {**row.when, **({"outcome": row.outcome} if row.outcome else {})}, "opener": row.opener}


def readable(package: Package, language: str) -> Iterator[str]:
    """Yield the lines of a summary in ``language``."""
    yield f"{package.names[language]} ({package.id} {package.version})"
    yield translate(_("Digest: {digest}"), language, digest=package.digest.hex())
    yield ""
    yield translate(_("Roles"), language)
    for role in package.roles.values():
        yield f"  {role.id:18} {role.names[language]}: {', '.join(sorted(role.capabilities))}"
    yield ""
    yield translate(_("Tracks"), language)
    for track in package.tracks.values():
        status = translate(_("open to providers") if track.status == "open" else _("declared only"), language)
        yield f"  {track.id:26} {track.names[language]} [{status}]"
    yield ""
    yield translate(_("Workflows"), language)
    for row in package.workflow.transitions:
        if not row.refuse:
            condition = row.outcome or ", ".join(row.when.values())
            step = f"{row.statement} ({condition})" if condition else row.statement
            yield f"  {row.subject:8} {row.source or '·':12} → {row.target:13} {step}: {', '.join(row.by)}"
    yield ""
    yield translate(_("Time windows"), language)
    for name, seconds in package.windows.items():
        yield f"  {name:12} {_duration(seconds, language)}"
    yield ""
    yield translate(_("Indicators: {names}"), language, names=", ".join(package.indicators) or "-")


def _duration(seconds: int, language: str) -> str:
    # At least two of a unit, so that no language needs a singular: 24 hours, not 1 day.
    size = next((size for size in SECONDS if seconds % size == 0 and seconds >= 2 * size), 1)
    return translate(SECONDS[size], language, count=seconds // size)


def statements_table(package: Package) -> str:
    """Return ``docs/spec/statements.md``'s tables: every kind and field, from the TOML that the rules compile."""
    parts = [_kind_section(kind) for kind in room_kinds().values()]
    parts.append(
        f"## Kinds of the package `{package.id}`\n\nTheir `by` names roles of the package, not capabilities.\n"
    )
    parts.extend(_kind_section(kind, level="###") for kind in package.kinds.values())
    return "\n".join(parts)


def _kind_section(kind: Kind, level: str = "##") -> str:
    by = ", ".join(f"`{name}`" for name in kind.by) or "anybody, by the key that the statement carries"
    by = "every admitted member" if kind.for_anyone else by
    decided = " A decision leaf follows." if kind.decides else ""
    before = " Allowed before the scenario is open." if kind.before_opening else ""
    if kind.late:
        before += f" With {kind.late.field} = {kind.late.value}, within the package's window `{kind.late.window}`."
    lines = [
        f"{level} {kind.id}",
        "",
        f"{_names(kind.names)}. Subject: `{kind.subject}`. By: {by}.{decided}{before}",
        "",
        "| Name | Type | Description | Validation | Class |",
        "|---|---|---|---|---|",
    ]
    lines += [_field_row(field) for field in kind.fields.values()]
    return "\n".join(lines) + "\n"


def _names(names: Mapping[str, str]) -> str:
    return f"{names['zh-Hant']} · {names['zh-Hans']} · {names['en']}"


def _field_row(field: Field) -> str:
    rules = []
    if field.values:
        rules.append("one of " + ", ".join(f"`{value}`" for value in field.values))
    if field.length is not None:
        rules.append(f"{field.length} bytes")
    if field.maximum_items:
        rules.append(f"at most {field.maximum_items} items")
    if field.unit:
        rules.append(f"in {field.unit}")
    if field.optional:
        rules.append("may be absent")
    return f"| `{field.name}` | {field.type} | {field.meaning['en']} | {'; '.join(rules)} | {field.field_class} |"
