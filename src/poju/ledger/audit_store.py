"""Checking a ledger's own file against itself, row by row, and making its state again from its leaves.

Nothing is believed because it stands in the file: (1) SQLite finds its pages in order; (2) head and leaves agree on the
size, and the hash tiles lead from the leaves to a root, which is a signed checkpoint's where one is given; (3) every
block replays, and ends at the head's height, time and chained state digest; (4) the state table is what the replay
arrived at, (5) so is the memory of registered statements; (6) every refusal that was kept is the node's, about the
statement beside it. The first row that differs is named.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeVar

from poju.errors import OperatorError, PojuError
from poju.i18n import _
from poju.ledger import block, refusal, tiles
from poju.ledger.audit import Audit, Log, Plan
from poju.ledger.audit_state import FoldState
from poju.ledger.audit_tiles import CheckedTiles
from poju.ledger.checkpoint import Checkpoint
from poju.ledger.keys import PublicKey
from poju.ledger.rulebook import RuleBook
from poju.units import Seconds

MEMORY = "SELECT issuer, identifier, seen.idx, digest, data FROM seen JOIN leaf USING (idx) ORDER BY issuer, identifier"
TOGETHER = 256
Answer = TypeVar("Answer")
RESTORE = _("Stop the node and restore a backup: poju ledger restore. Keep the damaged file: it may be evidence.")
REBUILD = _("The log itself holds: stop the node, then make the state again with poju ledger rebuild --replace.")


def damaged(what: str, *, hint: str = RESTORE, **parameters: object) -> OperatorError:
    """Return ``store.damaged``: a part of a ledger's file that is not what the rest of the file says."""
    return OperatorError("store.damaged", what, hint=hint, **parameters)


class LedgerFile:
    """A ledger's SQLite file, opened for checking; what cannot be read raises ``store.damaged``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database = sqlite3.connect(path, isolation_level=None, timeout=30)
        # text that is none is a row like others: it differs, and is named
        self._database.text_factory = lambda raw: raw.decode(errors="replace")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def each(self, sql: str, *parameters: object) -> Iterator[tuple[Any, ...]]:
        """Yield rows as they are read."""
        rows = self._ask(lambda: self._database.execute(sql, parameters))
        while some := self._ask(lambda: rows.fetchmany(TOGETHER)):
            yield from some

    def _ask(self, question: Callable[[], Answer]) -> Answer:
        try:
            return question()
        except sqlite3.Error as error:
            raise self._unreadable(str(error)) from error

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return all rows."""
        return list(self.each(sql, *parameters))

    @contextmanager
    def together(self) -> Iterator[None]:
        """Read (or write) all of what is inside as one transaction, so that a running node changes nothing of it."""
        self.rows("BEGIN")
        try:
            yield
        except BaseException:
            self._database.rollback()
            raise
        self.rows("COMMIT")

    def fill(self, sql: str, rows: Iterator[tuple[Any, ...]]) -> None:
        """Write ``rows``."""
        self._ask(lambda: self._database.executemany(sql, rows))

    def _unreadable(self, found: str) -> OperatorError:
        return OperatorError(
            "store.damaged",
            _("The ledger's file {path} is damaged: {found}."),
            hint=RESTORE,
            path=self.path,
            found=found,
        )

    def check_pages(self) -> None:
        """Step 1: let SQLite follow its own trees."""
        found = self.rows("PRAGMA integrity_check(1)")
        if found != [("ok",)]:
            text = str(found[0][0]).replace("\n", " ")[:200] if found else "–"
            raise self._unreadable(text)

    def head(self) -> block.Head:
        """Return the head row; raise ``store.damaged`` where it is none or the leaves end elsewhere."""
        rows = self.rows("SELECT size, height, time, state FROM head") or [(0, 0, 0, block.Head().state)]
        counted = self.rows("SELECT count(*), coalesce(min(idx), 0), coalesce(max(idx), -1) FROM leaf")[0]
        match rows[0]:
            case (int(size), int(height), int(time), bytes(state)) if counted == (size, 0, size - 1):
                return block.Head(size, height, Seconds(time), state)
        raise damaged(
            _("The ledger's head says {size} leaves, and the file holds {found}."), size=rows[0][0], found=counted[0]
        )

    def tile(self, level: int, number: int) -> bytes:
        """Return a hash tile as it is stored; empty where it is none."""
        rows = self.rows("SELECT data FROM tile WHERE level = ? AND number = ?", level, number)
        return rows[0][0] if rows and isinstance(rows[0][0], bytes) else b""

    def bundle(self, number: int, width: int) -> bytes:
        """Return the entry bundle of the leaves as they are stored."""
        start = number * tiles.WIDTH
        found = self.rows("SELECT data FROM leaf WHERE idx >= ? AND idx < ? ORDER BY idx", start, start + width)
        held = [row[0] for row in found if isinstance(row[0], bytes) and len(row[0]) < 1 << (8 * tiles.LENGTH_BYTES)]
        return tiles.bundle(held)

    def log(self, size: int) -> Log:
        """Return the log of the first ``size`` leaves, its tiles followed to their root (step 2)."""
        names = {(level, number) for level, number, _width in tiles.tile_names(size)}
        for level, number in self.each("SELECT level, number FROM tile"):
            if (level, number) not in names:
                raise damaged(
                    _("The ledger holds a hash tile {level}/{number} that no leaf needs."), level=level, number=number
                )
        return Log(CheckedTiles(size, self.tile), self.bundle)


