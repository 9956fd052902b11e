"""Three validators' applications on real files, against the one reference log: crashes, absence, wiped disks.

What CometBFT does to an application is played here without it: decided blocks come in order, each of them again after a
restart from the height that Info names; a block may be cut off before FinalizeBlock, between it and Commit, or behind.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
import support_ledger as support
from hypothesis import HealthCheck, settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from test_ledger_model import KINDS, Reference, Sent

from poju.engine.cometbft.application import Application
from poju.engine.cometbft.genesis import Genesis, app_hash
from poju.errors import PojuError
from poju.ledger import block, refusal
from poju.ledger.keys import PrivateKey
from poju.ledger.store import Store
from poju.units import Seconds

NAMES = ("a", "b", "c")
KEYS = {name: PrivateKey.from_seed(name.encode() * 32) for name in NAMES}
GENESIS = Genesis(support.ORIGIN, bytes(32), {name: key.public for name, key in KEYS.items()}, 2)
STATE = json.dumps(GENESIS.describe()).encode()
Answers = list[tuple[int, int | None] | str]


class Consortium(RuleBasedStateMachine):
    """A chain of decided blocks, and applications that have taken in all of it, part of it, or nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="poju-chain-"))
        self.reference = Reference()
        self.chain: list[tuple[int, list[Sent], Answers, bytes]] = []
        self.up: dict[str, Application] = {}
        for name in NAMES:
            self.start(name)

    def teardown(self) -> None:
        for application in self.up.values():
            application.close()
        shutil.rmtree(self.folder)

    # --- one node --------------------------------------------------------------------------------------------------

    def start(self, name: str) -> None:
        """Open a node's file and give it the blocks behind the height that it names, as its engine does."""
        made = Application(Store.open(self.folder / name / "l.sqlite"), support.TinyRules(), KEYS[name], GENESIS)
        height, hashed = made.info()
        assert hashed == (self.chain[height - 1][3] if height else app_hash(0, support.tree_head([])))
        if not height:
            assert made.init_chain(STATE, 1) == hashed
        self.up[name] = made
        for number in range(height + 1, len(self.chain) + 1):
            self.take(name, number)
            made.commit()

    def stop(self, name: str) -> None:
        self.up.pop(name).close()

    def take(self, name: str, height: int) -> None:
        """LOG-2: the block's answers and the hash after it are the reference's, the first time and every other."""
        time, batch, expected, hashed = self.chain[height - 1]
        found, answers = self.up[name].finalize_block(height, Seconds(time), [sent.raw for sent in batch])
        assert found == hashed
        for answer, wanted in zip(answers, expected, strict=True):
            if isinstance(wanted, str):
                assert answer == block.Declined(wanted)
            else:
                assert isinstance(answer, block.Entered)
                assert answer.index == wanted[0]
                assert answer.again or answer.decision == wanted[1]

    # --- what happens ----------------------------------------------------------------------------------------------

    statements = some.builds(
        Sent,
        some.integers(0, 15),
        some.sampled_from(KINDS),
        some.builds(dict, value=some.integers(0, 1)),
        some.sampled_from(["member"] * 8 + ["stranger", "forged"]),
    )
    batches = some.lists(statements, max_size=12)
    times = some.integers(-3_600, 3_600).map(lambda seconds: support.TIME + seconds)

    def decide(self, time: int, batch: Sequence[Sent]) -> int:
        answers = self.reference.block(time, batch)
        leaves = self.reference.leaves
        self.chain.append((time, list(batch), answers, app_hash(len(leaves), support.tree_head(leaves))))
        return len(self.chain)

    @rule(batch=batches, time=times)
    def decided(self, batch: list[Sent], time: int) -> None:
        height = self.decide(time, batch)
        for name, application in self.up.items():
            self.take(name, height)
            committed = application.commit()
            assert committed.head.size == len(self.reference.leaves)

    @rule(batch=batches, time=times, moment=some.sampled_from(["before", "between", "behind"]), data=some.data())
    def decided_while_one_crashes(self, batch: list[Sent], time: int, moment: str, data: some.DataObject) -> None:
        name = data.draw(some.sampled_from(NAMES), label="crashes")
        self.decided_by_others(name, batch, time)
        if name in self.up:
            if moment != "before":
                self.take(name, len(self.chain))
            if moment == "behind":
                self.up[name].commit()
            self.stop(name)
        self.start(name)

    def decided_by_others(self, name: str, batch: list[Sent], time: int) -> None:
        height = self.decide(time, batch)
        for other in self.up.keys() - {name}:
            self.take(other, height)
            self.up[other].commit()

    @rule(name=some.sampled_from(NAMES))
    def goes_away(self, name: str) -> None:
        if name in self.up:
            self.stop(name)

    @rule(name=some.sampled_from(NAMES), wiped=some.booleans())
    def comes_back(self, name: str, wiped: bool) -> None:  # noqa: FBT001 - hypothesis draws it
        """LOG-4: also from nothing, by the same blocks."""
        if name not in self.up:
            if wiped:
                shutil.rmtree(self.folder / name)
            self.start(name)

    @precondition(lambda self: self.up)
    @rule(batch=batches, junk=some.lists(some.binary(max_size=40), max_size=2))
    def proposed(self, batch: list[Sent], junk: list[bytes]) -> None:
        """RULE-1: all honest validators judge a proposal alike, and propose none that another would refuse."""
        raws = [sent.raw for sent in batch] + junk
        honest = not junk and all(sent.signer != "forged" for sent in batch)
        for application in self.up.values():
            assert application.process_proposal(raws) == honest
            chosen = application.prepare_proposal(raws, 1 << 20)
            assert chosen == [sent.raw for sent in batch if sent.signer != "forged"]
            assert all(other.process_proposal(chosen) for other in self.up.values())

    @precondition(lambda self: self.up)
    @rule(offset=some.sampled_from([-1, 0, 2, 100]))
    def another_height(self, offset: int) -> None:
        """A block that does not follow is refused and changes nothing."""
        for application in self.up.values():
            with pytest.raises(PojuError) as caught:
                application.finalize_block(len(self.chain) + offset, support.TIME, [])
            assert caught.value.code == "network.height"

    # --- what holds after every step -------------------------------------------------------------------------------

    @invariant()
    def log_1_and_log_2_every_disk_holds_the_reference(self) -> None:
        size = len(self.reference.leaves)
        for application in self.up.values():
            head = application.store.head()
            assert application.store.leaves(0, size + 1) == self.reference.leaves
            assert (head.size, head.state) == (size, self.reference.digest)
            assert application.store.root(size) == support.tree_head(self.reference.leaves)

    @invariant()
    def rule_2_each_keeps_its_own_signed_refusal(self) -> None:
        refused = [
            (sent, said)
            for _t, batch, answers, _h in self.chain[-1:]
            for sent, said in zip(batch, answers, strict=True)
        ]
        for name, application in self.up.items():
            for sent, said in refused:
                kept = application.store.refusal(hashlib.sha256(sent.raw).digest())
                if isinstance(said, str) and sent.signer == "member":
                    assert kept is not None
                    assert refusal.verify(kept[0], KEYS[name].public, support.ORIGIN).code
                elif sent.signer != "member":
                    assert kept is None


TestLog2Consortium = Consortium.TestCase
TestLog2Consortium.settings = settings(
    max_examples=50,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
