"""The audit of a whole log: what it finds, what it names, and that nothing about the machine changes its answer."""

from __future__ import annotations

import os
import random
import signal
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
import support_ledger as support
from support_audit import Copy, Leaves, audited, batches, tiles_of

from poju.errors import PojuError
from poju.ledger import audit, block, cbor, leaf, tiles
from poju.ledger.audit import Plan
from poju.ledger.audit_state import FoldState
from poju.ledger.audit_tiles import CheckedTiles
from poju.ledger.audit_workers import Examined, Task, Workers, examine
from poju.ledger.replay import replay

LEAVES, STATE, HEAD = support.run(batches(700))
COPY = Copy.of(LEAVES)


def refusal_of(copy: Copy, plan: Plan | None = None) -> PojuError:
    with pytest.raises(PojuError) as caught:
        audited(copy.log(), plan)
    assert caught.value.hint
    assert "Traceback" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_log_4_an_audit_finds_the_same_however_many_processes_help(workers: int) -> None:
    result = audited(COPY.log(), Plan(workers))
    assert (result.head, result.found.statements) == (HEAD, 700)
    assert result.found.decisions == sum(1 for n in range(700) if n % 9 == 0)
    assert result.state == sorted(STATE.values.items())
    assert result.memory == sorted((*pair, at) for pair, (at, _d) in STATE.known.items())


def test_an_empty_log_and_logs_of_every_width_around_a_tile_hold() -> None:
    assert audited(Copy.of([]).log()).head == block.Head()
    for size in (2, 255, 256, 257, 300):
        leaves, _state, head = support.run([[support.signed(n) for n in range(size - 1)]])
        assert len(leaves) == size
        assert audited(Copy.of(leaves).log()).head == head


def test_progress_is_told_up_to_the_end() -> None:
    said: list[tuple[int, int]] = []
    audited(COPY.log(), Plan(progress=lambda done, total: said.append((done, total))))
    assert said == [(min(len(LEAVES), 256 * n), len(LEAVES)) for n in range(1, len(said) + 1)]
    assert said[-1] == (len(LEAVES), len(LEAVES))


# --- one root -------------------------------------------------------------------------------------------------------


def test_log_2_two_statements_of_the_same_writes_cannot_change_places() -> None:
    """A replay alone accepts the same writes in another order; the hashes under the signed root do not."""
    erased = [support.signed(1), support.signed(105, "erase"), support.signed(205, "erase")]
    leaves, _state, _head = support.run([erased])
    swapped = [leaves[0], leaves[2], leaves[1], leaves[3]]
    assert list(replay(support.TinyRules(), swapped))
    error = refusal_of(Copy.of(swapped, leaves))
    assert (error.code, error.parameters["index"]) == ("bundle.differs", 1)


@pytest.mark.parametrize(("workers", "turns"), [(0, 80), (2, 4)])
def test_log_1_a_flip_anywhere_in_bundles_or_tiles_is_found_and_named(workers: int, turns: int) -> None:
    lot = random.Random(4)  # noqa: S311 - a test's lots
    for turn in range(turns):
        hashes, bundles = dict(COPY.hashes), dict(COPY.bundles)
        held: dict[Any, bytes] = hashes if turn % 2 else bundles
        name = lot.choice(sorted(held))
        held[name] = flipped(held[name], lot)
        error = refusal_of(Copy(COPY.size, COPY.root, hashes, bundles), Plan(workers))
        assert error.code in {"bundle.differs", "bundle.malformed", "tile.differs", "tile.root"}
        assert "path" in error.parameters


def flipped(data: bytes, lot: random.Random) -> bytes:
    altered = bytearray(data)
    altered[lot.randrange(len(data))] ^= 1 << lot.randrange(8)
    return bytes(altered)


@pytest.mark.parametrize("cut", [b"", b"\x00", b"\x00\x00", b"\xff\xff\xff"])
def test_a_bundle_cut_off_or_with_more_behind_it_is_named(cut: bytes) -> None:
    for data in (cut, COPY.bundles[1] + cut + b"\x00", COPY.bundles[1][: -len(cut) or -1]):
        error = refusal_of(Copy(COPY.size, COPY.root, COPY.hashes, {**COPY.bundles, 1: data}))
        assert (error.code, error.parameters["path"]) == ("bundle.malformed", "tile/entries/001")


