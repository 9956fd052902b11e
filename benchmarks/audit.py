"""What auditing a whole log costs: CPU microseconds a statement and peak memory; figures as JSON.

Run: python benchmarks/audit.py [COUNT] [--keep FOLDER] [--jobs N]

The log is that of ``workload.py``: 100 issuers, five kinds, three-step workflows, a tenth of all statements decided by
Cedar, in blocks of 512. It is built once and stays in FOLDER (default: a new one, taken away afterwards). The audit is
``poju verify`` on that folder, in a process of its own, with every check that it has.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

from poju.ledger import merkle, statement, tiles
from poju.ledger.block import Head, execute
from poju.ledger.checkpoint import Checkpoint
from poju.ledger.replay import DictState
from poju.ledger.statement import VerifiedStatement
from workload import HEALTHCARE, HOSPITALS, INDEX, LOG, ORIGIN, TIME, Workload, key_of

BLOCK = 512
MICRO = 1_000_000
READ_EVERY = 0.2


def build(folder: Path, count: int) -> None:
    """Write the auditor's folder of a log of about ``count`` statements, block by block as an engine makes them."""
    load = Workload()
    keys = {key.public.thumbprint: key.public for key in map(key_of, (*HOSPITALS, INDEX, "commission"))}
    state, head = DictState(), Head()
    hashes: dict[tuple[int, int], bytes] = {}
    kept: list[bytes] = []

    def put(raws: list[bytes]) -> None:
        nonlocal head
        items = [statement.decode(raw) for raw in raws]
        outcome = execute(load.rules, state, state, head, TIME, [VerifiedStatement(i, keys[i.key_id]) for i in items])
        assert len(outcome.registered) == len(items)  # noqa: S101 - a benchmark's own check
        found = [merkle.leaf_hash(item) for item in outcome.leaves]
        hashes.update(tiles.append(lambda level, number: hashes.get((level, number), b""), head.size, found))
        state.apply(outcome)
        head = outcome.head
        kept.extend(outcome.leaves)
        while len(kept) >= tiles.WIDTH:
            flush(tiles.WIDTH)

    def flush(width: int) -> None:
        number = (head.size - len(kept)) // tiles.WIDTH
        write(folder / tiles.path("entries", number, width), tiles.bundle(kept[:width]))
        del kept[:width]

    for raw in load.opening():
        put([raw])
    statements = load.statements(count)
    while batch := list(islice(statements, BLOCK)):
        put(batch)
    if kept:
        flush(len(kept))
    for level, number, width in tiles.tile_names(head.size):
        write(folder / tiles.path(str(level), number, width), hashes[level, number])
    shutil.copytree(HEALTHCARE, folder / "package")
    write(folder / "log.vkey", f"{LOG.public.vkey(ORIGIN)}\n".encode())
    root = merkle.root(head.size, tiles.node_source(lambda level, number: hashes[level, number]))
    write(folder / "checkpoint", Checkpoint(ORIGIN, head.size, root).sign(LOG).encode())


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def resident(pid: int) -> int:
    """Return a process's peak resident bytes so far; 0 where it has gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM")), 0)


def children(pid: int) -> list[int]:
    """Return the processes that ``pid`` started."""
    try:
        return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def audit(folder: Path, jobs: int) -> dict[str, object]:
    """Run the audit and watch its memory; raise where it does not exit 0."""
    command = [sys.executable, "-m", "poju", "verify", str(folder), "--key", LOG.public.fingerprint, "--json"]
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    peaks: dict[int, int] = {}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([*command, "--jobs", str(jobs)], stdout=said, env={**os.environ, "POJU_LANG": "en"})
        while process.poll() is None:
            for pid in (process.pid, *children(process.pid)):
                peaks[pid] = max(peaks.get(pid, 0), resident(pid))
            time.sleep(READ_EVERY)
        wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        said.seek(0)
        proof = json.loads(said.read())
    if process.returncode:
        raise SystemExit(f"the audit did not hold: {proof['steps'][-1]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    helpers = [peak for pid, peak in peaks.items() if pid != process.pid]
    return {
        "jobs": jobs,
        "cpu_s": round(cpu, 1),
        "wall_s": round(wall, 1),
        "peak_mb": peaks[process.pid] >> 20,
        "peak_worker_mb": max(helpers, default=0) >> 20,
        "peak_sum_mb": sum(peaks.values()) >> 20,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int, nargs="?", default=50_000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (wanted.keep or Path(temporary)) / f"audit-{wanted.count}"
        if not (folder / "checkpoint").is_file():
            folder.parent.mkdir(parents=True, exist_ok=True)
            build(folder, wanted.count)
        found = audit(folder, wanted.jobs)
        leaves = int((folder / "checkpoint").read_text().split("\n")[1])
    each = {"cpu_us": round(float(str(found["cpu_s"])) * MICRO / wanted.count, 1)}
    print(json.dumps({"benchmark": "audit", "statements": wanted.count, "leaves": leaves, **found, **each}))


if __name__ == "__main__":
    main()
