"""Validators come and go by vote on a running network; one that signs two blocks is suspended by its own signatures."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import support_network
from support_network import Running, poju

from poju.engine.cometbft.evidence import address_of
from poju.engine.cometbft.light_hash import BILLION, nanoseconds
from poju.engine.cometbft.rpc import Rpc
from poju.ledger import cbor
from poju.ledger.store import Store
from poju.node import network_keys, network_service
from poju.node.client import Registered
from poju.scenario.governance_evidence import BlockId, Vote, sign_bytes

pytestmark = pytest.mark.network
PATIENCE = 60.0
NAMES = ("v0", "v1", "v2", "v3")
REPORTERS = ("v0", "v1")


class Town(Running):
    """A network whose members vote."""

    workload: Any
    module: ModuleType

    def begin(self) -> None:
        self.module = support_network.load_workload()
        self.workload = self.module.Workload()
        self.load(self.workload.opening(), threads=1)

    def say(self, kind: str, issuer: str, subject: str, fields: dict[str, cbor.Value]) -> Registered:
        return self.register(self.workload._sign(kind, issuer, subject, fields))

    def decide(self, name: str, action: str, /, **asks: cbor.Value) -> None:
        """Propose and let every voter agree; the next block that registers something puts it into force."""
        voters = [*self.module.HOSPITALS, self.module.INDEX, "commission"]
        expires = int(time.time()) + 3_600
        self.say("proposal", voters[0], f"proposal/{name}", {"action": action, "height": 0, "expires": expires, **asks})
        for voter in voters:
            if self.state(f"proposal/{name}")["state"] == "open":
                self.say("vote", voter, f"proposal/{name}", {"approve": True})
        self.say("publication", "commission", f"publication/{name}", {"manifest": bytes(32)})

    def state(self, key: str, node: str = "v0") -> cbor.Value:
        store = Store.open(self.folder / node / "ledger.sqlite")
        try:
            return store.get(key)
        finally:
            store.close()

    def home(self, name: str) -> Path:
        return self.folder / name

    @property
    def chain(self) -> str:
        return str(json.loads((self.home("v0") / "config" / "genesis.json").read_text())["chain_id"])

    def admit(self, name: str) -> None:
        keys = network_keys.load(self.home(name))
        asked = {"member": self.module.HOSPITALS[0], "name": name, "chain": self.chain}
        raws = {"consensus": keys.consensus.public.raw, "log_key": keys.log.public.raw}
        self.decide(f"admit-{name}", "validator-admit", **asked, **raws)

    def ask(self, method: str, **parameters: object) -> dict[str, Any]:
        engine = Rpc(self.network.find("v0").rpc)
        try:
            return engine.call(method, **parameters)  # type: ignore[arg-type]  # evidence is no text
        finally:
            engine.close()

    def powers(self) -> dict[str, int]:
        """Return what power the engine gives each consensus key's address now."""
        found = self.ask("validators", page="1", per_page="100")["validators"]
        return {item["address"].lower(): int(item["voting_power"]) for item in found}

    def power(self, name: str) -> int:
        address = address_of(network_keys.load(self.home(name)).consensus.public.raw).hex()
        return self.powers().get(address, 0)


def until(holds: Callable[[], bool], town: Town) -> None:
    """Wait, while statements go on: a validator's new power counts two heights later."""
    deadline = time.monotonic() + PATIENCE
    turn = 10_000
    while not holds():
        assert time.monotonic() < deadline
        town.load(list(town.workload.statements(2, first=turn * 30)))
        turn += 1


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    found = Town(tmp_path_factory.mktemp("evidence") / "net", avoid=frozenset({"v2", "v3", "v4"}))
    module = support_network.load_workload()

    def keys() -> None:
        for name, member in zip(REPORTERS, module.HOSPITALS, strict=False):
            (found.home(name) / "member.key").write_bytes(bytes(module.key_of(member)._signing_key))

    with support_network.running(found, prepare=keys):
        found.begin()
        for name in NAMES:
            found.admit(name)
        yield found


def test_log_2_a_node_that_joined_orders_the_log_once_members_voted_for_it_and_no_longer(town: Town) -> None:
    assert [town.power(name) for name in NAMES] == [10] * 4
    assert poju("network", "join", "--dir", str(town.folder), "--name", "v4").returncode == 0
    assert town.power("v4") == 0
    town.admit("v4")
    until(lambda: town.power("v4") == 10, town)
    assert len(town.powers()) == 5
    town.decide("remove-v4", "validator-remove", name="v4", reason="left")
    until(lambda: town.power("v4") == 0, town)
    assert town.state("validators")[-1]["state"] == "removed"
    assert len(town.settled()) == 5


def double_vote(town: Town, name: str) -> dict[str, Any]:
    """Return evidence as the engine takes it: ``name`` precommitted two blocks at one height."""
    key = network_keys.load(town.home(name)).consensus
    height = int(town.ask("status")["sync_info"]["latest_block_height"]) - 2
    at = town.ask("block", height=str(height))["block"]["header"]["time"]
    validators = town.ask("validators", height=str(height), page="1", per_page="100")["validators"]
    address = address_of(key.public.raw).hex().upper()
    index = next(number for number, item in enumerate(validators) if item["address"] == address)
    seconds, nanos = divmod(nanoseconds(at), BILLION)

    def vote(mark: bytes) -> dict[str, Any]:
        block, parts = hashlib.sha256(mark).digest(), hashlib.sha256(mark + b"parts").digest()
        said = Vote("precommit", height, 0, BlockId(block, 1, parts), seconds, nanos)
        return {
            "type": 2,
            "height": str(height),
            "round": 0,
            "block_id": {"hash": block.hex().upper(), "parts": {"total": 1, "hash": parts.hex().upper()}},
            "timestamp": at,
            "validator_address": address,
            "validator_index": index,
            "signature": base64.b64encode(key.sign(sign_bytes(town.chain, said))).decode(),
            "extension": None,
            "extension_signature": None,
        }

    votes = sorted((vote(b"one"), vote(b"two")), key=lambda item: str(item["block_id"]["hash"]))
    value = {
        "vote_a": votes[0],
        "vote_b": votes[1],
        "TotalVotingPower": str(sum(int(item["voting_power"]) for item in validators)),
        "ValidatorPower": validators[index]["voting_power"],
        "Timestamp": at,
    }
    return {"type": "tendermint/DuplicateVoteEvidence", "value": value}


