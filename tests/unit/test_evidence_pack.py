"""Evidence packs over the real engine: what they prove, and that no byte of them is idle (EVID-1)."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

from poju.engine.embedded import EmbeddedEngine
from poju.errors import CallerError
from poju.evidence.attest import Evidence, result_of
from poju.evidence.pack import Entry, verify_pack, write_pack
from poju.evidence.tables import read_csv
from poju.ledger import cbor
from poju.ledger.keys import PrivateKey
from poju.ledger.store import Store
from poju.units import Seconds

ORIGIN = "test.invalid"


def helper() -> ModuleType:
    name = "support_awards"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


award = helper()


class Proven:
    """A released award over the engine, its evidence, and what a pack of it needs."""

    def __init__(self) -> None:
        self.log_key = PrivateKey.from_seed(bytes(32))
        self.world = award.EngineWorld()
        self.world.indexes = {}
        clock = Seconds(self.world.now)
        self.engine = EmbeddedEngine(Store.memory(), self.world.rules, self.log_key, ORIGIN, lambda: clock)
        self.world.engine = self.engine
        self.world.ready().submit_version()
        self.evidence: Evidence = self.world.prove(award.trace(wrong=2))
        assert self.world.claim(self.evidence) == ""

    def entry(self, kind: str, member: str, subject: str) -> Entry:
        index = self.world.indexes[kind, member, subject]
        leaf = self.engine.store.leaf(index)
        assert leaf is not None
        return Entry(index, leaf, self.engine.receipt_for(index))

    def pack(self, folder: Path, members: tuple[str, ...] = award.ATTESTERS, evidence: Evidence | None = None) -> Path:
        return write_pack(
            folder,
            evidence or self.evidence,
            origin=ORIGIN,
            checkpoint=self.engine.checkpoint_at(self.world.size),
            attestations=[self.entry("attestation", name, self.evidence.subject) for name in members],
            members=[self.entry("member-apply", name, f"member/{name}") for name in members],
        )


@pytest.fixture(scope="module")
def proven() -> Proven:
    return Proven()


@pytest.fixture
def pack(proven: Proven, tmp_path: Path) -> Path:
    return proven.pack(tmp_path)


def refusal(folder: Path, key: PrivateKey, origin: str = ORIGIN) -> str:
    with pytest.raises(CallerError) as caught:
        verify_pack(folder, key.public, origin)
    assert caught.value.explain("zh-Hant")
    return caught.value.code


def test_a_pack_holds_and_says_what_it_proved(proven: Proven, pack: Path) -> None:
    steps = verify_pack(pack, proven.log_key.public, ORIGIN)
    assert len(steps) == 7
    # By hand: X = 172, N = 180, 58 residuals of 0.1333 and 2 of -3.8667, so v = 60/59 · 30.93 / 180².
    assert steps[-1].proved.endswith("95.55 %, lower 95 % bound 89.44 %")
    assert "auditor, university" in " ".join(step.proved for step in steps)


def test_writing_a_pack_again_gives_the_same_bytes(proven: Proven, pack: Path) -> None:
    first = {path.name: path.read_bytes() for path in pack.iterdir()}
    (pack / "attestation-9.cose").write_bytes(b"left over")
    assert {path.name: path.read_bytes() for path in proven.pack(pack.parent).iterdir()} == first


def test_evid_1_a_flip_of_any_byte_of_any_file_is_refused(proven: Proven, pack: Path) -> None:
    verify_pack(pack, proven.log_key.public, ORIGIN)
    flips = 0
    for path in sorted(pack.iterdir()):
        whole = path.read_bytes()
        # Every byte of what is small; of the query and the rows each 37th, since one digest covers all of them.
        step = 37 if path.name in {"query.sql", "rows.csv"} else 1
        for offset in range(0, len(whole), step):
            altered = bytearray(whole)
            altered[offset] ^= 1 << (offset % 8)
            path.write_bytes(altered)
            assert refusal(pack, proven.log_key), f"{path.name} byte {offset} is idle"
            flips += 1
        path.write_bytes(whole)
    assert flips > 1_500
    verify_pack(pack, proven.log_key.public, ORIGIN)


def test_evid_1_missing_and_additional_files_are_refused(proven: Proven, pack: Path) -> None:
    for path in sorted(pack.iterdir()):
        whole = path.read_bytes()
        path.unlink()
        assert refusal(pack, proven.log_key)
        path.write_bytes(whole[:-1])
        assert refusal(pack, proven.log_key)
        path.write_bytes(whole)
    (pack / "note.txt").write_text("see here")
    assert refusal(pack, proven.log_key) == "evidence.refused"


def test_evid_1_another_key_or_origin_is_refused(proven: Proven, pack: Path) -> None:
    assert refusal(pack, PrivateKey.from_seed(b"\1" * 32)) == "checkpoint.refused"
    assert refusal(pack, proven.log_key, "other.invalid") == "checkpoint.refused"


def test_evid_1_other_rows_with_the_same_result_are_refused(proven: Proven, pack: Path) -> None:
    text = proven.evidence.rows.decode()
    first, second, *others = text.splitlines()
    swapped = "\n".join([first, "9" + second, *others]) + "\n"
    assert result_of(proven.evidence.query, swapped.encode()) == proven.evidence.result
    (pack / "rows.csv").write_bytes(swapped.encode())
    claim = cbor.decode((pack / "pack.cbor").read_bytes())
    claim["rows"] = award.hashlib.sha256(swapped.encode()).digest()
    (pack / "pack.cbor").write_bytes(cbor.encode(claim))
    assert refusal(pack, proven.log_key) == "evidence.refused"


def test_evid_1_a_better_result_needs_another_id_that_nobody_attests(proven: Proven, tmp_path: Path) -> None:
    better = proven.world.measured(award.trace())
    assert better.result["numerator"] > proven.evidence.result["numerator"]
    assert refusal(proven.pack(tmp_path, evidence=better), proven.log_key) == "evidence.refused"


def test_evid_1_one_attestation_or_one_member_twice_is_refused(proven: Proven, tmp_path: Path) -> None:
    assert refusal(proven.pack(tmp_path / "one", ("auditor",)), proven.log_key) == "evidence.refused"
    assert refusal(proven.pack(tmp_path / "twice", ("auditor", "auditor")), proven.log_key) == "evidence.refused"


def test_a_folder_that_is_no_pack_is_one_clear_error(proven: Proven, tmp_path: Path) -> None:
    assert refusal(tmp_path / "absent", proven.log_key) == "evidence.refused"
    assert refusal(tmp_path, proven.log_key) == "evidence.refused"
    (tmp_path / "pack.cbor").symlink_to("/etc/hostname")
    assert refusal(tmp_path, proven.log_key) == "evidence.refused"


def test_a_pack_under_another_name_is_refused(proven: Proven, pack: Path) -> None:
    renamed = pack.with_name("0" * 64)
    shutil.move(pack, renamed)
    assert refusal(renamed, proven.log_key) == "evidence.refused"


@pytest.mark.parametrize(
    "rows",
    [
        b"",
        b"\n",
        b"a\n1",
        b"a\n01\n",
        b"a\n+1\n",
        b"a,a\n1,1\n",
        b"a\n1,2\n",
        b"a\r\n1\r\n",
        b"a\n1.5\n",
        b"A\n1\n",
        "a\n１\n".encode(),
    ],
)
def test_rows_have_one_spelling(rows: bytes) -> None:
    with pytest.raises(CallerError) as caught:
        read_csv(rows)
    assert caught.value.code == "evidence.rows"
