"""LOG-1 on a disk that fails: each write, sync and change of a length of some commits in turn; torn write-ahead logs.

The disk is the real one under a small library, preloaded below SQLite, whose N-th operation fails. This file run as a
program is the ledger on it: for each N a fork of its own registers statements and says what was acknowledged.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from itertools import count
from pathlib import Path

import pytest
import support_ledger as support

from poju.engine.embedded import EmbeddedEngine, Registration
from poju.errors import PojuError
from poju.ledger import merkle, receipt, tiles
from poju.ledger.replay import replay
from poju.ledger.store import Store
from poju.units import Seconds

SOURCE = Path(__file__).with_name("failing_disk.c")
BEFORE, DURING = range(3), range(3, 9)
PAGES_UNTIL_CHECKPOINT = 12
ONCE, FROM_THEN_ON, HALF = 0, 1, 2


def engine_over(path: Path) -> EmbeddedEngine:
    store = Store.open(path)
    # few pages, so that the write-ahead log is also carried into the file while the disk fails
    store._writer.execute(f"PRAGMA wal_autocheckpoint = {PAGES_UNTIL_CHECKPOINT}")
    return EmbeddedEngine(store, support.TinyRules(), support.LOG, support.ORIGIN, lambda: support.TIME)


def child(path: Path, fails_at: int, error: int, mode: int, out: int) -> None:
    """Register statements on a disk whose ``fails_at``-th operation fails; write what was answered to ``out``."""
    disk = ctypes.CDLL(None)
    engine = engine_over(path)
    disk.failing_disk_arm(fails_at, error, mode)
    answers: list[list[object]] = []
    for number in DURING:
        try:
            answer = engine.register(support.signed(number, "ask"))
        except PojuError as failure:
            answers.append([number, failure.code, bool(failure.hint)])
            continue
        if isinstance(answer, Registration):
            answers.append([number, answer.index, answer.receipt.hex()])
    calls = disk.failing_disk_calls()
    os.write(out, json.dumps([calls, answers]).encode())


def fork(path: Path, *failure: int) -> tuple[int, list[list[object]]]:
    """Run :func:`child` in a process of its own that ends without closing anything."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            child(path, *failure, writing)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as said:
        data = said.read()
    os.waitpid(pid, 0)
    calls, answers = json.loads(data)
    return calls, answers


def look(path: Path, answers: list[list[object]]) -> str:
    """Open the file as the next process would; check every promise; return what became of the failure."""
    acknowledged = {number: (index, proof) for number, index, proof in answers if isinstance(index, int)}
    failed = [number for number, code, _hint in answers if isinstance(code, str)]
    codes = {code for _number, code, _hint in answers if isinstance(code, str)}
    assert codes <= {"store.write", "store.read"}, codes
    assert all(hint for _number, code, hint in answers if isinstance(code, str))
    # after a failed write nothing more is acknowledged: what the disk says about later ones is not to be trusted
    assert not failed or max(acknowledged, default=-1) < min(failed)
    store = Store.open(path)
    head = store.head()
    *_earlier, (outcome, _state) = replay(support.TinyRules(), store.stream(head.size))
    assert outcome.head == head
    root, nodes = store.root(head.size), tiles.node_source(store.tile)
    for number, (index, proof) in acknowledged.items():
        raw = support.signed(int(str(number)), "ask")
        assert store.leaf(int(str(index))) == raw
        proved = receipt.verify(bytes.fromhex(str(proof)), raw, support.LOG.public)
        steps = merkle.consistency_proof(proved.size, head.size, nodes)
        assert merkle.consistent(proved.size, head.size, proved.root, root, steps)
    there = [number for number in failed if store.seen("hospital-a", support.identifier(int(str(number))))]
    store.close()
    engine, indexes = engine_over(path), set()
    for number in (*BEFORE, *DURING):
        answer = engine.register(support.signed(number, "ask"))
        assert isinstance(answer, Registration)
        assert answer.index == acknowledged.get(number, (answer.index, ""))[0]
        indexes.add(answer.index)
    assert len(indexes) == len(BEFORE) + len(DURING)
    engine.close()
    engine.store.close()
    return "there, and not acknowledged" if there else "absent" if failed else "nothing failed"


