"""The verifier on hostile input: small folders made by hand, signed by whoever made them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from support_node import LOG, ORIGIN, opened

from poju.errors import CallerError
from poju.ledger.checkpoint import Checkpoint
from poju.node.ledger_service import write_log
from poju.verify.command import fingerprint_of, verify
from poju.verify.proof import Proof, Proved, StoppedError, proved

KEY = LOG.public.fingerprint


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A bare log: checkpoint, key, hash tiles."""
    world = opened()
    write_log(world.store, LOG, ORIGIN, tmp_path / "log", entries=False)
    world.close()
    return tmp_path / "log"


def codes(path: Path, key: str | None = KEY) -> list[str]:
    proof = verify(path, key)
    return [step.result.code for step in proof.steps if not isinstance(step.result, Proved)]


def test_a_bare_log_verifies_and_says_what_it_leaves_open(log: Path) -> None:
    proof = verify(log, KEY)
    assert proof.exit_status == 0
    assert proof.not_proved == ["the entries: this folder holds only their hashes"]
    assert verify(log, None).exit_status == 1
    assert verify(log, None).holds


@pytest.mark.parametrize("name", ["receipts/x", "SHA256SUMS", "scitt-keys.cbor", "package/scenario.toml", "note.txt"])
def test_a_bare_log_with_something_of_a_larger_folder_does_not(log: Path, name: str) -> None:
    (log / name).parent.mkdir(exist_ok=True)
    (log / name).write_text("x")
    assert codes(log)


def test_a_signed_size_that_no_folder_can_hold_ends_at_once(log: Path) -> None:
    (log / "checkpoint").write_text(Checkpoint(ORIGIN, 1 << 60, b"r" * 32).sign(LOG))
    began = time.monotonic()
    assert codes(log) == ["tile.too-few"]
    assert time.monotonic() - began < 5


def test_an_empty_log_is_no_proof_of_anything_missing(tmp_path: Path) -> None:
    (tmp_path / "log.vkey").write_text(LOG.public.vkey(ORIGIN) + "\n")
    (tmp_path / "checkpoint").write_text(Checkpoint(ORIGIN, 0, bytes(32)).sign(LOG))
    assert codes(tmp_path)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"a+b+c\n", b"x" * 5_000])
def test_a_key_file_that_is_none_is_said(log: Path, data: bytes) -> None:
    (log / "log.vkey").write_bytes(data)
    assert codes(log) in (["key.malformed"], ["file.not-text"])


@pytest.mark.parametrize("data", [b"", b"\xff", b"one\n\ntwo", b"\n" * 99, "x\n1\ny\n\n— x z\n".encode()])
def test_a_checkpoint_that_is_none_is_said(log: Path, data: bytes) -> None:
    (log / "checkpoint").write_bytes(data)
    assert codes(log) in (["checkpoint.refused"], ["file.not-text"])


@pytest.mark.parametrize("error", [KeyError("package"), TypeError(), ValueError(), OSError(), RecursionError()])
def test_data_of_another_form_is_not_verified_and_never_a_traceback(error: Exception) -> None:
    def check() -> Proved:
        raise error

    proof = Proof(trusted=True)
    with pytest.raises(StoppedError):
        proof.step("form", check)
    assert proof.exit_status == 1
    assert proof.as_json("en")["steps"][0]["code"] == "verify.unreadable"  # type: ignore[index]  # a list of dicts


def test_a_proof_needs_steps_and_a_key() -> None:
    assert Proof(trusted=True).exit_status == 1
    proof = Proof()
    proof.step("one", lambda: proved("held"))
    assert (proof.holds, proof.exit_status) == (True, 1)


def test_the_key_may_be_digits_or_a_file(tmp_path: Path) -> None:
    for name, text in (("log.key", KEY + "\n"), ("log.vkey", LOG.public.vkey(ORIGIN) + "\n")):
        (tmp_path / name).write_text(text)
        assert fingerprint_of(str(tmp_path / name)) == KEY
    assert fingerprint_of(KEY) == KEY
    assert fingerprint_of(None) is None


@pytest.mark.parametrize("key", ["", "x", "ab" * 31, "zz" * 32, "a" * 5_000, "/", "a\0b", "a+b+c"])
def test_a_key_that_is_none_is_wrong_usage(key: str, tmp_path: Path) -> None:
    with pytest.raises(CallerError) as caught:
        fingerprint_of(key)
    assert caught.value.exit_status == 2
    (tmp_path / "file").write_bytes(key.encode() + b"\xff")
    with pytest.raises(CallerError):
        fingerprint_of(str(tmp_path / "file"))
