"""Strict deterministic CBOR: each other way of writing a value is refused, and no input unfolds into more work."""

from __future__ import annotations

import time
import tracemalloc

import cbor2
import pytest

from poju.errors import CallerError, PojuError
from poju.ledger import cbor, cose, leaf

NOT_STRICT = {
    "nothing": "",
    "integer in two bytes that fits one": "1817",
    "integer in three bytes": "1900ff",
    "integer in five bytes": "1a0000ffff",
    "integer in nine bytes": "1b00000000ffffffff",
    "negative integer in two bytes": "3800",
    "integer above 64 bits signed": "1b8000000000000000",
    "negative integer below 64 bits signed": "3b8000000000000000",
    "length of bytes in two bytes": "580161",
    "length of text in three bytes": "79000161",
    "length of an array in two bytes": "980100",
    "length of a map in two bytes": "b801616100",
    "tag number in two bytes": "d81200",
    "indefinite bytes": "5f4161ff",
    "indefinite text": "7f6161ff",
    "indefinite array": "9f00ff",
    "indefinite map": "bf616100ff",
    "break alone": "ff",
    "half float": "f93c00",
    "single float": "fa3f800000",
    "double float": "fb3ff0000000000000",
    "not a number": "f97e00",
    "undefined": "f7",
    "simple value": "e0",
    "simple value in two bytes": "f8ff",
    "false in two bytes": "f814",
    "reserved argument 28": "1c",
    "reserved argument 30": "1e",
    "duplicate keys": "a2616100616101",
    "unsorted keys": "a2616200616101",
    "integer after text key": "a26161000101",
    "long key before short": "a262616100616200",
    "bytes as key": "a1416100",
    "null as key": "a1f600",
    "true as key": "a1f500",
    "array as key": "a18000",
    "tag as key": "a1c00000",
    "trailing byte": "0000",
    "trailing item": "a0a0",
    "text that is not UTF-8": "61ff",
    "text with a surrogate": "63eda080",
    "overlong UTF-8": "62c0af",
    "bytes cut off": "4261",
    "array cut off": "8200",
    "map cut off": "a1616100"[:-2],
    "argument cut off": "19ff",
    "tag without item": "d2",
    "array that announces 2^64 items": "9bffffffffffffffff",
    "map that announces 2^64 pairs": "bbffffffffffffffff",
    "bytes that announce 2^64": "5bffffffffffffffff",
    "tag inside an array": "81c100",
    "tag inside a tag": "d2d280",
    "big integer": "81c24101",
    "cyclic reference": "d81c81d81d00",
    "regular expression": "81d8236161",
    "seventeen arrays deep": "81" * 17 + "00",
    "sixteen thousand arrays deep": "81" * 16_000 + "00",
}


@pytest.mark.parametrize("name", NOT_STRICT)
def test_what_is_not_strict_is_refused(name: str) -> None:
    with pytest.raises(CallerError) as caught:
        cbor.decode(bytes.fromhex(NOT_STRICT[name]))
    assert caught.value.code == "cbor.malformed"


STRICT = [
    (0, "00"),
    (23, "17"),
    (24, "1818"),
    (255, "18ff"),
    (256, "190100"),
    (65_536, "1a00010000"),
    (1 << 32, "1b0000000100000000"),
    ((1 << 63) - 1, "1b7fffffffffffffff"),
    (-1, "20"),
    (-24, "37"),
    (-25, "3818"),
    (-(1 << 63), "3b7fffffffffffffff"),
    ("破局", "66e7a0b4e5b180"),
    (b"", "40"),
    ([None, True, False, []], "84f6f5f480"),
    ({2: "c", -1: "d", "a": 0, "b": [1], "aa": 1}, "a50261632061646161006162810162616101"),
]


@pytest.mark.parametrize(("value", "encoded"), STRICT)
def test_examples_encode_and_decode(value: cbor.Value, encoded: str) -> None:
    assert cbor.encode(value).hex() == encoded
    assert cbor.decode(bytes.fromhex(encoded)) == value


def test_maps_come_out_sorted_whatever_their_order_was() -> None:
    assert list(cbor.decode(cbor.encode({"b": 0, "aa": 0, 24: 0, "a": 0, -1: 0, 1: 0}))) == [1, 24, -1, "a", "b", "aa"]