def each_in_turn(folder: Path, error: int, mode: int) -> dict[str, int]:
    """Fail operation 1, 2, 3 … until a run ends before its turn; return how often what became of it."""
    base, path = folder / "base.sqlite", folder / "disk" / "ledger.sqlite"
    engine = engine_over(base)
    for number in BEFORE:
        engine.register(support.signed(number, "ask"))
    engine.close()
    engine.store.close()
    found: Counter[str] = Counter()
    for fails_at in count(1):
        shutil.rmtree(path.parent, ignore_errors=True)
        path.parent.mkdir()
        shutil.copy(base, path)
        calls, answers = fork(path, fails_at, error, mode)
        if calls < fails_at:
            return {**found, "operations": calls}
        found[look(path, answers)] += 1
    raise AssertionError


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("disk") / "failing_disk.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", built, SOURCE, "-ldl"], check=True)
    return built


@pytest.mark.parametrize(
    ("error", "mode"),
    [(errno.EIO, ONCE), (errno.EIO, FROM_THEN_ON), (errno.ENOSPC, FROM_THEN_ON), (errno.EIO, HALF)],
    ids=["one-fails", "all-fail-from-then-on", "disk-full", "half-written"],
)
def test_log_1_whichever_operation_of_a_commit_fails_nothing_acknowledged_is_lost(
    library: Path, tmp_path: Path, error: int, mode: int
) -> None:
    environment = {
        **os.environ,
        "LD_PRELOAD": str(library),
        "FAILING_DISK": str(tmp_path / "disk"),
        "PYTHONPATH": str(Path(support.__file__).parent),
    }
    command = [sys.executable, __file__, str(tmp_path), str(error), str(mode)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    # SQLite writes the rest of a half-written page itself; every other failure was met, and shown by an error
    assert found["operations"] > len(DURING) * 2
    if mode != HALF:
        assert found.get("absent", 0) + found.get("there, and not acknowledged", 0) > len(DURING)


@pytest.mark.parametrize("damage", ["cut", "zeroed", "garbage"])
def test_log_1_a_torn_tail_of_the_write_ahead_log_loses_whole_blocks_of_its_end_only(
    tmp_path: Path, damage: str
) -> None:
    """What was written and not yet synced when the power went; nobody had been told of it."""
    path = tmp_path / "ledger.sqlite"
    engine = EmbeddedEngine(Store.open(path), support.TinyRules(), support.LOG, support.ORIGIN, lambda: support.TIME)
    ends = []
    for number in range(6):
        engine.register(support.signed(number, "ask"))
        ends.append((engine.store.head(), (tmp_path / "ledger.sqlite-wal").stat().st_size))
    copy = tmp_path / "torn"
    shutil.copytree(tmp_path, copy, ignore=shutil.ignore_patterns("torn"))
    engine.close()
    engine.store.close()
    for head, kept in ends:
        shutil.copy(copy / "ledger.sqlite-wal", tmp_path / "tail")
        with (tmp_path / "tail").open("r+b") as tail:
            size = tail.seek(0, os.SEEK_END)
            tail.truncate(kept)
            tail.seek(kept)
            tail.write({"cut": b"", "zeroed": bytes(size - kept), "garbage": b"\xa5" * (size - kept + 999)}[damage])
        torn = tmp_path / f"{damage}-{kept}"
        torn.mkdir()
        shutil.copy(copy / "ledger.sqlite", torn)
        shutil.copy(tmp_path / "tail", torn / "ledger.sqlite-wal")
        store = Store.open(torn / "ledger.sqlite")
        assert store.head() == head
        *_earlier, (outcome, _state) = replay(support.TinyRules(), store.stream(head.size))
        assert outcome.head == head
        store.close()


def test_log_2_a_clock_that_is_set_back_does_not_take_the_log_with_it(tmp_path: Path) -> None:
    times = iter([support.TIME, support.TIME + 100, support.TIME - 3_600, 0, support.TIME + 101])
    engine = EmbeddedEngine(
        Store.open(tmp_path / "ledger.sqlite"),
        support.TinyRules(),
        support.LOG,
        support.ORIGIN,
        lambda: Seconds(next(times)),
    )
    seen = []
    for number in range(5):
        assert isinstance(engine.register(support.signed(number, "ask")), Registration)
        seen.append(engine.store.head().time - support.TIME)
    assert seen == [0, 100, 100, 100, 101]
    head = engine.store.head()
    *_earlier, (outcome, _state) = replay(support.TinyRules(), engine.store.stream(head.size))
    assert outcome.head == head
    engine.close()
    engine.store.close()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(each_in_turn(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
