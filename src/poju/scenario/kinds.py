"""Statement kinds: read from TOML, compiled to validators.

A room ships its generic kinds in ``poju/<room>/statements/<kind>.toml``; a package adds its tracks' own in
``statements/<kind>.toml``. Both have one format (docs/spec/statements.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger.cbor import Value
from poju.scenario import fields as types
from poju.scenario.fields import Field, Validator
from poju.scenario.toml import Names, Table, parse

ROOMS = ("scenario", "exchange", "solution", "evidence", "support")
CAPABILITIES = (
    "authority",
    "custodian",
    "requester",
    "identity",
    "provider",
    "runner",
    "attester",
    "auditor",
    "insurer",
    "disease-control",
)
ANYONE = "member"
"""In a generic kind's ``by``: every admitted member, whatever its roles can do."""
WINDOWS = ("freshness", "access", "replica", "emergency", "billing")
FIELD_CLASSES = ("public", "member")
MAX_FIELDS = 16
MAX_ITEMS = 64
KIND_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
FIELD_NAME = re.compile(r"[a-z][a-z_]{0,31}")
SUBJECT_PREFIX = re.compile(r"[a-z][a-z-]{0,31}")


@dataclass(frozen=True)
class Late:
    """Statements whose ``field`` has ``value`` may be registered within the package's time window ``window``."""

    field: str
    value: str
    window: str


@dataclass(frozen=True)
class Kind:
    """One statement kind. ``by``: capabilities (a room's kind) or role ids (a package's); empty for self-certified.

    A room's kind by ``member`` is open to every admitted member.
    """

    id: str
    room: str
    names: Names
    by: tuple[str, ...]
    subject: str
    decides: bool
    self_certified: bool
    before_opening: bool
    late: Late | None
    fields: Mapping[str, Field]

    @property
    def public(self) -> bool:
        """Whether every field of it is for everyone; otherwise members read it as their role allows."""
        return all(field.field_class == "public" for field in self.fields.values())

    @property
    def for_anyone(self) -> bool:
        """Whether every admitted member may state it."""
        return self.generic and ANYONE in self.by

    @property
    def generic(self) -> bool:
        """Whether a room of the product ships it; otherwise the package does."""
        return self.room in ROOMS


def parse_kind(data: bytes, file: str, room: str) -> Kind:
    """Read one kind's TOML; raise ``package.malformed`` with the file and the key."""
    table = parse(data, file)
    kind = Kind(
        id=table.text("id"),
        room=room,
        names=table.names(),
        by=table.texts("by", []),
        subject=table.text("subject"),
        decides=table.flag("decides", default=False),
        self_certified=table.flag("self_certified", default=False),
        before_opening=table.flag("before_opening", default=False),
        late=_late(table),
        fields=_fields(table.table("fields", {})),
    )
    table.close()
    if not KIND_NAME.fullmatch(kind.id) or kind.id != file.rsplit("/", 1)[-1].removesuffix(".toml"):
        raise table.fault("id", "differs from the file's name, or is no kind's name")
    if not SUBJECT_PREFIX.fullmatch(kind.subject):
        raise table.fault("subject", "is no subject prefix of lower-case letters and hyphens")
    if kind.self_certified and (not kind.generic or kind.fields.get("key", None) is None):
        raise table.fault("self_certified", "is for a room's kind with a field named key")
    return kind


def _late(table: Table) -> Late | None:
    if "late" not in table.values:
        return None
    entry = table.table("late")
    late = Late(entry.text("field"), entry.text("value"), entry.text("window"))
    entry.close()
    if late.window not in WINDOWS:
        raise entry.fault("window", "is no time window of a package")
    return late


def _fields(table: Table) -> Mapping[str, Field]:
    if len(table.values) > MAX_FIELDS:
        raise table.fault("", "has {count} fields, at most {limit}", count=len(table.values), limit=MAX_FIELDS)
    return MappingProxyType({name: _field(name, table.table(name)) for name in table.values})


