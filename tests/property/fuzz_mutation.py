"""Hostile bytes from good ones: the same seed and number give the same bytes on every machine.

Three kinds: byte by byte (flips, cuts, splices, lengths that claim too much, deep nesting), by the structure of CBOR or
JSON (a value somewhere inside replaced by one of another type, then encoded again), and what is known to hurt.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import cbor2

LONGEST = 70_000
NUMBERS = (0, 1, -1, 23, 24, 255, 256, 65_535, 1 << 31, (1 << 63) - 1, 1 << 63, -(1 << 63), (1 << 64) - 1)
CLAIMS = [
    bytes.fromhex(head + length)
    for head in ("5b", "7b", "9b", "bb", "db", "1b", "3b")
    for length in ("7fffffffffffffff", "ffffffffffffffff", "0000000010000000")
] + [bytes.fromhex(text) for text in ("5affffffff", "9f", "bf", "5f", "ffffffff0f", "8080808008", "ffff")]
SCALARS: tuple[Any, ...] = (
    None, True, False, "", "x", "\u0000", "\u2028", "a" * 300, "示範", "../../etc/passwd", "1e9", b"", b"\x00" * 31,
    b"\xff" * 32, b"\x01" * 64, 1.5, float("nan"), float("inf"), [], {}, [[]], {"": None}, {1: 2}, [None] * 40,
    *NUMBERS,
)  # fmt: skip
TEXTS = (
    "9" * 5_000, "-1", "+1", "01", "1_0", "1e400", "NaN", "Infinity", "\\ud800", "\u0665", "é", "\r\n", "\n\n", "\x00",
    "— ", "=", "\u2028", "[" * 3_000, '{"a":' * 3_000, "a." * 2_000, '"""', "0x" + "f" * 3_000, "..", "/", "%00",
)  # fmt: skip


def mutate(source: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Return bytes made from one of ``seeds``, now and then from none; at most about 70,000 of them."""
    data = source.choice(seeds)
    if source.random() < 0.35 and (rebuilt := _restructured(source, data)) is not None:
        data = rebuilt
        if source.random() < 0.6:
            return data
    for _step in range(source.choice((1, 1, 1, 2, 3, 8))):
        data = source.choice(STEPS)(source, data, seeds)
    return data[:LONGEST]


def _flip(source: random.Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    if not data:
        return source.randbytes(4)
    at = source.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << source.randrange(8)]) + data[at + 1 :]


def _byte(source: random.Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    at = source.randrange(len(data) + 1)
    return (
        data[:at] + source.choice((b"\x00", b"\xff", b"\x7f", b"\x80", b"\n", b'"', b"\xf6", b"\xf5")) + data[at + 1 :]
    )


def _cut(source: random.Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    return data[: source.randrange(len(data) + 1)]


def _drop(source: random.Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    start = source.randrange(len(data) + 1)
    return data[:start] + data[start + source.choice((1, 2, 4, 32, 64)) :]


def _repeat(source: random.Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    start = source.randrange(len(data) + 1)
    part = data[start : start + source.choice((1, 2, 33, 200))]
    return data[:start] + part * source.choice((2, 3, 50)) + data[start:]


def _splice(source: random.Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    other = source.choice(seeds)
    return data[: source.randrange(len(data) + 1)] + other[source.randrange(len(other) + 1) :]


def _insert(source: random.Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    at = source.randrange(len(data) + 1)
    return data[:at] + source.randbytes(source.choice((1, 2, 8, 40))) + data[at:]


def _claim(source: random.Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    """Put the head of something enormous where a small thing was."""
    at = source.randrange(len(data) + 1)
    return data[:at] + source.choice(CLAIMS) + data[at + source.choice((0, 1, 2)) :]


def _text(source: random.Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    at = source.randrange(len(data) + 1)
    return data[:at] + source.choice(TEXTS).encode("utf-8", "surrogatepass") + data[at + source.choice((0, 1, 4)) :]


def _nest(source: random.Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    deep = source.choice((b"\x81", b"\xa1\x01", b"\xd2", b"\xc6", b"[", b'{"a":', b"\x82\x80", b"\xd8\x1c\x81", b"a."))
    at = source.choice((0, len(data), source.randrange(len(data) + 1)))
    return data[:at] + deep * source.choice((17, 200, 5_000)) + data[at:]


STEPS: tuple[Callable[[random.Random, bytes, Sequence[bytes]], bytes], ...] = (
    _flip, _flip, _flip, _byte, _cut, _drop, _repeat, _splice, _insert, _claim, _text, _text, _nest,
)  # fmt: skip


def _restructured(source: random.Random, data: bytes) -> bytes | None:
    """Return ``data`` with one value somewhere inside replaced, or None where it is neither CBOR nor JSON."""
    if data[:1] in (b"{", b"["):
        try:
            found = _changed(source, json.loads(data), 0)
            return (json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode(
                "utf-8", "surrogatepass"
            )
        except (ValueError, TypeError, RecursionError):
            return None
    try:
        found = cbor2.loads(data)
        return cbor2.dumps(_changed(source, found, 0), canonical=True)
    except Exception:  # noqa: BLE001 - whatever cbor2 has against it, it is then mutated by bytes
        return None


def _changed(source: random.Random, value: Any, depth: int) -> Any:  # noqa: ANN401 - decoded JSON or CBOR
    """Return ``value`` with one thing at or below it of another type, size or number."""
    if isinstance(value, cbor2.CBORTag):
        return cbor2.CBORTag(
            value.tag if source.random() < 0.95 else source.choice(NUMBERS[:8]), _changed(source, value.value, depth)
        )
    if isinstance(value, (dict, list, tuple)) and value and depth < 12 and source.random() < 0.85:
        return _inside(source, value, depth)
    if isinstance(value, bytes) and len(value) > 3 and source.random() < 0.6:
        # a byte string may be CBOR itself: headers, payloads and proofs are
        inner = _restructured(source, value) if depth < 12 else None
        return _flip(source, value, ()) if inner is None else inner
    if isinstance(value, bool) or not isinstance(value, int) or source.random() < 0.5:
        return source.choice(SCALARS)
    return value + source.choice((-1, 1, 1 << 32))


def _inside(source: random.Random, value: Any, depth: int) -> Any:  # noqa: ANN401 - as above
    if isinstance(value, dict):
        key = source.choice(list(value))
        rest = {name: item for name, item in value.items() if name != key}
        kind = source.random()
        if kind < 0.1:
            return rest
        name = source.choice(("", "x", "\ud800", key)) if kind < 0.2 else key
        return {**rest, name: _changed(source, value[key], depth + 1)}
    items = list(value)
    at, kind = source.randrange(len(items)), source.random()
    if kind < 0.1:
        return items[:at] + items[at + 1 :]
    if kind < 0.2:
        return [*items, items[at]]
    return [*items[:at], _changed(source, items[at], depth + 1), *items[at + 1 :]]
