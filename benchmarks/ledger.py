"""CPU microseconds a statement on its way through the embedded ledger, in process; figures as JSON.

Run: python benchmarks/ledger.py [STATEMENTS] [WINDOW]

The statements are those of ``workload.py`` under the composed rule book. ``register`` is the whole way (decode, verify,
rules, append, one durable commit a batch on this disk, receipt), counted and charged to members as a node does;
the other figures are its parts.
"""

import json
import resource
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

from poju.engine.embedded import Answer, EmbeddedEngine, Registration
from poju.ledger import receipt, statement
from poju.ledger.keys import PublicKey
from poju.ledger.store import Store
from poju.node.collector import settle
from poju.node.limits import Limits, Rate
from poju.node.metrics import Metrics
from poju.node.operate import charging
from workload import LOG, ORIGIN, TIME, Workload

MICRO = 1_000_000
SAMPLE = 1_000
OPEN = Limits(member=Rate(1_000_000, 1_000_000))


def cost(work: Callable[[bytes], object], items: Sequence[bytes]) -> float:
    started = time.process_time()
    for item in items:
        work(item)
    return round((time.process_time() - started) * MICRO / len(items), 1)


def register(engine: EmbeddedEngine, raws: Sequence[bytes], window: int) -> list[Registration]:
    """Register in order, with at most ``window`` statements unanswered at a time."""
    answers: list[Answer] = []
    waiting: deque[Future[Answer]] = deque()
    for raw in raws:
        if len(waiting) == window:
            answers.append(waiting.popleft().result(60))
        waiting.append(engine.submit(raw))
    answers += [future.result(60) for future in waiting]
    return [answer for answer in answers if isinstance(answer, Registration)]


def main() -> None:
    count, window = (int(argument) for argument in (sys.argv[1:] + ["20000", "4096"][len(sys.argv) - 1 :])[:2])
    load = Workload()
    opening = list(load.opening())
    raws = list(load.statements(count))
    count = len(raws)
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "ledger.sqlite")
        metrics = Metrics(load.rules.kinds)
        engine = EmbeddedEngine(
            store, load.rules, LOG, ORIGIN, lambda: TIME, observer=metrics, charge=charging(OPEN, metrics)
        )
        register(engine, opening, 1)
        settle()
        wall, cpu = time.perf_counter(), time.process_time()
        registered = register(engine, raws, window)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        size = store.head().size
        sample = raws[:: max(1, count // SAMPLE)]
        index = {raw: answer.index for raw, answer in zip(raws, registered, strict=True)}
        receipts = {raw: engine.receipt_for(index[raw]) for raw in sample}
        decoded = {raw: statement.decode(raw) for raw in sample}
        keys = {raw: PublicKey(store.get(f"key/{item.key_id.hex()}")["raw"]) for raw, item in decoded.items()}
        report = {
            "benchmark": "ledger",
            "statements": count,
            "window": window,
            "leaves": size,
            "register_cpu_us": 0.0,
            "register_per_second": round(count / wall),
            "decode_us": cost(statement.decode, sample),
            "verify_us": cost(lambda raw: decoded[raw].verify(keys[raw]), sample),
            "receipt_issue_us": cost(lambda raw: engine.receipt_for(index[raw]), sample),
            "receipt_verify_us": cost(lambda raw: receipt.verify(receipts[raw], raw, LOG.public), sample),
            "receipt_bytes": max(len(item) for item in receipts.values()),
        }
        engine.close()
        store.close()
    # the process that checks signatures has ended with the engine, so that all of its time is counted
    apart = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu += apart.ru_utime + apart.ru_stime
    report["register_cpu_us"] = round(cpu * MICRO / count, 1)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
