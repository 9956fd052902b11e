"""The replicated application: ABCI 2.0's questions answered from one log, one rule book, one store.

A block goes the one way of every engine: :func:`poju.ledger.block.execute` at the block's time, over the state that the
last commit left. Nothing here knows sockets, so that tests put the questions directly.

- ``Info`` names the last durable (height, application hash); ``Commit`` is the one transaction that makes both durable,
  together with leaves, state and refusals (LOG-1).
- ``CheckTx`` remembers (public key, bytes) whose signature holds, and nothing else: whether that key may speak is asked
  again in ``FinalizeBlock`` over the state before the block. What a block decided is forgotten a block later.
- ``ProcessProposal`` refuses a block with a statement that cannot be decoded or is badly signed; what the rules refuse
  is included, leaves no entry, and its signed refusal can be asked for (RULE-2).
- A block leaf counts blocks that registered something; the chain's height counts all of them. They part at the first
  block without an entry, and the store keeps the chain's height beside the log.
- ``agreed``: a root is agreed when the next block was decided, since its header carries the application hash (LOG-2).
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from poju.engine.cometbft import genesis as genesis_file
from poju.engine.cometbft import validators
from poju.engine.cometbft.genesis import Genesis, app_hash
from poju.errors import CallerError, OperatorError
from poju.i18n import _
from poju.ledger import block, refusal, statement
from poju.ledger.keys import PrivateKey
from poju.ledger.rulebook import RuleBook
from poju.ledger.statement import UnverifiedStatement, VerifiedStatement
from poju.ledger.store import ChainHead, Store
from poju.units import Seconds

REMEMBERED = 65_536
EMPTY_BLOCKS = 128
MALFORMED, UNKNOWN_KEY, BAD_SIGNATURE = "statement.malformed", "statement.key-unknown", "statement.signature"
Found = VerifiedStatement | str
"""A statement whose signature holds, or the code of what is wrong with the bytes."""


@dataclass(frozen=True)
class Committed:
    """What a durable block answered. ``answers``: digest → where it stands, or the rule that refused it.

    ``seconds``: what its durable commit took.
    """

    head: block.Head
    agreed: int
    answers: Mapping[bytes, block.Answer]
    seconds: float


@dataclass(frozen=True)
class _Pending:
    outcome: block.Outcome
    chain: ChainHead
    refusals: dict[bytes, tuple[bytes, bytes]]
    answers: dict[bytes, block.Answer]
    updates: list[tuple[bytes, int]]


class Application:
    """One validator's application. Owns ``store``; ``FinalizeBlock`` and ``Commit`` come from one thread."""

    def __init__(self, store: Store, rules: RuleBook, key: PrivateKey, genesis: Genesis) -> None:
        self.store = store
        self.genesis = genesis
        self._rules = rules
        self._key = key
        self._remembered: dict[bytes, VerifiedStatement] = {}
        self._settled: Sequence[bytes] = ()
        self._lock = threading.Lock()
        self._pending: _Pending | None = None
        self._height = self._durable().height
        self.agreed = self._durable().agreed
        self.on_commit: Callable[[Committed], None] = lambda _committed: None
        self.on_misbehaviour: Callable[[int], None] = lambda _height: None
        """Told, before it is executed, of the height of a block that holds evidence; no part of the rules."""

    def _durable(self) -> ChainHead:
        """Return what the last commit left; before the first one, height 0 and the log that genesis names."""
        return self.store.chain_head() or ChainHead(0, self._hash(), self.store.head().size)

    def _hash(self) -> bytes:
        size = self.store.head().size
        return app_hash(size, self.store.root(size))

    def info(self) -> tuple[int, bytes]:
        """Return height and application hash of the last durable block."""
        durable = self._durable()
        return durable.height, durable.hash

    def init_chain(self, app_state: bytes, initial_height: int) -> bytes:
        """Check that genesis names this log, package and keys; return the application hash to start from.

        Raises ``network.genesis`` where another log, package or key list stands on this machine.
        """
        found = genesis_file.read(app_state)
        head = self.store.head()
        if found != self.genesis:
            raise genesis_file.refused("the engine's genesis is another than the application's")
        if (found.size, found.root) != (head.size, self.store.root(head.size)):
            raise genesis_file.refused("the log on this machine has another size or root")
        if initial_height != head.height + 1:
            raise genesis_file.refused("the first height is not the one after the log's last block")
        self._height = initial_height - 1
        return self._hash()

    def check(self, raw: bytes) -> Found:
        """Return the statement in ``raw`` with its signature checked, or what is wrong with it; remember the former."""
        known = self._remembered.get(hashlib.sha256(raw).digest())
        if known is not None and self._rules.key_for(self.store, known.statement) == known.key:
            return known
        try:
            return self.checked(statement.decode(raw))
        except CallerError:
            return MALFORMED

    def checked(self, item: UnverifiedStatement) -> Found:
        """As :meth:`check`, for what is decoded already."""
        key = self._rules.key_for(self.store, item)
        if key is None:
            return UNKNOWN_KEY
        verified = item.verify(key)
        if verified is None:
            return BAD_SIGNATURE
        with self._lock:
            self._remembered[item.digest] = verified
            if len(self._remembered) > REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
        return verified

    def _forget(self, decided: Sequence[bytes]) -> None:
        """Let go of the block before; what was just ``decided`` may still be on its way here from a peer."""
        with self._lock:
            for digest in self._settled:
                self._remembered.pop(digest, None)
        self._settled = decided

    def _proposable(self, raw: bytes) -> bool:
        """Return whether an honest validator lets ``raw`` into a block: decoded, and not badly signed.

        What is remembered is neither for ever, since the bytes name the key that they were checked under: no need to
        ask the state for it.
        """
        if hashlib.sha256(raw).digest() in self._remembered:
            return True
        found = self.check(raw)
        return isinstance(found, VerifiedStatement) or found == UNKNOWN_KEY

    def prepare_proposal(self, transactions: Iterable[bytes], limit: int) -> list[bytes]:
        """Return what of the queue fits into ``limit`` bytes and no honest validator would refuse."""
        chosen: list[bytes] = []
        for raw in transactions:
            limit -= _encoded_size(raw)
            if limit < 0:
                break
            if self._proposable(raw):
                chosen.append(raw)
        return chosen

    def process_proposal(self, transactions: Iterable[bytes]) -> bool:
        """Return whether every statement can be decoded and none is badly signed.

        One under an unknown key passes: it is refused by name when its block is executed.
        """
        return all(self._proposable(raw) for raw in transactions)

    def finalize_block(
        self, height: int, time: Seconds, transactions: Sequence[bytes]
    ) -> tuple[bytes, list[block.Answer]]:
        """Execute a decided block; return the application hash after it and the answer to each transaction.

        Nothing is durable before :meth:`commit`. A second call for the same height, after a restart, starts anew.
        Raises ``network.height`` for a block that does not follow the last one.
        """
        if height != self._height + 1:
            raise OperatorError(
                "network.height",
                _("The engine gave block {height}, and the block after {last} was due."),
                hint=_("Its folder and the application's are of different times: restore both from the same moment."),
                height=height,
                last=self._height,
            )
        found = [self.check(raw) for raw in transactions]
        good = [item for item in found if isinstance(item, VerifiedStatement)]
        head = self.store.head()
        known = self.store.prepare(
            [key for item in good for key in self._rules.reads(item.statement)],
            [(item.statement.issuer, item.statement.identifier) for item in good],
        )
        outcome = block.execute(self._rules, self.store, known, head, time, good)
        executed = iter(outcome.answers)
        results = [block.Declined(item) if isinstance(item, str) else next(executed) for item in found]
        digests = [_digest(item, raw) for item, raw in zip(found, transactions, strict=True)]
        # of the same bytes twice in a block the last answer holds: what was entered once stays entered
        answers = dict(zip(digests, results, strict=True))
        chain = ChainHead(height, self._hash_after(outcome), head.size)
        register = outcome.writes.get(validators.STATE_KEY)
        updates = [] if register is None else validators.updates(self.store.get(validators.STATE_KEY), register)
        self._pending = _Pending(outcome, chain, self._refusals(good, answers, outcome.head), answers, updates)
        return chain.hash, results

    @property
    def validator_updates(self) -> Sequence[tuple[bytes, int]]:
        """(raw consensus key, power) of each validator that the block under way changed; 0 ends it."""
        return self._pending.updates if self._pending is not None else ()

    def _refusals(
        self, good: Iterable[VerifiedStatement], answers: Mapping[bytes, block.Answer], head: block.Head
    ) -> dict[bytes, tuple[bytes, bytes]]:
        """Return digest → (signed refusal, statement) of what the rules refused; bytes nobody signed are not kept."""
        kept: dict[bytes, tuple[bytes, bytes]] = {}
        for item in good:
            digest = item.statement.digest
            answer = answers[digest]
            if isinstance(answer, block.Declined):
                signed = refusal.Refusal(digest, answer.code, head.size, head.time)
                kept[digest] = signed.sign(self._key, self.genesis.origin), item.statement.raw
        return kept

    def commit(self) -> Committed:
        """Make the block under way durable, in one transaction; raise ``store.write`` where the disk fails.

        A block without a signed statement writes nothing: after a restart the engine replays it. Of a quiet chain's
        empty blocks one in ``EMPTY_BLOCKS`` is written, so that there are never more to replay.
        """
        pending = self._pending
        if pending is None:
            raise ValueError(self._height)
        started = time.monotonic()
        if pending.outcome.answers or pending.chain.height - self._durable().height >= EMPTY_BLOCKS:
            self.store.commit(pending.outcome, pending.refusals, pending.chain)
        self._height, self.agreed, self._pending = pending.chain.height, pending.chain.agreed, None
        self._forget(tuple(pending.answers))
        committed = Committed(pending.outcome.head, self.agreed, pending.answers, time.monotonic() - started)
        self.on_commit(committed)
        return committed

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()

    def _hash_after(self, outcome: block.Outcome) -> bytes:
        if not outcome.leaves:
            return self._durable().hash
        return app_hash(outcome.head.size, self.store.root_after(outcome))


def _digest(found: Found, raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest() if isinstance(found, str) else found.statement.digest


def _encoded_size(raw: bytes) -> int:
    """Return the bytes that a transaction takes in a block: its own, a field's tag, and its length."""
    return len(raw) + 1 + max(1, -(-len(raw).bit_length() // 7))
