"""What an append costs on a long log with many live subjects, against a short one; figures as JSON.

Run: python benchmarks/growth.py [LEAVES]

Two ledgers, of LEAVES (default 10,000,000) and of 10,000 leaves, with an open subject to ten leaves. They are filled
without signatures, since only their size matters here: leaves, tiles, state and identifiers are what the engine would
have written. Then both register signed statements in turn, in the same run: those of ``workload.py``, and the next
steps of open subjects chosen at random.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

from poju.engine.embedded import EmbeddedEngine, Registration
from poju.ledger import block, statement
from poju.ledger.replay import DictState
from poju.ledger.statement import VerifiedStatement
from poju.ledger.store import Store
from poju.node.collector import settle
from serving import cpu
from workload import HOSPITALS, LOG, ORIGIN, TIME, Workload

SHORT, LONG = 10_000, 10_000_000
LIVE = 10
"""Leaves to one open subject."""
ONE_HOSPITAL = 1_000
"""Every so many turns of the workload the same hospital orders."""
FILL = 50_000
FIRST = 1 << 40
"""The first turn of the new subjects: beyond all open ones."""
LEAF_BYTES = 290
ROUNDS, NEW, STEPS = 9, 800, 200
MICRO = 1_000_000


class Opened(NamedTuple):
    """The state that an order leaves behind, with ``%x`` where its number stands."""

    writes: dict[str, bytes]

    @classmethod
    def recorded(cls) -> Opened:
        """Return it from the rules' own answer to one order."""
        load, state, head = Workload(), DictState(), block.Head()
        order = next(load._order(ONE_HOSPITAL))  # noqa: SLF001 - the workload's own statement
        for raw in (*load.opening(), order):
            item = statement.decode(raw)
            key = load.rules.key_for(state, item)
            assert key is not None  # noqa: S101 - a benchmark's own check
            outcome = block.execute(load.rules, state, state, head, TIME, [VerifiedStatement(item, key)])
            assert outcome.leaves, outcome.answers  # noqa: S101
            state.apply(outcome)
            head = outcome.head
        name = f"order/{ONE_HOSPITAL:x}"
        found = {key.replace(name, "order/%x"): value for key, value in outcome.writes.items() if value is not None}
        return cls({key: value for key, value in found.items() if "%x" in key})

    def of(self, number: int) -> dict[str, bytes | None]:
        """Return the state of the open order ``number``."""
        return {key % (number * ONE_HOSPITAL): value for key, value in self.writes.items()}


def fill(store: Store, leaves: int) -> int:
    """Append what stands for registered statements up to ``leaves``, in large blocks; return how many orders are open.

    They are numbered from 1 on.
    """
    chance, opened, number = random.Random(1), Opened.recorded(), 0  # noqa: S311 - figures, no secrets
    while (head := store.head()).size < leaves:
        count = min(FILL, leaves - head.size)
        raws = tuple(b"\xd2" + chance.randbytes(LEAF_BYTES - 1) for _leaf in range(count))
        writes: dict[str, bytes | None] = {}
        for _subject in range(count // LIVE):
            number += 1
            writes |= opened.of(number)
        registered = tuple(
            (_kept(raw, HOSPITALS[at % len(HOSPITALS)], _identifier(head.size + at, chance)), head.size + at)
            for at, raw in enumerate(raws)
        )
        after = block.Head(head.size + count, head.height + 1, TIME, hashlib.sha256(raws[-1]).digest())
        store.commit(block.Outcome(after, raws, writes, (), registered), {})
    return number


def _identifier(number: int, chance: random.Random) -> bytes:
    """Return a UUIDv7 of one statement a millisecond, before those that are measured."""
    milliseconds = (TIME * 1_000 - LONG + number).to_bytes(6, "big")
    return milliseconds + b"\x70" + chance.randbytes(1) + b"\x80" + chance.randbytes(7)


def _kept(raw: bytes, issuer: str, identifier: bytes) -> VerifiedStatement:
    """Return what a store reads of a registered statement."""
    digest = hashlib.sha256(raw).digest()
    return SimpleNamespace(statement=SimpleNamespace(issuer=issuer, identifier=identifier, digest=digest))  # type: ignore[return-value]


class Ledger:
    """One of the two: what it is asked to register, and what that took."""

    def __init__(self, path: Path, leaves: int) -> None:
        self._load = Workload()
        self._store = Store.open(path)
        self._turn = FIRST
        self._engine = EmbeddedEngine(self._store, self._load.rules, LOG, ORIGIN, lambda: TIME)
        for raw in self._load.opening():
            self._engine.register(raw)
        self._engine.close()
        self._open = list(range(1, fill(self._store, leaves)))
        self.size, self.live = self._store.head().size, len(self._open)
        random.Random(2).shuffle(self._open)  # noqa: S311 - figures, no secrets
        self._engine = EmbeddedEngine(self._store, self._load.rules, LOG, ORIGIN, lambda: TIME)
        self.cpu: list[float] = []
        self.wall: list[float] = []

    def statements(self) -> list[bytes]:
        """Return the next round: new subjects, and the next two steps of open ones."""
        self._turn += 10_000
        fresh = list(self._load.statements(NEW, first=self._turn))
        return [*fresh, *(raw for _step in range(STEPS // 2) for raw in self._steps(self._open.pop()))]

    def _steps(self, number: int) -> Iterator[bytes]:
        steps = self._load._order(number * ONE_HOSPITAL)  # noqa: SLF001 - the workload's own statements
        next(steps)
        yield from steps

    def register(self) -> None:
        """Register one round, and keep the processor and the elapsed time of a statement, microseconds."""
        raws = self.statements()
        wall, used = time.perf_counter(), cpu(os.getpid())
        answers = [future.result(60) for future in [self._engine.submit(raw) for raw in raws]]
        self.cpu.append((cpu(os.getpid()) - used) * MICRO / len(raws))
        self.wall.append((time.perf_counter() - wall) * MICRO / len(raws))
        assert all(isinstance(answer, Registration) for answer in answers), answers  # noqa: S101

    def close(self) -> None:
        """End the engine and close the file."""
        self._engine.close()
        self._store.close()


def measure(folder: Path, leaves: int) -> dict[str, object]:
    """Return the figures of both ledgers in ``folder``."""
    long, short = Ledger(folder / "long.sqlite", leaves), Ledger(folder / "short.sqlite", SHORT)
    settle()
    for ledger in (short, long) * ROUNDS:
        ledger.register()
    for ledger in (short, long):
        ledger.close()
    # the first round of each starts the process that checks signatures
    long_cpu, short_cpu = (statistics.mean(ledger.cpu[1:]) for ledger in (long, short))
    return {
        "benchmark": "growth",
        "leaves": long.size,
        "live_subjects": long.live,
        "append_cpu_us": round(long_cpu, 1),
        "append_cpu_us_at_10000": round(short_cpu, 1),
        "ratio_cpu": round(long_cpu / short_cpu, 3),
        "ratio_elapsed": round(statistics.median(long.wall[1:]) / statistics.median(short.wall[1:]), 3),
        "bytes": (folder / "long.sqlite").stat().st_size,
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("leaves", type=int, nargs="?", default=LONG)
    with tempfile.TemporaryDirectory() as folder:
        report = measure(Path(folder), parser.parse_args().leaves)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
