"""Attacks on a statement's envelope and headers: each is refused before any rule sees it."""

from __future__ import annotations

import cbor2
import pytest
import support_ledger as support

from poju.errors import PojuError
from poju.ledger import cbor, cose, statement

CLAIMS: dict[int, cbor.Value] = {1: "hospital-a", 2: "order/1", 6: 1_700_000_000, 7: support.identifier(1)}
HEADER: dict[int, cbor.Value] = {
    1: -8,
    3: "application/vnd.poju.test-order+cbor",
    4: support.MEMBER.public.thumbprint,
    15: CLAIMS,
}
PAYLOAD = cbor.encode({"code": "4548-4"})


def envelope(
    header: dict[int, cbor.Value] | bytes = HEADER,
    payload: bytes | None = PAYLOAD,
    unprotected: cbor.Value = None,
    tag: int | None = 18,
) -> bytes:
    """Sign whatever header and payload: only the check under attack can refuse it."""
    protected = header if isinstance(header, bytes) else cbor.encode(header)
    signature = support.MEMBER.sign(cbor.encode(["Signature1", protected, b"", payload or b""]))
    parts = [protected, {} if unprotected is None else unprotected, payload, signature]
    return cbor.encode(parts if tag is None else cbor2.CBORTag(tag, parts))


def without(label: int) -> dict[int, cbor.Value]:
    return {key: value for key, value in HEADER.items() if key != label}


def code_of(raw: bytes) -> str:
    with pytest.raises(PojuError) as caught:
        statement.decode(raw)
    assert caught.value.hint
    return caught.value.code


def test_the_honest_envelope_is_accepted() -> None:
    item = statement.decode(envelope())
    assert (item.kind, item.issuer, item.subject) == ("test-order", "hospital-a", "order/1")
    assert (item.issued_at, item.identifier, item.fields) == (1_700_000_000, CLAIMS[7], {"code": "4548-4"})
    assert item.verify(support.MEMBER.public) is not None


def test_signing_gives_the_bytes_that_are_decoded() -> None:
    raw = support.signed(7)
    assert raw == support.signed(7)
    assert raw[0] == cose.FIRST_BYTE
    assert statement.decode(raw).raw == raw


ENVELOPES = {
    "no tag": envelope(tag=None),
    "COSE_Mac0's tag": envelope(tag=17),
    "COSE_Sign's tag": envelope(tag=98),
    "two tags": b"\xd2" + envelope(),
    "self-described": b"\xd9\xd9\xf7" + envelope(),
    "unprotected kid": envelope(unprotected={4: b"x"}),
    "unprotected receipt": envelope(unprotected={394: [b"x"]}),
    "unprotected text label": envelope(unprotected={"note": 1}),
    "unprotected is no map": envelope(unprotected=[]),
    "payload detached": envelope(payload=None),
    "payload is text": cbor.encode(cbor2.CBORTag(18, [cbor.encode(HEADER), {}, "text", bytes(64)])),
    "protected is a map": cbor.encode(cbor2.CBORTag(18, [HEADER, {}, PAYLOAD, bytes(64)])),
    "three parts": cbor.encode(cbor2.CBORTag(18, [cbor.encode(HEADER), {}, PAYLOAD])),
    "five parts": cbor.encode(cbor2.CBORTag(18, [cbor.encode(HEADER), {}, PAYLOAD, bytes(64), b""])),
    "a map, not an array": cbor.encode(cbor2.CBORTag(18, {})),
    "signature of 63 bytes": cbor.encode(cbor2.CBORTag(18, [cbor.encode(HEADER), {}, PAYLOAD, bytes(63)])),
    "signature of 65 bytes": cbor.encode(cbor2.CBORTag(18, [cbor.encode(HEADER), {}, PAYLOAD, bytes(65)])),
    "signature null": cbor.encode(cbor2.CBORTag(18, [cbor.encode(HEADER), {}, PAYLOAD, None])),
    "empty protected header": envelope(b""),
    "protected header of an empty map": envelope(b"\xa0"),
    "protected header unsorted": envelope(cbor.encode(HEADER)[:1] + cbor.encode(HEADER)[3:] + b"\x01\x27"),
    "byte after the protected header": envelope(cbor.encode(HEADER) + b"\x00"),
    "trailing byte": envelope() + b"\x00",
    "nothing": b"",
    "payload is an array": envelope(payload=cbor.encode([1])),
    "payload with integer names": envelope(payload=cbor.encode({1: 1})),
    "payload is not CBOR": envelope(payload=b"{}"),
    "payload with a byte after it": envelope(payload=PAYLOAD + b"\x00"),
    "payload empty": envelope(payload=b""),
    "payload with a float": envelope(payload=b"\xa1\x61\x61\xf9\x00\x00"),
}


