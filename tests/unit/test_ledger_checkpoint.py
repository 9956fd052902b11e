"""Attacks on checkpoints and verifier keys: one canonical form, no idle byte, no other origin."""

from __future__ import annotations

import base64
import hashlib
import stat
from pathlib import Path

import pytest
import support_ledger as support

from poju.errors import PojuError
from poju.ledger import keys
from poju.ledger.checkpoint import Checkpoint, open_note

POINT = Checkpoint(support.ORIGIN, 1234, bytes(range(32)))
NOTE = POINT.sign(support.LOG)
VKEY = support.LOG.public.vkey(support.ORIGIN)


def refused(note: str, origin: str = support.ORIGIN) -> None:
    with pytest.raises(PojuError) as caught:
        open_note(note, origin, support.LOG.public)
    assert caught.value.code == "checkpoint.refused"
    assert caught.value.hint


def note_of(text: str) -> str:
    """Sign any text as the log's key would: only the check under attack can refuse it."""
    signature = support.LOG.public.note_key_id(support.ORIGIN) + support.LOG.sign(text.encode())
    return f"{text}\n— {support.ORIGIN} {base64.b64encode(signature).decode()}\n"


def test_log_1_a_checkpoint_reads_back() -> None:
    assert open_note(NOTE, support.ORIGIN, support.LOG.public) == POINT
    assert note_of(POINT.text()) == NOTE


def test_log_1_no_byte_of_a_checkpoint_is_idle() -> None:
    raw = NOTE.encode()
    for at in range(len(raw)):
        for bit in (1, 2, 4, 8, 16, 32, 64, 128):
            altered = raw[:at] + bytes([raw[at] ^ bit]) + raw[at + 1 :]
            refused(altered.decode("utf-8", "replace"))


def test_log_1_no_byte_of_a_checkpoint_can_be_cut_or_doubled() -> None:
    for at in range(len(NOTE)):
        refused(NOTE[:at])
        refused(NOTE[:at] + NOTE[at] + NOTE[at:])


SIGNATURE = NOTE.split("\n")[4]
NOTES = {
    "a second signature": NOTE + SIGNATURE + "\n",
    "a cosignature": NOTE + "— witness.example/w " + SIGNATURE.split(" ")[2] + "\n",
    "carriage returns": NOTE.replace("\n", "\r\n"),
    "a carriage return after the size": note_of(f"{support.ORIGIN}\n1234\r\n{POINT.text().split(chr(10))[2]}\n"),
    "no last newline": NOTE.removesuffix("\n"),
    "another newline": NOTE + "\n",
    "an extension line": note_of(POINT.text() + "extension\n"),
    "a hyphen for the dash": NOTE.replace("—", "-"),
    "a leading zero": note_of(POINT.text().replace("1234", "01234")),
    "a plus": note_of(POINT.text().replace("1234", "+1234")),
    "an underscore": note_of(POINT.text().replace("1234", "1_234")),
    "other digits": note_of(POINT.text().replace("1234", "１２３４")),
    "a size of ten thousand digits": note_of(POINT.text().replace("1234", "9" * 10_000)),
    "a short root": Checkpoint(support.ORIGIN, 1234, bytes(31)).sign(support.LOG),
    "a long root": Checkpoint(support.ORIGIN, 1234, bytes(33)).sign(support.LOG),
    "root with idle bits": note_of(POINT.text().replace("Hh8=", "Hh9=")),
    "root of other characters": note_of(POINT.text().replace("Hh8=", "Hh_=")),
    "nothing": "",
    "a signature alone": "\n\n" + SIGNATURE + "\n",
}


@pytest.mark.parametrize("name", NOTES)
def test_log_1_other_forms_are_refused(name: str) -> None:
    refused(NOTES[name])


def test_log_1_another_origin_is_refused() -> None:
    refused(NOTE, "other.example/log")
    refused(Checkpoint("other.example/log", 1234, POINT.root).sign(support.LOG))


def test_log_1_another_key_is_refused() -> None:
    with pytest.raises(PojuError):
        open_note(NOTE, support.ORIGIN, support.STRANGER.public)
    refused(POINT.sign(support.STRANGER))


def test_log_1_the_key_id_is_checked() -> None:
    signature = bytes(4) + support.LOG.sign(POINT.text().encode())
    refused(f"{POINT.text()}\n— {support.ORIGIN} {base64.b64encode(signature).decode()}\n")


def test_a_verifier_key_reads_back() -> None:
    assert keys.parse_vkey(VKEY) == (support.ORIGIN, support.LOG.public)
    assert keys.parse_vkey(VKEY + "\n") == (support.ORIGIN, support.LOG.public)


def test_no_byte_of_a_verifier_key_is_idle() -> None:
    raw = VKEY.encode()
    for at in range(len(raw)):
        for bit in (1, 2, 4, 8, 16, 32, 64, 128):
            altered = raw[:at] + bytes([raw[at] ^ bit]) + raw[at + 1 :]
            with pytest.raises(PojuError) as caught:
                keys.parse_vkey(altered.decode("utf-8", "replace"))
            assert caught.value.code == "key.malformed"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "++",
        VKEY + "\n\n",
        VKEY + "\r\n",
        " " + VKEY,
        VKEY + "+",
        VKEY.replace("+", " "),
        VKEY[:-1],
        VKEY.replace("+", "+0", 1),
        support.LOG.public.vkey(""),
        support.LOG.public.vkey("a name"),
        "name+00000000+" + base64.b64encode(b"\x02" + support.LOG.public.raw).decode(),
    ],
)
def test_other_verifier_keys_are_refused(text: str) -> None:
    with pytest.raises(PojuError) as caught:
        keys.parse_vkey(text)
    assert caught.value.code == "key.malformed"


@pytest.mark.parametrize("count", [0, 31, 33])
def test_a_public_key_has_32_bytes(count: int) -> None:
    with pytest.raises(PojuError) as caught:
        keys.PublicKey(bytes(count))
    assert caught.value.code == "key.malformed"


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f"])
def test_a_key_of_small_order_verifies_nothing(point: bytes) -> None:
    key = keys.PublicKey(point)
    assert not key.verifies(b"\x01" + bytes(63), b"message")
    assert not key.verifies(bytes(64), b"message")


def test_the_thumbprint_is_that_of_rfc_9679() -> None:
    """SHA-256 over the deterministic COSE_Key of kty, crv and x only."""
    cose_key = bytes.fromhex("a301012006215820") + support.LOG.public.raw
    assert support.LOG.public.thumbprint == hashlib.sha256(cose_key).digest()


def test_a_private_key_is_made_once_for_its_owner_only_and_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "log.private"
    first = keys.PrivateKey.load_or_create(path)
    assert keys.PrivateKey.load_or_create(path).public == first.public
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().hex() not in repr(first)
    assert first.public.fingerprint in repr(first)


@pytest.mark.parametrize("content", [b"", bytes(31), bytes(33), None])
def test_a_damaged_private_key_ends_in_one_clear_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "log.private"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PojuError) as caught:
        keys.PrivateKey.load(path)
    assert caught.value.code == "key.unusable"
    assert caught.value.hint