def test_a_tile_that_changes_after_it_was_checked_is_noticed() -> None:
    hashes = dict(COPY.hashes)
    copy = Copy(COPY.size, COPY.root, hashes, COPY.bundles)
    log = copy.log()
    hashes[0, 1] = flipped(hashes[0, 1], random.Random(1))  # noqa: S311 - as above
    with pytest.raises(PojuError) as caught:
        audited(log)
    assert caught.value.code == "tile.differs"


def test_tiles_checked_once_answer_like_the_tree_itself() -> None:
    hashes = tiles_of(LEAVES)
    checked = CheckedTiles(len(LEAVES), lambda level, number: hashes.get((level, number), b""))
    for size in (1, 2, 255, 256, 257, 513, len(LEAVES)):
        assert checked.root_at(size) == support.tree_head(LEAVES[:size])
    assert checked.count == len(hashes)
    assert checked.tile(0, len(LEAVES)) == checked.tile(7, 0) == b""


# --- one history ----------------------------------------------------------------------------------------------------

SHORT, _STATE, SHORT_HEAD = support.run([[support.signed(1), support.signed(2, "ask")], [support.signed(3)]])


def edited(at: int, **changes: cbor.Value) -> Leaves:
    decoded = leaf.decode(SHORT[at])
    return [*SHORT[:at], replace(decoded, **changes).encode(), *SHORT[at + 1 :]]


FORGED = support.signed(7, key=support.STRANGER)
BROKEN = SHORT[0][:-1] + bytes([SHORT[0][-1] ^ 1])
TAMPERED: dict[str, tuple[Leaves, int, str]] = {
    "a decision turned": (edited(2, outcome="denied"), 2, "the rules put another leaf here"),
    "a decision taken away": ([*SHORT[:2], *SHORT[3:]], 2, "a decision is missing, or one too many"),
    "a decision doubled": ([*SHORT[:3], SHORT[2], *SHORT[3:]], 3, "a decision is missing, or one too many"),
    "a block's time moved back": (edited(5, time=support.TIME - 9), 5, "the block's time lies before the last block's"),
    "a block's height": (edited(3, height=2), 3, "another block height"),
    "a block's count": (edited(3, leaves=2), 3, "another number of leaves"),
    "a state digest": (edited(5, state=bytes(32)), 5, "another state digest"),
    "a refused statement": (
        [*SHORT[:4], support.signed(90, "forbid"), *SHORT[5:]],
        4,
        "the rules refuse this statement",
    ),
    "a statement again": ([*SHORT[:4], SHORT[0], *SHORT[5:]], 4, "the rules refuse this statement"),
    "an unknown key": ([*SHORT[:4], FORGED, *SHORT[5:]], 4, "its key is not one that the log knew before this block"),
    "a broken signature": ([BROKEN, *SHORT[1:]], 0, "its signature does not hold"),
    "a block of nothing": (
        [*SHORT, leaf.BlockLeaf(3, support.TIME, 0, bytes(32)).encode()],
        6,
        "the block registers nothing",
    ),
}


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("name", TAMPERED)
def test_log_4_what_an_operator_signed_against_the_rules_is_named_leaf_by_leaf(name: str, workers: int) -> None:
    """Tiles and root are of the tampered leaves: only signatures and rules can tell."""
    leaves, index, reason = TAMPERED[name]
    error = refusal_of(Copy.of(leaves), Plan(workers))
    assert error.code == "log.divergence"
    assert (error.parameters["index"], error.parameters["reason"]) == (index, reason)
    assert error.exit_status == 1


@pytest.mark.parametrize(
    "raw", [b"\xf6", b"", b"\xd2", b"\xd2\x84\x40", b"\xff" * 40, SHORT[0][:-1], SHORT[3] + b"\x00"]
)
def test_a_leaf_of_no_kind_is_named(raw: bytes) -> None:
    error = refusal_of(Copy.of([*SHORT[:4], raw, *SHORT[4:]]))
    assert (error.code, error.parameters["index"]) == ("leaf.unreadable", 4)