@pytest.mark.parametrize("name", ENVELOPES)
def test_rule_2_other_envelopes_are_refused(name: str) -> None:
    assert code_of(ENVELOPES[name]) in {"cbor.malformed", "cose.malformed", "statement.malformed"}


HEADERS: dict[str, dict[int, cbor.Value]] = {
    "ES256": {**HEADER, 1: -7},
    "Ed448": {**HEADER, 1: -53},
    "algorithm as text": {**HEADER, 1: "EdDSA"},
    "no algorithm": without(1),
    "no content type": without(3),
    "no kid": without(4),
    "no claims": without(15),
    "kid is text": {**HEADER, 4: "kid"},
    "critical label": {**HEADER, 2: [1]},
    "x5chain": {**HEADER, 33: b"x"},
    "text label": {**HEADER, "note": 1},  # type: ignore[dict-item] # an attacker's header is not typed
    "content type of another": {**HEADER, 3: "application/json"},
    "content type as a number": {**HEADER, 3: 60},
    "kind in capitals": {**HEADER, 3: "application/vnd.poju.Order+cbor"},
    "kind empty": {**HEADER, 3: "application/vnd.poju.+cbor"},
    "kind too long": {**HEADER, 3: f"application/vnd.poju.{'k' * 65}+cbor"},
    "newline after the kind": {**HEADER, 3: "application/vnd.poju.order+cbor\n"},
}


@pytest.mark.parametrize("name", HEADERS)
def test_rule_2_other_headers_are_refused(name: str) -> None:
    assert code_of(envelope(HEADERS[name])) in {"cose.malformed", "statement.malformed"}


CLAIM_ATTACKS: dict[str, cbor.Value] = {
    "not a map": [],
    "no issuer": {key: value for key, value in CLAIMS.items() if key != 1},
    "another claim": {**CLAIMS, 3: "audience"},
    "expiry": {**CLAIMS, 4: 1_800_000_000},
    "text label": {**CLAIMS, "iss": "x"},
    "issuer in capitals": {**CLAIMS, 1: "Hospital"},
    "issuer empty": {**CLAIMS, 1: ""},
    "issuer with a slash": {**CLAIMS, 1: "a/b"},
    "issuer with a newline": {**CLAIMS, 1: "hospital-a\n"},
    "issuer too long": {**CLAIMS, 1: "h" * 65},
    "issuer of look-alike letters": {**CLAIMS, 1: "hοspital-a"},
    "issuer as bytes": {**CLAIMS, 1: b"hospital-a"},
    "subject empty": {**CLAIMS, 2: ""},
    "subject begins with a slash": {**CLAIMS, 2: "/etc/passwd"},
    "subject with a space": {**CLAIMS, 2: "order 1"},
    "subject with a newline": {**CLAIMS, 2: "order/1\n"},
    "subject too long": {**CLAIMS, 2: "o" * 129},
    "time negative": {**CLAIMS, 6: -1},
    "time true": {**CLAIMS, 6: True},
    "time as text": {**CLAIMS, 6: "1700000000"},
    "time null": {**CLAIMS, 6: None},
    "identifier of version 4": {**CLAIMS, 7: bytes(6) + b"\x40" + bytes(9)},
    "identifier short": {**CLAIMS, 7: bytes(6) + b"\x70" + bytes(8)},
    "identifier long": {**CLAIMS, 7: bytes(6) + b"\x70" + bytes(10)},
    "identifier as text": {**CLAIMS, 7: "0" * 16},
}


