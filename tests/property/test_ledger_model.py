"""The embedded engine on its real file against a reference that is short enough to be seen to be right.

The reference keeps a list of leaves, a dict of state and a dict of identifiers. It shares no code with the ledger:
hashes are RFC 9162's as written (``support_ledger.tree_head``), bytes are cbor2's own canonical ones. After every step
the file on disk has to hold exactly its leaves, its state and its memory.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cbor2
import pytest
import support_ledger as support
from hypothesis import HealthCheck, settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from poju.engine.embedded import EmbeddedEngine, Refusal, Registration
from poju.errors import PojuError
from poju.ledger import audit_backup, audit_store, checkpoint, merkle, receipt, refusal, tiles
from poju.ledger.audit import Plan
from poju.ledger.audit_tiles import CheckedTiles
from poju.ledger.store import Store
from poju.units import Seconds

NAME = "hospital-a"
KEY = support.LOG.public
FAILED = "engine.failed"
KINDS = ("note", "note", "note", "ask", "erase", "forbid")


@dataclass(frozen=True)
class Sent:
    """One statement as the reference sees it: what was signed, by whom, and the bytes."""

    number: int
    kind: str
    fields: dict[str, int]
    signer: str = "member"

    @property
    def raw(self) -> bytes:
        key = support.STRANGER if self.signer == "stranger" else support.MEMBER
        raw = support.signed(self.number, self.kind, key, **self.fields)
        # the last byte of a statement is its signature's
        return raw[:-1] + bytes([raw[-1] ^ 1]) if self.signer == "forged" else raw


def canonical(value: object) -> bytes:
    return bytes(cbor2.dumps(value, canonical=True))


@dataclass
class Reference:
    """The log as its specification says it; an answer is (index, decision's index) or a refusal's code."""

    leaves: list[bytes] = field(default_factory=list)
    ids: dict[int, tuple[int, int | None, bytes]] = field(default_factory=dict)
    state: dict[str, object] = field(default_factory=dict)
    digest: bytes = bytes(32)
    height: int = 0
    time: int = 0

    def block(self, time: int, batch: Sequence[Sent]) -> list[tuple[int, int | None] | str]:
        first, now, writes = len(self.leaves), max(time, self.time), dict[str, object]()
        answers = [self.statement(sent, now, writes) for sent in batch]
        if len(self.leaves) > first:
            self.height, self.time = self.height + 1, now
            self.state = {key: value for key, value in {**self.state, **writes}.items() if value is not None}
            encoded = [[k, None if writes[k] is None else canonical(writes[k])] for k in sorted(writes)]
            self.digest = hashlib.sha256(self.digest + canonical(encoded)).digest()
            body = [self.height, self.time, len(self.leaves) - first, self.digest]
            self.leaves.append(canonical(cbor2.CBORTag(0x706F6A02, body)))
        return answers

    def statement(self, sent: Sent, now: int, writes: dict[str, object]) -> tuple[int, int | None] | str:
        if sent.signer != "member":
            return {"stranger": "statement.key-unknown", "forged": "statement.signature"}[sent.signer]
        if sent.number in self.ids:
            index, decision, raw = self.ids[sent.number]
            return (index, decision) if raw == sent.raw else "ledger.conflict"
        if sent.kind == "forbid":
            return "test.forbidden"
        index, decision, subject = len(self.leaves), None, f"note/{sent.number % 5}"
        self.leaves.append(sent.raw)
        if sent.kind == "erase":
            writes[subject] = None
        else:
            count = writes["count"] if "count" in writes else self.state.get("count", 0)
            assert isinstance(count, int)
            writes |= {subject: sent.fields, "count": count + 1}
        if sent.kind == "note":
            writes["last"] = [self.height + 1, now, index]
        if sent.kind == "ask":
            decision = index + 1
            body = [index, hashlib.sha256(sent.raw).digest(), "granted", ["a-policy", "b-policy"], ["notify"]]
            self.leaves.append(canonical(cbor2.CBORTag(0x706F6A01, body)))
        self.ids[sent.number] = (index, decision, sent.raw)
        return index, decision


class Gate:
    """The engine's clock, which can be held: what is sent while it is held becomes one batch."""

    def __init__(self, time: int) -> None:
        self.time, self._open, self._reached = time, threading.Event(), threading.Event()
        self._open.set()

    def __call__(self) -> Seconds:
        self._reached.set()
        assert self._open.wait(30)
        return Seconds(self.time)

    def hold(self) -> None:
        self._reached.clear()
        self._open.clear()

    def wait_until_reached(self) -> None:
        assert self._reached.wait(30)

    def release(self) -> None:
        self._open.set()


class Ledger(RuleBasedStateMachine):
    """One ledger in a folder, opened and closed, damaged by nobody, asked everything that it answers."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="poju-model-"))
        self.reference = Reference()
        self.clock = Gate(support.TIME)
        self.fresh = 1_000
        self.receipts: list[tuple[bytes, bytes]] = []
        self.backups: list[tuple[Path, int]] = []
        self.open()

    def open(self) -> None:
        self.store = Store.open(self.folder / "ledger.sqlite")
        self.engine = EmbeddedEngine(self.store, support.TinyRules(), support.LOG, support.ORIGIN, self.clock)

    def teardown(self) -> None:
        self.engine.close()
        self.store.close()
        shutil.rmtree(self.folder)

    @property
    def size(self) -> int:
        return len(self.reference.leaves)

    # --- what is sent ----------------------------------------------------------------------------------------------

    def send(self, batch: Sequence[Sent]) -> None:
        """Send a first statement, and the others while the clock holds it: two blocks, the same on every machine."""
        self.clock.hold()
        waiting = [(batch[0], self.engine.submit(batch[0].raw))]
        self.clock.wait_until_reached()
        waiting += [(sent, self.engine.submit(sent.raw)) for sent in batch[1:]]
        self.clock.release()
        expected = self.reference.block(self.clock.time, batch[:1])
        if batch[1:]:
            expected += self.reference.block(self.clock.time, batch[1:])
        for (sent, future), answer in zip(waiting, expected, strict=True):
            self.compare(sent, future.result(30), answer)

    def compare(self, sent: Sent, answer: Registration | Refusal, expected: tuple[int, int | None] | str) -> None:
        if isinstance(expected, str):
            assert isinstance(answer, Refusal)
            told = refusal.verify(answer.raw, KEY, support.ORIGIN)
            assert (told.code, answer.code, told.statement) == (expected, expected, hashlib.sha256(sent.raw).digest())
            kept = self.store.refusal(told.statement)
            # a badly signed statement is nobody's, and is not kept for anybody
            assert (kept is not None) == (sent.signer == "member")
            return
        assert isinstance(answer, Registration)
        index, decision = expected
        proved = receipt.verify(answer.receipt, sent.raw, KEY)
        assert (answer.index, proved.index) == (index, index)
        assert answer.decision == (None if decision is None else self.reference.leaves[decision])
        if decision is not None:
            assert answer.decision_receipt is not None
            assert receipt.verify(answer.decision_receipt, self.reference.leaves[decision], KEY).index == decision
        self.receipts.append((sent.raw, answer.receipt))

    # few numbers, so that most batches meet a number that is known: the same bytes again, or others under its name
    statements = some.builds(
        Sent,
        some.integers(0, 12),
        some.sampled_from(KINDS),
        some.builds(dict, value=some.integers(0, 1)),
        some.sampled_from(["member"] * 8 + ["stranger", "forged"]),
    )

    @rule(batch=some.lists(statements, min_size=1, max_size=20))
    def append(self, batch: list[Sent]) -> None:
        self.send(batch)

    @initialize(count=some.sampled_from([0, 3, 200, 250, 500, 760]))
    def start(self, count: int) -> None:
        """Stand before a tile's edge in most runs: 256 leaves of statements, decisions and block leaves."""
        if count:
            self.append_fresh(count)

    @rule(count=some.sampled_from([1, 2, 60, 220, 256, 300]))
    @precondition(lambda self: self.size < 1_400)
    def append_fresh(self, count: int) -> None:
        """Statements that nobody has seen, as many as fill tiles."""
        numbers = range(self.fresh, self.fresh + count)
        self.fresh += count
        self.send([Sent(number, "ask" if number % 7 == 0 else "note", {"value": 0}) for number in numbers])

    @rule(number=some.integers(0, 30), others=some.lists(statements, max_size=3))
    def append_what_fails(self, number: int, others: list[Sent]) -> None:
        """A batch in which a rule raises answers nobody and changes nothing; the writer lives on."""
        self.clock.hold()
        first = Sent(900 + number, "forbid", {"value": 0})
        held = self.engine.submit(first.raw)
        self.clock.wait_until_reached()
        waiting = [self.engine.submit(sent.raw) for sent in [*others, Sent(800 + number, "raise", {"value": 0})]]
        self.clock.release()
        self.compare(first, held.result(30), self.reference.block(self.clock.time, [first])[0])
        for future in waiting:
            error = future.exception(30)
            assert isinstance(error, PojuError)
            assert error.code == FAILED

    @rule(seconds=some.integers(-3_600, 3_600))
    def set_clock(self, seconds: int) -> None:
        self.clock.time = support.TIME + seconds

    # --- what an operator does -------------------------------------------------------------------------------------

    @rule()
    def reopen(self) -> None:
        self.engine.close()
        self.store.close()
        self.open()

    @rule()
    def rebuild(self) -> None:
        """LOG-4: the state that is folded again from the leaves is the state that the file has."""
        self.engine.close()
        self.store.close()
        pair = (support.ORIGIN, KEY)
        head = audit_store.check(
            self.folder / "ledger.sqlite", support.TinyRules(), Plan(), key=pair, signed=None, replace=True
        )
        assert (head.size, head.state) == (self.size, self.reference.digest)
        self.open()

    @rule()
    def back_up(self) -> None:
        out = self.folder / f"backup-{len(self.backups)}"
        audit_backup.take(self.folder / "ledger.sqlite", out, support.ORIGIN, support.LOG, lambda _done, _total: None)
        self.backups.append((out, self.size))

    @precondition(lambda self: self.backups)
    @rule(data=some.data())
    def restore(self, data: some.DataObject) -> None:
        """What a backup gives back is the log as it was, and the same log when it is fed the rest again."""
        path, size = data.draw(some.sampled_from(self.backups))
        folder = self.folder / "restored"
        head = audit_backup.place(audit_backup.read(path, KEY.fingerprint), folder, None)
        assert head.size == size
        with closing(Store.open(folder / "ledger.sqlite")) as store:
            assert store.leaves(0, size + 1) == self.reference.leaves[:size]
        shutil.rmtree(folder)

    # --- what a reader asks ----------------------------------------------------------------------------------------

    @precondition(lambda self: self.reference.leaves)
    @rule(data=some.data())
    def prove_inclusion(self, data: some.DataObject) -> None:
        size = data.draw(some.integers(1, self.size), label="size")
        index = data.draw(some.integers(0, size - 1), label="index")
        path = merkle.inclusion_proof(index, size, tiles.node_source(self.store.tile))
        assert path == support.inclusion(index, self.reference.leaves[:size])
        given = receipt.verify(self.engine.receipt_for(index, size), self.reference.leaves[index], KEY)
        assert (given.index, given.size) == (index, size)
        assert given.root == support.tree_head(self.reference.leaves[:size])

    @precondition(lambda self: self.reference.leaves)
    @rule(data=some.data())
    def prove_growth(self, data: some.DataObject) -> None:
        size = data.draw(some.integers(1, self.size), label="size")
        old = data.draw(some.integers(1, size), label="old")
        path = merkle.consistency_proof(old, size, tiles.node_source(self.store.tile))
        assert path == support.consistency(old, self.reference.leaves[:size])
        root = support.tree_head(self.reference.leaves[:old])
        grown = receipt.verify_consistency(self.engine.growth_since(old), old, root, KEY)
        assert (grown.size, grown.root) == (self.size, support.tree_head(self.reference.leaves))

    @rule(index=some.one_of(some.integers(-2, 0), some.integers(0, 3)))
    def ask_beyond_the_end(self, index: int) -> None:
        beyond = index if index < 0 else self.size + index
        growth = self.size + 1 + max(index, 0)
        for ask in (lambda: self.engine.receipt_for(beyond), lambda: self.engine.growth_since(growth)):
            with pytest.raises(PojuError) as caught:
                ask()
            assert caught.value.code == "entry.unknown"

    @precondition(lambda self: self.reference.leaves)
    @rule(data=some.data())
    def read_tiles(self, data: some.DataObject) -> None:
        """Every tile that the log of some earlier size had, partial ones included, is a prefix of today's."""
        size = data.draw(some.integers(1, self.size), label="size")
        names = list(tiles.tile_names(size))
        level, number, width = data.draw(some.sampled_from(names), label="tile")
        found = self.store.tile(level, number)[: width * tiles.HASH_BYTES]
        span = tiles.WIDTH**level
        starts = range(number * tiles.WIDTH * span, (number * tiles.WIDTH + width) * span, span)
        assert found == b"".join(support.tree_head(self.reference.leaves[at : at + span]) for at in starts)
        path = tiles.path(str(level), number, width)
        assert tiles.parse_path(path.removeprefix(f"tile/{level}/")) == (number, width)

    @rule()
    def export(self) -> None:
        """What is written as static files leads a verifier to the reference's root, and back to its leaves."""
        folder = self.folder / "export"
        tiles.write_folder(folder, self.size, self.store.tile, self.store.leaves)
        checked = CheckedTiles(self.size, tiles.folder_source(folder, self.size))
        assert checked.root == support.tree_head(self.reference.leaves)
        bundles = [tiles.read(folder, "entries", n, w) for level, n, w in tiles.tile_names(self.size) if level == 0]
        assert [leaf for data in bundles for leaf in tiles.unbundle(data)] == self.reference.leaves
        shutil.rmtree(folder, ignore_errors=True)

    @precondition(lambda self: self.receipts)
    @rule(data=some.data())
    def read_an_old_receipt(self, data: some.DataObject) -> None:
        """LOG-3: what was given once verifies, and leads to a root that today's log still has."""
        raw, given = data.draw(some.sampled_from(self.receipts))
        proved = receipt.verify(given, raw, KEY)
        assert self.reference.leaves[proved.index] == raw
        assert proved.root == support.tree_head(self.reference.leaves[: proved.size])

    # --- what holds after every step -------------------------------------------------------------------------------

    @invariant()
    def log_1_the_file_holds_the_reference(self) -> None:
        """Read by a connection of its own: what a crash would leave, not what the engine remembers."""
        with closing(sqlite3.connect(self.folder / "ledger.sqlite")) as file:

            def read(sql: str) -> list[tuple[Any, ...]]:
                return file.execute(sql).fetchall()

            assert [row[0] for row in read("SELECT data FROM leaf ORDER BY idx")] == self.reference.leaves
            state = {str(key): value for key, value in read("SELECT key, value FROM state")}
            assert state == {key: canonical(value) for key, value in self.reference.state.items()}
            memory = {support.identifier(n): at for n, (at, _decision, _raw) in self.reference.ids.items()}
            assert dict(read("SELECT identifier, idx FROM seen")) == memory
            found = read("SELECT size, height, time, state FROM head") or [(0, 0, 0, bytes(32))]
            reference = self.reference
            assert found == [(self.size, reference.height, reference.time, reference.digest)]

    @invariant()
    def log_2_the_checkpoint_is_the_reference_s(self) -> None:
        note = self.engine.checkpoint_at(self.store.head().size)
        found = checkpoint.open_note(note, support.ORIGIN, KEY)
        root = support.tree_head(self.reference.leaves)
        # from the tiles on disk too, since the engine keeps nodes that it has read
        assert (found.size, found.root, self.store.root(self.size)) == (self.size, root, root)
        # the last tile of each level, which the next append will build on
        for level, number, width in tiles.tile_names(self.size):
            assert len(self.store.tile(level, number)) == width * tiles.HASH_BYTES


TestLog1Model = Ledger.TestCase
TestLog1Model.settings = settings(
    max_examples=36,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
