"""Four validators on this machine under the ledger's standing load, and the engine's built-in kvstore beside them.

Run: python benchmarks/network.py [STATEMENTS] [ROUNDS]

Both get the same engine, settings and number of bytes, in turn, straight into their engines' queues by JSON-RPC from
requests that are written before the clock starts: ours verifies signatures, runs the rules and makes leaves and state
durable, the kvstore keeps pairs in memory. Figures as JSON: statements a second, processor microseconds a statement and
validator in applications and engines, those of the sender for one statement, the ratio of the medians, and how many
statements one processor second of all validators carries. The wall clock is only worth something on a quiet machine;
``load`` is its load average when each measurement began. What was found: docs/reference/performance-network.md.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import workload
from poju.engine.cometbft.rpc import BATCH, Rpc
from poju.node import network_folder, network_install, network_service
from poju.node.network_folder import Network
from poju.units import Seconds

VALIDATORS = 4
MICRO = 1_000_000
LONGEST_SECONDS = 240.0
POLL_SECONDS = 0.02
DECADE = 20
TICKS = os.sysconf("SC_CLK_TCK")


def cpu(pids: Sequence[int]) -> float:
    """Return the processor seconds that ``pids`` have used."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


class Ours:
    """Validators with Poju's application."""

    def __init__(self, network: Network) -> None:
        self.network = network
        files = [network.home(validator) / "ledger.sqlite" for validator in network.validators]
        self._ledgers = [sqlite3.connect(f"file:{path}?mode=ro", uri=True) for path in files]

    def pids(self) -> dict[str, list[int]]:
        found = network_service.status(self.network.folder)
        return {part: [item.pids[part] or 0 for item in found] for part in ("application", "engine")}

    def count(self) -> int:
        """Return the statements that the slowest validator has durable."""
        return min(self._ask("SELECT COUNT(*) FROM seen"))

    def at_least(self, count: int) -> bool:
        """Return whether every validator has ``count`` statements durable; asks for no more than it has to."""
        # one row each: leaves without block leaves, the decisions among them
        leaves = min(self._ask("SELECT COALESCE(MAX(size - height), 0) FROM head"))
        return leaves >= count and self.count() >= count

    def close(self) -> None:
        for ledger in self._ledgers:
            ledger.close()

    def _ask(self, question: str) -> Iterator[int]:
        for ledger in self._ledgers:
            yield int(ledger.execute(question).fetchone()[0])


class Kvstore:
    """The same engines over their built-in application."""

    def __init__(self, network: Network, engines: Sequence[int]) -> None:
        self.network = network
        self._engines = list(engines)

    def pids(self) -> dict[str, list[int]]:
        return {"engine": self._engines}

    def count(self) -> int:
        counts = []
        for validator in self.network.validators:
            engine = Rpc(validator.rpc)
            answer = engine.call("abci_info")["response"]
            engine.close()
            counts.append(int(json.loads(answer["data"])["size"]) if isinstance(answer, dict) else 0)
        return min(counts)

    def at_least(self, count: int) -> bool:
        return self.count() >= count


@contextmanager
def ours(folder: Path) -> Iterator[Ours]:
    network = network_folder.init(folder, workload.HEALTHCARE, workload.ORIGIN, VALIDATORS)
    network_service.up(folder, foreground=False)
    try:
        with closing(Ours(network)) as made:
            yield made
    finally:
        network_service.down(folder)


@contextmanager
def kvstore(folder: Path) -> Iterator[Kvstore]:
    network = network_folder.init(folder, workload.HEALTHCARE, workload.ORIGIN, VALIDATORS)
    running = []
    for validator in network.validators:
        home = network.home(validator)
        settings = home / "config" / "config.toml"
        settings.write_text(settings.read_text().replace('"unix://abci.sock"', '"kvstore"'))
        command = [str(network_install.find()), "node", "--home", "."]
        with (home / "engine.log").open("wb") as log:
            running.append(subprocess.Popen(command, cwd=home, stdout=log, stderr=log))
    try:
        wait_until(lambda: all(height(validator.rpc) > 0 for validator in network.validators))
        yield Kvstore(network, [process.pid for process in running])
    finally:
        for process in running:
            process.terminate()
            process.wait()


def height(port: int) -> int:
    engine = Rpc(port, 1.0)
    try:
        sync = engine.call("status")["sync_info"]
        return int(sync["latest_block_height"]) if isinstance(sync, dict) else 0
    except Exception:  # noqa: BLE001 - it has not started yet
        return 0
    finally:
        engine.close()


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    while not done():
        if time.monotonic() > deadline:
            sys.exit("it took too long")
        time.sleep(POLL_SECONDS)


