"""LOG-1 and LOG-4 where the disk gives back other bytes than it took: flips, torn pages, a write-ahead log that rots.

What the audit does not name has to be without meaning: every row reads as before, and the ledger goes on to the same
log that an undamaged one goes on to.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
import support_ledger as support

from poju.engine.embedded import EmbeddedEngine
from poju.errors import PojuError
from poju.ledger import audit_store, block, store_log
from poju.ledger.audit import Plan
from poju.ledger.checkpoint import Checkpoint
from poju.ledger.store import Store

ROOT = Path(__file__).resolve().parents[2]
STATEMENTS = range(40)
LATER = range(100, 103)
HEADER = 100
"""Bytes in front of the first page: each has its turn."""
BYTES_APART, LOG_BYTES_APART = 173, 6_007
"""Primes, so that every place within a page has its turn."""
LOG_HEADER, FRAME_HEADER, PAGE_NUMBER = 32, 24, 4
FIRST_TRUNK = 32
BTREE_HEADERS = {2: 12, 5: 12, 10: 8, 13: 8}
"""Kind of a b-tree's page → bytes of its header; other pages hold the rest of long values, or are free."""
TABLES = ("head", "leaf", "tile", "state", "seen", "refusal", "chain")
Answer = TypeVar("Answer")
LONG = "x" * 12_000
"""A value over several pages; erased, it leaves them free."""


@dataclass(frozen=True)
class Laid:
    """A ledger at rest (``file``) and as a killed writer left it (``running`` with its log beside it)."""

    file: bytes
    running: bytes
    log: bytes
    head: block.Head
    signed: Checkpoint
    rows: list[list[tuple[object, ...]]]


def engine_over(path: Path) -> EmbeddedEngine:
    return EmbeddedEngine(Store.open(path), support.TinyRules(), support.LOG, support.ORIGIN, lambda: support.TIME)


def close(engine: EmbeddedEngine) -> None:
    engine.close()
    engine.store.close()


def register(engine: EmbeddedEngine) -> None:
    for number in STATEMENTS:
        engine.register(support.signed(number, ("note", "ask", "note", "forbid")[number % 4]))
    engine.register(support.signed(90, text=LONG))
    engine.register(support.signed(95, "erase"))


