"""Partitions of a consortium whose validators each have a network of their own (Linux network namespaces).

Each validator runs from a folder of its own, as on its organisation's machine, in a namespace of its own. Between them
stand two bridges: a partition moves some of their cables to the second one. A second cable leads from each to this
process, so that both sides of a partition can be asked.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest
from support_network import Running, load_workload, poju, require_engine

from poju.ledger import statement
from poju.node import network_folder, network_service
from poju.node.client import LedgerClient

pytestmark = pytest.mark.network

COUNT = 4
HTTP = 8_600
HEAL_SECONDS = 90.0
SBIN = "/usr/sbin:/sbin"


def ip(*words: str) -> None:
    """Run ``ip``; its own message where it fails."""
    path = shutil.which("ip") or shutil.which("ip", path=SBIN)
    assert path, "iproute2 is missing: make test installs it"
    done = subprocess.run([path, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr} (network namespaces take root)"


@dataclass
class Cables:
    """Namespaces, bridges and cables; names carry our process id, so that two runs do not meet."""

    tag: str = field(default_factory=lambda: f"pj{os.getpid() % 10_000}")
    subnet: int = field(default_factory=lambda: 64 + os.getpid() % 64)
    made: list[tuple[str, ...]] = field(default_factory=list)

    def space(self, number: int) -> str:
        return f"{self.tag}n{number}"

    def host(self, number: int) -> str:
        """Return where the other validators reach validator ``number``."""
        return f"10.{self.subnet}.0.{number + 1}"

    def door(self, number: int) -> str:
        """Return where this process reaches it, whatever the bridges do."""
        return f"10.{self.subnet}.{number + 1}.2"

    def lay(self) -> None:
        for side in "ab":
            self._make("link", self.tag + side, "type", "bridge")
            ip("link", "set", self.tag + side, "up")
        for number in range(COUNT):
            space = self.space(number)
            self._make("netns", space)
            ip("-n", space, "link", "set", "lo", "up")
            self._cable(number, "p", "peers", f"{self.host(number)}/24")
            self._cable(number, "d", "door", f"{self.door(number)}/24")
            ip("address", "add", f"10.{self.subnet}.{number + 1}.1/24", "dev", f"{self.tag}d{number}")
        self.part()

    def _cable(self, number: int, kind: str, inside: str, address: str) -> None:
        space, outside = self.space(number), f"{self.tag}{kind}{number}"
        self._make("link", outside, "type", "veth", "peer", "name", inside, "netns", space)
        ip("-n", space, "address", "add", address, "dev", inside)
        ip("-n", space, "link", "set", inside, "up")
        ip("link", "set", outside, "up")

    def _make(self, kind: str, name: str, *words: str) -> None:
        ip(kind, "add", name, *words)
        self.made.append((kind, "del", name))

    def part(self, *away: int) -> None:
        """Put the validators ``away`` on the other bridge, and all others on the first one."""
        for number in range(COUNT):
            ip("link", "set", f"{self.tag}p{number}", "master", self.tag + ("b" if number in away else "a"))

    def take_up(self) -> None:
        for words in reversed(self.made):
            ip(*words)


@dataclass
class Apart(Running):
    """Four organisations' folders and processes; clients come in by their doors."""

    cables: Cables = field(default_factory=Cables)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def client(self, name: str) -> LedgerClient:
        with self.lock:
            if name not in self.clients:
                self.clients[name] = LedgerClient(f"http://{self.cables.door(int(name[1:]))}:{HTTP}")
            return self.clients[name]

    def home(self, number: int) -> Path:
        return self.folder / f"organisation-{number}" / f"v{number}"

    def start(self) -> None:
        for number in range(COUNT):
            space, folder = self.cables.space(number), self.home(number).parent
            command = ["ip", "netns", "exec", space, sys.executable, "-m", "poju.node.network_supervisor", str(folder)]
            with (folder / "supervisor.log").open("ab") as log:
                self.processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def end(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(60)

    def stand(self) -> list[tuple[int, int, str, str]]:
        """Return (height, size, root, state digest) of each disk."""
        return [network_service.durable(self.home(number) / "ledger.sqlite") for number in range(COUNT)]

    def wait(self, holds: Callable[[Sequence[tuple[int, int, str, str]]], bool]) -> None:
        deadline = time.monotonic() + HEAL_SECONDS
        while not holds(found := self.stand()):
            if time.monotonic() > deadline:
                pytest.fail(f"after {HEAL_SECONDS} s: {found}")
            time.sleep(0.2)

    def one_log(self) -> None:
        """Wait until all disks have one log and one state; find each acknowledgement once."""
        self.wait(lambda found: len({item[1:] for item in found}) == 1)
        stores = [self.leaves(number) for number in range(COUNT)]
        assert stores.count(stores[0]) == COUNT
        for raw, (_name, answer) in self.acknowledged.items():
            assert stores[0][answer.index] == raw
            assert stores[0].count(raw) == 1

    def leaves(self, number: int) -> list[bytes]:
        with closing(sqlite3.connect(f"file:{self.home(number)}/ledger.sqlite?mode=ro", uri=True)) as file:
            return [row[0] for row in file.execute("SELECT data FROM leaf ORDER BY idx")]


@pytest.fixture(scope="module")
def workload() -> ModuleType:
    return load_workload()


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory, workload: ModuleType) -> Iterator[Apart]:
    require_engine()
    made = Apart(tmp_path_factory.mktemp("apart"))
    try:
        made.cables.lay()
        write_folders(made, workload.HEALTHCARE)
        made.start()
        made.load(workload.Workload().opening(), threads=1)
        yield made
    finally:
        made.close()
        made.end()
        made.cables.take_up()


