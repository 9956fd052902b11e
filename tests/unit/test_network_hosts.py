"""Keys on each machine, one genesis: the same bytes everywhere; files that do not describe a node are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support_rules import HEALTHCARE

from poju.errors import CallerError
from poju.node import network_hosts

ORIGIN, TIME = "hosts.example/log", "2026-12-01T00:00:00Z"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [network_hosts.make_keys(tmp_path / name, name, ORIGIN, f"10.0.0.{at}") for at, name in enumerate("abcd")]


def test_every_organisation_makes_the_same_genesis_and_only_its_own_settings(tmp_path: Path, files: list[Path]) -> None:
    made = [
        network_hosts.found(tmp_path / name, HEALTHCARE, ORIGIN, TIME, [*files[at:], *files[:at]])
        for at, name in enumerate("abcd")
    ]
    assert len({digest for _network, digest in made}) == 1
    for name, (network, _digest) in zip("abcd", made, strict=True):
        assert [item.name for item in network.here] == [name]
        assert network.acknowledge == 3
        settings = (tmp_path / name / name / "config" / "config.toml").read_text()
        assert settings.count("@10.0.0.") == 3
        assert 'laddr = "tcp://127.0.0.1:26657"' in settings


def test_no_private_key_is_in_what_the_others_get(tmp_path: Path, files: list[Path]) -> None:
    for name, path in zip("abcd", files, strict=True):
        told = path.read_text()
        for secret in (tmp_path / name / name).rglob("*"):
            if secret.is_file() and secret.name == "log.private":
                assert secret.read_bytes().hex() not in told


def test_keys_are_made_once(tmp_path: Path) -> None:
    network_hosts.make_keys(tmp_path, "a", ORIGIN, "10.0.0.1")
    with pytest.raises(CallerError) as caught:
        network_hosts.make_keys(tmp_path, "a", ORIGIN, "10.0.0.1")
    assert caught.value.code == "ledger.out-not-empty"


@pytest.mark.parametrize(
    "change",
    [
        {"p2p": 0},
        {"p2p": True},
        {"http": 26_656},
        {"name": "../x"},
        {"host": "a b"},
        {"key": "00"},
        {"consensus": "zz"},
        {"more": 1},
    ],
)
def test_a_file_that_describes_no_node_is_refused(tmp_path: Path, files: list[Path], change: dict[str, object]) -> None:
    files[1].write_text(json.dumps({**json.loads(files[1].read_text()), **change}))
    with pytest.raises(CallerError) as caught:
        network_hosts.found(tmp_path / "a", HEALTHCARE, ORIGIN, TIME, files)
    assert caught.value.code in {"network.node-file", "key.malformed"}


def test_two_nodes_of_one_name_and_another_time_are_refused(tmp_path: Path, files: list[Path]) -> None:
    for nodes, time, code in (
        ([*files, files[0]], TIME, "network.node-file"),
        (files, "today", "network.genesis-time"),
    ):
        with pytest.raises(CallerError) as caught:
            network_hosts.found(tmp_path / "a", HEALTHCARE, ORIGIN, time, nodes)
        assert caught.value.code == code
    with pytest.raises(CallerError) as caught:
        network_hosts.make_keys(tmp_path, "Not A Name", ORIGIN, "10.0.0.1")
    assert caught.value.code == "network.node-name"
