"""Killing a served ledger under load, and looking for everything that it had acknowledged.

The ledger is a real process on a real disk. What it acknowledges is written down by this process, fsynced, before the
next statement is sent; after each kill first the file is read as it lies there, then a new process is asked.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import workload
from poju.ledger import receipt, statement
from poju.ledger.keys import PublicKey, parse_vkey
from poju.node import ledger_service
from poju.node.client import LedgerClient, Registered
from poju.units import Seconds

CLIENTS = 4
DECADE = 20
"""Statements that build on one another: one client sends them, in order."""
ROUND = 6 * CLIENTS * DECADE
LONGEST, SHORTEST = 0.6, 0.02


class LostError(Exception):
    """Something that was promised is not there."""


@dataclass(frozen=True)
class Acknowledged:
    """What the node answered: the bytes stand at ``index``, as ``receipt`` proves."""

    raw: bytes
    index: int
    receipt: bytes


@dataclass
class Journal:
    """Acknowledgements in a file of ours, each on the disk before anything else happens."""

    path: Path
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, item: Acknowledged) -> None:
        line = json.dumps([item.raw.hex(), item.index, item.receipt.hex()]).encode() + b"\n"
        with self.lock, self.path.open("ab") as handle:
            handle.write(line)
            handle.flush()
            os.fsync(handle.fileno())

    def read(self) -> list[Acknowledged]:
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        found = (json.loads(line) for line in lines)
        return [Acknowledged(bytes.fromhex(raw), index, bytes.fromhex(proof)) for raw, index, proof in found]


@dataclass
class Node:
    """One life of the served ledger."""

    folder: Path

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "poju", "ledger", "serve", str(self.folder), "--attached"]
        command += ["--package", str(workload.HEALTHCARE), "--origin", workload.ORIGIN]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        line = self.process.stdout.readline() if self.process.stdout else b""
        if not line:
            raise LostError("the ledger does not start again")
        self.url = str(json.loads(line)["url"])
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.kill()
        self.process.communicate()

    def end(self) -> None:
        """Let it finish, as its operator would."""
        self.process.communicate(timeout=30)


def send(url: str, raws: Sequence[bytes], journal: Journal, more: Callable[[], bool]) -> int:
    """Send ``raws`` in turn while ``more()``; return how many were acknowledged. Ends where the node is gone."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port or 0, timeout=10)
    try:
        for done, raw in enumerate(raws):
            if not more():
                return done
            connection.request("POST", "/entries", body=raw)
            response = connection.getresponse()
            body = response.read()
            if response.status != http.client.CREATED:
                raise LostError(f"a good statement was answered {response.status}: {body.hex()}")
            journal.add(Acknowledged(raw, int(response.headers["location"].rpartition("/")[2]), body))
    except (OSError, http.client.HTTPException):
        return done
    finally:
        connection.close()
    return len(raws)


class Load:
    """The standing load of benchmarks/workload.py, dealt to clients; each goes on where it was cut off."""

    def __init__(self) -> None:
        self._made = workload.Workload()
        self._left: list[list[bytes]] = [[] for _client in range(CLIENTS)]
        self._first = 0

    def opening(self) -> list[bytes]:
        workload.TIME = Seconds(int(time.time()))
        return list(self._made.opening())

    def refill(self) -> None:
        """Sign new statements, as fresh as the node asks, behind what was not acknowledged yet."""
        workload.TIME = Seconds(int(time.time()))
        raws = list(self._made.statements(ROUND, first=self._first))
        self._first += ROUND
        for start in range(0, len(raws), DECADE):
            self._left[start // DECADE % CLIENTS] += raws[start : start + DECADE]

    def run(self, url: str, journal: Journal, more: Callable[[], bool]) -> None:
        """Send from all clients at the same time until the node is gone or ``more()`` says no."""
        failures: list[LostError] = []

        def client(number: int) -> None:
            try:
                del self._left[number][: send(url, self._left[number], journal, more)]
            except LostError as error:
                failures.append(error)

        threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]


def on_disk(folder: Path, items: Sequence[Acknowledged]) -> None:
    """Find each of ``items`` in the ledger's file at its index; raise :class:`LostError`."""
    file = sqlite3.connect(folder / "ledger.sqlite")
    try:
        for item in items:
            row = file.execute("SELECT data FROM leaf WHERE idx = ?", (item.index,)).fetchone()
            if row is None or row[0] != item.raw:
                raise LostError(f"leaf {item.index} was acknowledged and is not on the disk")
    finally:
        file.close()


def still_answered(url: str, key: PublicKey, items: Sequence[Acknowledged]) -> None:
    """Send ``items`` again: the same index; every receipt is of a log that the present one continues (LOG-1, LOG-3)."""
    ledger, roots = LedgerClient(url), {}
    for item in items:
        proved = receipt.verify(item.receipt, item.raw, key)
        roots[proved.size] = proved.root
        again = ledger.register(item.raw)
        if not isinstance(again, Registered) or (again.index, proved.index) != (item.index, item.index):
            raise LostError(f"leaf {item.index} was acknowledged, and sent again it is {again}")
    for size, root in roots.items():
        receipt.verify_consistency(ledger.get(f"/growth/{size}"), size, root, key)
    ledger.close()


def nothing_twice(folder: Path, items: Sequence[Acknowledged]) -> int:
    """Fold the whole log again (LOG-4) and find each statement once; return how many leaves there are."""
    head = ledger_service.rebuild(folder, workload.HEALTHCARE)
    file = sqlite3.connect(folder / "ledger.sqlite")
    leaves = [row[0] for row in file.execute("SELECT data FROM leaf ORDER BY idx")]
    file.close()
    statements = [statement.decode(item) for item in leaves if item[:1] == b"\xd2"]
    if len({(item.issuer, item.identifier) for item in statements}) != len(statements):
        raise LostError("a statement was registered twice")
    if len(leaves) != head.size or not {item.raw for item in items} <= {item.raw for item in statements}:
        raise LostError("the log lacks what was acknowledged")
    return head.size


def kill_and_look(folder: Path, journal: Journal, kills: int, seed: int) -> Iterator[tuple[int, float]]:
    """Kill the ledger in ``folder`` ``kills`` times; yield after each how many statements it acknowledged, and when.

    Raises :class:`LostError` at the first promise that does not hold.
    """
    source, load = random.Random(seed), Load()  # noqa: S311 a repeatable choice of moments
    with Node(folder) as node:
        send(node.url, load.opening(), journal, lambda: True)
        node.end()
    _origin, key = parse_vkey((folder / "log.vkey").read_text())
    known = len(journal.read())
    for _kill in range(kills):
        moment = source.uniform(SHORTEST, LONGEST)
        with Node(folder) as node:
            load.refill()
            killer = threading.Timer(moment, node.process.kill)
            killer.start()
            load.run(node.url, journal, lambda: True)
            killer.join()
        items = journal.read()[known:]
        on_disk(folder, items)
        with Node(folder) as node:
            still_answered(node.url, key, items)
            node.end()
        known += len(items)
        yield len(items), moment
