"""Four validators under load while things break: each killed in turn, two down, bad links, disks put back or altered.

After each: the load went on wherever a quorum stood, all disks have one root and one state digest, every
acknowledgement stands at its index, nothing stands there twice.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import ModuleType

import pytest
from support_network import Running, load_workload, poju, require_engine

from poju.errors import PojuError
from poju.ledger import cbor, statement
from poju.node import network_service, network_watch

pytestmark = pytest.mark.network

A_LOAD = 60
LATENCY_SECONDS = (0.02, 0.1)
RESETS = 0.02
"""The share of pieces on a bad link after which its connection is reset."""


class BadLinks:
    """TCP proxies before the engines' ports: while ``bad``, each piece is late and some connections are reset."""

    def __init__(self) -> None:
        self.bad = False
        self.resets = 0
        self._source = random.Random(3)  # noqa: S311 - a repeatable choice
        self._servers: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def before(self, port: int) -> int:
        """Return the port of a new proxy that leads to ``port``."""

        async def start() -> int:
            server = await asyncio.start_server(lambda *ends: self._carry(port, *ends), "127.0.0.1")
            self._servers.append(server)
            return int(server.sockets[0].getsockname()[1])

        return asyncio.run_coroutine_threadsafe(start(), self._loop).result(10)

    async def _carry(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._pour(reader, far_writer, writer), self._pour(far_reader, writer, far_writer))

    async def _pour(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        try:
            while data := await reader.read(1 << 16):
                if self.bad:
                    await asyncio.sleep(self._source.uniform(*LATENCY_SECONDS))
                    if self._source.random() < RESETS:
                        self.resets += 1
                        break
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.transport.abort()
            back.transport.abort()

    def close(self) -> None:
        """Carry nothing more."""

        async def cancel() -> None:
            for server in self._servers:
                server.close()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(cancel(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture(scope="module")
def links() -> Iterator[BadLinks]:
    made = BadLinks()
    yield made
    made.close()


@pytest.fixture(scope="module")
def workload() -> ModuleType:
    return load_workload()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, links: BadLinks, workload: ModuleType) -> Iterator[Running]:
    """Four validators with a proxy before each engine; the scenario is open."""
    require_engine()
    folder = tmp_path_factory.mktemp("faults") / "net"
    made = poju("network", "init", "--validators", "4", "--dir", str(folder))
    assert made.returncode == 0, made.stderr
    found = Running(folder)
    for validator in found.network.validators:
        settings = folder / validator.name / "config" / "config.toml"
        text = settings.read_text()
        for peer in found.network.validators:
            text = re.sub(rf"(@127\.0\.0\.1):{peer.p2p}\b", rf"\1:{links.before(peer.p2p)}", text)
        settings.write_text(text)
    try:
        up(found)
        found.load(workload.Workload().opening(), threads=1)
        yield found
    finally:
        found.close()
        poju("network", "down", "--dir", str(folder))


@pytest.fixture(scope="module")
def statements(workload: ModuleType) -> Callable[[], list[bytes]]:
    """Answers new statements each time, good whatever came before."""
    load, turns = workload.Workload(), iter(range(1_000, 100_000, 1_000))
    list(load.opening())

    def some() -> list[bytes]:
        made = load.statements(A_LOAD, first=next(turns))
        # an access needs the pointer of another subject, which may come later
        return [raw for raw in made if statement.decode(raw).kind != "access-request"]

    return some


def up(running: Running) -> None:
    started = poju("network", "up", "--dir", str(running.folder))
    assert started.returncode == 0, started.stderr


def down(running: Running) -> None:
    ended = poju("network", "down", "--dir", str(running.folder))
    assert ended.returncode == 0, ended.stderr


def check(running: Running) -> None:
    """One log on all disks; each acknowledgement at its index, and nowhere else."""
    found = running.settled()
    logs = set()
    for item in found:
        path = running.folder / item.name / "ledger.sqlite"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
            logs.add(tuple(row[0] for row in file.execute("SELECT data FROM leaf ORDER BY idx")))
    assert len(logs) == 1
    leaves = logs.pop()
    places = {raw: index for index, raw in enumerate(leaves)}
    assert len(places) == len(leaves)
    for raw, (_name, answer) in running.acknowledged.items():
        assert places[raw] == answer.index


def wipe(home: Path) -> None:
    """Do what the errors' hints say."""
    for path in home.glob("ledger.*"):
        path.unlink()
    for path in (home / "data").iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "priv_validator_state.json":
            path.unlink()


@contextmanager
def supervisor_held(running: Running) -> Iterator[None]:
    """Whatever ends meanwhile stays down."""
    pid = int((running.folder / "supervisor.pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def kill(running: Running, name: str, *parts: str) -> None:
    for part in parts:
        os.kill(int((running.folder / name / f"{part}.pid").read_text()), signal.SIGKILL)


def test_log_1_each_of_four_killed_in_turn_under_load_comes_back(
    running: Running, statements: Callable[[], list[bytes]]
) -> None:
    for number, validator in enumerate(running.network.validators):
        before = len(running.acknowledged)
        raws = statements()
        killer = threading.Timer(0.5, kill, (running, validator.name, ("engine", "application")[number % 2]))
        killer.start()
        running.load(raws)
        killer.join()
        assert len(running.acknowledged) == before + len(raws)
        running.settled()
    check(running)


def test_two_of_four_down_halts_and_says_why_and_resumes(
    running: Running, statements: Callable[[], list[bytes]]
) -> None:
    raws = statements()
    with supervisor_held(running):
        for name in ("v2", "v3"):
            kill(running, name, "engine", "application")
        size = network_service.status(running.folder)[0].size
        waiting = threading.Thread(target=running.register, args=(raws[0],))
        waiting.start()
        told = poju("network", "status", "--dir", str(running.folder))
        assert "network.halted" in told.stderr
        assert "2 of 4 validators run and 3 are needed" in told.stderr
        assert "v2, v3" in told.stderr
        time.sleep(2)
        assert network_service.status(running.folder)[0].size <= size + 2  # a block that was decided already
        assert raws[0] not in running.acknowledged
    waiting.join(60)
    assert raws[0] in running.acknowledged
    running.load(raws[1:])
    check(running)


def test_log_1_links_that_are_late_and_break_cost_time_and_nothing_else(
    running: Running, links: BadLinks, statements: Callable[[], list[bytes]]
) -> None:
    before, links.bad = links.resets, True
    try:
        running.load(statements())
    finally:
        links.bad = False
    assert links.resets > before
    check(running)


def test_an_engine_that_was_put_back_is_told_and_mended(
    running: Running, statements: Callable[[], list[bytes]], tmp_path: Path
) -> None:
    data, ledger = running.folder / "v1" / "data", running.folder / "v1"
    down(running)
    shutil.copytree(data, tmp_path / "earlier")
    up(running)
    running.load(statements())
    check(running)
    down(running)
    state = (data / "priv_validator_state.json").read_text()
    shutil.rmtree(data)
    shutil.copytree(tmp_path / "earlier", data)
    (data / "priv_validator_state.json").write_text(state)
    with supervised(running):
        wait_for(running, "v1", "network.engine-behind")
        running.load(statements(), threads=4)  # the other three go on
    wipe(ledger)
    up(running)
    check(running)


def test_log_4_a_validator_that_answers_differently_stops_itself_and_names_the_height(
    running: Running, statements: Callable[[], list[bytes]]
) -> None:
    down(running)
    path = running.folder / "v3" / "ledger.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        key, value = file.execute("SELECT key, value FROM state WHERE key LIKE 'member/hospital-%'").fetchone()
        altered = cbor.encode({**cbor.decode(value), "state": "suspended"})
        file.execute("UPDATE state SET value = ? WHERE key = ?", (altered, key))
    # it refuses what the others register: its refusals are signed, and its own
    running.avoid = frozenset({"v3"})
    with supervised(running):
        running.load(statements(), threads=4)
        wait_for(running, "v3", "network.diverged")
        told = poju("network", "status", "--dir", str(running.folder))
        height = re.search(r"After block (\d+) the other validators", told.stderr)
        assert height, told.stderr
        running.load(statements(), threads=4)
        # it stays down, however often the supervisor starts it
        assert [item.reason for item in network_service.status(running.folder)] == ["", "", "", "network.diverged"]
    wipe(path.parent)
    running.avoid = frozenset()
    up(running)
    check(running)


@contextmanager
def supervised(running: Running) -> Iterator[None]:
    """Run the network without waiting for all of it."""
    command = [sys.executable, "-m", "poju.node.network_supervisor", str(running.folder)]
    with (
        (running.folder / "supervisor.log").open("ab") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as own,
    ):
        try:
            yield
        finally:
            own.terminate()


def wait_for(running: Running, name: str, code: str) -> None:
    """Wait until ``name`` is down and known to be so for ``code``; both places that tell of it agree."""
    deadline = time.monotonic() + 60
    home = running.folder / name
    while time.monotonic() < deadline:
        found = {item.name: item.reason for item in network_service.status(running.folder)}
        if found[name] == code:
            error = network_watch.why_down(home)
            assert isinstance(error, PojuError)
            assert error.code == code
            return
        time.sleep(0.2)
    pytest.fail(f"{name} was not told to be down for {code}: {network_service.status(running.folder)}")