def rows_of(path: Path) -> list[list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as database:
        return [database.execute(f"SELECT * FROM {name}").fetchall() for name in TABLES]  # noqa: S608 - our own names


def check(path: Path, signed: Checkpoint | None = None) -> block.Head:
    pair = (support.ORIGIN, support.LOG.public)
    return audit_store.check(path, support.TinyRules(), Plan(), key=pair, signed=signed)


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Laid:
    path = tmp_path_factory.mktemp("laid") / "ledger.sqlite"
    engine = engine_over(path)
    register(engine)
    head = engine.store.head()
    signed = Checkpoint(support.ORIGIN, head.size, engine.store.root(head.size))
    running, log = path.read_bytes(), path.with_name(f"{path.name}-wal").read_bytes()
    close(engine)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert check(path, signed) == head
    return Laid(path.read_bytes(), running, log, head, signed, rows_of(path))


def put(folder: Path, file: bytes, log: bytes = b"") -> Path:
    """Lay a ledger's file, and the log beside it where it has one, into an emptied ``folder``."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "ledger.sqlite").write_bytes(file)
    if log:
        (folder / "ledger.sqlite-wal").write_bytes(log)
    return folder / "ledger.sqlite"


def flipped(data: bytes, offset: int) -> bytes:
    return b"".join((data[:offset], bytes([data[offset] ^ 1 << offset % 8]), data[offset + 1 :]))


def goes_on(path: Path) -> tuple[block.Head, bytes]:
    """Register more statements; return the audited head and the root after them."""
    engine = engine_over(path)
    for number in LATER:
        engine.register(support.signed(number, "ask", text=LONG if number == LATER[0] else "short"))
    head = engine.store.head()
    root = engine.store.root(head.size)
    close(engine)
    assert check(path) == head
    return head, root


def page_size(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute("PRAGMA page_size").fetchone()[0])


def named_or_without_meaning(path: Path, laid: Laid, wanted: tuple[block.Head, bytes]) -> str:
    """Audit a damaged ledger; where nothing is named, prove that nothing was lost by it. Return what it came to."""
    found, error = attempt(lambda: check(path, laid.signed))
    if error is not None:
        assert (bool(error.hint), error.exit_status) == (True, 1)
        return "named"
    assert found == laid.head
    assert rows_of(path) == laid.rows
    on, error = attempt(lambda: goes_on(path))
    if error is not None:
        assert error.code in {"store.unusable", "store.write"}
        return "not opened"
    assert on == wanted
    return "without meaning"


def attempt(what: Callable[[], Answer]) -> tuple[Answer, None] | tuple[None, PojuError]:
    """Return what ``what`` answers, or the error that it ends in."""
    try:
        return what(), None
    except PojuError as error:
        return None, error


def number(data: bytes, at: int, width: int) -> int:
    return int.from_bytes(data[at : at + width], "big")


def free_pages(file: bytes, size: int) -> set[int]:
    """Return the numbers of the pages on the freelist (SQLite, "Database File Format", §1.5)."""
    found: set[int] = set()
    trunk = number(file, FIRST_TRUNK, 4)
    while trunk:
        at = (trunk - 1) * size
        found |= {trunk, *(number(file, at + 8 + 4 * leaf, 4) for leaf in range(number(file, at + 4, 4)))}
        trunk = number(file, at, 4)
    return found


def unused_share(file: bytes, size: int) -> float:
    """Return the share of ``file`` that holds nothing: free pages, and what cells leave of b-tree pages (§1.6)."""
    free = free_pages(file, size)
    unused = len(free) * size
    for page in range(1, len(file) // size + 1):
        data = file[(page - 1) * size : page * size]
        head = HEADER if page == 1 else 0
        if page in free or data[head] not in BTREE_HEADERS:
            continue
        block, cells, content = (number(data, head + at, 2) for at in (1, 3, 5))
        unused += (content or 65_536) - head - BTREE_HEADERS[data[head]] - 2 * cells + data[head + 7]
        while block:
            unused += number(data, block + 2, 2)
            block = number(data, block, 2)
    return unused / len(file)


def test_log_4_each_flipped_byte_of_the_file_is_named_or_without_meaning(laid: Laid, tmp_path: Path) -> None:
    wanted = goes_on(put(tmp_path / "whole", laid.file))
    found: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for offset in (*range(HEADER), *range(HEADER, len(laid.file), BYTES_APART)):
        path = put(tmp_path / "flipped", flipped(laid.file, offset))
        found[offset < HEADER][named_or_without_meaning(path, laid, wanted)] += 1
    turns = found[False]
    assert found[True]["named"] > HEADER // 10, found
    assert set(turns) == {"named", "without meaning"}, found
    # as many as SQLite counts as unused, and no more: what is used is named
    share = unused_share(laid.file, page_size(put(tmp_path / "whole", laid.file)))
    assert turns["without meaning"] / turns.total() == pytest.approx(share, abs=0.04), (found, share)


@pytest.mark.parametrize("damage", ["zeroed", "half", "garbage"])
def test_log_4_each_torn_page_of_the_file_is_named_or_was_free(laid: Laid, tmp_path: Path, damage: str) -> None:
    """The last page too: a file cut within it, or short of it."""
    whole = put(tmp_path / "whole", laid.file)
    size, wanted = page_size(whole), goes_on(whole)
    with closing(sqlite3.connect(put(tmp_path / "free", laid.file))) as database:
        free = database.execute("PRAGMA freelist_count").fetchone()[0]
    found: Counter[str] = Counter()
    for start in range(0, len(laid.file), size):
        page = laid.file[start : start + size]
        torn = {"zeroed": bytes(size), "half": page[: size // 2] + bytes(size // 2), "garbage": b"\xa5" * size}[damage]
        if torn == page:
            continue
        path = put(tmp_path / "torn", laid.file[:start] + torn + laid.file[start + size :])
        found[named_or_without_meaning(path, laid, wanted)] += 1
    assert found["without meaning"] <= free, found
    for cut in (1, size // 2, size):
        outcome = named_or_without_meaning(put(tmp_path / "cut", laid.file[:-cut]), laid, wanted)
        assert outcome == "named", cut


def test_log_1_pages_torn_while_the_log_was_carried_into_the_file_are_written_again(laid: Laid, tmp_path: Path) -> None:
    """The power goes during a checkpoint: whatever it did to the file, the log still has all of its pages."""
    size = page_size(put(tmp_path / "whole", laid.file))
    step = FRAME_HEADER + size
    starts = range(LOG_HEADER, len(laid.log) - step + 1, step)
    numbers = sorted({int.from_bytes(laid.log[at : at + PAGE_NUMBER], "big") for at in starts})
    assert len(numbers) > len(laid.running) // size
    for torn in [*([number] for number in numbers), numbers]:
        file = bytearray(laid.running.ljust(max(torn) * size, b"\0"))
        for number in torn:
            file[(number - 1) * size : number * size] = laid.file[(number - 1) * size :][: size // 2] + b"\xa5" * (
                size // 2
            )
        path = put(tmp_path / "torn", bytes(file), laid.log)
        with closing(Store.open(path)) as store:
            assert store.head() == laid.head, torn
        assert check(path, laid.signed) == laid.head
        assert rows_of(path) == laid.rows


def test_log_1_a_write_ahead_log_that_rots_is_refused_but_for_the_transaction_that_a_crash_may_tear(
    laid: Laid, tmp_path: Path
) -> None:
    """SQLite ends the log before the first damaged frame: durable blocks would be gone, and the node start without."""
    found: Counter[str] = Counter()
    blocks: list[int] = []
    for offset in (*range(0, LOG_HEADER, 5), *range(LOG_HEADER, len(laid.log), LOG_BYTES_APART)):
        path = put(tmp_path / "rotten", laid.running, flipped(laid.log, offset))
        _none, error = attempt(lambda at=path: store_log.require_whole(at))  # type: ignore[misc]
        if error is not None:
            assert error.code == "store.log-damaged"
            assert path.with_name(f"{path.name}-wal.damaged").read_bytes() == flipped(laid.log, offset)
            with pytest.raises(PojuError):
                store_log.require_whole(path)
            found["refused"] += 1
            continue
        with closing(Store.open(path)) as store:
            head = store.head()
        if head == laid.head:
            assert check(path, laid.signed) == head
            assert rows_of(path) == laid.rows
            found["without meaning"] += 1
            continue
        # what is left is a log that holds in itself; who kept a root can tell
        assert check(path) == head
        with pytest.raises(PojuError) as caught:
            check(path, laid.signed)
        assert caught.value.code == "store.damaged"
        blocks.append(laid.head.height - head.height)
        found["last transaction"] += 1
    assert set(blocks) <= {1}, blocks
    assert found["refused"] > found["last transaction"] + found["without meaning"], found


def test_log_1_a_log_as_a_crash_leaves_it_is_taken_up(laid: Laid, tmp_path: Path) -> None:
    """Cut anywhere within its last transaction, whole, with an old generation behind it, or not there at all."""
    size = page_size(put(tmp_path / "whole", laid.file))
    step = FRAME_HEADER + size
    ends = [at for at in range(LOG_HEADER, len(laid.log), step) if laid.log[at + 4 : at + 8] != bytes(4)]
    for cut in {len(laid.log), *range(ends[-2] + step, len(laid.log), step // 2)}:
        path = put(tmp_path / "cut", laid.running, laid.log[:cut])
        store_log.require_whole(path)
        with closing(Store.open(path)) as store:
            assert laid.head.height - store.head().height <= 1
    path = put(tmp_path / "none", laid.file)
    store_log.require_whole(path)
    assert not (tmp_path / "none" / "ledger.sqlite-wal.damaged").exists()
    # an engine that goes on writes over the log from its start, with the old frames still behind
    engine = engine_over(put(tmp_path / "on", laid.running, laid.log))
    engine.store._writer.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
    engine.register(support.signed(200))
    head = engine.store.head()
    shutil.copytree(tmp_path / "on", tmp_path / "again")
    close(engine)
    store_log.require_whole(tmp_path / "again" / "ledger.sqlite")
    with closing(Store.open(tmp_path / "again" / "ledger.sqlite")) as store:
        assert store.head() == head


def test_log_1_a_node_does_not_start_on_it_and_says_what_to_do(laid: Laid, tmp_path: Path) -> None:
    put(tmp_path / "rotten", laid.running, flipped(laid.log, LOG_HEADER + FRAME_HEADER + 9))
    serve = ["ledger", "serve", str(tmp_path / "rotten"), "--package", "src/poju/packages/healthcare"]
    command = [sys.executable, "-m", "poju", *serve, "--origin", "test.example/log"]
    for _turn in range(2):
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT)
        assert (found.returncode, "store.log-damaged" in found.stderr) == (1, True), found.stderr
