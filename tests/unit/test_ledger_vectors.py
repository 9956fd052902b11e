"""The test vectors: their generator gives the same bytes again, and the readers answer as they say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from poju.errors import PojuError
from poju.ledger import cbor, checkpoint, leaf, merkle, receipt, refusal, statement
from poju.ledger.keys import PrivateKey, PublicKey, parse_vkey

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests" / "vectors"
Case = dict[str, object]


def document(name: str) -> Case:
    found: Case = json.loads((VECTORS / f"ledger-{name}.json").read_text(encoding="utf-8"))
    return found


HEAD = document("cbor")
LOG = PublicKey(bytes.fromhex(HEAD["log"]["public"]))
MEMBER = PublicKey(bytes.fromhex(HEAD["member"]["public"]))
ORIGIN = str(HEAD["origin"])


def opened(raw: bytes, _case: Case) -> None:
    cbor.decode(raw)


def signed(raw: bytes, case: Case) -> None:
    item = statement.decode(raw)
    if item.verify(MEMBER) is None:
        raise PojuError("statement.signature", "does not hold")
    assert (item.digest.hex(), item.kind, item.issuer) == (case["digest"], case["kind"], case["issuer"])


def proved(raw: bytes, case: Case) -> None:
    receipt.verify(raw, bytes.fromhex(str(case["leaf"])), LOG)


def noted(raw: bytes, case: Case) -> None:
    assert checkpoint.open_note(raw.decode(), ORIGIN, LOG).size == case["size"]


def closed(raw: bytes, case: Case) -> None:
    if case["name"] == "refusal":
        refusal.verify(raw, LOG)
    else:
        leaf.decode(raw)


READERS: dict[str, Callable[[bytes, Case], None]] = {
    "cbor": opened,
    "statement": signed,
    "receipt": proved,
    "checkpoint": noted,
    "leaf": closed,
}
CASES = [(name, case) for name in READERS for case in document(name)["cases"]]


@pytest.mark.parametrize(("name", "case"), CASES, ids=[f"{name}: {case['name']}" for name, case in CASES])
def test_readers_answer_as_the_vectors_say(name: str, case: Case) -> None:
    raw = bytes.fromhex(str(case["raw"]))
    if case["valid"]:
        READERS[name](raw, case)
        return
    with pytest.raises(PojuError):
        READERS[name](raw, case)


def test_trees_are_as_the_vectors_say() -> None:
    cases = document("tree")["cases"]
    roots = {case["size"]: bytes.fromhex(case["root"]) for case in cases}
    for case in cases:
        size, root = case["size"], bytes.fromhex(case["root"])
        for index, path in case["inclusion"].items():
            hashes = [bytes.fromhex(item) for item in path]
            leaf_hash = merkle.leaf_hash(f"leaf {index}".encode())
            assert merkle.root_from_inclusion(leaf_hash, int(index), size, hashes) == root
        for old, path in case["consistency"].items():
            if int(old) in roots:
                hashes = [bytes.fromhex(item) for item in path]
                assert merkle.consistent(int(old), size, roots[int(old)], root, hashes)


def test_the_keys_are_those_of_their_seeds() -> None:
    assert PrivateKey.from_seed(bytes.fromhex(HEAD["log"]["seed"])).public == LOG
    assert PrivateKey.from_seed(bytes.fromhex(HEAD["member"]["seed"])).public == MEMBER
    assert parse_vkey(HEAD["log"]["vkey"]) == (ORIGIN, LOG)


def test_generating_the_vectors_again_gives_the_same_bytes() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "vectors_ledger.py"), "--check"]
    finished = subprocess.run(command, check=False, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
