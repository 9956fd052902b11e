"""The embedded engine: one writer in the process, receipts as soon as one durable commit has taken the batch.

It commits as soon as the previous commit is durable, taking all that has queued: there is no batch timer. While one
batch goes through the rules, the signatures of the next are checked in another process.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

from poju.engine.observer import AGAIN, REFUSED, REGISTERED, Committed, Observer, Told, Unobserved
from poju.engine.verifier import Verifier, question
from poju.errors import BugError, CallerError, OperatorError, PojuError
from poju.i18n import _
from poju.ledger import block, leaf, merkle, receipt, refusal, statement, tiles
from poju.ledger.checkpoint import Checkpoint
from poju.ledger.cose import Sign1
from poju.ledger.keys import PrivateKey, PublicKey
from poju.ledger.log_keys import OwnKeys
from poju.ledger.rulebook import RuleBook, State
from poju.ledger.statement import UnverifiedStatement, VerifiedStatement
from poju.ledger.store import Store
from poju.units import Seconds

QUEUE_LIMIT = 8_192
BATCH_LIMIT = 1_024
APART_FROM = 8
NODE_CACHE = 65_536


class Registration(NamedTuple):
    """A durable registration: leaf index, receipt, and the decision's where the kind declares one."""

    index: int  # type: ignore[assignment] # a leaf's, in the place of tuple.index
    digest: bytes
    receipt: bytes
    decision: bytes | None
    decision_receipt: bytes | None


class Refusal(NamedTuple):
    """The node's signed answer that the statement was not registered, and the rule's code."""

    digest: bytes
    code: str
    raw: bytes


Answer = Registration | Refusal
Charge = Callable[[str], PojuError | None]
"""A member whose signature holds → None, or the error that turns its statement away without an entry or a refusal."""

Signed = tuple[PublicKey, Sign1]


class _Early(NamedTuple):
    """What was asked ahead of a batch for one statement: its own signature, if ``own``, then that of ``enclosed``.

    Before the answer both are questions; after it ``held`` says of the own one whether it holds, and an envelope that
    does not is gone.
    """

    own: PublicKey | None
    enclosed: Signed | None
    held: bool = False


class _Batch(NamedTuple):
    """Statements taken together; ``asked``: what another process checks of them now, if it does."""

    queued: list[_Queued]
    asked: list[_Early] | None


class _Queued(NamedTuple):
    """A statement, who waits for its answer, and since when (seconds of the monotonic clock)."""

    item: UnverifiedStatement
    future: Future[Answer]
    since: float


def wall_clock() -> Seconds:
    """Return the machine's time; the only clock the engine reads."""
    return Seconds(int(time.time()))


UNASKED = _Early(None, None)


def _nothing_enclosed(_state: State, _statement: UnverifiedStatement) -> None:
    """Answer for a rule book that asks for no other signatures."""


def _answered(asked: _Early, held: Iterator[bool]) -> _Early:
    """Take the answers to what was asked of one statement from ``held``, its own first."""
    own = asked.own is not None and next(held)
    enclosed = asked.enclosed if asked.enclosed is not None and next(held) else None
    return _Early(asked.own, enclosed, own)


def busy(limit: int) -> OperatorError:
    """Return ``engine.busy``: the queue of ``limit`` statements is full."""
    return OperatorError(
        "engine.busy",
        _("The ledger's queue of {limit} statements is full."),
        hint=_("Send it again after a second: the same bytes are never registered twice."),
        limit=limit,
    )


def _closed() -> PojuError:
    return OperatorError(
        "engine.closed",
        _("The ledger is closing and takes no more statements."),
        hint=_("Start it again, then send the same bytes again: they are never registered twice."),
    )


def _failed(error: Exception) -> PojuError:
    return BugError(
        "engine.failed",
        _("A batch of statements could not be answered: {kind}."),
        hint=_("Send them again one by one, since nothing is registered twice, and report the one that fails again."),
        kind=type(error).__name__,
    )


def _no_entry(index: int, size: int) -> PojuError:
    return CallerError(
        "entry.unknown",
        _("The log has no entry {index}; its size is {size}."),
        hint=_("Entries are numbered from 0; take the number that the receipt names."),
        index=index,
        size=size,
    )