def check(
    path: Path,
    rules: RuleBook,
    plan: Plan,
    *,
    key: tuple[str, PublicKey] | None = None,
    retired: Sequence[PublicKey] = (),
    signed: Checkpoint | None = None,
    replace: bool = False,
) -> block.Head:
    """Check the ledger's file at ``path`` in the six steps of this module and return its head.

    ``key``: the log's name and key, for the refusals; ``retired``: the keys that spoke for it before. ``signed``: a
    checkpoint whose signature the caller verified, of this size or an earlier one. ``replace``: write state and memory
    anew between steps 3 and 4; nobody else may have the file open for writing.
    """
    with closing(LedgerFile(path)) as file, file.together(), closing(FoldState()) as state:
        # 1. pages
        file.check_pages()
        # 2. leaves, tiles, root
        head = file.head()
        log = file.log(head.size)
        if signed is not None:
            require_root(log.tiles, signed)
        # 3. every block
        audit = Audit(rules, log, state, plan)
        audit.run()
        if audit.head != head:
            raise damaged(
                _("The ledger's head is {found}; its leaves replay to {wanted}."),
                found=f"{head.height}, {head.time}, {head.state.hex()[:16]}…",
                wanted=f"{audit.head.height}, {audit.head.time}, {audit.head.state.hex()[:16]}…",
            )
        if replace:
            _replace(file, state)
        _check_state(file, state)
        _check_memory(file, state)
        if key is not None:
            _check_refusals(file, key[0], (key[1], *retired))
    return head


def require_root(found: CheckedTiles, signed: Checkpoint) -> None:
    """Raise ``store.damaged`` unless the ledger holds what ``signed`` signs."""
    if not 0 <= signed.size <= found.size or found.root_at(signed.size) != signed.root:
        raise damaged(
            _("The ledger's {size} leaves do not lead to the root of the checkpoint, which has {signed}."),
            size=found.size,
            signed=signed.size,
        )


def _replace(file: LedgerFile, state: FoldState) -> None:
    file.rows("DELETE FROM state")
    file.fill("INSERT INTO state VALUES (?, ?)", state.contents())
    file.rows("DELETE FROM seen")
    # the digest is of the leaf's bytes, which the log's root vouches for
    file.fill("INSERT INTO seen VALUES (?, ?, ?, ?)", ((*row, _digest(file, row[2])) for row in state.memory()))


def _digest(file: LedgerFile, index: int) -> bytes:
    return hashlib.sha256(file.rows("SELECT data FROM leaf WHERE idx = ?", index)[0][0]).digest()


def _check_state(file: LedgerFile, state: FoldState) -> None:
    """Step 4: the state table row by row."""
    stored = file.each("SELECT key, value FROM state ORDER BY key")
    for found, wanted in zip_longest(stored, state.contents(), fillvalue=("", b"")):
        if found != wanted:
            shown = found[0] if not wanted[0] else wanted[0] if not found[0] else min(str(found[0]), wanted[0])
            raise damaged(_("The state at {key} is not what the log's leaves give."), hint=REBUILD, key=shown)


def _check_memory(file: LedgerFile, state: FoldState) -> None:
    """Step 5: the table of registered statements row by row, each with its leaf."""
    for found, wanted in zip_longest(file.each(MEMORY), state.memory()):
        if found is None or wanted is None or found[:3] != wanted or found[3] != hashlib.sha256(found[4]).digest():
            index = wanted[2] if wanted is not None else found[2] if found is not None else "–"
            raise damaged(
                _("The memory of the statement at leaf {index} is not the leaf's."), hint=REBUILD, index=index
            )
    if file.rows("SELECT count(*) FROM seen") != [(sum(1 for _row in state.memory()),)]:
        raise damaged(_("The memory holds a statement that no leaf is."), hint=REBUILD)


def _check_refusals(file: LedgerFile, origin: str, keys: Sequence[PublicKey]) -> None:
    """Step 6: each kept refusal under one of the log's keys, its statement beside it."""

    def whole(key: PublicKey, digest: bytes, raw: bytes, item: bytes) -> bool:
        try:
            return refusal.verify(raw, key, origin).statement == digest == hashlib.sha256(item).digest()
        except (PojuError, TypeError, ValueError):
            return False

    for digest, raw, item in file.each("SELECT digest, raw, statement FROM refusal ORDER BY digest"):
        if not any(whole(key, digest, raw, item) for key in keys):
            shown = digest.hex() if isinstance(digest, bytes) else str(digest)
            raise damaged(_("The kept refusal of statement {digest} is not the node's."), digest=shown)