def test_log_2_a_validator_that_signed_two_blocks_is_suspended_by_the_nodes_themselves(town: Town) -> None:
    assert town.power("v3") == 10
    town.ask("broadcast_evidence", evidence=double_vote(town, "v3"))
    until(lambda: town.power("v3") == 0, town)
    standing = {item["name"]: item["state"] for item in town.state("validators")}
    assert (standing["v3"], standing["v0"]) == ("suspended", "admitted")
    # the evidence is in the log, once, and the three others go on without it
    store = Store.open(town.home("v0") / "ledger.sqlite")
    raws = [raw for raw in store.stream(store.head().size) if b"misbehaviour" in raw and raw[:1] == b"\xd2"]
    store.close()
    assert len(raws) == 1
    town.load(list(town.workload.statements(10, first=900_000)))
    found = {item.name: item for item in town.settled()}
    assert len({(item.size, item.root, item.digest) for item in found.values()}) == 1
    # nothing is left to report
    deadline = time.monotonic() + PATIENCE
    while any((town.home(name) / "misbehaviour").read_text() for name in REPORTERS) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not any((town.home(name) / "misbehaviour").read_text() for name in REPORTERS)
    # a node without a member's key says what to do and keeps the height, or was told by the others' statement
    assert "double-signing" in (town.home("v2") / "application.log").read_text()


def test_log_1_those_whom_votes_left_in_force_acknowledge_and_nobody_else_is_waited_for(town: Town) -> None:
    """Two of four genesis validators are voted out and stopped: without the two that came, no k could sign."""
    for name in ("v5", "v6"):
        assert poju("network", "join", "--dir", str(town.folder), "--name", name).returncode == 0
        town.admit(name)
        until(lambda who=name: town.power(who) == 10, town)  # type: ignore[misc]  # a lambda with a default
    town.decide("remove-v2", "validator-remove", name="v2", reason="left")
    until(lambda: town.power("v2") == 0, town)
    stopped = {item.name: item.pids for item in network_service.status(town.folder)}
    held = [pid for pid in (stopped["v2"]["application"], stopped["v3"]["application"]) if pid is not None]
    assert (len(held), town.power("v3")) == (2, 0)
    try:
        for pid in held:
            os.kill(pid, signal.SIGSTOP)
        town.load(list(town.workload.statements(10, first=800_000)))
    finally:
        for pid in held:
            os.kill(pid, signal.SIGCONT)
    assert len(town.settled()) == 7


def test_log_3_one_command_audits_the_log_under_the_keys_that_its_votes_led_to(town: Town, tmp_path: Path) -> None:
    """Validators came and went: the policy names those of genesis and the first statement, and nothing else."""
    town.workload._keys["auditor"] = town.module.key_of("auditor")
    key = tmp_path / "auditor.key"
    key.write_bytes(bytes(town.module.key_of("auditor")._signing_key))
    call = {"roles": ["auditor"], "closes": int(time.time()) + 3_600, "programme": bytes(32), "cohorts": []}
    town.say("call-open", "commission", "call/2", call)
    applied = {"key": town.module.key_of("auditor").public.raw, "name": "auditor", "roles": ["auditor"]}
    town.say("member-apply", "auditor", "member/auditor", {**applied, "call": "call/2"})
    town.say("member-admit", "commission", "member/auditor", {"roles": ["auditor"]})
    town.settled()
    url = town.network.find("v0").url
    governed = json.loads(town.client("v0").get("/governance"))
    policy, kept, copy = tmp_path / "policy.toml", tmp_path / "kept.toml", tmp_path / "copy"
    made = poju("network", "policy", "--dir", str(town.folder), "--genesis", governed["genesis"], "--out", str(policy))
    assert made.returncode == 0, made.stderr
    fetched = ("--to", str(copy), "--package", str(town.folder / "package"), "--member-key", str(key))
    done = poju("verify", url, "--policy", str(policy), *fetched, "--write-policy", str(kept), "--lang", "en")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "VERIFIED" in done.stdout
    # genesis had four; those that stand now are v0, v1 and the two that came
    assert {line for line in kept.read_text().splitlines() if line.startswith("name")} >= {'name = "v5"', 'name = "v6"'}
    assert "last = " in kept.read_text()
    alone = tmp_path / "checkpoint"
    alone.write_bytes(town.client("v1").get("/checkpoint/agreed"))
    assert poju("verify", str(alone), "--policy", str(kept)).returncode == 0
    # one validator's own signature is not enough
    alone.write_bytes(town.client("v1").get("/checkpoint"))
    refused = poju("verify", str(alone), "--policy", str(kept), "--lang", "en")
    assert (refused.returncode, "1 of the" in refused.stdout) == (1, True), refused.stdout
