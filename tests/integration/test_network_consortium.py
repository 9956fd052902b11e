"""Four validators on the real engine: load, kill -9 and return, attacks on what is acknowledged and on the blocks."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest

from poju.errors import CallerError, OperatorError, PojuError
from poju.ledger import cbor, checkpoint, receipt, refusal, statement
from poju.ledger.keys import PrivateKey
from poju.node import network_folder, network_service
from poju.node.client import LedgerClient, Refused, Registered
from poju.node.network_install import find
from poju.units import Seconds

pytestmark = pytest.mark.network
ROOT = Path(__file__).resolve().parents[2]
# Until the verb stands in cli/main.py's list, and after: the same command line.
VERB = "from poju.cli import main; main.VERBS.setdefault('network', ''); main.main()"
STATEMENTS = 200
THREADS = 16
KILL_AT = (40, 110)
SETTLE_SECONDS = 40.0


def poju(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", VERB, "network", *arguments], check=False, capture_output=True, text=True, timeout=900
    )


def load_workload() -> ModuleType:
    spec = importlib.util.spec_from_file_location("network_workload", ROOT / "benchmarks" / "workload.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # statements of today, since a chain's block time is today's; three hospitals, since each is two statements
    module.__dict__["TIME"] = Seconds(int(time.time()))
    module.__dict__["HOSPITALS"] = tuple(module.HOSPITALS[:3])
    return module


@dataclass
class Consortium:
    """A running network, and every acknowledgement that came back, kept outside its processes."""

    folder: Path
    acknowledged: dict[bytes, tuple[str, Registered]] = field(default_factory=dict)
    clients: dict[str, LedgerClient] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def network(self) -> network_folder.Network:
        return network_folder.load(self.folder)

    def client(self, name: str) -> LedgerClient:
        with self.lock:
            if name not in self.clients:
                self.clients[name] = LedgerClient(self.network.find(name).url)
            return self.clients[name]

    def register(self, raw: bytes, first: int) -> Registered:
        """Send until one validator acknowledges: the next one is asked where one does not answer."""
        names = [item.name for item in self.network.validators]
        for attempt in range(40):
            name = names[(first + attempt) % len(names)]
            try:
                answer = self.client(name).register(raw)
            except PojuError:
                time.sleep(0.1)
                continue
            assert isinstance(answer, Registered), answer
            with self.lock:
                self.acknowledged[raw] = name, answer
            return answer
        pytest.fail("nobody acknowledged")

    def status(self) -> list[dict[str, object]]:
        finished = poju("status", "--dir", str(self.folder), "--json")
        assert finished.returncode == 0, finished.stderr
        found: list[dict[str, object]] = json.loads(finished.stdout)["validators"]
        return found

    def kill(self, name: str, part: str) -> None:
        os.kill(int((self.folder / name / f"{part}.pid").read_text()), signal.SIGKILL)

    def settled(self) -> list[network_service.Status]:
        """Wait until every validator runs and all disks hold the same log; return where they stand."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            found = network_service.status(self.folder)
            connected = all((item.state, item.peers) == ("running", len(found) - 1) for item in found)
            if connected and len({item.root for item in found}) == 1:
                return found
            time.sleep(0.2)
        return network_service.status(self.folder)

    def leaves(self, name: str) -> list[bytes]:
        path = self.folder / name / "ledger.sqlite"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return [row[0] for row in connection.execute("SELECT data FROM leaf ORDER BY idx")]


@pytest.fixture(scope="module")
def engine() -> Path:
    """The engine, installed where Go is found."""
    try:
        return find()
    except OperatorError:
        if shutil.which("go") is None:
            pytest.skip("neither CometBFT nor Go is on this machine")
    finished = poju("install-engine")
    assert finished.returncode == 0, finished.stderr
    return find()