def write_folders(apart: Apart, package: Path) -> None:
    """Do what docs/guides/consortium-hosts.md says, once for each organisation."""
    origin, files = ["--origin", "partitions.example/log"], []
    for number in range(COUNT):
        folder, name, host = apart.home(number).parent, f"v{number}", apart.cables.host(number)
        made = poju("network", "keys", "--dir", str(folder), "--name", name, "--host", host, *origin)
        assert made.returncode == 0, made.stderr
        files.append(str(folder / f"{name}.json"))
    same = [*origin, "--package", str(package), "--time", network_folder.now()]
    digests = set()
    for number in range(COUNT):
        folder = apart.home(number).parent
        made = poju("network", "genesis", *files[number:], *files[:number], "--dir", str(folder), *same)
        assert made.returncode == 0, made.stderr
        digests.add(made.stdout)
    assert len(digests) == 1
    shutil.copy(apart.home(0).parent / "network.json", apart.folder)


@pytest.fixture(scope="module")
def statements(workload: ModuleType) -> Callable[[int], list[bytes]]:
    load, turns = workload.Workload(), iter(range(1_000, 100_000, 1_000))
    list(load.opening())

    def some(count: int) -> list[bytes]:
        made = load.statements(2 * count, first=next(turns))
        return [raw for raw in made if statement.decode(raw).kind != "access-request"][:count]

    return some


def test_log_2_three_go_on_without_the_fourth_which_catches_up(
    apart: Apart, statements: Callable[[int], list[bytes]]
) -> None:
    apart.load(statements(30))
    apart.one_log()
    apart.cables.part(3)
    apart.avoid = frozenset({"v3"})
    cut_off = apart.stand()[3][1]
    apart.load(statements(40))
    assert apart.stand()[0][1] >= cut_off + 40
    assert apart.stand()[3][1] <= cut_off + 2  # a block that was decided before
    apart.cables.part()
    apart.avoid = frozenset()
    apart.one_log()
    apart.load(statements(10))
    apart.one_log()


def test_log_2_two_and_two_register_nothing_until_they_meet_again(
    apart: Apart, statements: Callable[[int], list[bytes]]
) -> None:
    raws = statements(12)
    apart.cables.part(2, 3)
    time.sleep(1)
    before = [item[1] for item in apart.stand()]
    acknowledged = len(apart.acknowledged)
    waiting = threading.Thread(target=apart.load, args=(raws,))
    waiting.start()
    time.sleep(6)
    assert len(apart.acknowledged) == acknowledged
    assert all(now[1] <= size + 2 for now, size in zip(apart.stand(), before, strict=True))
    apart.cables.part()
    waiting.join(HEAL_SECONDS)
    assert len(apart.acknowledged) == acknowledged + len(raws)
    apart.one_log()
