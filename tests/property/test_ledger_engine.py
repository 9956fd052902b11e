"""Store and engine against the smallest model that says what they promise: a list of leaves and a dict."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import support_ledger as support
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from poju.engine.embedded import EmbeddedEngine, Refusal, Registration
from poju.ledger import checkpoint, leaf, merkle, receipt, refusal, tiles
from poju.ledger.store import Store

NUMBERS = some.integers(0, 12)
KINDS = some.sampled_from(["note", "ask", "erase"])


class Ledger(RuleBasedStateMachine):
    """One file under an engine that is closed and opened again at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.leaves: list[bytes | None] = []
        self.index: dict[int, tuple[int, bytes]] = {}
        self.receipts: list[tuple[bytes, bytes]] = []
        self.checkpoints: list[checkpoint.Checkpoint] = [checkpoint.Checkpoint(support.ORIGIN, 0, merkle.EMPTY_ROOT)]
        self.open()

    def open(self) -> None:
        self.store = Store.open(self.folder / "ledger.sqlite")
        self.engine = EmbeddedEngine(self.store, support.TinyRules(), support.LOG, support.ORIGIN, lambda: support.TIME)

    def teardown(self) -> None:
        self.engine.close()
        self.store.close()
        shutil.rmtree(self.folder)

    @rule(number=NUMBERS, kind=KINDS, value=some.integers(0, 2))
    def register(self, number: int, kind: str, value: int) -> None:
        raw = support.signed(number, kind, value=value)
        answer = self.engine.register(raw)
        known = self.index.get(number)
        if known is not None and known[1] != raw:
            assert isinstance(answer, Refusal)
            assert answer.code == "ledger.conflict"
            return
        assert isinstance(answer, Registration)
        if known is None:
            self.index[number] = (len(self.leaves), raw)
            self.leaves += [raw, None] if kind != "ask" else [raw, answer.decision, None]
        assert answer.index == self.index[number][0]
        assert (answer.decision is not None) == (kind == "ask")
        self.receipts.append((raw, answer.receipt))

    @rule(numbers=some.lists(NUMBERS, min_size=2, max_size=8, unique=True))
    def register_many(self, numbers: list[int]) -> None:
        fresh = [number for number in numbers if number not in self.index]
        raws = {number: support.signed(number, value=0) for number in fresh}
        waiting = {number: self.engine.submit(raw) for number, raw in raws.items()}
        for number, future in waiting.items():
            answer = future.result(20)
            assert isinstance(answer, Registration)
            self.index[number] = (answer.index, raws[number])
            self.receipts.append((raws[number], answer.receipt))
        # how many blocks they took is the engine's own choice
        self.leaves += [None] * (self.store.head().size - len(self.leaves))
        for number in fresh:
            self.leaves[self.index[number][0]] = raws[number]

    @rule(number=NUMBERS)
    def refuse(self, number: int) -> None:
        before = self.store.head()
        raw = support.signed(100 + number, "forbid")
        answer = self.engine.register(raw)
        assert isinstance(answer, Refusal)
        told = refusal.verify(answer.raw, support.LOG.public)
        assert (told.statement, told.code, told.size) == (answer.digest, "test.forbidden", before.size)
        kept = self.store.refusal(answer.digest)
        assert kept is not None
        assert kept[1] == raw
        assert self.store.head() == before

    @rule()
    def reopen(self) -> None:
        self.engine.close()
        self.store.close()
        self.open()

    @precondition(lambda self: self.receipts)
    @rule(data=some.data())
    def read_receipts(self, data: some.DataObject) -> None:
        """LOG-3: what was given once still verifies, and a new receipt proves the same place."""
        raw, given = data.draw(some.sampled_from(self.receipts))
        proved = receipt.verify(given, raw, support.LOG.public)
        again = receipt.verify(self.engine.receipt_for(proved.index), raw, support.LOG.public)
        assert (again.index, again.size) == (proved.index, len(self.leaves))
        assert self.store.root(proved.size) == proved.root

    @rule()
    def take_checkpoint(self) -> None:
        note = self.engine.checkpoint_at(self.store.head().size)
        self.checkpoints.append(checkpoint.open_note(note, support.ORIGIN, support.LOG.public))

    @invariant()
    def log_1_acknowledged_leaves_stay_in_place(self) -> None:
        size = self.store.head().size
        assert size == len(self.leaves)
        stored = self.store.leaves(0, size)
        assert all(expected in (None, found) for expected, found in zip(self.leaves, stored, strict=True))
        blocks = [item for item, expected in zip(stored, self.leaves, strict=True) if expected is None]
        assert all(isinstance(leaf.decode(item), leaf.BlockLeaf) for item in blocks)
        assert self.store.root(size) == support.tree_head(stored)

    @invariant()
    def log_1_later_logs_contain_earlier_ones(self) -> None:
        size = self.store.head().size
        root = self.store.root(size)
        nodes = tiles.node_source(self.store.tile)
        for earlier in self.checkpoints:
            if earlier.size:
                path = merkle.consistency_proof(earlier.size, size, nodes)
                assert merkle.consistent(earlier.size, size, earlier.root, root, path)


TestLog1Ledger = Ledger.TestCase
TestLog1Ledger.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
