"""Programs that share no code with Poju accept what the ledger makes, and refuse it once a byte is flipped (LOG-3)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import support_ledger as support

from poju.engine.embedded import EmbeddedEngine, Registration
from poju.ledger import cbor, checkpoint, cosignature, merkle, tiles
from poju.ledger.store import Store

pytestmark = pytest.mark.shared

STATEMENTS = 170
SIZES = [1, 3, 255, 256, 257, 520]


def passes(program: Path, *arguments: str | Path) -> bool:
    return subprocess.run([program, *arguments], capture_output=True, check=False, timeout=60).returncode == 0


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.fixture(scope="module")
def registered() -> list[tuple[bytes, Registration]]:
    """Statements with and without decision, in a log of more than 256 leaves."""
    store = Store.memory()
    engine = EmbeddedEngine(store, support.TinyRules(), support.LOG, support.ORIGIN, lambda: support.TIME)
    raws = [support.signed(number, "ask" if number % 2 else "note") for number in range(STATEMENTS)]
    answers = [(raw, engine.register(raw)) for raw in raws]
    engine.close()
    assert store.head().size > 256
    store.close()
    return [(raw, answer) for raw, answer in answers if isinstance(answer, Registration)]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys.cbor"
    path.write_bytes(cbor.encode([support.LOG.public.cose_key]))
    return path


@pytest.fixture
def issuer(tmp_path: Path) -> Path:
    path = tmp_path / "issuer.cbor"
    path.write_bytes(cbor.encode(support.MEMBER.public.cose_key))
    return path


def accepted(scittverify: Path, keys: Path, issuer: Path, statement: bytes, receipt: bytes) -> bool:
    (keys.parent / "s.cose").write_bytes(statement)
    (keys.parent / "r.cose").write_bytes(receipt)
    files = ["-statement", keys.parent / "s.cose", "-receipt", keys.parent / "r.cose"]
    return passes(scittverify, "-keys", keys, "-issuer", issuer, *files)


def test_log_3_another_program_accepts_statements_and_receipts(
    registered: list[tuple[bytes, Registration]], scittverify: Path, keys: Path, issuer: Path
) -> None:
    chosen = [registered[at] for at in (0, 1, 2, 84, 85, 86, -2, -1)]
    assert all(accepted(scittverify, keys, issuer, raw, answer.receipt) for raw, answer in chosen)


def test_log_3_another_program_refuses_every_kind_of_change(
    registered: list[tuple[bytes, Registration]], scittverify: Path, keys: Path, issuer: Path
) -> None:
    raw, answer = registered[90]
    for at in (0, 8, len(raw) // 2, len(raw) - 80, len(raw) - 1):
        assert not accepted(scittverify, keys, issuer, flipped(raw, at), answer.receipt)
    length = len(answer.receipt)
    for at in (0, 20, length // 3, length // 2, length - 70, length - 1):
        assert not accepted(scittverify, keys, issuer, raw, flipped(answer.receipt, at))
    assert not accepted(scittverify, keys, issuer, raw, registered[91][1].receipt)
    keys.write_bytes(cbor.encode([support.STRANGER.public.cose_key]))
    assert not accepted(scittverify, keys, issuer, raw, answer.receipt)


def log_folder(folder: Path, size: int) -> None:
    """A tlog-tiles folder of the first ``size`` leaves; most sizes end with partial tiles."""
    leaves = [support.signed(number) for number in range(size)]
    stored: dict[tuple[int, int], bytes] = {}
    stored |= tiles.append(lambda _level, _number: b"", 0, [merkle.leaf_hash(item) for item in leaves])
    tiles.write_folder(folder, size, lambda level, number: stored[level, number], lambda a, b: leaves[a:b])
    (folder / "log.vkey").write_text(support.LOG.public.vkey(support.ORIGIN) + "\n")
    note = checkpoint.Checkpoint(support.ORIGIN, size, support.tree_head(leaves)).sign(support.LOG)
    (folder / "checkpoint").write_text(note)


@pytest.mark.parametrize("size", SIZES)
def test_log_3_another_program_proves_every_entry(tmp_path: Path, tlogverify: Path, size: int) -> None:
    log_folder(tmp_path, size)
    assert passes(tlogverify, tmp_path, tmp_path / "log.vkey")


def test_log_3_another_program_accepts_a_cosignature(tmp_path: Path, tlogverify: Path) -> None:
    log_folder(tmp_path, 300)
    note, name = (tmp_path / "checkpoint").read_text(), "university.example/cosigner"
    cosigner = tmp_path / "cosigner.vkey"
    cosigner.write_text(cosignature.vkey(name, support.MEMBER.public) + "\n")
    assert not passes(tlogverify, tmp_path, tmp_path / "log.vkey", cosigner)
    (tmp_path / "checkpoint").write_text(cosignature.cosign(note, name, support.MEMBER, support.TIME))
    assert passes(tlogverify, tmp_path, tmp_path / "log.vkey", cosigner)
    (tmp_path / "checkpoint").write_text(cosignature.cosign(note, name, support.STRANGER, support.TIME))
    assert not passes(tlogverify, tmp_path, tmp_path / "log.vkey", cosigner)


def test_log_3_another_program_refuses_a_flipped_byte_anywhere(tmp_path: Path, tlogverify: Path) -> None:
    log_folder(tmp_path, 520)
    for path in sorted(item for item in tmp_path.rglob("*") if item.is_file()):
        data = path.read_bytes()
        for at in (0, len(data) // 2, len(data) - 2):
            path.write_bytes(flipped(data, at))
            assert not passes(tlogverify, tmp_path, tmp_path / "log.vkey"), (path.name, at)
        path.write_bytes(data)
    assert passes(tlogverify, tmp_path, tmp_path / "log.vkey")
