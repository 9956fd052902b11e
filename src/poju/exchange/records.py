"""One institution's record store: records, salts and its own patients' handles, in one SQLite file that stays there."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path

from poju.exchange.pointer import KeptRecord, new_handle, new_pointer, new_salt

SCHEMA = """
CREATE TABLE IF NOT EXISTS patient (local TEXT PRIMARY KEY, handle TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS record (source TEXT PRIMARY KEY, pointer TEXT NOT NULL UNIQUE, class TEXT NOT NULL,
    handle TEXT NOT NULL, salt BLOB NOT NULL, data BLOB NOT NULL);
"""


class RecordStore:
    """Owns ``path``; readable by the institution only.

    ``source`` is its own name for a record, so that keeping one again changes nothing.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        # Before SQLite writes: its journal takes the mode that the file has then.
        path.touch(mode=0o600)
        path.chmod(0o600)
        self._connection = sqlite3.connect(path, check_same_thread=False, timeout=30)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def handle_of(self, local: str) -> str:
        """Return the handle of the institution's patient ``local``, made at random on first use."""
        with self._lock, self._connection as connection:
            connection.execute("INSERT OR IGNORE INTO patient VALUES (?, ?)", (local, new_handle()))
            row = connection.execute("SELECT handle FROM patient WHERE local = ?", (local,)).fetchone()
        return str(row[0])

    def keep(self, records: Iterable[tuple[str, str, str, bytes]]) -> list[KeptRecord]:
        """Keep (source, local patient, class, exact bytes) each; return them with pointer, salt and handle."""
        kept = []
        for source, local, record_class, data in records:
            handle = self.handle_of(local)
            row = (source, new_pointer(), record_class, handle, new_salt(), data)
            with self._lock:
                self._connection.execute("INSERT OR IGNORE INTO record VALUES (?, ?, ?, ?, ?, ?)", row)
                kept.append(self._one("source", source))
        with self._lock:
            self._connection.commit()
        return kept

    def _one(self, column: str, value: str) -> KeptRecord:
        sql = {
            "source": "SELECT pointer, class, handle, salt, data FROM record WHERE source = ?",
            "pointer": "SELECT pointer, class, handle, salt, data FROM record WHERE pointer = ?",
        }[column]
        row = self._connection.execute(sql, (value,)).fetchone()
        if row is None:
            raise KeyError(value)
        return KeptRecord(*row)

    def by_pointer(self, pointer: str) -> KeptRecord | None:
        """Return the record behind ``pointer``, or None where this institution does not hold it."""
        with self._lock:
            try:
                return self._one("pointer", pointer)
            except KeyError:
                return None
