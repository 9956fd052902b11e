"""A fifth node joins four validators under load, is killed while it replays, and ends with the same log as they."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import support_network
from support_network import Running, poju

from poju.ledger import statement
from poju.node import network_service
from poju.node.client import Registered

pytestmark = pytest.mark.network
BEFORE, DURING = 300, 200
PATIENCE = 60.0


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    found = Running(tmp_path / "net")
    with support_network.running(found):
        yield found


def newcomer(folder: Path) -> network_service.Status:
    return {item.name: item for item in network_service.status(folder)}["v4"]


def kill_while_it_replays(folder: Path) -> None:
    """End the new node's application by force as soon as its first blocks are durable."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = newcomer(folder)
        pid = found.pids["application"]
        if found.size and pid is not None:
            os.kill(pid, signal.SIGKILL)
            return
        time.sleep(0.05)
    pytest.fail("the new node replayed nothing")


def test_log_1_a_node_joins_under_load_survives_a_kill_and_holds_the_same_log(running: Running) -> None:
    made = support_network.load_workload().Workload()
    running.load(made.opening(), threads=1)
    # an access needs the pointer of another subject, which may come later
    raws = [raw for raw in made.statements(BEFORE + DURING) if statement.decode(raw).kind != "access-request"]
    running.load(raws[:BEFORE])
    sending = threading.Thread(target=running.load, args=(raws[BEFORE:],))
    sending.start()
    joined = poju("network", "join", "--dir", str(running.folder), "--name", "v4")
    assert joined.returncode == 0, joined.stderr
    kill_while_it_replays(running.folder)
    sending.join()
    assert set(raws) <= set(running.acknowledged)
    found = running.settled()
    assert [item.name for item in found] == ["v0", "v1", "v2", "v3", "v4"]
    # what was acknowledged before it was there is answered by it, at the same place
    raw = raws[0]
    again = running.client("v4").register(raw)
    assert isinstance(again, Registered)
    assert again.index == running.acknowledged[raw][1].index
