from __future__ import annotations

import pytest

from poju.errors import CallerError
from poju.ledger.cbor import Value
from poju.scenario.kinds import ANYONE, CAPABILITIES, compile_kind, merge, parse_kind, room_kinds

NAMES = '{ zh-Hant = "例", zh-Hans = "例", en = "example" }'


def kind_text(field: str, head: str = "") -> bytes:
    meaning = f'meaning = {NAMES}\nclass = "member"'
    top = f'id = "example"\nnames = {NAMES}\nby = ["hospital"]\nsubject = "order"\n{head}\n'
    return f"{top}[fields.value]\n{field}\n{meaning}\n".encode()


def answer(field: str, value: Value, closed: tuple[str, ...] = ()) -> str | None:
    kind = parse_kind(kind_text(field), "statements/example.toml", "package")
    lists = {"example.value": closed} if closed else {}
    return compile_kind(kind, lists, ["hospital"])({"value": value})


@pytest.mark.parametrize(
    ("field", "good", "wrong_type", "out_of_range"),
    [
        ('type = "int"', -5, True, 1 << 62),
        ('type = "count"', 0, "0", -1),
        ('type = "fen"', 500_000_000, 1.5, -1),
        ('type = "ppm"', 1_000_000, None, 1_000_001),
        ('type = "time"', 1_700_000_000, b"1", 1 << 40),
        ('type = "bool"', False, 0, None),
        ('type = "digest"', bytes(32), "00" * 32, bytes(31)),
        ('type = "bytes"\nlength = 4', bytes(4), "four", bytes(5)),
        ('type = "signed"', bytes(2048), "text", bytes(2049)),
        ('type = "code"', "lab-chemistry", 7, "two words"),
        ('type = "handle"', "0f" * 16, 7, "Wang Fang"),
        ('type = "member"', "hospital-a", 7, "Hospital A"),
        ('type = "role"', "hospital", 7, "surgeon"),
        ('type = "subject"', "order/1", 7, "/order"),
        ('type = "label"', "示範第一醫院(東區)", 7, "a\nb"),
        ('type = "text-enum"\nvalues = ["yes", "no"]', "yes", 1, "maybe"),
        ('type = "list-of-code"\nmax = 2', ["a", "b"], "a", ["a", "b", "c"]),
        ('type = "list-of-digest"\nmax = 2', [bytes(32)], {}, [bytes(32), bytes(32)]),
        ('type = "map-of-int"\nmax = 2', {"must_repeat": 3}, ["x"], {"a b": 3}),
        ('type = "map-of-digests"\nmax = 2', {"a": bytes(32)}, {1: bytes(32)}, {"a": bytes(3)}),
    ],
)
def test_each_type_takes_its_values_only(field: str, good: Value, wrong_type: Value, out_of_range: Value) -> None:
    assert answer(field, good) is None
    assert answer(field, wrong_type) == "field.type"
    if out_of_range is not None:
        assert answer(field, out_of_range) == "field.range"


def test_a_closed_list_refuses_codes_outside_it() -> None:
    assert answer('type = "code"', "lab", ("lab",)) is None
    assert answer('type = "code"', "diagnosis", ("lab",)) == "field.range"


def test_missing_and_unknown_fields_have_codes_of_their_own() -> None:
    check = compile_kind(parse_kind(kind_text('type = "int"'), "statements/example.toml", "package"), {}, [])
    assert check({}) == "field.missing"
    assert check({"value": 1, "note": "he has a cough"}) == "field.unknown"


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (kind_text('type = "text"'), "closed set"),
        (kind_text('type = "float"'), "closed set"),
        (kind_text('type = "list-of-code"'), "max"),
        (kind_text('type = "list-of-code"\nmax = 100000'), "max"),
        (kind_text('type = "bytes"'), "length"),
        (kind_text('type = "text-enum"'), "values"),
        (kind_text('type = "int"\nfree = true'), "free"),
        (kind_text('type = "int"', "typo = 1"), "typo"),
        (kind_text('type = "int"').replace(b'zh-Hans = "\xe4\xbe\x8b", ', b""), "zh-Hans"),
        (b"id = ", "TOML"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
def test_a_wrong_kind_file_ends_in_one_message_that_names_the_place(data: bytes, word: str) -> None:
    with pytest.raises(CallerError) as caught:
        parse_kind(data, "statements/example.toml", "package")
    assert caught.value.code == "package.malformed"
    assert word in str(caught.value)


def test_all_generic_kinds_are_issued_by_capabilities_and_speak_three_languages() -> None:
    kinds = room_kinds()
    assert {"ledger-open", "access-request", "solution-submit", "attestation", "award-claim"} <= set(kinds)
    for kind in kinds.values():
        assert set(kind.by) <= {*CAPABILITIES, ANYONE}, kind.id
        assert kind.by or kind.self_certified, kind.id


def test_a_package_cannot_redefine_a_generic_kind() -> None:
    with pytest.raises(CallerError, match="pointer"):
        merge(room_kinds(), [room_kinds()["pointer"]])
