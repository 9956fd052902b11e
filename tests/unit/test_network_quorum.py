"""Whose signatures an acknowledgement waits for: the genesis file's validators, as votes have changed them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner
from support_governance import Chamber, validator
from support_rules import HEALTHCARE, key_of

from poju.cli.network import command
from poju.errors import PojuError
from poju.ledger import cbor
from poju.ledger.checkpoint import Checkpoint
from poju.ledger.keys import PublicKey
from poju.ledger.log_keys import LogKey, LogKeys
from poju.ledger.store import Store
from poju.node import network_folder, network_hosts, network_quorum, network_service
from poju.node.network_quorum import Quorum, Together, standing
from poju.node.network_service import Status
from poju.scenario import governance_state
from poju.verify.followed import settled
from poju.verify.policy import Policy

GENESIS = {name: key_of(f"{name}:log").public.raw for name in ("v0", "v1", "v2", "v3")}


@pytest.fixture
def chamber() -> Chamber:
    made = Chamber()
    made.with_members()
    return made


def test_log_2_votes_change_who_stands_and_a_verifier_that_follows_them_counts_the_same(chamber: Chamber) -> None:
    def now() -> frozenset[bytes]:
        return standing(GENESIS.values(), governance_state.log_keys(chamber))

    def followed() -> frozenset[bytes]:
        held = [LogKey(name, PublicKey(raw)) for name, raw in GENESIS.items()]
        policy = settled(Policy(LogKeys("test.invalid", held, None), bytes(32)), governance_state.log_keys(chamber))
        # one more leaf than the votes' block: the ranges of before end there
        assert policy.keys.needed(chamber.head.size) == network_folder.quorum(len(now()))
        return frozenset(item.key.raw for item in policy.keys.keys if item.speaks_at(chamber.head.size))

    assert now() == followed() == frozenset(GENESIS.values())
    for name in ("v3", "v4", "v5"):
        chamber.decide(f"admit-{name}", "validator-admit", **validator(name))
    wanted = {*GENESIS.values(), *(key_of(f"{name}:log").public.raw for name in ("v4", "v5"))}
    assert now() == followed() == wanted
    chamber.decide("remove-v3", "validator-remove", name="v3", reason="left")
    chamber.decide("bad-v4", "log-key-compromised", log_key=key_of("v4:log").public.raw)
    gone = {key_of(f"{name}:log").public.raw for name in ("v3", "v4")}
    assert now() == followed() == wanted - gone


@pytest.mark.network
def test_a_node_of_another_machine_is_introduced_once(tmp_path: Path) -> None:
    folder = tmp_path / "net"
    network_folder.init(folder, HEALTHCARE, "consortium.example/log", 1)
    described = network_hosts.make_keys(tmp_path / "other", "auditor", "consortium.example/log", "10.0.0.9")
    for _turn in range(2):
        done = CliRunner().invoke(command, ["introduce", str(described), "--dir", str(folder)])
        assert done.exit_code == 0, done.output
    found = network_folder.load(folder)
    assert [item.name for item in found.joined] == ["auditor"]
    assert [item.name for item in found.here] == ["v0"]
    other = network_hosts.make_keys(tmp_path / "third", "auditor", "consortium.example/log", "10.0.0.10")
    failed = CliRunner().invoke(command, ["introduce", str(other), "--dir", str(folder)])
    assert isinstance(failed.exception, PojuError)
    assert failed.exception.code == "network.join-name"


@pytest.mark.network
def test_status_counts_those_whom_votes_left_in_force(tmp_path: Path) -> None:
    made = network_folder.init(tmp_path / "net", HEALTHCARE, "consortium.example/log", 4)

    def told(*down: str) -> list[str]:
        found = [
            Status(item.name, "down" if item.name in down else "running", 1, 0, "", "", 3, item.url, {})
            for item in made.validators
        ]
        return [error.explain("en") for error in network_service.explain(made.folder, found)]

    assert told("v3") == []
    (halted,) = told("v2", "v3")
    assert "2 of 4 validators run and 3 are needed" in halted
    store = Store.open(made.home(made.validators[0]) / "ledger.sqlite")
    record = governance_state.retired([governance_state.log_key("v3", made.validators[3].log_key.raw, 0)], "v3", 7)
    store._writer.execute("INSERT INTO state VALUES ('log-keys', ?)", (cbor.encode(record),))
    store.close()
    assert told("v3") == []
    (halted,) = told("v2")
    assert "2 of 3 validators run and 3 are needed" in halted


class Slow:
    """A quorum whose others take their time."""

    def __init__(self) -> None:
        self.asked, self.enough = 0, True
        self.entered, self.go = threading.Event(), threading.Event()
        self.go.set()

    def gather(self, size: int, root: bytes) -> tuple[bool, list[str]]:
        self.asked += 1
        self.entered.set()
        assert self.go.wait(10)
        return self.enough, [Checkpoint("test.invalid", size, root).sign(key_of("v1:log"))]


def test_whoever_asks_for_the_agreed_checkpoint_cannot_make_others_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    quorum, size = Slow(), [1]

    def own() -> tuple[int, bytes, str]:
        return size[0], bytes(32), Checkpoint("test.invalid", size[0], bytes(32)).sign(key_of("v0:log"))

    together = Together(cast("Quorum", quorum), own)
    first = together.note()
    assert first.count("\n— ") == 2
    # the same size is asked for once
    assert together.note() == first
    assert quorum.asked == 1
    # while one waits for the others, the rest get the last one at once
    size[0] = 2
    quorum.go.clear()
    quorum.entered.clear()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(together.note)
        assert quorum.entered.wait(10)
        assert together.note() == first
        quorum.go.set()
        assert waiting.result(10).startswith("test.invalid\n2\n")
    # what too few signed is asked for again, and not by everybody
    quorum.enough, size[0] = False, 3
    for _turn in range(5):
        together.note()
    assert quorum.asked == 3
    monkeypatch.setattr(network_quorum, "RELOAD_SECONDS", -1.0)
    size[0] = 4
    for _turn in range(3):
        together.note()
    assert quorum.asked == 6