def written(raws: Sequence[bytes]) -> list[bytes]:
    """Return the JSON-RPC requests that put ``raws`` into an engine's queue, a batch each."""
    calls = [
        {"jsonrpc": "2.0", "id": 0, "method": "broadcast_tx_async", "params": {"tx": base64.b64encode(raw).decode()}}
        for raw in raws
    ]
    return [json.dumps(calls[start : start + BATCH]).encode() for start in range(0, len(calls), BATCH)]


def send(network: Network, shares: Sequence[Sequence[bytes]]) -> None:
    """Put each share of written requests into one validator's queue, all of them at once, each over one connection."""

    def put(port: int, bodies: Sequence[bytes]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60.0)
        for body in bodies:
            connection.request("POST", "/", body, {"content-type": "application/json"})
            connection.getresponse().read()
        connection.close()

    threads = [
        threading.Thread(target=put, args=(validator.rpc, share))
        for validator, share in zip(network.validators, shares, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def spread(raws: Sequence[bytes]) -> list[list[bytes]]:
    """Twenty statements that build on one another go to one validator, the next twenty to the next."""
    shares: list[list[bytes]] = [[] for _number in range(VALIDATORS)]
    for start in range(0, len(raws), DECADE):
        shares[start // DECADE % VALIDATORS] += raws[start : start + DECADE]
    return shares


def measure(system: Ours | Kvstore, raws: Sequence[bytes]) -> dict[str, object]:
    shares = [written(share) for share in spread(raws)]
    before, pids = system.count(), system.pids()
    report: dict[str, object] = {"load": round(os.getloadavg()[0], 2)}
    used, own = {part: cpu(found) for part, found in pids.items()}, time.process_time()
    began = time.perf_counter()
    send(system.network, shares)
    wait_until(lambda: system.at_least(before + len(raws)))
    report["per_second"] = round(len(raws) / (time.perf_counter() - began))
    report["sender_cpu_us"] = round((time.process_time() - own) * MICRO / len(raws))
    spent = {part: (cpu(found) - used[part]) * MICRO / len(raws) for part, found in pids.items()}
    report |= {f"{part}_cpu_us": round(value / VALIDATORS) for part, value in spent.items()}
    report["per_cpu_second"] = round(MICRO / sum(spent.values()))
    return report


def open_scenario(system: Ours, load: workload.Workload) -> None:
    """Open the scenario and admit the members; a member's key has to be known before its statements are let in."""
    opening = list(load.opening())
    for number, raw in enumerate(opening[:4], 1):
        send(system.network, [written([raw]), [], [], []])
        wait_until(lambda number=number: system.at_least(number))  # type: ignore[misc] # mypy knows no defaults here
    send(system.network, [written(opening[4:]), [], [], []])
    wait_until(lambda: system.at_least(len(opening)))


def pairs(raws: Sequence[bytes], turn: int) -> list[bytes]:
    """Return as many pairs of as many bytes, in the kvstore's one form: key=value."""
    return [f"{turn}-{number:08d}=".encode().ljust(len(raw), b"x") for number, raw in enumerate(raws)]


def middle(found: Sequence[dict[str, object]]) -> float:
    return statistics.median(int(str(item["per_second"])) for item in found)


def main() -> None:
    count, rounds = (int(argument) for argument in (sys.argv[1:] + ["6000", "3"][len(sys.argv) - 1 :])[:2])
    workload.TIME = Seconds(int(time.time()))
    report: dict[str, object] = {"benchmark": "network", "validators": VALIDATORS, "statements": count}
    found: dict[str, list[dict[str, object]]] = {"ours": [], "kvstore": []}
    folder = Path(tempfile.mkdtemp())
    try:
        for turn in range(rounds):
            load = workload.Workload()
            with ours(folder / f"ours-{turn}") as system:
                open_scenario(system, load)
                raws = list(load.statements(count))
                found["ours"].append(measure(system, raws))
            with kvstore(folder / f"kvstore-{turn}") as peer:
                found["kvstore"].append(measure(peer, pairs(raws, turn)))
    finally:
        shutil.rmtree(folder)
    print(json.dumps({**report, **found, "ratio": round(middle(found["ours"]) / middle(found["kvstore"]), 3)}))


if __name__ == "__main__":
    main()
