"""``poju node run`` on a consortium's folder: one organisation's application and engine, run and ended together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import support_network
from click.testing import CliRunner
from support_network import MAIN, Running, poju

from poju.cli.node import command
from poju.node import network_service
from poju.node.client import LedgerClient

pytestmark = pytest.mark.network
READY_SECONDS, END_SECONDS = 90, 30


def started(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, "node", "run", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    patience = threading.Timer(READY_SECONDS, process.kill)
    patience.start()
    line = process.stdout.readline()
    patience.cancel()
    return line


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_one_organisation_s_node_runs_in_the_foreground_under_its_own_limits(
    tmp_path: Path, ending: signal.Signals
) -> None:
    support_network.require_engine()
    folder, limits = tmp_path / "net", tmp_path / "limits.toml"
    limits.write_text("connections = 77\n\n[member]\nper_second = 5\nburst = 9\n")
    assert poju("network", "init", "--validators", "1", "--dir", str(folder)).returncode == 0
    process = started("--dir", str(folder), "--limits", str(limits))
    try:
        said = json.loads(first_line(process))
        assert said["v0"]["height"] > 0
        client = LedgerClient(said["v0"]["url"])
        shown = json.loads(client.get("/limits"))
        client.close()
        assert (shown["connections"], shown["member"]) == (77, {"per_second": 5, "burst": 9})
        running = Running(folder)
        made = support_network.load_workload().Workload()
        running.register(next(iter(made.opening())))
        running.close()
        (found,) = network_service.status(folder)
        assert found.state == "running"
        pids = [pid for pid in found.pids.values() if pid is not None]
        assert len(pids) == 2
    finally:
        process.send_signal(ending)
        _out, error = process.communicate(timeout=END_SECONDS)
    assert (process.returncode, "Traceback" in error) == (0, False), error
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "give FOLDER"),
        (("a", "--dir", "b"), "give FOLDER"),
        (("hospital",), "missing --member, --ledger, --log-key, --package"),
        (("--dir", "b", "--member", "h1"), "--member"),
    ],
)
def test_what_is_missing_is_named(words: tuple[str, ...], told: str) -> None:
    found = CliRunner().invoke(command, ["run", *words])
    assert (found.exit_code, told in found.output) == (2, True), found.output


def test_limits_that_are_none_stop_the_start(tmp_path: Path) -> None:
    support_network.require_engine()
    (tmp_path / "limits.toml").write_text("connections = 0\n")
    assert poju("network", "init", "--validators", "1", "--dir", str(tmp_path / "net")).returncode == 0
    for verb in (("node", "run"), ("network", "up")):
        found = poju(*verb, "--dir", str(tmp_path / "net"), "--limits", str(tmp_path / "limits.toml"))
        assert found.returncode == 2
        assert "limits.malformed" in found.stderr
