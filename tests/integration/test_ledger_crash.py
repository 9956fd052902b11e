"""LOG-1 under real failures: a writer killed at random moments, a disk that takes no more bytes.

The writer is this file run as a program: it registers statements and prints each acknowledgement. ``POJU_KILLS=200``
kills it more often than the suite does.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import support_ledger as support

from poju.engine.embedded import EmbeddedEngine, Registration
from poju.errors import OperatorError, PojuError
from poju.ledger import checkpoint, merkle, receipt, tiles
from poju.ledger.replay import replay
from poju.ledger.store import Store

KILLS = int(os.environ.get("POJU_KILLS", "10"))
TOGETHER = 6
ROOM = 200_000


def engine_over(store: Store) -> EmbeddedEngine:
    return EmbeddedEngine(store, support.TinyRules(), support.LOG, support.ORIGIN, lambda: support.TIME)


def write(path: Path, number: int, room: int | None) -> None:
    """Register statements from ``number`` on until something ends it; ``room``: bytes that files may grow to."""
    if room is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    engine = engine_over(Store.open(path))
    failures = 0
    # a store that failed answers everything later with the same error: one more round shows it
    while failures < 2:
        try:
            waiting = [(at, engine.submit(support.signed(at, "ask"))) for at in range(number, number + TOGETHER)]
            for at, future in waiting:
                answer = future.result()
                if isinstance(answer, Registration):
                    say({"number": at, "index": answer.index, "receipt": answer.receipt.hex()})
            say({"checkpoint": engine.checkpoint_at(engine.store.head().size)})
        except PojuError as error:
            say({"error": error.code, "hint": bool(error.hint)})
            failures += 1
        number += TOGETHER


def say(line: dict[str, object]) -> None:
    os.write(1, json.dumps(line).encode() + b"\n")


@dataclass
class Printed:
    """What writers have printed so far, over all their lives."""

    acknowledged: dict[int, tuple[int, str]] = field(default_factory=dict)
    checkpoints: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def take(self, output: bytes) -> None:
        for line in output.split(b"\n")[:-1]:
            said = json.loads(line)
            if "number" in said:
                self.acknowledged[said["number"]] = (said["index"], said["receipt"])
            elif "checkpoint" in said:
                self.checkpoints.append(said["checkpoint"])
            else:
                assert said["hint"]
                self.errors.append(said["error"])

    def next_number(self) -> int:
        return max(self.acknowledged, default=-1) + 1


@contextmanager
def writer(path: Path, number: int, room: str = "") -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "PYTHONPATH": str(Path(support.__file__).parent)}
    command = [sys.executable, __file__, str(path), str(number), *([room] if room else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def check(path: Path, printed: Printed) -> None:
    """Open the file as the next process would and look for everything that was promised."""
    store = Store.open(path)
    head = store.head()
    root, nodes = store.root(head.size), tiles.node_source(store.tile)
    assert root == support.tree_head(store.leaves(0, head.size))
    for number, (index, given) in printed.acknowledged.items():
        raw = support.signed(number, "ask")
        assert store.leaf(index) == raw
        proved = receipt.verify(bytes.fromhex(given), raw, support.LOG.public)
        assert proved.index == index
        assert proved.size <= head.size
        path_ = merkle.consistency_proof(proved.size, head.size, nodes)
        assert merkle.consistent(proved.size, head.size, proved.root, root, path_)
    for note in printed.checkpoints:
        earlier = checkpoint.open_note(note, support.ORIGIN, support.LOG.public)
        path_ = merkle.consistency_proof(earlier.size, head.size, nodes)
        assert merkle.consistent(earlier.size, head.size, earlier.root, root, path_)
    if head.size:
        *_earlier, (outcome, _state) = replay(support.TinyRules(), store.stream(head.size))
        assert outcome.head == head
    store.close()


def test_log_1_a_writer_killed_at_random_moments_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    source = random.Random(20)  # noqa: S311 a repeatable choice of moments
    path, printed = tmp_path / "ledger.sqlite", Printed()
    for _life in range(KILLS):
        before = len(printed.acknowledged)
        with writer(path, printed.next_number()) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            time.sleep(source.random() * 0.12)
            process.kill()
            printed.take(first + process.stdout.read())
        assert process.returncode == -9
        assert len(printed.acknowledged) > before
        check(path, printed)
    assert not printed.errors
    assert len(printed.acknowledged) > KILLS


def test_log_1_what_was_sent_before_a_kill_can_be_sent_again(tmp_path: Path) -> None:
    """The bytes that a sender wrote down before it was killed get their old entry, or a new one: never two."""
    path, printed = tmp_path / "ledger.sqlite", Printed()
    with writer(path, 0) as process:
        assert process.stdout is not None
        printed.take(process.stdout.readline())
        process.kill()
        printed.take(process.stdout.read())
    engine = engine_over(Store.open(path))
    indexes = []
    for number in range(printed.next_number() + TOGETHER):
        answer = engine.register(support.signed(number, "ask"))
        assert isinstance(answer, Registration)
        assert answer.index == printed.acknowledged.get(number, (answer.index, ""))[0]
        indexes.append(answer.index)
    assert len(set(indexes)) == len(indexes)
    engine.close()
    engine.store.close()
    check(path, printed)


def test_log_1_a_full_disk_acknowledges_nothing_and_changes_nothing(tmp_path: Path) -> None:
    path, printed = tmp_path / "ledger.sqlite", Printed()
    with writer(path, 0, str(ROOM)) as process:
        assert process.stdout is not None
        printed.take(process.stdout.read())
    assert process.returncode == 0
    assert printed.acknowledged
    assert printed.errors == ["store.write", "store.write"]
    check(path, printed)
    engine = engine_over(Store.open(path))
    answer = engine.register(support.signed(printed.next_number() + 1_000))
    assert isinstance(answer, Registration)
    engine.close()
    engine.store.close()
    check(path, printed)


def test_log_1_a_failed_commit_leaves_the_state_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    store = Store.open(path)
    engine = engine_over(store)
    engine.register(support.signed(1))
    before, count = store.head(), store.get("count")
    pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
    store._writer.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OperatorError) as caught:
        engine.register(support.signed(2, text="x" * 60_000))
    assert caught.value.code == "store.write"
    assert "full" in str(caught.value)
    assert (store.head(), store.get("count")) == (before, count)
    assert store.seen("hospital-a", support.identifier(2)) is None
    store._writer.execute("PRAGMA max_page_count = 100000")
    with pytest.raises(OperatorError) as caught:
        # once a write has failed the engine stays stopped until somebody has looked
        engine.register(support.signed(3))
    assert caught.value.code == "store.write"
    engine.close()
    store.close()
    engine = engine_over(Store.open(path))
    answer = engine.register(support.signed(2, text="x" * 60_000))
    assert isinstance(answer, Registration)
    assert answer.index == before.size
    engine.close()
    engine.store.close()


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None)