@pytest.mark.parametrize("name", CLAIM_ATTACKS)
def test_rule_2_other_claims_are_refused(name: str) -> None:
    assert code_of(envelope({**HEADER, 15: CLAIM_ATTACKS[name]})) == "statement.malformed"


def test_the_largest_statement_is_a_leaf_and_one_byte_more_is_refused() -> None:
    room = statement.MAX_BYTES - len(support.signed(1, text="")) - 6
    largest = support.signed(1, text="x" * (room + 2))
    while len(largest) > statement.MAX_BYTES:
        room -= 1
        largest = support.signed(1, text="x" * (room + 2))
    assert len(largest) == statement.MAX_BYTES
    assert statement.decode(largest).raw == largest
    assert code_of(support.signed(1, text="x" * (room + 3))) == "cbor.malformed"
    assert code_of(bytes(65_536)) == "cbor.malformed"


def test_rule_1_another_key_does_not_verify() -> None:
    item = statement.decode(support.signed(1))
    assert item.verify(support.STRANGER.public) is None


def test_rule_1_a_signature_under_anothers_kid_does_not_verify() -> None:
    honest = cbor2.loads(support.signed(1)).value
    forged = support.STRANGER.sign(cbor.encode(["Signature1", honest[0], b"", honest[2]]))
    item = statement.decode(cbor.encode(cbor2.CBORTag(18, [honest[0], {}, honest[2], forged])))
    assert item.verify(support.MEMBER.public) is None
    # the key that really made the signature is not the one that kid names
    assert item.verify(support.STRANGER.public) is None


def test_rule_1_a_signature_does_not_move_to_another_statement() -> None:
    one, two = (cbor2.loads(support.signed(number)).value for number in (1, 2))
    for parts in ([one[0], {}, two[2], one[3]], [two[0], {}, one[2], one[3]], [one[0], {}, one[2], two[3]]):
        item = statement.decode(cbor.encode(cbor2.CBORTag(18, parts)))
        assert item.verify(support.MEMBER.public) is None


def test_rule_1_no_flipped_byte_verifies() -> None:
    raw = support.signed(1)
    for at in range(len(raw)):
        for bit in (0x01, 0x80):
            altered = raw[:at] + bytes([raw[at] ^ bit]) + raw[at + 1 :]
            try:
                item = statement.decode(altered)
            except PojuError:
                continue
            assert item.verify(support.MEMBER.public) is None, at


def test_rule_1_a_signature_has_one_form_only() -> None:
    """S + L verifies to a careless library: the same statement would then have two digests."""
    order = (1 << 252) + 27742317777372353535851937790883648493
    parts = list(cbor2.loads(support.signed(1)).value)
    second = int.from_bytes(parts[3][32:], "little") + order
    parts[3] = parts[3][:32] + second.to_bytes(32, "little")
    item = statement.decode(cbor.encode(cbor2.CBORTag(18, [parts[0], {}, *parts[2:]])))
    assert item.verify(support.MEMBER.public) is None


def test_a_detached_signature_is_not_one_over_an_attached_payload() -> None:
    header, signature = cose.sign_detached(support.MEMBER, {3: "x"}, b"payload")
    envelope_ = cose.decode(cose.assemble_detached(header, {}, signature))
    assert envelope_.verifies(support.MEMBER.public, b"payload")
    assert not envelope_.verifies(support.MEMBER.public, b"another")
    assert not envelope_.verifies(support.MEMBER.public)


def test_new_identifiers_are_uuids_of_version_7_and_differ() -> None:
    made = {statement.new_identifier() for _number in range(100)}
    assert len(made) == 100
    assert all(len(item) == 16 and item[6] >> 4 == 7 and item[8] >> 6 == 0b10 for item in made)
