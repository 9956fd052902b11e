"""The closed set of field types. A validator answers None, or the rule's code that refuses the value.

One pass, no floats, no free text: a field can hold a code, a number, a time, a digest, a reference, or the short label
of something public. Codes: ``field.type`` (wrong CBOR type), ``field.range`` (right type, value not allowed).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from poju.ledger.cbor import Value
from poju.ledger.statement import NAME, SUBJECT_NAME
from poju.scenario.toml import Names

Validator = Callable[[Value], str | None]

DIGEST_BYTES = 32
HANDLE_DIGITS = 32
LABEL_CHARACTERS = 80
SIGNED_BYTES = 2048
LARGEST = (1 << 62) - 1
LATEST = (1 << 40) - 1
PPM_LARGEST = 1_000_000

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,47}")
# A log's name as a checkpoint carries it: a host and a path, without a scheme (C2SP tlog-checkpoint's origin line).
ORIGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~/-]{0,127}")
HANDLE = re.compile(r"[0-9a-f]{32}")
# A label is one line of letters, digits, spaces and everyday punctuation of the three languages.
LABEL = re.compile(r"[\w .,:;()/+&'·、,。:;()《》〈〉「」“”〔〕%%°×→—–-]{1,80}")

TYPE, RANGE = "field.type", "field.range"

TEXT_TYPES = ("text-enum", "code", "member", "role", "handle", "subject", "label", "origin")
INTEGER_TYPES = ("int", "time", "duration", "fen", "ppm", "count")
BYTE_TYPES = ("bytes", "digest", "key", "signed")
SCALAR_TYPES = ("bool", *INTEGER_TYPES, *BYTE_TYPES, *TEXT_TYPES)
LIST_PREFIX, MAP_PREFIX = "list-of-", "map-of-"
LISTABLE = ("code", "member", "role", "handle", "subject", "digest", "label", "int")
MAPPABLE = ("int", "digest", "label", "code")
NUMBER_TYPES = ("int", "duration", "fen", "ppm", "count")

BOUNDS = {
    "int": (-LARGEST, LARGEST),
    "time": (0, LATEST),
    "duration": (0, LATEST),
    "fen": (0, LARGEST),
    "ppm": (0, PPM_LARGEST),
    "count": (0, LARGEST),
}


@dataclass(frozen=True)
class Field:
    """One field of a kind, as its TOML says. ``maximum_items`` bounds lists and maps; ``length`` is exact, in bytes."""

    name: str
    type: str
    meaning: Names
    field_class: str
    optional: bool = False
    unit: str = ""
    length: int | None = None
    values: tuple[str, ...] = ()
    maximum_items: int = 0
    minimum: int | None = None
    maximum: int | None = None

    @property
    def item_type(self) -> str:
        """The scalar type: the field's own, or that of a list's or map's items (``digests`` is read as ``digest``)."""
        scalar = self.type.removeprefix(LIST_PREFIX).removeprefix(MAP_PREFIX)
        return scalar if scalar in SCALAR_TYPES else scalar.removesuffix("s")


def _pattern(pattern: re.Pattern[str], allowed: Collection[str] | None) -> Validator:
    def check(value: Value) -> str | None:
        if not isinstance(value, str):
            return TYPE
        holds = pattern.fullmatch(value) if allowed is None else value in allowed
        return None if holds else RANGE

    return check


def _integer(low: int, high: int) -> Validator:
    def check(value: Value) -> str | None:
        if not isinstance(value, int) or isinstance(value, bool):
            return TYPE
        return None if low <= value <= high else RANGE

    return check


def _bytes(low: int, high: int) -> Validator:
    def check(value: Value) -> str | None:
        if not isinstance(value, bytes):
            return TYPE
        return None if low <= len(value) <= high else RANGE

    return check


def _boolean(value: Value) -> str | None:
    return None if isinstance(value, bool) else TYPE


def _list(item: Validator, maximum: int) -> Validator:
    def check(value: Value) -> str | None:
        if not isinstance(value, list):
            return TYPE
        if len(value) > maximum:
            return RANGE
        answers = [answer for answer in map(item, value) if answer]
        # Lists stand for sets: a repeated item would give one meaning two encodings.
        return answers[0] if answers else (None if all(value.count(one) == 1 for one in value) else RANGE)

    return check


def _map(item: Validator, maximum: int) -> Validator:
    def check(value: Value) -> str | None:
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            return TYPE
        if len(value) > maximum or not all(CODE.fullmatch(key) for key in value):
            return RANGE
        return next((answer for answer in map(item, value.values()) if answer), None)

    return check


def _scalar(field: Field, allowed: Collection[str] | None) -> Validator:
    kind = field.item_type
    if kind == "bool":
        return _boolean
    if kind in INTEGER_TYPES:
        low, high = BOUNDS[kind]
        return _integer(
            low if field.minimum is None else field.minimum, high if field.maximum is None else field.maximum
        )
    if kind in BYTE_TYPES:
        exact = DIGEST_BYTES if kind in {"digest", "key"} else field.length
        return _bytes(exact, exact) if exact else _bytes(1, SIGNED_BYTES)
    patterns = {"member": NAME, "subject": SUBJECT_NAME, "handle": HANDLE, "label": LABEL, "origin": ORIGIN}
    return _pattern(patterns.get(kind, CODE), field.values or allowed)


def compile_field(field: Field, allowed: Collection[str] | None) -> Validator:
    """Return the validator of ``field``; ``allowed`` closes its codes or roles to the package's own list, if given."""
    scalar = _scalar(field, allowed)
    if field.type.startswith(LIST_PREFIX):
        return _list(scalar, field.maximum_items)
    if field.type.startswith(MAP_PREFIX):
        return _map(scalar, field.maximum_items)
    return scalar