@pytest.fixture(scope="module")
def consortium(engine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    """Four validators that have opened the scenario and admitted three hospitals."""
    assert engine.is_file()
    folder = tmp_path_factory.mktemp("consortium") / "net"
    made = poju("init", "--validators", "4", "--dir", str(folder))
    assert made.returncode == 0, made.stderr
    started = poju("up", "--dir", str(folder))
    assert started.returncode == 0, started.stderr
    found = Consortium(folder)
    yield found
    for client in found.clients.values():
        client.close()
    ended = poju("down", "--dir", str(folder))
    assert ended.returncode == 0, ended.stderr


@pytest.fixture(scope="module")
def workload() -> ModuleType:
    return load_workload()


def groups(raws: Sequence[bytes]) -> list[list[bytes]]:
    """Statements about one subject go one after the other; subjects go side by side."""
    found: dict[str, list[bytes]] = {}
    for raw in raws:
        found.setdefault(statement.decode(raw).subject, []).append(raw)
    return list(found.values())


def test_log_1_and_log_2_a_validator_killed_under_load_loses_and_doubles_nothing(
    consortium: Consortium, workload: ModuleType
) -> None:
    load = workload.Workload()
    for number, raw in enumerate(load.opening()):
        consortium.register(raw, number)
    raws = [raw for raw in load.statements(2 * STATEMENTS) if statement.decode(raw).kind != "access-request"]
    before = len(consortium.acknowledged)
    raws = raws[:STATEMENTS]
    victims = [(KILL_AT[0], "v1", "engine"), (KILL_AT[1], "v2", "application")]

    def send(job: tuple[int, list[bytes]]) -> None:
        for raw in job[1]:
            consortium.register(raw, job[0])

    def attack() -> None:
        for count, name, part in victims:
            while len(consortium.acknowledged) - before < count:
                time.sleep(0.02)
            consortium.kill(name, part)

    attacker = threading.Thread(target=attack)
    attacker.start()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(send, enumerate(groups(raws))))
    attacker.join()
    found = consortium.settled()

    assert {item.state for item in found} == {"running"}
    assert len({(item.size, item.root, item.digest) for item in found}) == 1
    assert all(item.peers == 3 for item in found)
    for validator in consortium.network.validators:
        leaves = consortium.leaves(validator.name)
        assert len(leaves) == found[0].size
        for raw, (_name, answer) in consortium.acknowledged.items():
            assert leaves[answer.index] == raw
            assert leaves.count(raw) == 1
    assert len(consortium.acknowledged) == before + len(raws)


def test_log_3_each_receipt_verifies_under_the_key_of_the_validator_that_answered(consortium: Consortium) -> None:
    assert consortium.acknowledged
    for raw, (name, answer) in consortium.acknowledged.items():
        key = consortium.network.find(name).log_key
        assert receipt.verify(answer.receipt, raw, key).index == answer.index


def test_log_2_k_validators_sign_the_same_root_of_the_same_size(consortium: Consortium) -> None:
    size = consortium.settled()[0].size
    roots = set()
    for validator in consortium.network.validators:
        note = consortium.client(validator.name).get(f"/checkpoint/{size}").decode()
        roots.add(checkpoint.open_note(note, consortium.network.origin, validator.log_key).root)
    assert len(roots) == 1


def test_rule_2_a_refused_statement_leaves_no_entry_and_gets_a_signed_refusal(
    consortium: Consortium, workload: ModuleType
) -> None:
    size = consortium.settled()[0].size
    stranger = PrivateKey.generate()
    claims = {"issuer": "hospital-000", "subject": "pointer/" + "9" * 32, "issued_at": workload.TIME}
    unknown = statement.sign(stranger, "pointer", identifier=statement.new_identifier(), fields={}, **claims)
    stale = next(iter(workload.Workload().opening()))
    for raw in (unknown, stale[:-1] + bytes([stale[-1] ^ 1])):
        answer = consortium.client("v3").register(raw)
        assert isinstance(answer, Refused)
        key = consortium.network.find("v3").log_key
        assert refusal.verify(answer.raw, key).code == answer.code
    known = workload.key_of("hospital-000")
    empty = statement.sign(known, "pointer", identifier=statement.new_identifier(), fields={}, **claims)
    answer = consortium.client("v0").register(empty)
    assert isinstance(answer, Refused)
    assert answer.code == "field.missing"
    assert {item.size for item in consortium.settled()} == {size}


