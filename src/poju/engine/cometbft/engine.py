"""Submitting through one validator: the embedded engine's interface, answered when a quorum has agreed and signed.

A statement's way here: (1) decoded strictly and its signature checked; (2) handed to the engine's queue; (3) executed
in a decided block, durable in Commit; (4) the root agreed, when the next block is decided; (5) k validators, this one
among them, signed the checkpoint of that size. Only then is it acknowledged (LOG-1): it stays, whoever crashes later.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from poju.engine import observer as observers
from poju.engine.cometbft import rpc
from poju.engine.cometbft.application import Application, Committed
from poju.engine.cometbft.signer import AgreedStore, Signer
from poju.engine.embedded import Answer, Charge, Refusal, Registration, busy
from poju.engine.observer import REFUSED, REGISTERED, Observer, Told, Unobserved
from poju.errors import OperatorError, PojuError
from poju.i18n import _
from poju.ledger import block, refusal, statement
from poju.ledger.keys import PrivateKey
from poju.ledger.statement import UnverifiedStatement

QUEUE_LIMIT = 8_192
ANSWER_SECONDS = 30.0
RESEND_SECONDS = 5.0
PAUSE_SECONDS = 0.25
Cosign = Callable[[int, bytes], bool]
"""(size, root) → whether k validators, this one among them, have signed that root of that size."""


def _no_agreement() -> PojuError:
    return OperatorError(
        "engine.no-agreement",
        _("The validators have not agreed on this statement within {seconds} s."),
        hint=_("Run poju network status: more than two thirds have to run. Sending the same bytes again does no harm."),
        seconds=int(ANSWER_SECONDS),
    )


@dataclass
class _Waiting:
    """A statement that somebody waits for. ``entered``, ``size``: once it is durable, where, and under which size."""

    item: UnverifiedStatement
    futures: list[Future[Answer]] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    sent: float = field(default_factory=time.monotonic)
    entered: block.Entered | None = None
    size: int = 0


class NetworkEngine(Signer):
    """One validator's door: what :mod:`poju.node.ledger_api` needs of an engine."""

    def __init__(
        self,
        application: Application,
        key: PrivateKey,
        engine: rpc.Rpc,
        cosign: Cosign,
        *,
        observer: Observer | None = None,
        charge: Charge | None = None,
    ) -> None:
        self.agreed_size = application.agreed
        super().__init__(AgreedStore(application.store, lambda: self.agreed_size), key, application.genesis.origin)
        self._application = application
        self._engine = engine
        self._cosign = cosign
        self._observer = observer or Unobserved()
        self._charge = charge
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._waiting: dict[bytes, _Waiting] = {}
        self._changed = threading.Condition()
        self._closing = False
        application.on_commit = self._committed
        self._threads = [
            threading.Thread(target=target, name=target.__name__, daemon=True)
            for target in (self._send_until_closed, self._acknowledge_until_closed)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, raw: bytes) -> Future[Answer]:
        """Decode strictly, check the signature and queue one statement.

        The future ends with a Registration once k validators have signed a root over it, or a Refusal, or
        ``engine.no-agreement``. Raises what :func:`poju.ledger.statement.decode` raises, and ``engine.busy``.
        """
        item = statement.decode(raw)
        found = self._application.checked(item)
        answer: Future[Answer] = Future()
        if isinstance(found, str):
            answer.set_result(self._refuse(item.digest, found))
            return answer
        if self._charge is not None and (turned_away := self._charge(item.issuer)) is not None:
            raise turned_away
        with self._changed:
            waiting = self._waiting.get(item.digest)
            if waiting is None and len(self._waiting) >= QUEUE_LIMIT:
                self._observer.busy()
                raise busy(QUEUE_LIMIT)
            if waiting is None:
                waiting = self._waiting[item.digest] = _Waiting(item)
                self._queue.put(waiting)
            waiting.futures.append(answer)
        return answer

    def register(self, raw: bytes, timeout: float = 2 * ANSWER_SECONDS) -> Answer:
        """Submit one statement and wait for its answer."""
        return self.submit(raw).result(timeout)

    def close(self) -> None:
        """Stop; whoever still waits is told to send again."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._queue.put(None)
        for thread in self._threads:
            thread.join(2 * PAUSE_SECONDS)
        self._engine.close()
        with self._changed:
            left, self._waiting = list(self._waiting.values()), {}
        for waiting in left:
            _fail(waiting, _no_agreement())

    def _refuse(self, digest: bytes, code: str) -> Refusal:
        head = self._application.store.head()
        kept = self._application.store.refusal(digest)
        signed = kept[0] if kept else refusal.Refusal(digest, code, head.size, head.time).sign(self._key, self.origin)
        return Refusal(digest, code, signed)

    def _committed(self, committed: Committed) -> None:
        """Note what a durable block answered, and up to where the log is agreed now."""
        refused: list[tuple[_Waiting, str]] = []
        with self._changed:
            self.agreed_size = committed.agreed
            for digest in committed.answers.keys() & self._waiting.keys():
                answer, waiting = committed.answers[digest], self._waiting[digest]
                if isinstance(answer, block.Declined):
                    refused.append((self._waiting.pop(digest), answer.code))
                else:
                    waiting.entered, waiting.size = answer, committed.head.size
            self._changed.notify_all()
        self._observe([(waiting, REFUSED, code) for waiting, code in refused], committed.seconds)
        for waiting, code in refused:
            _succeed(waiting, self._refuse(waiting.item.digest, code))

    def _observe(self, answered: Sequence[tuple[_Waiting, str, str]], seconds: float | None = None) -> None:
        now, head = time.monotonic(), self._application.store.head()
        told = [Told(waiting.item.kind, outcome, code, now - waiting.started) for waiting, outcome, code in answered]
        self._observer.committed(observers.Committed(told, seconds, head.size, head.height, head.time))

    def gauges(self) -> dict[str, float]:
        """Return the present values of the metrics that are no counts."""
        head = self._application.store.head()
        height, _hash = self._application.info()
        return {
            "queue_statements": len(self._waiting),
            "queue_limit_statements": QUEUE_LIMIT,
            "log_leaves": head.size,
            "log_blocks": head.height,
            "block_time_seconds": head.time,
            "agreed_leaves": self.agreed_size,
            "lag_leaves": head.size - self.agreed_size,
            "chain_height": height,
        }

    def _send_until_closed(self) -> None:
        """Hand statements to the engine, all that have queued at once; what it cannot take now is sent again later."""
        while (first := self._queue.get()) is not None:
            batch, size = [first], len(first.item.raw)
            while len(batch) < rpc.BATCH and size < rpc.BATCH_BYTES and not self._queue.empty():
                following = self._queue.get_nowait()
                if following is None:
                    return
                batch.append(following)
                size += len(following.item.raw)
            try:
                if new := self._new(batch):
                    self._engine.broadcast(new)
            except PojuError:
                # nobody is refused for it: :meth:`_resend` finds them again while their time lasts
                time.sleep(PAUSE_SECONDS)

    def _new(self, batch: Sequence[_Waiting]) -> list[bytes]:
        """Return the statements of ``batch`` that the log does not hold; say of the others where they stand."""
        known = self._application.store.prepare((), [(item.item.issuer, item.item.identifier) for item in batch])
        new: list[bytes] = []
        with self._changed:
            for waiting in batch:
                earlier = known.seen(waiting.item.issuer, waiting.item.identifier)
                if earlier is None or earlier[1] != waiting.item.digest:
                    new.append(waiting.item.raw)
                elif waiting.entered is None:
                    waiting.entered, waiting.size = block.Entered(earlier[0], again=True), earlier[0] + 1
                    self._changed.notify_all()
        return new

    def _acknowledge_until_closed(self) -> None:
        while not self._closing:
            with self._changed:
                if not self._ready():
                    self._changed.wait(PAUSE_SECONDS)
                ready, size = self._ready(), self.agreed_size
            if ready and self._cosign(size, self.store.root(size)):
                self._acknowledge(ready, size)
            elif ready:
                time.sleep(PAUSE_SECONDS)
            self._resend()

    def _ready(self) -> list[_Waiting]:
        return [item for item in self._waiting.values() if item.entered is not None and item.size <= self.agreed_size]

    def _acknowledge(self, ready: Sequence[_Waiting], size: int) -> None:
        with self._changed:
            for waiting in ready:
                self._waiting.pop(waiting.item.digest, None)
        self._observe([(waiting, REGISTERED, "") for waiting in ready])
        for waiting in ready:
            if waiting.entered is None:
                raise ValueError(waiting.size)
            try:
                _succeed(waiting, self._registration(waiting, waiting.entered, size))
            except PojuError as error:
                _fail(waiting, error)

    def _registration(self, waiting: _Waiting, entered: block.Entered, size: int) -> Registration:
        proved = self.receipt_for(entered.index, size)
        # of what this block entered the answer says whether a decision follows, and which
        decision = self.decision_index(entered.index) if entered.again else entered.decision
        if decision is None:
            return Registration(entered.index, waiting.item.digest, proved, None, None)
        raw = self.store.leaf(decision)
        return Registration(entered.index, waiting.item.digest, proved, raw, self.receipt_for(decision, size))

    def _resend(self) -> None:
        """Send again what the engine may have lost with its queue, and give up on what has waited too long."""
        now = time.monotonic()
        with self._changed:
            late = [item for item in self._waiting.values() if now - item.started > ANSWER_SECONDS]
            for waiting in late:
                del self._waiting[waiting.item.digest]
            for waiting in self._waiting.values():
                if waiting.entered is None and now - waiting.sent > RESEND_SECONDS:
                    waiting.sent = now
                    self._queue.put(waiting)
        for waiting in late:
            _fail(waiting, _no_agreement())


def _succeed(waiting: _Waiting, answer: Answer) -> None:
    for future in waiting.futures:
        # a caller that has gone away cancelled its future
        if future.set_running_or_notify_cancel():
            future.set_result(answer)


def _fail(waiting: _Waiting, error: PojuError) -> None:
    for future in waiting.futures:
        if future.set_running_or_notify_cancel():
            future.set_exception(error)
