"""A scenario package: a folder of data that an official can read, named by its digest. No code is in it.

Files: ``scenario.toml``, ``workflows.toml``, ``statements/*.toml``, ``access.cedarschema``, ``access.cedar``,
``indicators/*.sql``, ``programme.toml``, ``README*.md``. Anything else is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from poju.scenario import governance, workflow
from poju.scenario.files import digest_of, read_files
from poju.scenario.governance import Governance
from poju.scenario.kinds import CAPABILITIES, WINDOWS, Kind, merge, parse_kind, room_kinds
from poju.scenario.toml import Names, Table, fault, parse, text
from poju.scenario.workflow import Workflow
from poju.units import Seconds

MAX_CLASSES = 12
THRESHOLDS = ("attestations", "runners")
TRACK_STATES = ("open", "declared")
HEADER_LINE = re.compile(r"--\s*([A-Za-z][A-Za-z0-9 _-]*?)\s*:\s*(.*)")


@dataclass(frozen=True)
class Role:
    """Who may do what: a role's id, its names and its capabilities from the closed set."""

    id: str
    names: Names
    capabilities: frozenset[str]


@dataclass(frozen=True)
class Track:
    """One problem of the scenario; ``status`` is open (providers may compete) or declared (announced only)."""

    id: str
    names: Names
    status: str


@dataclass(frozen=True)
class DecisionPoint:
    """The place in a workflow where a solution is asked: the subject's prefix, its state, and the case format."""

    id: str
    names: Names
    track: str
    subject: str
    state: str
    format: str


@dataclass(frozen=True)
class Indicator:
    """An indicator's published query: its id, header lines and SQL bytes as they stand in the file."""

    id: str
    header: Mapping[str, str]
    query: bytes

    @property
    def uses(self) -> tuple[str, ...]:
        """The fields that the query reads, each ``kind.field``."""
        return tuple(part.strip() for part in self.header.get("uses", "").split(",") if part.strip())


@dataclass(frozen=True)
class Package:
    """A loaded package. Mappings keep the files' order; durations are seconds; ``digest`` is 32 bytes."""

    id: str
    version: str
    names: Names
    digest: bytes
    sectors: tuple[str, ...]
    formats: tuple[str, ...]
    roles: Mapping[str, Role]
    classes: Mapping[str, Names]
    purposes: Mapping[str, Names]
    reasons: Mapping[str, Mapping[str, Names]]
    tracks: Mapping[str, Track]
    decision_points: Mapping[str, DecisionPoint]
    thresholds: Mapping[str, int]
    governance: Governance
    windows: Mapping[str, Seconds]
    recognition_windows: Mapping[str, Seconds]
    enumerated: Mapping[str, str]
    incompatible: tuple[frozenset[str], ...]
    kinds: Mapping[str, Kind]
    workflow: Workflow
    access_schema: str
    access_policies: str
    indicators: Mapping[str, Indicator]
    programme: Mapping[str, Any]
    files: Mapping[str, bytes]

    @property
    def authority_role(self) -> str:
        """The id of the role that holds the capability ``authority``; ``scenario check`` demands exactly one."""
        return next((role.id for role in self.roles.values() if "authority" in role.capabilities), "")

    def capabilities(self, roles: list[str]) -> frozenset[str]:
        """Return all that ``roles`` may do; a role that the package does not know gives nothing."""
        return frozenset[str]().union(*(self.roles[role].capabilities for role in roles if role in self.roles))

    def conflict(self, capabilities: frozenset[str]) -> bool:
        """Return whether one member may not hold all these ``capabilities`` together."""
        return any(pair <= capabilities for pair in self.incompatible)

    def all_kinds(self) -> Mapping[str, Kind]:
        """Return the generic kinds of the rooms and the package's own, by id."""
        return merge(room_kinds(), self.kinds.values())

    def code_lists(self) -> Mapping[str, tuple[str, ...]]:
        """Return every closed list of codes by its name: classes, purposes, tracks, and ``reasons.<group>``."""
        lists = {"classes": tuple(self.classes), "purposes": tuple(self.purposes), "tracks": tuple(self.tracks)}
        return {**lists, **{f"reasons.{group}": tuple(codes) for group, codes in self.reasons.items()}}

    def closed(self) -> Mapping[str, tuple[str, ...]]:
        """Return, for each enumerated ``kind.field``, the codes that it may hold."""
        lists = self.code_lists()
        return {field: lists[name] for field, name in self.enumerated.items() if name in lists}


def digest(folder: Path) -> bytes:
    """Return the digest that names the package in ``folder``: 32 bytes."""
    return digest_of(read_files(folder))


