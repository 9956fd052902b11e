"""CPU seconds and memory of `poju survey` over many documents of 20,000 characters. Prints JSON.

Run: python benchmarks/survey.py [DOCUMENTS] [JOBS]

The documents are cut from ../shared/data/policy/corpus, else from examples/policies: each begins with the head of one
text and goes on with paragraphs of others, so that no two are equal. Memory is read from /proc, so on Linux only.
"""

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHARACTERS = 20_000
HEAD_LINES = 12
POLL_SECONDS = 0.2


def texts() -> list[list[str]]:
    shared = sorted((ROOT.parent / "shared" / "data" / "policy" / "corpus").glob("*.txt"))
    files = [path for path in shared if not path.stem.endswith("_en")] or sorted(
        (ROOT / "examples" / "policies" / "zh-Hans").glob("*.txt")
    )
    return [[line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()] for path in files]


def build(folder: Path, count: int) -> None:
    source, found = random.Random(1), texts()  # noqa: S311 - repeatable, no secret
    paragraphs = [line for lines in found for line in lines[HEAD_LINES:]] or [line for lines in found for line in lines]
    for number in range(count):
        lines = list(found[number % len(found)][:HEAD_LINES])
        size = sum(map(len, lines))
        while size < CHARACTERS:
            lines.append(source.choice(paragraphs))
            size += len(lines[-1]) + 1
        (folder / f"{number:05d}.txt").write_text("\n".join(lines)[:CHARACTERS], encoding="utf-8")


def peak(process: int) -> int:
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)


def children(process: int) -> list[int]:
    try:
        tasks = Path(f"/proc/{process}/task").iterdir()
        return [int(pid) for task in tasks for pid in (task / "children").read_text(encoding="ascii").split()]
    except OSError:
        return []


def watch(process: int, stop: threading.Event, peaks: dict[str, int], flat: list[int]) -> None:
    while not stop.wait(POLL_SECONDS):
        peaks["parent"] = max(peaks["parent"], peak(process))
        peaks["worker"] = max(peaks["worker"], *map(peak, children(process)), 0)
        flat.append(peaks["worker"])


def main() -> None:
    count, jobs = (int(argument) for argument in (sys.argv[1:] + ["1000", "2"][len(sys.argv) - 1 :])[:2])
    with tempfile.TemporaryDirectory() as folder:
        documents, out = Path(folder) / "documents", Path(folder) / "out"
        documents.mkdir()
        build(documents, count)
        command = [sys.executable, "-m", "poju", "survey", str(documents), "--out", str(out), "--jobs", str(jobs)]
        peaks, stop = {"parent": 0, "worker": 0}, threading.Event()
        flat: list[int] = []
        started = time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            watcher = threading.Thread(target=watch, args=(process.pid, stop, peaks, flat))
            watcher.start()
            status = process.wait()
            stop.set()
            watcher.join()
        seconds = time.monotonic() - started
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = usage.ru_utime + usage.ru_stime
        report = {
            "benchmark": "survey",
            "documents": count,
            "characters_each": CHARACTERS,
            "jobs": jobs,
            "cores": os.cpu_count(),
            "exit_status": status,
            "cpu_seconds": round(cpu, 2),
            "cpu_seconds_per_document": round(cpu / count, 4),
            "wall_seconds": round(seconds, 2),
            "parent_peak_mebibytes": peaks["parent"] // 1024,
            "worker_peak_mebibytes": peaks["worker"] // 1024,
            "worker_peak_mebibytes_halfway": (flat[len(flat) // 2] if flat else 0) // 1024,
            "events_jsonl_bytes": (out / "events.jsonl").stat().st_size if status == 0 else None,
        }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