def _field(name: str, table: Table) -> Field:
    kind = table.text("type")
    field = Field(
        name=name,
        type=kind,
        meaning=table.names("meaning"),
        field_class=table.text("class"),
        optional=table.flag("optional", default=False),
        unit=table.text("unit", ""),
        length=table.integer("length") if "length" in table.values else None,
        values=table.texts("values", []),
        maximum_items=table.integer("max", 0),
        minimum=table.integer("minimum") if "minimum" in table.values else None,
        maximum=table.integer("maximum") if "maximum" in table.values else None,
    )
    table.close()
    _check_field(field, table)
    return field


def _check_field(field: Field, table: Table) -> None:
    many = field.type.startswith((types.LIST_PREFIX, types.MAP_PREFIX))
    among: tuple[str, ...] = types.SCALAR_TYPES
    if many:
        among = types.LISTABLE if field.type.startswith(types.LIST_PREFIX) else types.MAPPABLE
    if not FIELD_NAME.fullmatch(field.name):
        raise table.fault("", "is no field name of lower-case letters and underscores")
    if field.item_type not in among:
        raise table.fault("type", "{type} is not in the closed set of types; free text has none", type=field.type)
    if field.field_class not in FIELD_CLASSES:
        raise table.fault("class", "is neither public nor member")
    if many and not 1 <= field.maximum_items <= MAX_ITEMS:
        raise table.fault("max", "a list or map needs max between 1 and {limit}", limit=MAX_ITEMS)
    if field.type == "bytes" and not (field.length and 1 <= field.length <= types.SIGNED_BYTES):
        raise table.fault("length", "bytes need their exact length")
    if (field.type == "text-enum") != bool(field.values):
        raise table.fault("values", "belong to a text-enum, and a text-enum needs them")


@cache
def room_kinds() -> Mapping[str, Kind]:
    """Return the generic kinds of all rooms by id, in the rooms' and then the files' order."""
    found: dict[str, Kind] = {}
    for room in ROOMS:
        folder = resources.files("poju") / room / "statements"
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir(), key=lambda item: item.name):
            if path.name.endswith(".toml"):
                kind = parse_kind(path.read_bytes(), f"{room}/statements/{path.name}", room)
                found[kind.id] = kind
    return MappingProxyType(found)


def merge(generic: Mapping[str, Kind], own: Iterable[Kind]) -> Mapping[str, Kind]:
    """Return ``generic`` and the package's ``own`` kinds; raise ``package.kind-taken`` where an id stands twice."""
    merged = dict(generic)
    for kind in own:
        if kind.id in merged:
            raise CallerError(
                "package.kind-taken",
                _("The package defines the statement kind {kind}, which exists already."),
                hint=_("Give the package's kind another id; generic kinds cannot be redefined."),
                kind=kind.id,
            )
        merged[kind.id] = kind
    return MappingProxyType(merged)


FieldsCheck = Callable[[Mapping[str, Value]], str | None]
"""Answers None where the fields hold, else the refusal's code."""


def compile_kind(kind: Kind, closed: Mapping[str, Collection[str]], roles: Collection[str]) -> FieldsCheck:
    """Return the check of a payload: ``field.missing``, ``field.unknown``, ``field.type``, ``field.range``, or None.

    ``closed`` maps ``kind.field`` to the codes that the package allows there; role fields hold the package's roles.
    """
    validators: dict[str, Validator] = {}
    for field in kind.fields.values():
        allowed = roles if field.item_type == "role" else closed.get(f"{kind.id}.{field.name}")
        validators[field.name] = types.compile_field(field, allowed)
    required = frozenset(field.name for field in kind.fields.values() if not field.optional)

    def check(payload: Mapping[str, Value]) -> str | None:
        if not required <= payload.keys():
            return "field.missing"
        for name, value in payload.items():
            validator = validators.get(name)
            answer = "field.unknown" if validator is None else validator(value)
            if answer:
                return answer
        return None

    return check