def load(folder: Path) -> Package:
    """Read the package in ``folder``; raise ``package.no-folder``, ``package.malformed`` or ``package.kind-taken``."""
    files = read_files(folder)
    table = _toml(files, "scenario.toml")
    recognition = table.table("recognition_windows", {})
    package = Package(
        id=table.identifier("id"),
        version=table.text("version"),
        names=table.names(),
        digest=digest_of(files),
        sectors=table.texts("sectors"),
        formats=table.texts("formats"),
        roles=_unique(table, "roles", _role),
        classes=_named(table, "classes"),
        purposes=_named(table, "purposes"),
        reasons=_reasons(table),
        tracks=_unique(table, "tracks", _track),
        decision_points=_unique(table, "decision_points", _decision_point),
        thresholds=_positive(table.table("thresholds"), THRESHOLDS),
        governance=governance.read(table),
        windows=_seconds(table.table("windows"), WINDOWS),
        recognition_windows=_seconds(recognition, tuple(recognition.values)),
        enumerated=_enumerated(table.table("enumerated", {})),
        incompatible=_incompatible(table),
        kinds=_kinds(files),
        workflow=workflow.read(_toml(files, "workflows.toml")),
        access_schema=text(_file(files, "access.cedarschema"), "access.cedarschema"),
        access_policies=text(_file(files, "access.cedar"), "access.cedar"),
        indicators=_indicators(files),
        programme=_programme(files),
        files=files,
    )
    table.close()
    if len(package.classes) > MAX_CLASSES:
        raise table.fault(
            "classes", "there are {count}, at most {limit}", count=len(package.classes), limit=MAX_CLASSES
        )
    package.all_kinds()
    return package


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise fault(name, "it is missing")
    return files[name]


def _toml(files: Mapping[str, bytes], name: str) -> Table:
    return parse(_file(files, name), name)


def _unique(table: Table, key: str, read: Any) -> Mapping[str, Any]:  # noqa: ANN401 - one reader per kind of entry
    found: dict[str, Any] = {}
    for entry in table.tables(key):
        item = read(entry)
        entry.close()
        if item.id in found:
            raise entry.fault("id", "stands twice")
        found[item.id] = item
    return MappingProxyType(found)


def _role(entry: Table) -> Role:
    role = Role(entry.identifier("id"), entry.names(), frozenset(entry.texts("capabilities")))
    unknown = sorted(role.capabilities - set(CAPABILITIES))
    if unknown:
        raise entry.fault("capabilities", "{name} is not in the closed set", name=unknown[0])
    if role.id in CAPABILITIES and role.id not in role.capabilities:
        raise entry.fault("id", "a role named like a capability must have that capability")
    return role


def _track(entry: Table) -> Track:
    track = Track(entry.identifier("id"), entry.names(), entry.text("status"))
    if track.status not in TRACK_STATES:
        raise entry.fault("status", "is neither open nor declared")
    return track


def _decision_point(entry: Table) -> DecisionPoint:
    values = (entry.identifier("track"), entry.text("subject"), entry.identifier("state"), entry.text("format"))
    return DecisionPoint(entry.identifier("id"), entry.names(), *values)


def _named(table: Table, key: str) -> Mapping[str, Names]:
    found: dict[str, Names] = {}
    for entry in table.tables(key):
        identifier = entry.identifier("id")
        if identifier in found:
            raise entry.fault("id", "stands twice")
        found[identifier] = entry.names()
        entry.close()
    return MappingProxyType(found)


def _reasons(table: Table) -> Mapping[str, Mapping[str, Names]]:
    groups = table.table("reasons", {})
    return MappingProxyType({group: _named(groups, group) for group in groups.values})


def _positive(table: Table, keys: tuple[str, ...]) -> Mapping[str, int]:
    values = {key: table.integer(key) for key in keys}
    table.close()
    wrong = [key for key, value in values.items() if value < 1]
    if wrong:
        raise table.fault(wrong[0], "must be at least 1")
    return MappingProxyType(values)


def _seconds(table: Table, keys: tuple[str, ...]) -> Mapping[str, Seconds]:
    return MappingProxyType({key: Seconds(value) for key, value in _positive(table, keys).items()})


def _enumerated(table: Table) -> Mapping[str, str]:
    return MappingProxyType({name: table.text(name) for name in table.values})


def _incompatible(table: Table) -> tuple[frozenset[str], ...]:
    pairs = []
    for entry in table.tables("incompatible"):
        pair = frozenset(entry.texts("capabilities"))
        entry.close()
        if len(pair) < 2 or not pair <= set(CAPABILITIES):  # noqa: PLR2004 - a pair has two
            raise entry.fault("capabilities", "are not two or more capabilities from the closed set")
        pairs.append(pair)
    return tuple(pairs)


def _kinds(files: Mapping[str, bytes]) -> Mapping[str, Kind]:
    names = [name for name in files if name.startswith("statements/")]
    kinds = [parse_kind(files[name], name, "package") for name in names]
    return MappingProxyType({kind.id: kind for kind in kinds})


def _indicators(files: Mapping[str, bytes]) -> Mapping[str, Indicator]:
    found = {}
    for name, content in files.items():
        if name.startswith("indicators/"):
            identifier = name.removeprefix("indicators/").removesuffix(".sql")
            found[identifier] = Indicator(identifier, _header(text(content, name)), content)
    return MappingProxyType(found)


def _header(query: str) -> Mapping[str, str]:
    """Return the ``-- key: value`` lines at the query's top; a repeated key's values are joined by commas."""
    found: dict[str, str] = {}
    for line in query.splitlines():
        if not line.startswith("--"):
            break
        match = HEADER_LINE.fullmatch(line.strip())
        if match:
            key, value = match[1].lower(), match[2].strip()
            found[key] = f"{found[key]}, {value}" if key in found else value
    return MappingProxyType(found)


def _programme(files: Mapping[str, bytes]) -> Mapping[str, Any]:
    """Return ``programme.toml`` as it stands; the support room reads its terms strictly. Empty where it is missing."""
    return MappingProxyType(_toml(files, "programme.toml").values if "programme.toml" in files else {})
