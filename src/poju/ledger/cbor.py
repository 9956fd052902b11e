"""Strict deterministic CBOR (RFC 8949 §4.2.1), the only encoding that the ledger hashes or signs."""

from __future__ import annotations

from typing import Any

import cbor2

from poju.errors import CallerError
from poju.i18n import _

MAX_DEPTH = 16
INTEGER_LIMIT = 1 << 63

Value = Any
"""None, bool, int, bytes, str, list of Value, or dict of int|str to Value; never a float."""


def _ordered(value: Value) -> Value:
    """Return ``value`` in plain dicts and lists, each map's keys in bytewise order; refuse other types."""
    if value is None or isinstance(value, (bool, bytes, str)):
        return value
    if isinstance(value, int):
        if not -INTEGER_LIMIT <= value < INTEGER_LIMIT:
            raise _malformed("integer outside 64 bits")
        return value
    if isinstance(value, (list, tuple)):
        return [_ordered(item) for item in value]
    if isinstance(value, (dict, cbor2.frozendict)):
        if not all(isinstance(key, (int, str)) and not isinstance(key, bool) for key in value):
            raise _malformed("map key is neither integer nor text")
        return {key: _ordered(value[key]) for key in sorted(value, key=cbor2.dumps)}
    if isinstance(value, cbor2.CBORTag):
        return cbor2.CBORTag(value.tag, _ordered(value.value))
    raise _malformed(f"type {type(value).__name__}")


def _malformed(reason: str) -> CallerError:
    return CallerError(
        "cbor.malformed",
        _("These bytes are not strict deterministic CBOR: {reason}."),
        hint=_("Encode as in RFC 8949 section 4.2.1: shortest forms, sorted keys, no floats, no indefinite lengths."),
        reason=reason,
    )


def encode(value: Value) -> bytes:
    """Return the one deterministic encoding of ``value``."""
    return cbor2.dumps(_ordered(value))


def decode(data: bytes, limit: int = 65_535) -> Value:
    """Return the value that ``data`` encodes, or raise ``cbor.malformed``.

    The check is complete: what decodes is encoded again and must give the same bytes.
    """
    if len(data) > limit:
        raise _malformed(f"{len(data)} bytes, at most {limit}")
    try:
        loaded = cbor2.loads(data, max_depth=MAX_DEPTH, allow_indefinite=False, allow_duplicate_keys=False)
    except (cbor2.CBORError, ValueError, OverflowError, TypeError, RecursionError) as error:
        raise _malformed(str(error)[:200]) from error
    value = _ordered(loaded)
    if cbor2.dumps(value) != data:
        raise _malformed("not the shortest, sorted form")
    return value
