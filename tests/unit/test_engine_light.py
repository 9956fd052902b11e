"""The light client's file: what a strict reader refuses, over a file recorded from a network (tests/vectors/light)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from poju.engine.cometbft import light
from poju.errors import CallerError
from poju.ledger.checkpoint import Checkpoint
from poju.ledger.keys import PrivateKey, PublicKey

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "light"
FILE = (VECTORS / "file.json").read_bytes()
GENESIS = json.loads((VECTORS / "genesis.json").read_text())
KEYS = {name: PublicKey(bytes.fromhex(key)) for name, key in GENESIS["app_state"]["keys"].items()}
ROOT = "4e3a7a6ee8c027ea6018c64f4726919d731c027f9c5c0d9599f71c8a294d5094"
Change = Callable[[dict[str, Any]], object]


def changed(change: Change) -> bytes:
    """Return the recorded file with one thing changed, in canonical form again."""
    found = json.loads(FILE)
    change(found)
    return (json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def header(found: dict[str, Any], block: int = -1) -> dict[str, Any]:
    whole: dict[str, Any] = found["blocks"][block]["signed_header"]["header"]
    return whole


def commit(found: dict[str, Any], block: int = -1) -> dict[str, Any]:
    whole: dict[str, Any] = found["blocks"][block]["signed_header"]["commit"]
    return whole


def refusal(data: bytes) -> str:
    with pytest.raises(CallerError) as caught:
        light.read(data)
    assert caught.value.code == "light.refused"
    assert caught.value.hint
    return str(caught.value.parameters["reason"])


def test_a_recorded_file_is_read_and_written_to_the_same_bytes() -> None:
    found = light.read(FILE)
    assert found.encode() == FILE
    assert (found.chain, found.heights) == (GENESIS["chain_id"], [1, 25])
    assert (found.checkpoint.size, found.checkpoint.root.hex()) == (24, ROOT)
    assert found.checkpoint.origin == GENESIS["app_state"]["origin"]
    assert light.signers(found.note, KEYS) == ["v0", "v1", "v2", "v3"]


def test_an_unchanged_copy_is_what_changed_makes() -> None:
    assert changed(lambda _found: None) == FILE


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found.pop("chain"),
        lambda found: found.update(more=1),
        lambda found: found.update(format="poju-light-2"),
        lambda found: found.update(blocks=[]),
        lambda found: found.update(blocks=None),
        lambda found: found.update(checkpoint=7),
        lambda found: header(found).update(height=25),
        lambda found: header(found).update(height="025"),
        lambda found: header(found).update(app_hash=header(found)["app_hash"].lower()),
        lambda found: header(found).update(validators_hash=""),
        lambda found: header(found).update(time="yesterday"),
        lambda found: commit(found).update(round=True),
        lambda found: commit(found).update(round=1 << 40),
        lambda found: commit(found)["signatures"][0].update(signature=None),
        lambda found: commit(found)["signatures"][0].update(signature="A" * 88),
        lambda found: found["blocks"][0]["validators"][0].update(voting_power="-1"),
        lambda found: found["blocks"][0]["validators"][0]["pub_key"].update(type="tendermint/PubKeySecp256k1"),
        lambda found: found["blocks"][0].update(validators=found["blocks"][0]["validators"] * 26),
    ],
)
def test_a_field_that_is_missing_unknown_or_of_another_type_is_refused(change: Change) -> None:
    assert refusal(changed(change)) == "a field is missing, not known, or not of its type"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda found: header(found).update(app_hash=header(found, 0)["app_hash"]),
            "the last header carries another size or root than the checkpoint",
        ),
        (lambda found: found["blocks"].pop(), "the last header carries another size or root than the checkpoint"),
        (lambda found: found.update(chain="poju-another"), "a header is another chain's"),
        (lambda found: header(found, 0).update(chain_id="poju-another"), "a header is another chain's"),
        (lambda found: commit(found).update(height="24"), "a commit is of another height than its header"),
        (lambda found: commit(found)["signatures"].pop(), "a commit has not one place for each validator"),
        (lambda found: found["blocks"].reverse(), "its blocks are too many, or not in ascending height"),
        (
            lambda found: found["blocks"].append(found["blocks"][-1]),
            "its blocks are too many, or not in ascending height",
        ),
        (lambda found: found.update(checkpoint="none"), "the checkpoint is no note of three lines"),
        (
            lambda found: found.update(checkpoint=found["checkpoint"].replace("\n24\n", "\n024\n")),
            "the checkpoint is not in its one canonical form",
        ),
        (
            lambda found: found.update(checkpoint=found["checkpoint"].replace("\n24\n", "\n25\n")),
            "the last header carries another size or root than the checkpoint",
        ),
        (
            lambda found: found.update(checkpoint=found["checkpoint"] + found["checkpoint"].split("\n")[-2] + "\n"),
            "the checkpoint is not in its one canonical form",
        ),
    ],
)
def test_log_2_a_file_that_contradicts_itself_is_refused(change: Change, reason: str) -> None:
    assert refusal(changed(change)) == reason


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'"text"',
        FILE + b" ",
        FILE[:-1],
        FILE.replace(b"\n ", b"\n  ", 1),
        b" " * 3_000_000,
    ],
    ids=["empty", "cut", "no-text", "deep", "text", "tail", "no-newline", "spaces", "large"],
)
def test_bytes_that_are_not_the_one_form_of_a_file_are_refused(data: bytes) -> None:
    assert refusal(data)


def test_a_field_given_twice_is_refused() -> None:
    twice = FILE.replace(b' "chain":', b' "chain": "poju-another",\n "chain":', 1)
    assert refusal(twice) == "it is not JSON with each field once"


def test_log_2_a_signature_of_a_stranger_counts_for_nobody() -> None:
    note = light.read(FILE).note
    stranger = light.unverified_checkpoint(note).sign(PrivateKey.from_seed(bytes(32)))
    with pytest.raises(CallerError, match="none of the validators"):
        light.signers(light.merge([note, stranger]), KEYS)
    with pytest.raises(CallerError, match="none of the validators"):
        light.signers(note, {"v0": KEYS["v0"]})


def test_log_2_one_validator_is_counted_once_and_a_flipped_signature_never() -> None:
    note = light.read(FILE).note
    text, lines = note.split("\n\n")
    first = lines.split("\n")[0]
    assert light.signers(f"{text}\n\n{first}\n", KEYS) == ["v0"]
    name = first.split(" ")[1]
    raw = bytearray(base64.b64decode(first.split(" ")[2]))
    raw[-1] ^= 1
    flipped = f"— {name} {base64.b64encode(raw).decode()}"
    with pytest.raises(CallerError, match="none of the validators"):
        light.signers(f"{text}\n\n{flipped}\n", KEYS)


def test_notes_of_different_checkpoints_cannot_be_merged() -> None:
    one, other = (Checkpoint("log.example/a", size, bytes(32)).sign(PrivateKey.from_seed(bytes(32))) for size in (1, 2))
    assert light.merge([one, one]) == one
    with pytest.raises(CallerError, match="different checkpoints"):
        light.merge([one, other])
