"""A node joins late: its folder is whole, the validators' stay as they were, and a network that lies is refused."""

from __future__ import annotations

import http.server
import json
import threading
from pathlib import Path

import pytest
from support_rules import HEALTHCARE

from poju.errors import CallerError, OperatorError
from poju.ledger.checkpoint import Checkpoint
from poju.ledger.keys import PrivateKey
from poju.node import network_folder, network_hosts, network_join, network_service

pytestmark = pytest.mark.network
ORIGIN = "joins.example/log"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    network_folder.init(tmp_path / "net", HEALTHCARE, ORIGIN, 4)
    return tmp_path / "net"


def test_the_new_node_has_the_same_genesis_ports_of_its_own_and_all_validators_as_peers(folder: Path) -> None:
    before = network_folder.load(folder)
    made = network_join.join(folder, "v4")
    after = network_folder.load(folder)
    assert (after.validators, after.joined, after.acknowledge) == (before.validators, (made,), 3)
    ports = [port for item in after.nodes for port in (item.p2p, item.rpc, item.http)]
    assert len(set(ports)) == 15
    settings = (folder / "v4" / "config" / "config.toml").read_text()
    assert all(f"@127.0.0.1:{item.p2p}" in settings for item in before.validators)
    assert (folder / "v4" / "config" / "genesis.json").read_bytes() == (folder / "genesis.json").read_bytes()
    assert made.key not in (folder / "genesis.json").read_text()
    assert {item.name: item.state for item in network_service.status(folder)}["v4"] == "down"


def test_joining_twice_changes_nothing_and_an_interrupted_one_keeps_its_keys(folder: Path) -> None:
    described = (folder / "network.json").read_bytes()
    made = network_join.join(folder, "v4")
    assert network_join.join(folder, "v4") == made
    (folder / "network.json").write_bytes(described)  # as after a kill before the last step
    assert network_join.join(folder, "v4").key == made.key


@pytest.mark.parametrize("name", ["v0", "", "V4", "../v4", "a" * 40])
def test_a_name_that_cannot_be_or_is_taken_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(CallerError) as caught:
        network_join.join(folder, name)
    assert caught.value.code == "network.join-name"


def altered(folder: Path, change: str) -> None:
    path = folder / "genesis.json"
    whole = json.loads(path.read_text())
    if change == "log key":
        whole["app_state"]["keys"]["v1"] = whole["app_state"]["keys"]["v0"]
    elif change == "engine key":
        whole["validators"][1]["pub_key"] = whole["validators"][0]["pub_key"]
    elif change == "package":
        whole["app_state"]["package"] = "00" * 32
    elif change == "origin":
        whole["app_state"]["origin"] = "other.example/log"
    else:
        del whole["app_state"]
    path.write_text(json.dumps(whole))


@pytest.mark.parametrize("change", ["log key", "engine key", "package", "origin", "all"])
def test_log_2_a_genesis_that_is_not_the_networks_is_refused_and_nothing_joins(folder: Path, change: str) -> None:
    altered(folder, change)
    with pytest.raises(OperatorError) as caught:
        network_join.join(folder, "v4")
    assert caught.value.code == "network.genesis"
    assert not network_folder.load(folder).joined


@pytest.mark.parametrize("honest", [True, False])
def test_log_2_a_validator_that_serves_what_its_key_did_not_sign_is_named(
    folder: Path, tmp_path: Path, *, honest: bool
) -> None:
    network = network_folder.load(folder)
    own = network.home(network.validators[2]) / "log.private"
    key = PrivateKey.load(own) if honest else PrivateKey.load_or_create(tmp_path / "other.private")
    note = Checkpoint(ORIGIN, 1, bytes(32)).sign(key).encode()

    class Serves(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(note)

        def log_message(self, *_arguments: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", network.validators[2].http), Serves) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            if honest:
                network_join.join(folder, "v4")
            else:
                with pytest.raises(CallerError, match="v2") as caught:
                    network_join.join(folder, "v4")
                assert caught.value.code == "network.join-signature"
        finally:
            server.shutdown()
            thread.join()
    assert len(network_folder.load(folder).joined) == honest


def test_a_node_on_a_machine_of_its_own_joins_with_the_keys_and_address_made_there(tmp_path: Path) -> None:
    files = [network_hosts.make_keys(tmp_path / name, name, ORIGIN, f"127.0.0.{at}") for at, name in enumerate("abcd")]
    here = tmp_path / "e"
    network_hosts.make_keys(here, "e", ORIGIN, "127.0.0.9")
    network_hosts.found(here, HEALTHCARE, ORIGIN, "2026-12-01T00:00:00Z", files)
    made = network_join.join(here, "e")
    assert (made.host, made.p2p) == ("127.0.0.9", network_hosts.P2P)
    assert [item.name for item in network_folder.load(here).here] == ["e"]
