"""Strict deterministic CBOR (RFC 8949 §4.2.1), the only encoding that the ledger hashes or signs.

Reading is a decoder of our own: a general one gives meaning to tags (shared and cyclic references, back-references to
strings, regular expressions), with which sixty kilobytes of input can be made to unfold without end.
"""

from __future__ import annotations

from typing import Any

import cbor2

from poju.errors import CallerError
from poju.i18n import _

MAX_DEPTH = 16
INTEGER_LIMIT = 1 << 63
UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG = range(7)
SIMPLE = {0xF4: False, 0xF5: True, 0xF6: None}
INLINE = 24
LONGEST_ARGUMENT = 27
STRINGS = frozenset({BYTES, TEXT})
KEYS = frozenset({UNSIGNED, NEGATIVE, TEXT})

Value = Any
"""None, bool, int, bytes, str, list of Value, or dict of int|str to Value; never a float; a tag only outermost."""


def _ordered(value: Value, depth: int) -> Value:
    """Return ``value`` in plain dicts and lists, each map's keys in bytewise order; refuse other types."""
    if value is None or isinstance(value, (bool, bytes, str)):
        return value
    if isinstance(value, int):
        if not -INTEGER_LIMIT <= value < INTEGER_LIMIT:
            raise _malformed("integer outside 64 bits")
        return value
    if depth >= MAX_DEPTH:
        raise _malformed(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, (list, tuple)):
        return [_ordered(item, depth + 1) for item in value]
    if isinstance(value, dict):
        if not all(isinstance(key, (int, str)) and not isinstance(key, bool) for key in value):
            raise _malformed("map key is neither integer nor text")
        return {_ordered(key, depth): _ordered(value[key], depth + 1) for key in sorted(value, key=cbor2.dumps)}
    raise _malformed(f"type {type(value).__name__}")


def _malformed(reason: str) -> CallerError:
    return CallerError(
        "cbor.malformed",
        _("These bytes are not strict deterministic CBOR: {reason}."),
        hint=_("Encode as in RFC 8949 section 4.2.1: shortest forms, sorted keys, no floats, no indefinite lengths."),
        reason=reason,
    )


def encode(value: Value) -> bytes:
    """Return the one deterministic encoding of ``value``; raise ``cbor.malformed`` where it has none."""
    try:
        if isinstance(value, cbor2.CBORTag):
            return cbor2.dumps(cbor2.CBORTag(value.tag, _ordered(value.value, 1)))
        return cbor2.dumps(_ordered(value, 0))
    except UnicodeEncodeError as error:
        raise _malformed("text is not Unicode") from error


def decode(data: bytes, limit: int = 65_535) -> Value:
    """Return the value that ``data`` encodes, or raise ``cbor.malformed``.

    Each value has one accepted encoding, so encoding the result again gives ``data``. Time is linear in its length.
    """
    if len(data) > limit:
        raise _malformed(f"{len(data)} bytes, at most {limit}")
    try:
        if data[0] >> 5 == TAG:
            _major, number, at = _head(data, 0)
            inner, end = _item(data, at, 1)
            value: Value = cbor2.CBORTag(number, inner)
        else:
            value, end = _item(data, 0, 0)
    except IndexError as error:
        raise _malformed("it ends too early") from error
    except UnicodeDecodeError as error:
        raise _malformed("text is not UTF-8") from error
    if end != len(data):
        raise _malformed("bytes follow the item")
    return value


def _item(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    """Return the item at ``at``, which stands inside ``depth`` others, and where it ends."""
    initial = data[at]
    if initial in SIMPLE:
        return SIMPLE[initial], at + 1
    major, argument, at = _head(data, at)
    if major in STRINGS:
        end = at + argument
        taken = data[at:end]
        if len(taken) != argument:
            raise _malformed("it ends too early")
        return (taken if major == BYTES else taken.decode()), end
    if major <= NEGATIVE:
        if argument >= INTEGER_LIMIT:
            raise _malformed("integer outside 64 bits")
        return (argument if major == UNSIGNED else -1 - argument), at
    if major == TAG:
        raise _malformed("a tag inside another item")
    if depth >= MAX_DEPTH:
        raise _malformed(f"nested deeper than {MAX_DEPTH}")
    return _array(data, at, argument, depth + 1) if major == ARRAY else _map(data, at, argument, depth + 1)


def _head(data: bytes, at: int) -> tuple[int, int, int]:
    """Return major type and argument of the head at ``at``, in the shortest form, and where it ends."""
    initial = data[at]
    major, low = initial >> 5, initial & 31
    if major > TAG or low > LONGEST_ARGUMENT:
        raise _malformed("a float, a simple value or an indefinite length")
    if low < INLINE:
        return major, low, at + 1
    width = 1 << (low - INLINE)
    end = at + 1 + width
    if end > len(data):
        raise _malformed("it ends too early")
    argument = int.from_bytes(data[at + 1 : end], "big")
    if argument < (INLINE if width == 1 else 1 << (4 * width)):
        raise _malformed("not the shortest form")
    return major, argument, end


def _array(data: bytes, at: int, count: int, depth: int) -> tuple[list[Value], int]:
    found = []
    for _position in range(count):
        value, at = _item(data, at, depth)
        found.append(value)
    return found, at


def _map(data: bytes, at: int, count: int, depth: int) -> tuple[dict[int | str, Value], int]:
    found: dict[int | str, Value] = {}
    previous = b""
    for _position in range(count):
        start = at
        if data[at] >> 5 not in KEYS:
            raise _malformed("map key is neither integer nor text")
        key, at = _item(data, at, depth)
        encoded = data[start:at]
        if encoded <= previous:
            raise _malformed("map keys are not sorted and unique")
        previous = encoded
        found[key], at = _item(data, at, depth)
    return found, at
