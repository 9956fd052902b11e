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

from poju.engine.embedded import EmbeddedEngine, Registration
from poju.ledger.store import Store
from poju.node.ledger_service import write_log
from workload import HEALTHCARE, LOG, ORIGIN, TIME, Workload

BLOCK = 512
MICRO = 1_000_000
READ_EVERY = 0.2


def build(folder: Path, count: int) -> None:
    """Write the auditor's folder of a log of about ``count`` statements, through the engine."""
    load = Workload()
    scratch = folder.with_name(folder.name + ".sqlite")
    store = Store.open(scratch)
    engine = EmbeddedEngine(store, load.rules, LOG, ORIGIN, lambda: TIME)
    for raw in load.opening():
        assert isinstance(engine.register(raw), Registration)  # noqa: S101 - a benchmark's own check
    statements = load.statements(count)
    while batch := list(islice(statements, BLOCK)):
        answers = [engine.submit(raw) for raw in batch]
        assert all(isinstance(answer.result(60), Registration) for answer in answers)  # noqa: S101 - as above
    write_log(store, LOG, ORIGIN, folder, entries=True)
    shutil.copytree(HEALTHCARE, folder / "package")
    engine.close()
    store.close()
    for path in folder.parent.glob(scratch.name + "*"):
        path.unlink()


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