def test_a_log_that_ends_inside_a_block_is_not_verified() -> None:
    assert refusal_of(Copy.of(SHORT[:-1])).code == "log.unclosed"


def test_log_4_a_statement_registered_twice_is_found_across_bundles() -> None:
    many, _state, head = support.run(batches(600))
    again = block.execute(support.TinyRules(), support.DictState(), support.DictState(), head, support.TIME, [])
    assert not again.leaves
    repeated = support.verified(support.signed(0, "ask"))
    state = support.run(batches(600))[1]
    forgotten = block.execute(support.TinyRules(), state, support.DictState(), head, support.TIME, [repeated])
    error = refusal_of(Copy.of([*many, *forgotten.leaves]))
    assert (error.code, error.parameters["index"]) == ("log.divergence", len(many))
    assert error.parameters["detail"] == "ledger.conflict"


def test_the_first_of_several_faults_is_named() -> None:
    leaves = list(LEAVES)
    leaves[600], leaves[300] = b"\xf6", b"\xf6"
    for workers in (0, 2):
        assert refusal_of(Copy.of(leaves), Plan(workers)).parameters["index"] == 300


def test_a_block_that_would_have_to_be_kept_whole_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "BLOCK_LEAVES", 20)
    assert refusal_of(COPY).code == "log.block-too-large"
    monkeypatch.setattr(audit, "BLOCK_LEAVES", 1 << 16)
    monkeypatch.setattr(audit, "BLOCK_BYTES", 2_000)
    assert refusal_of(COPY).code == "log.block-too-large"


def test_what_is_expected_of_statements_is_asked_before_the_rules() -> None:
    seen: list[int] = []
    audited(COPY.log(), Plan(expect=lambda _item, index: seen.append(index)))
    assert seen == [at for at, item in enumerate(LEAVES) if leaf.is_statement(item)]


# --- processes ------------------------------------------------------------------------------------------------------


def test_a_worker_that_dies_is_an_error_and_never_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    examined = Workers.examined

    def killing(self: Workers, tasks: Iterator[Task]) -> Iterator[Examined]:
        for number, answer in enumerate(examined(self, tasks)):
            if number == 0:
                for process in self._processes:
                    os.kill(process._process.pid, signal.SIGKILL)
                    process._process.wait()
            yield answer

    monkeypatch.setattr(Workers, "examined", killing)
    leaves, _state, _head = support.run(batches(2_000))
    error = refusal_of(Copy.of(leaves), Plan(2))
    assert error.code == "audit.worker"
    assert error.parameters["status"] == -signal.SIGKILL


def test_workers_leave_no_process_behind() -> None:
    with Workers(2) as workers:
        pids = [process._process.pid for process in workers._processes]
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_workers_finding_under_a_key_that_the_state_does_not_have_counts_nothing() -> None:
    """A statement that carries its own key is checked under that key; the rules know no such kind here."""
    own = support.statement.sign(
        support.STRANGER,
        "note",
        issuer="hospital-a",
        subject="note/1",
        issued_at=support.TIME,
        identifier=support.identifier(5),
        fields={"key": support.STRANGER.public.raw},
    )
    found = examine(Task(0, 1, tiles.bundle([own]), {}), {})
    assert found.signers == [support.STRANGER.public.raw]
    error = refusal_of(Copy.of([*SHORT[:4], own, *SHORT[5:]]))
    assert error.parameters["reason"] == "its key is not one that the log knew before this block"


def test_memory_does_not_grow_with_the_log() -> None:
    def peak(count: int) -> int:
        leaves, _state, _head = support.run(batches(count))
        log = Copy.of(leaves).log()
        tracemalloc.start()
        audited_quietly(log)
        _now, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(2_400) < peak(1_200) + 200_000


def audited_quietly(log: audit.Log) -> None:
    with closing(FoldState()) as state:
        audit.Audit(support.TinyRules(), log, state, Plan()).run()
