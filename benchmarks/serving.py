"""The embedded ledger over HTTP under its standing load: 64 clients, one statement a request, then batches of 100.

Run: python benchmarks/serving.py [STATEMENTS] [CLIENTS]

The node is a process of its own, served as ``poju ledger serve`` serves it, on this disk, durable; the clients are two
other processes that share the machine with it. Figures as JSON: statements a second, the 50th and 99th percentile of
the time to an answer, processor microseconds a statement in the node; and for a lone client its median beside the
median of one durable commit, measured in the same run: a transaction of a block's own rows in a ledger's own file.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import workload
from poju.ledger import block, cbor
from poju.ledger.store import Store
from poju.units import Seconds

PROCESSES = 2
DECADE = 20
MICRO, MILLI = 1_000_000, 1_000
TICKS = os.sysconf("SC_CLK_TCK")
LONE = 200
TOGETHER, BATCHERS = 100, 8
OPEN_LIMITS = "[member]\nper_second = 1000000\nburst = 1000000\n[address]\nper_second = 1000000\nburst = 1000000\n"
PAGE = b"\0" * 300


async def _client(address: tuple[str, int], path: bytes, bodies: Sequence[bytes]) -> list[float]:
    """Send ``bodies`` one after another over one kept connection; return the seconds to each answer."""
    reader, writer = await asyncio.open_connection(*address)
    waits = []
    for body in bodies:
        started = time.perf_counter()
        writer.write(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (path, len(body)) + body)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        answer = await reader.readexactly(length)
        waits.append(time.perf_counter() - started)
        if not head.startswith(b"HTTP/1.1 20") or b"frefused" in answer or b"ffailed" in answer:
            raise SystemExit(head.decode() + answer.hex())
    writer.close()
    return waits


async def _clients(address: tuple[str, int], path: bytes, shares: Sequence[Sequence[bytes]]) -> list[float]:
    waits = await asyncio.gather(*(_client(address, path, share) for share in shares))
    return [wait for each in waits for wait in each]


def run(address: tuple[str, int], path: bytes, shares: Sequence[Sequence[bytes]]) -> list[float]:
    """Return the seconds to each answer of clients that send ``shares`` at the same time, in this process."""
    return asyncio.run(_clients(address, path, shares))


def cpu(pid: int) -> float:
    """Return the processor seconds that process ``pid`` and those that it started have used."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    children = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    return sum(_own_cpu(each) for each in [pid, *children])


def _own_cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def durable_commit(folder: Path) -> float:
    """Return the median seconds of one durable commit of a block of one statement in a ledger's file in ``folder``."""
    store = Store.open(folder / "probe.sqlite")
    waits = []
    for turn in range(LONE):
        head = store.head()
        after = block.Head(head.size + 2, head.height + 1, head.time, bytes(32))
        written: dict[str, bytes | None] = {f"subject/{turn}": PAGE[:20], f"opener/{turn}": PAGE[:20]}
        outcome = block.Outcome(after, (PAGE, PAGE[:60]), written, (), ())
        started = time.perf_counter()
        store.commit(outcome, {})
        waits.append(time.perf_counter() - started)
    store.close()
    return statistics.median(waits)


def shared(raws: Sequence[bytes], clients: int) -> list[list[bytes]]:
    """Deal ``raws`` out by tens of subjects, so that what builds on one another stays with one client."""
    decades = [raws[start : start + DECADE] for start in range(0, len(raws), DECADE)]
    return [[raw for decade in decades[client::clients] for raw in decade] for client in range(clients)]


def serve(folder: Path) -> tuple[subprocess.Popen[bytes], tuple[str, int]]:
    """Start the node in ``folder``; return its process and its address."""
    (folder / "limits.toml").write_text(OPEN_LIMITS)
    command = [sys.executable, "-m", "poju", "ledger", "serve", str(folder / "ledger"), "--attached"]
    command += ["--package", str(workload.HEALTHCARE), "--origin", workload.ORIGIN]
    command += ["--limits", str(folder / "limits.toml")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    url = urlsplit(json.loads(process.stdout.readline() if process.stdout else b"")["url"])
    return process, (str(url.hostname), int(url.port or 0))


def batched(share: Sequence[bytes]) -> list[bytes]:
    """Return the bodies that carry ``share`` in batches of a hundred."""
    return [cbor.encode(list(share[start : start + TOGETHER])) for start in range(0, len(share), TOGETHER)]


class Bench:
    """One node and the processes whose clients load it."""

    def __init__(self, node: subprocess.Popen[bytes], address: tuple[str, int], pool: ProcessPoolExecutor) -> None:
        self._node, self._address, self._pool = node, address, pool

    def figures(self, path: bytes, count: int, shares: Sequence[Sequence[bytes]]) -> dict[str, float]:
        """Return what ``count`` statements cost that clients send to ``path``, each its share of bodies."""
        wall, used = time.perf_counter(), cpu(self._node.pid)
        parts = [shares[part::PROCESSES] for part in range(PROCESSES)]
        found = self._pool.map(run, [self._address] * PROCESSES, [path] * PROCESSES, parts)
        waits = sorted(wait for each in found for wait in each)
        wall, used = time.perf_counter() - wall, cpu(self._node.pid) - used
        return {
            "per_second": round(count / wall),
            "node_cpu_us": round(used * MICRO / count, 1),
            "p50_ms": round(waits[len(waits) // 2] * MILLI, 1),
            "p99_ms": round(waits[len(waits) * 99 // 100] * MILLI, 1),
        }


def main() -> None:
    """Print the figures."""
    count, clients = (int(argument) for argument in (sys.argv[1:] + ["20000", "64"][len(sys.argv) - 1 :])[:2])
    count -= count % DECADE
    workload.TIME = Seconds(int(time.time()))  # a served node asks the machine's clock how fresh a statement is
    load = workload.Workload()
    opening, raws = list(load.opening()), list(load.statements(count))
    many, lone = list(load.statements(count, first=count)), list(load.statements(LONE, first=2 * count))
    with tempfile.TemporaryDirectory() as name, ProcessPoolExecutor(PROCESSES) as pool:
        # the pool's processes start before the node: they would keep the node's standard input open
        list(pool.map(time.sleep, [0.2] * PROCESSES))
        node, address = serve(Path(name))
        run(address, b"/entries", [opening])
        bench = Bench(node, address, pool)
        single = bench.figures(b"/entries", len(raws), shared(raws, clients))
        batches = bench.figures(b"/entries/batch", len(many), [batched(share) for share in shared(many, BATCHERS)])
        alone = statistics.median(run(address, b"/entries", [lone]))
        commit = durable_commit(Path(name))
        node.communicate(timeout=30)
    report = {
        "benchmark": "serving",
        "statements": len(raws),
        "clients": clients,
        "one_a_request": single,
        "batches_of_100": batches,
        "lone_p50_ms": round(alone * MILLI, 2),
        "durable_commit_p50_ms": round(commit * MILLI, 2),
        "lone_ratio": round(alone / commit, 2),
        "load": os.getloadavg()[0],
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