def test_the_same_bytes_again_through_another_validator_return_the_same_entry(consortium: Consortium) -> None:
    raw, (name, answer) = next(iter(consortium.acknowledged.items()))
    other = next(item.name for item in consortium.network.validators if item.name != name)
    again = consortium.client(other).register(raw)
    assert isinstance(again, Registered)
    assert again.index == answer.index


def test_submit_writes_a_receipt_and_bytes_that_are_no_statement_are_refused(
    consortium: Consortium, workload: ModuleType, tmp_path: Path
) -> None:
    fields = {"commitment": bytes(32), "class": "lab-chemistry", "handle": "a" * 32}
    key, subject = workload.key_of("hospital-001"), "pointer/" + "8" * 32
    claims = {"issuer": "hospital-001", "subject": subject, "issued_at": workload.TIME}
    raw = statement.sign(key, "pointer", identifier=statement.new_identifier(), fields=fields, **claims)
    (tmp_path / "s.cose").write_bytes(raw)
    options = ["--dir", str(consortium.folder), "--validator", "v2"]
    finished = poju("submit", str(tmp_path / "s.cose"), *options, "--receipt", str(tmp_path / "r.cose"))
    assert finished.returncode == 0, finished.stderr
    found = receipt.verify((tmp_path / "r.cose").read_bytes(), raw, consortium.network.find("v2").log_key)
    assert consortium.leaves("v0")[found.index] == raw
    (tmp_path / "s.cose").write_bytes(cbor.encode(b"no statement"))
    finished = poju("submit", str(tmp_path / "s.cose"), *options)
    assert finished.returncode != 0
    assert "Traceback" not in finished.stderr


def test_a_second_up_is_refused_and_status_names_who_is_down(consortium: Consortium) -> None:
    finished = poju("up", "--dir", str(consortium.folder))
    assert (finished.returncode, "network.running" in finished.stderr) == (1, True)
    supervisor = int((consortium.folder / "supervisor.pid").read_text())
    # held for a moment, or it would start the application again before anybody has looked
    os.kill(supervisor, signal.SIGSTOP)
    try:
        consortium.kill("v3", "application")
        seen = {str(item["name"]): item["state"] for item in consortium.status()}
    finally:
        os.kill(supervisor, signal.SIGCONT)
    assert seen["v3"] == "down"
    assert len(seen) == 4
    assert {item.state for item in consortium.settled()} == {"running"}


def test_log_4_a_wiped_application_and_a_wiped_node_arrive_at_the_same_log_by_replay(consortium: Consortium) -> None:
    before = consortium.settled()[0]
    assert before.size
    ended = poju("down", "--dir", str(consortium.folder))
    assert ended.returncode == 0, ended.stderr
    assert {item["state"] for item in consortium.status()} == {"down"}
    for name in ("v1", "v2"):
        for path in (consortium.folder / name).glob("ledger.sqlite*"):
            path.unlink()
    # priv_validator_state.json stays: without it a validator could sign a height twice
    for path in (consortium.folder / "v2" / "data").glob("*"):
        if path.is_dir():
            shutil.rmtree(path)
    started = poju("up", "--dir", str(consortium.folder))
    assert started.returncode == 0, started.stderr
    after = consortium.settled()
    assert {(item.size, item.root, item.digest) for item in after} == {(before.size, before.root, before.digest)}
    assert consortium.leaves("v1") == consortium.leaves("v2") == consortium.leaves("v0")


def test_there_is_no_network_in_another_folder(tmp_path: Path) -> None:
    with pytest.raises(CallerError) as caught:
        network_service.status(tmp_path)
    assert caught.value.code == "network.none"
