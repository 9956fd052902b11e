"""A member's outbox: each statement is written down before it is sent, and its answer after.

After a crash the same bytes are sent again; the ledger answers them with the same entry, so nothing is lost and
nothing is registered twice (LOG-1).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
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
Renew = Callable[[bytes], bytes]
Listener = Callable[[str, Answer], None]


class Outbox:
    """Sends statements, each under a name of the sender's own. Owns ``path``."""

    def __init__(self, path: Path, client: LedgerClient, on_answer: Listener | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._client = client
        self._on_answer = on_answer
        self._lock = threading.Lock()
        self._builders: dict[str, Build] = {}
        path.touch(mode=0o600)
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
        self._builders[name] = build
        if name not in self._stored([name]):
            self._execute("INSERT OR IGNORE INTO sent (name, raw) VALUES (?, ?)", [(name, build())])

    def flush(self, renew: Renew | None = None, again: Collection[str] = ()) -> list[Answer]:
        """Send what was written down and not answered yet; return the answers.

        ``renew`` builds a statement again that has grown too old while it waited and whose own builder ended with an
        earlier run. A refusal by a rule in ``again`` is no answer yet: the statement waits for another one before it.
        """
        with self._lock:
            rows = self._connection.execute("SELECT name, raw FROM sent WHERE answer IS NULL ORDER BY rowid").fetchall()
        items = [(name, self._builders.get(name) or _renewed(raw, renew)) for name, raw in rows]
        return self._send_chunk(items, again)

    def _send_chunk(self, items: Sequence[tuple[str, Build]], again: Collection[str] = ()) -> list[Answer]:
        stored = self._stored([name for name, _build in items])
        new = [(name, build()) for name, build in items if name not in stored]
        self._execute("INSERT INTO sent (name, raw) VALUES (?, ?)", new)
        waiting = dict(new) | {name: raw for name, (raw, answer) in stored.items() if answer is None}
        fresh = self._register(waiting)
        fresh |= self._renew([(name, build) for name, build in items if _is_stale(fresh.get(name))], set(stored))
        final = {name: answer for name, answer in fresh.items() if not _waits(answer, again)}
        self._execute("UPDATE sent SET answer = ? WHERE name = ?", [(a.encode(), name) for name, a in final.items()])
        if self._on_answer is not None:
            for name, answer in final.items():
                self._on_answer(name, answer)
        return [fresh[name] if name in fresh else _decode(name, stored[name]) for name, _build in items]

    def _register(self, waiting: dict[str, bytes]) -> dict[str, Answer]:
        return dict(zip(waiting, self._senders.map(self._client.register, waiting.values()), strict=True))

    def _renew(self, items: Sequence[tuple[str, Build]], written_earlier: set[str]) -> dict[str, Answer]:
        """Build again what an earlier run wrote down and never sent, and what has grown too old since."""
        renewed = {name: build() for name, build in items if name in written_earlier}
        self._execute("UPDATE sent SET raw = ? WHERE name = ?", [(raw, name) for name, raw in renewed.items()])
        return self._register(renewed)

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
            raise _unknown(name)
        return found[0]

    def index(self, name: str) -> int:
        """Return the entry at which the statement called ``name`` was registered; raise ``outbox.unknown``."""
        stored = self._stored([name]).get(name)
        answer = _decode(name, stored) if stored is not None and stored[1] is not None else None
        if not isinstance(answer, Registered):
            raise _unknown(name)
        return answer.index

    def names(self) -> list[str]:
        """Return the names of all that was sent and answered, in the order of sending."""
        with self._lock:
            rows = self._connection.execute("SELECT name FROM sent WHERE answer IS NOT NULL ORDER BY rowid").fetchall()
        return [str(row[0]) for row in rows]


def _unknown(name: str) -> OperatorError:
    return OperatorError(
        "outbox.unknown",
        _("The outbox holds no statement called {name}."),
        hint=_("Run the step that sends it first."),
        name=name,
    )


def _is_stale(answer: Answer | None) -> bool:
    return isinstance(answer, Refused) and answer.code == "ledger.stale"


def _waits(answer: Answer, again: Collection[str]) -> bool:
    return isinstance(answer, Refused) and answer.code in again


def _renewed(raw: bytes, renew: Renew | None) -> Build:
    return lambda: raw if renew is None else renew(raw)


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
