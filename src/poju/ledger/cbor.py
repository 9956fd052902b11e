"""Strict deterministic CBOR (RFC 8949 §4.2.1), the only encoding that the ledger hashes or signs.

Writing is ours: it defines the one accepted form. Reading is cbor2 with every tag switched off; what it read is walked
through for types, ranges and the order of keys, and written again by cbor2, whose heads are the shortest: other bytes
than those that came are refused, so that each value has one accepted encoding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NoReturn

import cbor2

from poju.errors import CallerError
from poju.i18n import _

MAX_DEPTH = 16
INTEGER_LIMIT = 1 << 63
UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG = (major << 5 for major in range(7))
INLINE = 24
WIDTHS = ((1, 24), (2, 25), (4, 26), (8, 27))
ONE_BYTE_ARGUMENT = 256
SHORT = {
    major: [bytes([major | value]) if value < INLINE else bytes([major | INLINE, value]) for value in range(256)]
    for major in (UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG)
}
"""Every head of at most two bytes, by major type."""
HASH_HEAD = b"\x58\x20"
KEY_TYPES = frozenset({int, str})
PLAIN_TYPES = frozenset({str, bytes, bool, type(None)})
SHAPES = 512
SHARED, SHARED_BYTES = 65_536, 4_096
MAX_STATE_BYTES = 1 << 20

Value = Any
"""None, bool, int, bytes, str, list of Value, or dict of int|str to Value; never a float; a tag only outermost."""

# Tags to which cbor2 gives a meaning of its own: with shared references, back-references to strings or regular
# expressions, sixty kilobytes of input can be made to unfold without end. tag_hook gets all the others.
MEANINGFUL_TAGS = (
    *range(6), 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799,
)  # fmt: skip


def _malformed(reason: str) -> CallerError:
    return CallerError(
        "cbor.malformed",
        _("These bytes are not strict deterministic CBOR: {reason}."),
        hint=_("Encode as in RFC 8949 section 4.2.1: shortest forms, sorted keys, no floats, no indefinite lengths."),
        reason=reason,
    )


def _no_tag(*_arguments: object) -> NoReturn:
    raise _malformed("a tag inside another item")


_NO_TAGS = dict.fromkeys(MEANINGFUL_TAGS, _no_tag)


def encode(value: Value) -> bytes:
    """Return the one deterministic encoding of ``value``; raise ``cbor.malformed`` where it has none."""
    parts: list[bytes] = []
    try:
        if isinstance(value, cbor2.CBORTag):
            parts.append(_head(TAG, value.tag))
            _write(value.value, parts, 1)
        else:
            _write(value, parts, 0)
    except UnicodeEncodeError as error:
        raise _malformed("text is not Unicode") from error
    return b"".join(parts)


def byte_string(value: bytes) -> bytes:
    """Return the encoding of a byte string."""
    return _head(BYTES, len(value)) + value


def text(value: str) -> bytes:
    """Return the encoding of a text; raise ``cbor.malformed`` where it is not Unicode."""
    try:
        data = value.encode()
    except UnicodeEncodeError as error:
        raise _malformed("text is not Unicode") from error
    return _head(TEXT, len(data)) + data


def hashes(items: Sequence[bytes]) -> bytes:
    """Return the array of byte strings of 32 bytes each: a receipt's path, of which there is one a statement."""
    return _head(ARRAY, len(items)) + (HASH_HEAD + HASH_HEAD.join(items) if items else b"")


def array(items: Sequence[bytes]) -> bytes:
    """Return the array of items that are encoded already."""
    return _head(ARRAY, len(items)) + b"".join(items)


def _head(major: int, argument: int) -> bytes:
    """Return the shortest head (RFC 8949 §3)."""
    if argument < ONE_BYTE_ARGUMENT:  # most lengths: the loop costs ten times as much
        return SHORT[major][argument]
    for width, low in WIDTHS:
        if not argument >> (8 * width):
            return bytes([major | low]) + argument.to_bytes(width, "big")
    raise _malformed("integer outside 64 bits")


@lru_cache(SHAPES)
def _ordered(keys: tuple[int | str, ...]) -> tuple[tuple[bytes, int | str], ...]:
    """Return each key behind its encoding, in bytewise order; maps have few shapes, so that each is sorted once."""
    return tuple(sorted((encode(key), key) for key in keys))