class EmbeddedEngine:
    """One ledger's writer. Owns ``store``; every other thread only reads it."""

    def __init__(
        self,
        store: Store,
        rules: RuleBook,
        key: PrivateKey | OwnKeys,
        origin: str,
        clock: Callable[[], Seconds] = wall_clock,
        *,
        observer: Observer | None = None,
        charge: Charge | None = None,
    ) -> None:
        self.store = store
        self.origin = origin
        self._rules = rules
        self._keys = key if isinstance(key, OwnKeys) else OwnKeys(key)
        self._clock = clock
        self._encloses = getattr(rules, "encloses", _nothing_enclosed)
        self._observer = observer or Unobserved()
        self._charge = charge
        self._queue: queue.SimpleQueue[_Queued | None] = queue.SimpleQueue()
        self._verifier = Verifier()
        self._signed: tuple[receipt.SignedRoot, merkle.Paths] | None = None
        # a complete node of a log never changes, so that what was read from the durable tiles once stays true
        self._nodes = lru_cache(NODE_CACHE)(self._node)
        self._hashes = tiles.hash_source(store.tile)
        self._gate = threading.Lock()
        self._closing = False
        self._failure: OperatorError | None = None
        self._writer = threading.Thread(target=self._write_until_closed, name="ledger-writer", daemon=True)
        self._writer.start()

    def gauges(self) -> dict[str, float]:
        """Return the present values of the metrics that are no counts."""
        head = self.store.head()
        return {
            "queue_statements": self._queue.qsize(),
            "queue_limit_statements": QUEUE_LIMIT,
            "log_leaves": head.size,
            "log_blocks": head.height,
            "block_time_seconds": head.time,
            "agreed_leaves": head.size,
            "lag_leaves": 0,
            "chain_height": head.height,
            "peers": 0,
        }

    @property
    def log_key(self) -> PublicKey:
        """The log's public key, the one whose turn it is."""
        return self._keys.present.public

    def submit(self, raw: bytes) -> Future[Answer]:
        """Decode strictly and queue one statement.

        The future ends with a :class:`Registration` once it is durable, or a :class:`Refusal`. Raises
        ``statement.malformed`` and its kin for bytes that are no statement, ``engine.busy`` when the queue is full,
        ``engine.closed`` after :meth:`close`, ``store.write`` for good once the disk has failed.
        """
        item = statement.decode(raw)
        answer: Future[Answer] = Future()
        with self._gate:
            if self._failure is not None:
                raise self._failure
            if self._closing:
                raise _closed()
            # only who holds the gate puts something in
            if self._queue.qsize() < QUEUE_LIMIT:
                self._queue.put(_Queued(item, answer, time.monotonic()))
                return answer
        self._observer.busy()
        raise busy(QUEUE_LIMIT)

    def register(self, raw: bytes, timeout: float = 30.0) -> Answer:
        """Submit one statement and wait for its answer."""
        return self.submit(raw).result(timeout)

    def close(self) -> None:
        """Finish what is queued, then stop. What is sent afterwards is refused with ``engine.closed``."""
        with self._gate:
            self._closing = True
        self._queue.put(None)
        self._writer.join()

    def checkpoint_at(self, size: int) -> str:
        """Return the signed checkpoint of the first ``size`` leaves, a size that a block ended at."""
        return Checkpoint(self.origin, size, self.store.root(size)).sign(self._keys.at(size))

    def receipt_for(self, index: int, size: int | None = None) -> bytes:
        """Return a receipt of the leaf at ``index`` under the log of ``size``, by default all that is durable.

        Raises ``entry.unknown`` past its end.
        """
        size = self.store.head().size if size is None else size
        if not 0 <= index < size:
            raise _no_entry(index, size)
        return self._receipt(index, size)

    def _node(self, level: int, index: int) -> bytes:
        """Return a node from its two children where a tile does not hold it: they are asked for too, and kept."""
        if level % tiles.HEIGHT:
            return merkle.node_hash(self._nodes(level - 1, 2 * index), self._nodes(level - 1, 2 * index + 1))
        return self._hashes(level, index)

    def _receipt(self, index: int, size: int) -> bytes:
        signed, paths = self._sign(size)
        return signed.receipt(index, paths[index])

    def growth_since(self, old: int) -> bytes:
        """Return a receipt that the log of ``old`` leaves is a prefix of the durable one; ``entry.unknown`` past it."""
        size = self.store.head().size
        if not 0 < old <= size:
            raise _no_entry(old, size)
        signed, _paths = self._sign(size)
        return signed.consistency(old, merkle.consistency_proof(old, size, self._nodes))

    def proof(self, index: int) -> tuple[bytes, bytes | None, bytes | None]:
        """Return (receipt, decision leaf, decision's receipt) of the statement at ``index`` under one checkpoint."""
        size = self.store.head().size
        decision = self.decision_index(index)
        if decision is None:
            return self.receipt_for(index, size), None, None
        return self.receipt_for(index, size), self.store.leaf(decision), self.receipt_for(decision, size)

    def _sign(self, size: int) -> tuple[receipt.SignedRoot, merkle.Paths]:
        """Return the signature that all receipts of ``size`` share, and their paths."""
        signed = self._signed
        if signed is None or signed[0].size != size:
            paths = merkle.Paths(size, self._nodes)
            signed = self._signed = receipt.sign_root(self._keys.at(size), self.origin, size, paths.root), paths
        return signed

    def _write_until_closed(self) -> None:
        """Answer batch after batch; the next one's signatures are under way before this one meets the rules."""
        batch, closing = self._take(wait=True)
        while batch.queued or not closing:
            early = self._checked_early(batch)
            following = _Batch([], None)
            if not closing:
                following, closing = self._take(wait=not batch.queued)
            if batch.queued:
                self._answer(batch.queued, early)
            batch = following
        self._verifier.close()

    def _take(self, *, wait: bool) -> tuple[_Batch, bool]:
        """Return what is queued, its signatures under way, and whether it is the last; ``wait`` for the first one."""
        taken: list[_Queued] = []
        last = False
        with suppress(queue.Empty):
            while len(taken) < BATCH_LIMIT and not last:
                item = self._queue.get(block=wait and not taken)
                if item is None:
                    last = True
                else:
                    taken.append(item)
        # a caller that has gone away cancels its future; one that is running can no longer be cancelled
        batch = [queued for queued in taken if queued.future.set_running_or_notify_cancel()]
        return _Batch(batch, self._ask(batch)), last

    def _ask(self, batch: Sequence[_Queued]) -> list[_Early] | None:
        """Have signatures checked where the batch is worth it, under the keys that are known before the one ahead."""
        if len(batch) < APART_FROM:
            return None
        asked: list[_Early] = []
        questions: list[bytes] = []
        try:
            for queued in batch:
                item = queued.item
                key, enclosed = self._rules.key_for(self.store, item), self._encloses(self.store, item)
                if key is not None and key.thumbprint == item.envelope.key_id:
                    questions.append(question(key, item.envelope))
                else:
                    key = None
                if enclosed is not None:
                    questions.append(question(*enclosed))
                asked.append(_Early(key, enclosed))
        except Exception:  # noqa: BLE001 the commit asks again, and tells the callers what failed
            return None
        return asked if self._verifier.ask(questions) else None

    def _checked_early(self, batch: _Batch) -> list[_Early]:
        answer = None if batch.asked is None else self._verifier.answer()
        if batch.asked is None or answer is None:
            return [UNASKED] * len(batch.queued)
        held = iter(answer)
        return [_answered(asked, held) for asked in batch.asked]

    def _answer(self, batch: Sequence[_Queued], early: Sequence[_Early]) -> None:
        """Commit one batch and tell each caller. Whatever fails, nobody waits for ever and the writer lives on."""
        try:
            answers = self._commit(batch, early)
        except PojuError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 a rule's own mistake must not leave every caller waiting
            failure = _failed(error)
        else:
            for queued, answer in zip(batch, answers, strict=True):
                if isinstance(answer, PojuError):
                    queued.future.set_exception(answer)
                else:
                    queued.future.set_result(answer)
            return
        if isinstance(failure, OperatorError):
            with self._gate:
                self._failure = failure
        self._observer.failed(len(batch))
        for queued in batch:
            queued.future.set_exception(failure)

    def _commit(self, batch: Sequence[_Queued], early: Sequence[_Early]) -> list[Answer | PojuError]:
        if self._failure is not None:
            # a disk that failed once is not to be trusted with what it says about later writes
            raise self._failure
        started = time.monotonic()
        items = [queued.item for queued in batch]
        checked = self._charged([self._verify(*each) for each in zip(items, early, strict=True)])
        good = [found for found in checked if isinstance(found, VerifiedStatement)]
        head = self.store.head()
        known = self.store.prepare(
            [key for found in good for key in self._rules.reads(found.statement)],
            [(found.statement.issuer, found.statement.identifier) for found in good],
        )
        outcome = block.execute(self._rules, self.store, known, head, self._clock(), good)
        self._keys.take_turn(outcome.writes, outcome.head.size)
        decided = iter(outcome.answers)
        results = [next(decided) if isinstance(found, VerifiedStatement) else found for found in checked]
        refusals = {
            item.digest: self._refuse(item, result.code, outcome.head)
            for item, result in zip(items, results, strict=True)
            if isinstance(result, block.Declined)
        }
        kept = {found.statement.digest for found in good}
        self.store.commit(outcome, {digest: (r.raw, raw) for digest, (r, raw) in refusals.items() if digest in kept})
        answers: list[Answer | PojuError] = [
            refusals[item.digest][0]
            if isinstance(result, block.Declined)
            else self._acknowledge(item, result, outcome)
            if isinstance(result, block.Entered)
            else result
            for item, result in zip(items, results, strict=True)
        ]
        self._observe(batch, results, outcome.head, started)
        return answers

    def _charged(
        self, checked: Sequence[VerifiedStatement | str]
    ) -> list[VerifiedStatement | block.Declined | PojuError]:
        """Charge each member for what it signed, and nobody for what was badly signed in a name."""
        charge = self._charge

        def settle(found: VerifiedStatement | str) -> VerifiedStatement | block.Declined | PojuError:
            if isinstance(found, str):
                return block.Declined(found)
            return (charge(found.statement.issuer) if charge else None) or found

        return [settle(found) for found in checked]

    def _observe(
        self,
        batch: Sequence[_Queued],
        results: Sequence[block.Entered | block.Declined | PojuError],
        head: block.Head,
        started: float,
    ) -> None:
        now = time.monotonic()
        told = []
        for queued, result in zip(batch, results, strict=True):
            kind, seconds = queued.item.kind, now - queued.since
            if isinstance(result, block.Declined):
                told.append(Told(kind, REFUSED, result.code, seconds))
            elif isinstance(result, block.Entered):
                told.append(Told(kind, AGAIN if result.again else REGISTERED, "", seconds))
        self._observer.committed(Committed(told, now - started, head.size, head.height, head.time))

    def _verify(self, item: UnverifiedStatement, early: _Early) -> VerifiedStatement | str:
        """Check a signature, or take the answer of the process that did, where the key is still the same."""
        key = self._rules.key_for(self.store, item)
        if key is None:
            return "statement.key-unknown"
        if early.own is not key:
            return item.verify(key) or "statement.signature"
        if not early.held:
            return "statement.signature"
        return VerifiedStatement(item, key, () if early.enclosed is None else (early.enclosed,))

    def _refuse(self, item: UnverifiedStatement, code: str, head: block.Head) -> tuple[Refusal, bytes]:
        found = refusal.Refusal(item.digest, code, head.size, self._clock())
        return Refusal(item.digest, code, found.sign(self._keys.at(head.size), self.origin)), item.raw

    def _acknowledge(self, item: UnverifiedStatement, entered: block.Entered, outcome: block.Outcome) -> Registration:
        size = outcome.head.size
        signed, paths = self._sign(size)
        proved = signed.receipt(entered.index, paths[entered.index])
        decision = self.decision_index(entered.index) if entered.again else entered.decision
        if decision is None:
            return Registration(entered.index, item.digest, proved, None, None)
        first = size - len(outcome.leaves)
        raw = outcome.leaves[decision - first] if decision >= first else self.store.leaf(decision)
        return Registration(entered.index, item.digest, proved, raw, signed.receipt(decision, paths[decision]))

    def decision_index(self, index: int) -> int | None:
        """Return the leaf index of the decision on the statement at ``index``: always the next leaf, or None."""
        following = self.store.leaf(index + 1)
        if following is None or leaf.is_statement(following):
            return None
        decoded = leaf.decode(following)
        return index + 1 if isinstance(decoded, leaf.DecisionLeaf) else None
