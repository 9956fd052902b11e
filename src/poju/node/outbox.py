"""A member's outbox: each statement is written down before it is sent, and its answer after.

After a crash the same bytes are sent again; the ledger answers them with the same entry, so nothing is lost and
nothing is registered twice (LOG-1).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from poju.errors import OperatorError
from poju.i18n import _
from poju.ledger import cbor
from poju.node.client import Answer, LedgerClient, Refused, Registered

SCHEMA = "CREATE TABLE IF NOT EXISTS sent (name TEXT PRIMARY KEY, raw BLOB NOT NULL, answer BLOB)"
SENDERS = 16
CHUNK = 64

Build = Callable[[], bytes]
Listener = Callable[[str, Answer], None]


class Outbox:
    """Sends statements, each under a name of the sender's own. Owns ``path``."""

    def __init__(self, path: Path, client: LedgerClient, on_answer: Listener | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._client = client
        self._on_answer = on_answer
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, timeout=30)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute(SCHEMA)
        self._senders = ThreadPoolExecutor(SENDERS, "outbox")

    def close(self) -> None:
        """Close the file; what was not answered is sent again by the next run."""
        self._senders.shutdown()
        self._connection.close()

    def send(self, name: str, build: Build) -> Answer:
        """Send the statement called ``name``, built by ``build`` if it never was, and return the ledger's answer."""
        return self.send_many([(name, build)])[0]

    def send_many(self, items: Sequence[tuple[str, Build]]) -> list[Answer]:
        """Send many statements that do not depend on one another; return their answers in order."""
        answers: list[Answer] = []
        for start in range(0, len(items), CHUNK):
            answers.extend(self._send_chunk(items[start : start + CHUNK]))
        return answers

    def queue(self, name: str, build: Build) -> None:
        """Write the statement called ``name`` down without sending it; :meth:`flush` does."""
        if name not in self._stored([name]):
            self._execute("INSERT OR IGNORE INTO sent (name, raw) VALUES (?, ?)", [(name, build())])

    def flush(self) -> list[Answer]:
        """Send what was written down and not answered yet; return the answers."""
        with self._lock:
            rows = self._connection.execute("SELECT name, raw FROM sent WHERE answer IS NULL ORDER BY rowid").fetchall()
        return self._send_chunk([(name, _already(raw)) for name, raw in rows])

    def _send_chunk(self, items: Sequence[tuple[str, Build]]) -> list[Answer]:
        stored = self._stored([name for name, _build in items])
        new = [(name, build()) for name, build in items if name not in stored]
        self._execute("INSERT INTO sent (name, raw) VALUES (?, ?)", new)
        waiting = dict(new) | {name: raw for name, (raw, answer) in stored.items() if answer is None}
        fresh = dict(zip(waiting, self._senders.map(self._client.register, waiting.values()), strict=True))
        self._execute("UPDATE sent SET answer = ? WHERE name = ?", [(a.encode(), name) for name, a in fresh.items()])
        if self._on_answer is not None:
            for name, answer in fresh.items():
                self._on_answer(name, answer)
        return [fresh[name] if name in fresh else _decode(name, stored[name]) for name, _build in items]

    def _stored(self, names: Sequence[str]) -> dict[str, tuple[bytes, bytes | None]]:
        with self._lock:
            rows = [
                self._connection.execute("SELECT raw, answer FROM sent WHERE name = ?", (name,)).fetchone()
                for name in names
            ]
        return {name: row for name, row in zip(names, rows, strict=True) if row is not None}

    def _execute(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        with self._lock, self._connection as connection:
            connection.executemany(sql, rows)

    def raw(self, name: str) -> bytes:
        """Return the bytes sent as ``name``; raise ``outbox.unknown`` where nothing was."""
        found = self._stored([name]).get(name)
        if found is None:
            raise OperatorError(
                "outbox.unknown",
                _("The outbox holds no statement called {name}."),
                hint=_("Run the step that sends it first."),
                name=name,
            )
        return found[0]


def _already(raw: bytes) -> Build:
    return lambda: raw


def _decode(name: str, row: tuple[bytes, bytes | None]) -> Answer:
    value = cbor.decode(row[1] or b"\xf6", 1 << 17)
    match value:
        case ["registered", int(index), bytes(receipt), decision]:
            return Registered(index, receipt, decision)
        case ["refused", str(code), bytes(raw)]:
            return Refused(code, raw)
    raise OperatorError(
        "outbox.damaged",
        _("The outbox's entry {name} is damaged."),
        hint=_("Start with a new folder."),
        name=name,
    )