def _write(value: Value, parts: list[bytes], depth: int) -> None:
    """Append the encoding of ``value``, which stands inside ``depth`` others."""
    kind = type(value)
    if kind is str:
        text = value.encode()
        parts.append(_head(TEXT, len(text)) + text)
    elif kind is bytes:
        parts.append(byte_string(value))
    elif kind is int:
        parts.append(integer(value))
    elif kind is dict:
        _write_map(value, parts, depth)
    elif kind is list or kind is tuple:
        _nested(depth)
        parts.append(_head(ARRAY, len(value)))
        for item in value:
            _write(item, parts, depth + 1)
    elif value is None or kind is bool:
        parts.append(b"\xf6" if value is None else b"\xf5" if value else b"\xf4")
    elif isinstance(value, int):
        parts.append(integer(int(value)))
    else:
        raise _malformed(f"type {kind.__name__}")


def integer(value: int) -> bytes:
    """Return the encoding of an integer; raise ``cbor.malformed`` outside 64 bits with a sign."""
    if not -INTEGER_LIMIT <= value < INTEGER_LIMIT:
        raise _malformed("integer outside 64 bits")
    return _head(UNSIGNED, value) if value >= 0 else _head(NEGATIVE, -1 - value)


def _nested(depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise _malformed(f"nested deeper than {MAX_DEPTH}")


def _write_map(value: dict[int | str, Value], parts: list[bytes], depth: int) -> None:
    _nested(depth)
    # exact types: to Python true is 1, and as a key it would be written as its twin
    if not KEY_TYPES.issuperset(map(type, value)):
        raise _malformed("map key is neither integer nor text")
    parts.append(_head(MAP, len(value)))
    for encoded, key in _ordered(tuple(value)):
        parts.append(encoded)
        _write(value[key], parts, depth + 1)


def decode(data: bytes, limit: int = 65_535) -> Value:
    """Return the value that ``data`` encodes, or raise ``cbor.malformed``.

    Each value has one accepted encoding, so encoding the result again gives ``data``. Time is linear in its length.
    """
    if len(data) > limit:
        raise _malformed(f"{len(data)} bytes, at most {limit}")
    number, body = _untagged(data)
    try:
        value = cbor2.loads(
            body,
            tag_hook=_no_tag,
            semantic_decoders=_NO_TAGS,
            max_depth=MAX_DEPTH + 1,
            allow_indefinite=False,
            allow_duplicate_keys=False,
        )
    except (cbor2.CBORDecodeError, ValueError) as error:
        raise _malformed("it does not decode") from error
    _accept(value, 0 if number is None else 1)
    written = cbor2.dumps(value)
    if (written if number is None else _head(TAG, number) + written) != data:
        raise _malformed("another form than the shortest, or bytes after the item")
    return value if number is None else cbor2.CBORTag(number, value)


def _accept(value: Value, depth: int) -> None:
    """Refuse what :func:`encode` would not write, and maps whose keys are not in its order."""
    kind = type(value)
    if kind is int:
        if not -INTEGER_LIMIT <= value < INTEGER_LIMIT:
            raise _malformed("integer outside 64 bits")
    elif kind is dict:
        _nested(depth)
        if not KEY_TYPES.issuperset(map(type, value)):
            raise _malformed("map key is neither integer nor text")
        if not _sorted(tuple(value)):
            raise _malformed("keys not sorted")
        _accept_all(value.values(), depth + 1)
    elif kind is list:
        _nested(depth)
        _accept_all(value, depth + 1)
    elif kind not in PLAIN_TYPES:
        raise _malformed(f"type {kind.__name__}")


def _accept_all(items: Iterable[Value], depth: int) -> None:
    for item in items:
        kind = type(item)
        # most items, without a call for each
        if kind in PLAIN_TYPES or (kind is int and -INTEGER_LIMIT <= item < INTEGER_LIMIT):
            continue
        _accept(item, depth)


@lru_cache(SHAPES)
def _sorted(keys: tuple[int | str, ...]) -> bool:
    """Return whether the keys stand in the bytewise order of their encodings."""
    return all(key == found for key, (_encoded, found) in zip(keys, _ordered(keys), strict=True))


@lru_cache(SHARED)
def _decode_shared(data: bytes) -> Value:
    return decode(data)


def decode_shared(data: bytes) -> Value:
    """Return the value of ``data`` (the node's own, at most 1 MiB). All readers share it: never change it."""
    return _decode_shared(data) if len(data) <= SHARED_BYTES else decode(data, MAX_STATE_BYTES)


def _untagged(data: bytes) -> tuple[int | None, bytes]:
    """Return the outermost tag's number, or None, and the bytes behind it."""
    if not data:
        raise _malformed("it ends too early")
    if data[0] & 0xE0 != TAG:
        return None, data
    low = data[0] & 31
    if low < INLINE:
        return low, data[1:]
    width = next((size for size, code in WIDTHS if code == low), None)
    if width is None:
        raise _malformed("an indefinite length")
    return int.from_bytes(data[1 : 1 + width], "big"), data[1 + width :]
