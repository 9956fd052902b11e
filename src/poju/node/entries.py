"""Registration over HTTP: ``POST /entries`` (SCRAPI, draft −11) and ``POST /entries/batch``. Plain ASGI.

Nearly all requests that a busy ledger gets are these two. A framework's routing, parsing and wrapping of each would
cost more than the rules do: docs/reference/performance.md has the figures.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Protocol

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from poju.engine import embedded
from poju.errors import CallerError, PojuError
from poju.i18n import _
from poju.ledger import cbor
from poju.ledger.statement import MAX_BYTES
from poju.node.client import COSE, REFUSAL_KEY
from poju.node.door import CHARGE
from poju.node.items import few_items
from poju.node.problems import (
    CBOR,
    CREATED,
    FORBIDDEN,
    METHOD_NOT_ALLOWED,
    OK,
    PROBLEM,
    TITLE,
    nothing_here,
    problem,
    too_large,
)

BATCH_STATEMENTS = 1_000
BATCH_BYTES = 4 << 20
ONE, BATCH = "/entries", "/entries/batch"
REGISTERED, NO_DECISION = cbor.encode("registered"), cbor.encode(None)
BUSY_CODE = "engine.busy"


class Registrar(Protocol):
    """Takes statements: either engine."""

    def submit(self, raw: bytes) -> Future[embedded.Answer]:
        """Decode strictly and queue one statement."""


class Told:
    """Hands answers from the engine's thread to the event loop, all that came meanwhile by one wake-up.

    A wake-up for each answer costs a system call and a switch between the two threads, and a batch has hundreds.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._told: deque[asyncio.Future[None]] = deque()
        self._awake = False

    async def wait(self, futures: Sequence[Future[embedded.Answer]]) -> None:
        """Return when each of ``futures`` is done."""
        # answers come in the order of the queue: once the last is there, so are nearly always all
        for future in reversed(futures):
            if not future.done():
                waiter: asyncio.Future[None] = self.loop.create_future()
                future.add_done_callback(partial(self._arrived, waiter))
                await waiter

    def _arrived(self, waiter: asyncio.Future[None], _future: Future[embedded.Answer]) -> None:
        self._told.append(waiter)
        if not self._awake:
            self._awake = True
            self.loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        self._awake = False  # first: what is appended from here on is told below, or wakes the loop again
        while self._told:
            waiter = self._told.popleft()
            if not waiter.done():
                waiter.set_result(None)


class Entries:
    """ASGI middleware that answers the two addresses and hands everything else on."""

    def __init__(self, app: ASGIApp, engine: Registrar) -> None:
        self._app = app
        self._engine = engine
        self._told: Told | None = None
        self._routes: dict[str, Callable[[Scope, Receive], Awaitable[Response]]] = {ONE: self._one, BATCH: self._batch}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Register what is posted, or hand the request on."""
        route = self._routes.get(scope["path"]) if scope["type"] == "http" else None
        if route is None:
            await self._app(scope, receive, send)
            return
        try:
            response = await route(scope, receive) if scope["method"] == "POST" else nothing_here(METHOD_NOT_ALLOWED)
        except PojuError as error:
            response = problem(error)
        await response(scope, receive, send)

    async def _one(self, _scope: Scope, receive: Receive) -> Response:
        future = self._engine.submit(await body(receive, MAX_BYTES))
        await self._teller().wait([future])
        answer = future.result()
        if isinstance(answer, embedded.Refusal):
            return refused(answer)
        headers = {"location": f"{ONE}/{answer.index}"}
        if answer.decision is not None:
            headers["poju-decision"] = answer.decision.hex()
        return Response(answer.receipt, CREATED, headers, media_type=COSE)

    async def _batch(self, scope: Scope, receive: Receive) -> Response:
        raws = batch_of(await body(receive, BATCH_BYTES))
        charge = scope.get(CHARGE)
        if charge is not None:
            charge(len(raws) - 1)
        taken = [self._submit(raw) for raw in raws]
        if taken and all(isinstance(item, PojuError) and item.code == BUSY_CODE for item in taken):
            raise taken[0]  # type: ignore[misc]  # an error, by the line above
        await self._teller().wait([item for item in taken if isinstance(item, Future)])
        return Response(cbor.array([told(item) for item in taken]), OK, media_type=CBOR)

    def _teller(self) -> Told:
        loop = asyncio.get_running_loop()
        if self._told is None or self._told.loop is not loop:
            self._told = Told(loop)
        return self._told

    def _submit(self, raw: bytes) -> Future[embedded.Answer] | PojuError:
        try:
            return self._engine.submit(raw)
        except PojuError as error:
            return error


def refused(answer: embedded.Refusal) -> Response:
    """Return the node's signed refusal in concise problem details."""
    body_ = {TITLE: answer.code, REFUSAL_KEY: {"code": answer.code, "raw": answer.raw}}
    return Response(cbor.encode(body_), FORBIDDEN, media_type=PROBLEM)


def told(item: Future[embedded.Answer] | PojuError) -> bytes:
    """Return one statement's answer in a batch, encoded, as docs/reference/node.md describes it."""
    if isinstance(item, Future):
        failure = item.exception()
        if failure is None:
            return _answered(item.result())
        if not isinstance(failure, PojuError):
            raise failure
        item = failure
    return cbor.encode(["failed", item.code, str(item)])


def _answered(answer: embedded.Answer) -> bytes:
    if isinstance(answer, embedded.Refusal):
        return cbor.encode(["refused", answer.code, answer.raw])
    decision = NO_DECISION if answer.decision is None else cbor.byte_string(answer.decision)
    return cbor.array([REGISTERED, cbor.integer(answer.index), cbor.byte_string(answer.receipt), decision])


def batch_of(data: bytes) -> list[bytes]:
    """Return the statements of a batch: a CBOR array of 1 to 1,000 byte strings; raise ``http.batch``."""
    if not few_items(data, 1 + BATCH_STATEMENTS):
        raise _no_batch()
    found = cbor.decode(data, BATCH_BYTES)
    if not isinstance(found, list) or not 0 < len(found) <= BATCH_STATEMENTS:
        raise _no_batch()
    if not all(isinstance(raw, bytes) for raw in found):
        raise _no_batch()
    return found


def _no_batch() -> CallerError:
    return CallerError(
        "http.batch",
        _("A batch is a CBOR array of 1 to {limit} byte strings, each a signed statement."),
        hint=_("Split it, or send the statements one by one to POST /entries."),
        limit=BATCH_STATEMENTS,
    )


async def body(receive: Receive, limit: int) -> bytes:
    """Return the request's body, or raise ``http.too-large`` before more than ``limit`` bytes are kept."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _gone()
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise too_large(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _gone() -> CallerError:
    return CallerError(
        "http.gone",
        _("The client went away before its request was whole."),
        hint=_("Send the same bytes again: they are never registered twice."),
    )
