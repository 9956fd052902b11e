"""A running network under test: its verbs as processes, acknowledgements kept outside, sending until answered."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest

from poju.errors import OperatorError, PojuError
from poju.ledger import statement
from poju.node import network_folder, network_service
from poju.node.client import LedgerClient, Registered
from poju.node.network_install import find, install
from poju.units import Seconds

ROOT = Path(__file__).resolve().parents[2]
SETTLE_SECONDS = 60.0
MAIN = "from poju.cli.main import main; main()"


def require_engine() -> Path:
    """Return the engine, installed where Go is found; skip where neither is."""
    try:
        return find()
    except OperatorError:
        if shutil.which("go") is None:
            pytest.skip("neither CometBFT nor Go is on this machine")
    return install()


def poju(*arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    return subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def load_workload() -> ModuleType:
    """Return benchmarks/workload.py of now, as a chain's block time is today's; three hospitals."""
    spec = importlib.util.spec_from_file_location("network_workload", ROOT / "benchmarks" / "workload.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.__dict__["TIME"] = Seconds(int(time.time()))
    module.__dict__["HOSPITALS"] = tuple(module.HOSPITALS[:3])
    return module


@contextmanager
def running(network: Running, *, prepare: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Make a network of four validators in its folder, ``prepare`` it, start it, and end it afterwards."""
    require_engine()
    made = poju("network", "init", "--validators", "4", "--dir", str(network.folder))
    assert made.returncode == 0, made.stderr
    prepare()
    try:
        started = poju("network", "up", "--dir", str(network.folder))
        assert started.returncode == 0, started.stderr
        yield
    finally:
        network.close()
        poju("network", "down", "--dir", str(network.folder))


@dataclass
class Running:
    """A network in ``folder``, and every acknowledgement that came back; ``avoid``: whom nothing is sent to."""

    folder: Path
    acknowledged: dict[bytes, tuple[str, Registered]] = field(default_factory=dict)
    clients: dict[str, LedgerClient] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    avoid: frozenset[str] = frozenset()

    @property
    def network(self) -> network_folder.Network:
        return network_folder.load(self.folder)

    def client(self, name: str) -> LedgerClient:
        with self.lock:
            if name not in self.clients:
                self.clients[name] = LedgerClient(self.network.find(name).url)
            return self.clients[name]

    def register(self, raw: bytes, first: int = 0) -> Registered:
        """Send to one validator after the other until one acknowledges."""
        names = [item.name for item in self.network.validators if item.name not in self.avoid]
        for attempt in range(60):
            name = names[(first + attempt) % len(names)]
            try:
                answer = self.client(name).register(raw)
            except PojuError:
                time.sleep(0.2)
                continue
            assert isinstance(answer, Registered), answer
            with self.lock:
                self.acknowledged[raw] = name, answer
            return answer
        pytest.fail("nobody acknowledged")

    def load(self, raws: Iterable[bytes], threads: int = 8) -> None:
        """Register all: those about one subject one after the other, subjects side by side."""
        groups: dict[str, list[bytes]] = {}
        for raw in raws:
            groups.setdefault(statement.decode(raw).subject, []).append(raw)

        def send(job: tuple[int, list[bytes]]) -> None:
            for raw in job[1]:
                self.register(raw, job[0])

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(send, enumerate(groups.values())))

    def settled(self) -> list[network_service.Status]:
        """Wait until every node here runs and all disks hold the same log; return where they stand."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            found = network_service.status(self.folder)
            same = len({(item.size, item.root, item.digest) for item in found}) == 1
            if same and {item.state for item in found} == {"running"}:
                return found
            if time.monotonic() > deadline:
                pytest.fail(f"not settled: {found}")
            time.sleep(0.2)

    def close(self) -> None:
        for client in self.clients.values():
            client.close()
