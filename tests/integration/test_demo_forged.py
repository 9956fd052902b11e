"""A folder forged whole: the product's own code, every figure in place, another log key."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from support_demo import Run, status

from poju.engine.embedded import EmbeddedEngine, Registration
from poju.errors import CallerError
from poju.ledger import cbor, refusal, statement
from poju.ledger.keys import PrivateKey, parse_vkey
from poju.ledger.store import Store
from poju.node.ledger_service import write_log
from poju.rulebook import compose
from poju.units import Seconds
from poju.verify import files
from poju.verify.command import verify

pytestmark = pytest.mark.network

NEW_KEY = PrivateKey.from_seed(b"a forger's own key, 32 bytes lon")


@dataclass
class Forger:
    """Has a copy of everything that the operator and the authority have, and signs as the log with ``key``."""

    demo: Run
    home: Path
    key: PrivateKey

    def __post_init__(self) -> None:
        shutil.copytree(self.demo.folder / "private" / "authority", self.home / "authority")
        self.origin = (self.home / "authority" / "origin").read_text()
        self.store = Store.open(self.home / "authority" / "ledger.sqlite")
        rules = compose(self.demo.public / "package")
        self.engine = EmbeddedEngine(self.store, rules, self.key, self.origin)
        self.public = Path(shutil.copytree(self.demo.public, self.home / "region" / "public"))
        self.auditor = Path(shutil.copytree(self.demo.auditor, self.home / "region" / "auditor"))

    def publish(self) -> None:
        _origin, true_key = parse_vkey((self.demo.public / "log.vkey").read_text())
        for path in (self.public / "receipts").glob("*.receipt.cose"):
            path.write_bytes(self.engine.receipt_for(int(path.name[:6])))
        for path in (self.public / "receipts").glob("*.decision-receipt.cose"):
            path.write_bytes(self.engine.receipt_for(int(path.name[:6]) + 1))
        for path in (self.public / "refusals").glob("*.refusal.cose"):
            path.write_bytes(refusal.verify(path.read_bytes(), true_key).sign(self.key, self.origin))
        for pack in (self.public / "evidence").iterdir():
            self._resign(pack)
        (self.public / "scitt-keys.cbor").write_bytes(cbor.encode([self.key.public.cose_key]))
        (self.public / "log.vkey").write_text(self.key.public.vkey(self.origin) + "\n")
        self._register_manifest()
        write_log(self.store, self.key, self.origin, self.public, entries=False)
        write_log(self.store, self.key, self.origin, self.auditor, entries=True)

    def _resign(self, pack: Path) -> None:
        claim = cbor.decode((pack / "pack.cbor").read_bytes())
        (pack / "checkpoint").write_text(self.engine.checkpoint_at(claim["size"]))
        for prefix, indexes in (("attestation", claim["attestations"]), ("member", claim["members"])):
            for number, index in enumerate(indexes, 1):
                (pack / f"{prefix}-{number}.receipt").write_bytes(self.engine.receipt_for(index, claim["size"]))

    def _register_manifest(self) -> None:
        text = files.manifest(self.public)
        (self.public / files.MANIFEST).write_bytes(text)
        digest = hashlib.sha256(text).digest()
        raw = statement.sign(
            PrivateKey.load(self.demo.folder / "private" / "keys" / "health-commission.key"),
            "publication",
            issuer="health-commission",
            subject=f"publication/{digest.hex()[:32]}",
            issued_at=Seconds(int(time.time())),
            identifier=statement.new_identifier(),
            fields={"manifest": digest},
        )
        answer = self.engine.register(raw)
        assert isinstance(answer, Registration)
        (self.public / files.PUBLICATION).write_bytes(raw)
        (self.public / files.PUBLICATION_RECEIPT).write_bytes(answer.receipt)

    def close(self) -> None:
        self.engine.close()
        self.store.close()


@pytest.fixture(scope="module")
def forged(demo: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    forger = Forger(demo, tmp_path_factory.mktemp("forged"), NEW_KEY)
    forger.publish()
    forger.close()
    return forger.public.parent


def test_a_folder_forged_whole_convinces_nobody(demo: Run, forged: Path) -> None:
    for part in ("public", "auditor", ""):
        assert status(forged / part, demo.key) == 1
        assert status(forged / part, None) == 1
        # Even who trusts the forger's key is told: the ledger itself says for which log key it was opened.
        steps = verify(forged / part, NEW_KEY.public.fingerprint).steps
        assert isinstance(steps[-1].result, CallerError)
        assert steps[-1].result.code == "key.other-log", f"the forger did not do {part} well enough"


def test_every_file_forged_alone_is_refused_under_the_old_key(demo: Run, forged: Path) -> None:
    single = [*(forged / "public" / "receipts").glob("*.receipt.cose"), *(forged / "public" / "refusals").iterdir()]
    assert not [path.name for path in single if status(path, demo.key) != 1]


def test_one_forged_part_in_a_true_folder_is_refused(demo: Run, forged: Path, public: Path) -> None:
    for name in ("checkpoint", "log.vkey", "scitt-keys.cbor", "SHA256SUMS", "publication.statement.cose"):
        true = (public / name).read_bytes()
        shutil.copy(forged / "public" / name, public / name)
        assert status(public, demo.key) == 1, name
        (public / name).write_bytes(true)
    assert status(public, demo.key) == 0


def test_log_2_two_logs_under_one_key_are_told_apart(demo: Run, tmp_path: Path) -> None:
    """The operator itself shows the public one log and the auditor another: each verifies, both together do not."""
    key = PrivateKey.load(demo.folder / "private" / "authority" / "log.private")
    shown = [Forger(demo, tmp_path / name, key) for name in ("one", "other")]
    for forger in shown:
        forger.publish()
        forger.close()
        assert status(forger.public.parent, demo.key) == 0
    first, second = (forger.public.parent for forger in shown)
    shutil.rmtree(first / "auditor")
    shutil.copytree(second / "auditor", first / "auditor")
    assert status(first / "public", demo.key) == 0
    assert status(first / "auditor", demo.key) == 0
    assert status(first, demo.key) == 1


@pytest.mark.shared
def test_log_3_a_checker_nobody_here_wrote_accepts_every_receipt(demo: Run, scittverify: Path) -> None:
    receipts = demo.public / "receipts"
    names = sorted(path.name.removesuffix(".statement.cose") for path in receipts.glob("*.statement.cose"))
    pairs = [(receipts / f"{name}.statement.cose", receipts / f"{name}.receipt.cose") for name in names]
    pairs.append((demo.public / "publication.statement.cose", demo.public / "publication.receipt.cose"))
    keys = demo.public / "scitt-keys.cbor"

    def checked(item: Path, proof: Path) -> int:
        command = [scittverify, "-keys", keys, "-statement", item, "-receipt", proof]
        return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode

    assert len(pairs) > 100
    assert not [item.name for item, proof in pairs if checked(item, proof) != 0]
    assert checked(pairs[0][0], pairs[1][1]) != 0


@pytest.mark.shared
def test_log_3_a_checker_nobody_here_wrote_accepts_the_auditors_log(demo: Run, auditor: Path, tlogverify: Path) -> None:
    def checked(folder: Path) -> int:
        command = [tlogverify, folder, folder / "log.vkey"]
        return subprocess.run(command, capture_output=True, check=False, timeout=120).returncode

    assert checked(demo.auditor) == 0
    bundle = auditor / "tile" / "entries" / "000"
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    bundle.write_bytes(data)
    assert checked(auditor) != 0