def test_an_outermost_tag_keeps_its_number() -> None:
    value = cbor.decode(bytes.fromhex("dbffffffffffffffff81f6"))
    assert (value.tag, value.value) == ((1 << 64) - 1, [None])
    assert cbor.encode(value).hex() == "dbffffffffffffffff81f6"


@pytest.mark.parametrize("tag", [0, 17, 19, 98, 0x706F6A00, 0x706F6A03, 1 << 63])
def test_other_tags_are_neither_statement_nor_leaf(tag: int) -> None:
    raw = cbor.encode(cbor2.CBORTag(tag, [b"", {}, b"", bytes(64)]))
    with pytest.raises(CallerError) as caught:
        cose.decode(raw)
    assert caught.value.code == "cose.malformed"
    with pytest.raises(CallerError) as caught:
        leaf.decode(raw)
    assert caught.value.code == "leaf.malformed"


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        1 << 63,
        -(1 << 63) - 1,
        {1.5: 0},
        {True: 0},
        {b"a": 0},
        {1 << 64: 0},
        {1, 2},
        object(),
        "\ud800",
        [cbor2.CBORTag(18, [])],
        cbor2.undefined,
    ],
)
def test_what_has_no_deterministic_encoding_is_refused(value: cbor.Value) -> None:
    with pytest.raises(CallerError) as caught:
        cbor.encode(value)
    assert caught.value.code == "cbor.malformed"


def test_what_could_not_be_read_back_is_not_written() -> None:
    value: cbor.Value = 0
    for _depth in range(cbor.MAX_DEPTH):
        value = [value]
    assert cbor.decode(cbor.encode(value)) == value
    for deeper in ([value], cbor2.CBORTag(18, value)):
        with pytest.raises(CallerError):
            cbor.encode(deeper)


def test_the_limit_counts_bytes() -> None:
    raw = cbor.encode(bytes(100))
    assert cbor.decode(raw, len(raw)) == bytes(100)
    with pytest.raises(CallerError):
        cbor.decode(raw, len(raw) - 1)


def shared_references() -> bytes:
    """Sixteen lists, each of a hundred references to the one before: 10^30 items to a decoder that follows them."""
    raw = bytes.fromhex("d81c80")
    for number in range(14):
        reference = b"\xd8\x1d" + cbor2.dumps(number)
        raw += b"\xd8\x1c\x98\x64" + reference * 100
    return b"\x8f" + raw


def string_references() -> bytes:
    """One string of 30,000 bytes and ten thousand references to it: 300 MB to a decoder that follows them."""
    return b"\xd9\x01\x00" + b"\x99\x27\x11" + cbor2.dumps("a" * 30_000) + bytes.fromhex("d81900") * 10_000


BOMBS = [
    shared_references(),
    string_references(),
    b"\x81" * 65_000,
    b"\x80" * 65_535,
    b"\x99\xff\x00" + b"\x00" * 65_000,
    b"\xb9\xff\x00" + b"\x00" * 65_000,
    b"\x81\xd8\x23\x79\xfd\xe8" + b"(a*)*" * 13_000,
]


@pytest.mark.parametrize("raw", BOMBS, ids=range(len(BOMBS)))
def test_no_input_unfolds_into_unbounded_work(raw: bytes) -> None:
    started = time.process_time()
    with pytest.raises(PojuError):
        cbor.decode(raw)
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize("content", [b"\x00", b"\x60", b"\x40", b"\x80", b"\x82\x00\x01", b"\xa0", b"\xf6"])
def test_no_tag_is_given_a_meaning_wherever_it_stands(content: bytes) -> None:
    """cbor2 gives meaning to some tags: inside an item none is taken, behind the outermost one neither."""
    for number in (*range(1_100), 43_000, 55_799, 55_800, 65_535, 1 << 20, (1 << 64) - 1):
        tag = cbor.encode(cbor2.CBORTag(number, 0))[:-1]
        for data in (b"\x81" + tag + content, b"\xa1\x00" + tag + content, tag + tag + content):
            with pytest.raises(CallerError) as caught:
                cbor.decode(data)
            assert caught.value.code == "cbor.malformed"


@pytest.mark.parametrize("claimed", ["9a7fffffff", "9b7fffffffffffffff", "bb7fffffffffffffff", "5b7fffffffffffffff"])
def test_a_claimed_length_takes_no_memory(claimed: str) -> None:
    tracemalloc.start()
    with pytest.raises(CallerError):
        cbor.decode(bytes.fromhex(claimed) + bytes(60_000))
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()
