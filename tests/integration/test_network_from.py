"""An embedded ledger that was served becomes four validators on the real engine, and one is killed on the way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
import support_network
import support_recorded
from support_network import MAIN, Running, poju

from poju.ledger import checkpoint, cosignature, receipt, statement
from poju.ledger.keys import PrivateKey, PublicKey
from poju.node import network_audit
from poju.node.client import LedgerClient, Refused, Registered

pytestmark = pytest.mark.network
ORIGIN = "health.example"
BEFORE, AFTER = 60, 60
KILL_AFTER = 15


@dataclass(frozen=True)
class Grown:
    """What the operator gave away before, and the network that continues its log."""

    running: Running
    operator: PublicKey
    ledger: Path
    receipts: list[tuple[bytes, bytes]]
    size: int
    said: str


@pytest.fixture(scope="module")
def workload() -> ModuleType:
    return support_recorded.load_workload(int(time.time()), hospitals=11)


def serve(folder: Path, package: Path, raws: list[bytes]) -> tuple[list[tuple[bytes, bytes]], PublicKey]:
    """Serve an embedded ledger as an operator does, register ``raws`` over HTTP, end it."""
    command = [sys.executable, "-c", MAIN, "ledger", "serve", str(folder), "--package", str(package)]
    with subprocess.Popen(
        [*command, "--origin", ORIGIN, "--attached"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        client = LedgerClient(json.loads(process.stdout.readline())["url"])
        given = []
        for raw in raws:
            answer = client.register(raw)
            if isinstance(answer, Registered):
                given.append((raw, answer.receipt))
        client.close()
        process.stdin.close()
        process.wait(30)
    return given, PrivateKey.load(folder / "log.private").public


@pytest.fixture(scope="module")
def grown(workload: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grown]:
    support_network.require_engine()
    base = tmp_path_factory.mktemp("grown")
    ledger, folder = base / "authority", base / "net"
    ledger.mkdir()
    (ledger / "log.private").write_bytes(bytes(workload.LOG._signing_key))
    workload.__dict__["ORIGIN"] = ORIGIN
    made = workload.Workload()
    raws = [*made.opening(), *made.statements(BEFORE)]
    wrong = [raw for code, raw in support_recorded.refused(workload, raws) if code != "ledger.conflict"]
    given, operator = serve(ledger, workload.HEALTHCARE, [*raws, *wrong])
    assert len(given) == len(raws)
    begun = poju("network", "init", "--validators", "4", "--dir", str(folder), "--from", str(ledger))
    assert begun.returncode == 0, begun.stderr
    started = poju("network", "up", "--dir", str(folder))
    assert started.returncode == 0, started.stderr
    running = Running(folder)
    genesis, _first = network_audit.genesis_of(running.network)
    yield Grown(running, operator, ledger, given, genesis.size, started.stdout)
    running.close()
    ended = poju("network", "down", "--dir", str(folder))
    assert ended.returncode == 0, ended.stderr


def test_every_validator_audited_and_cosigned_before_it_started(grown: Grown) -> None:
    assert grown.said.count(f"audited {grown.size} leaves") == 4
    network = grown.running.network
    note = network_audit.final(network)
    found = cosignature.open_cosigned(note, ORIGIN, grown.operator, network_audit.cosigners(network))
    assert (found.checkpoint.size, len(found.times)) == (grown.size, 4)


def test_log_1_and_log_2_statements_go_on_at_the_next_index_also_while_one_is_killed(
    grown: Grown, workload: ModuleType
) -> None:
    later = workload.Workload()
    later._said = 10_000
    raws = [raw for raw in later.statements(AFTER, first=1_000) if statement.decode(raw).kind != "access-request"]
    running = grown.running
    first = running.register(raws[0])
    assert first.index == grown.size

    def attack() -> None:
        while len(running.acknowledged) < KILL_AFTER:
            time.sleep(0.02)
        os.kill(int((running.folder / "v2" / "application.pid").read_text()), signal.SIGKILL)

    attacker = threading.Thread(target=attack)
    attacker.start()
    running.load(raws[1:])
    attacker.join()
    found = running.settled()
    assert len(running.acknowledged) == len(raws)
    again = running.client("v1").register(grown.receipts[3][0])
    assert isinstance(again, Registered)
    assert again.index == receipt.verify(grown.receipts[3][1], grown.receipts[3][0], grown.operator).index
    assert found[0].size > grown.size + len(raws)


def test_log_3_receipts_of_before_verify_and_lead_to_the_newest_checkpoint(grown: Grown, tmp_path: Path) -> None:
    running, network = grown.running, grown.running.network
    size = running.settled()[0].size
    asked = network.validators[1]
    client = running.client(asked.name)
    for raw, given in grown.receipts:
        assert receipt.verify(given, raw, grown.operator).size <= grown.size
    note = network_audit.final(network)
    final = cosignature.open_cosigned(note, ORIGIN, grown.operator, {}).checkpoint
    proof = receipt.verify_consistency(client.get(f"/growth/{final.size}"), final.size, final.root, asked.log_key)
    newest = checkpoint.open_note(client.get(f"/checkpoint/{size}").decode(), ORIGIN, asked.log_key)
    assert (proof.size, proof.root) == (newest.size, newest.root)
    # the same from the command line: the operator's receipt alone, then under k of the validators' keys
    raw, given = grown.receipts[-1]
    (tmp_path / "a.statement.cose").write_bytes(raw)
    (tmp_path / "a.receipt.cose").write_bytes(given)
    (tmp_path / "log.vkey").write_text(grown.operator.vkey(ORIGIN) + "\n")
    alone = poju("verify", str(tmp_path / "a.receipt.cose"), "--key", grown.operator.fingerprint)
    assert alone.returncode == 0, alone.stdout + alone.stderr
    keys = [f'[[keys]]\nname = "{v.name}"\nkey = "{v.log_key.vkey(ORIGIN)}"\n' for v in network.validators]
    retired = f'[[keys]]\nname = "operator"\nkey = "{grown.operator.vkey(ORIGIN)}"\nlast = {grown.size}\n'
    (tmp_path / "p.toml").write_text(f'origin = "{ORIGIN}"\nthreshold = 3\n' + retired + "".join(keys))
    lines = [
        running.client(v.name).get(f"/checkpoint/{size}").decode().partition("\n\n")[2] for v in network.validators
    ]
    (tmp_path / "checkpoint").write_text(f"{newest.text()}\n{''.join(lines)}")
    old = receipt.verify(given, raw, grown.operator).size
    (tmp_path / "growth.cose").write_bytes(client.get(f"/growth/{old}"))
    beside = ["--checkpoint", str(tmp_path / "checkpoint"), "--consistency", str(tmp_path / "growth.cose")]
    policed = poju("verify", str(tmp_path / "a.receipt.cose"), "--policy", str(tmp_path / "p.toml"), *beside)
    assert policed.returncode == 0, policed.stdout + policed.stderr


def test_rule_2_refusals_that_the_operator_signed_are_still_answered(grown: Grown, workload: ModuleType) -> None:
    hospital = workload.HOSPITALS[0]
    answer = grown.running.client("v0").register(
        statement.sign(
            workload.key_of(hospital),
            "pointer",
            issuer=hospital,
            subject=f"pointer/{'1' * 32}",
            issued_at=workload.TIME,
            identifier=statement.new_identifier(),
            fields={},
        )
    )
    assert isinstance(answer, Refused)
    assert answer.code == "field.missing"


def test_log_2_the_operators_ledger_is_not_served_any_more(grown: Grown, workload: ModuleType) -> None:
    served = poju(
        "ledger", "serve", str(grown.ledger), "--package", str(workload.HEALTHCARE), "--origin", ORIGIN, "--attached"
    )
    assert (served.returncode, "ledger.grown" in served.stderr) == (1, True), served.stderr


def test_log_4_a_wiped_node_gets_the_handed_log_again_and_each_disk_holds_up_to_rebuild_and_audit(
    grown: Grown, tmp_path: Path
) -> None:
    running, network = grown.running, grown.running.network
    before = running.settled()[0]
    assert poju("network", "down", "--dir", str(running.folder)).returncode == 0
    package = ["--package", str(network.package)]
    rebuilt = poju("ledger", "rebuild", str(running.folder / "v1"), *package, "--json")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert json.loads(rebuilt.stdout)["size"] == before.size
    exported = poju("ledger", "export", str(running.folder / "v1"), str(tmp_path / "log"), *package)
    assert exported.returncode == 0, exported.stderr
    # the log was opened for the operator's key, and this copy is signed by one validator's: both have to be trusted
    keys = [("operator", grown.operator, f"last = {grown.size}"), ("v1", network.find("v1").log_key, "")]
    tables = [f'[[keys]]\nname = "{name}"\nkey = "{key.vkey(ORIGIN)}"\n{more}\n' for name, key, more in keys]
    (tmp_path / "policy.toml").write_text(f'origin = "{ORIGIN}"\nthreshold = 1\n' + "".join(tables))
    audited = poju("verify", str(tmp_path / "log"), "--policy", str(tmp_path / "policy.toml"))
    assert audited.returncode == 0, audited.stdout + audited.stderr
    for path in (running.folder / "v3").glob("ledger.sqlite*"):
        path.unlink()
    # priv_validator_state.json stays: without it a validator could sign a height twice
    for path in (running.folder / "v3" / "data").glob("*.db"):
        shutil.rmtree(path)
    started = poju("network", "up", "--dir", str(running.folder))
    assert started.returncode == 0, started.stderr
    assert started.stdout.count("audited") == 1
    after = running.settled()
    assert {(item.size, item.root, item.digest) for item in after} == {(before.size, before.root, before.digest)}
