"""What stands before the routes: a rate for each client address, and a time for a body to arrive. Plain ASGI."""

from __future__ import annotations

import asyncio
from functools import partial

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from poju.errors import CallerError, PojuError
from poju.i18n import _
from poju.node.limits import Limits
from poju.node.metrics import Metrics
from poju.node.problems import problem
from poju.node.quota import Quota, ThrottledError, address_throttled

CHARGE = "poju.charge"
"""Where a request's scope holds what charges its address: a count → nothing, or ``limit.address``."""
ADDRESS, MEMBER, QUEUE = "address", "member", "queue"


def _slow(seconds: int) -> PojuError:
    return CallerError(
        "http.too-slow",
        _("The request's body did not arrive within {seconds} s."),
        hint=_("Send it again over a better line; GET /limits tells what this node takes."),
        seconds=seconds,
    )


class Door:
    """ASGI middleware: every POST is charged to the client's address before anything of it is read."""

    def __init__(self, app: ASGIApp, limits: Limits, metrics: Metrics | None = None) -> None:
        self._app = app
        self._seconds = limits.body_seconds
        self._quota = Quota(limits.address)
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, or answer 429 or 408."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        client = scope.get("client")
        charge = partial(self._charge, client[0] if client else "")
        try:
            charge(1)
        except ThrottledError as error:
            await problem(error)(scope, receive, send)
            return
        scope[CHARGE] = charge  # for what a request holds besides the one thing that it is charged for here
        await self._app(scope, self._bounded(receive), send)

    def _charge(self, address: str, count: int) -> None:
        """Charge ``count`` statements to ``address``; raise ``limit.address``."""
        wait = self._quota.take(address, min(count, self._quota.rate.burst)) if count else 0
        if wait:
            if self._metrics is not None:
                self._metrics.throttled(ADDRESS)
            raise address_throttled(wait)

    def _bounded(self, receive: Receive) -> Receive:
        deadline = asyncio.get_running_loop().time() + self._seconds
        whole = False

        async def bounded() -> Message:
            nonlocal whole
            if whole:  # what follows the body is the client's going away, for which there is no deadline
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise _slow(self._seconds) from None
            whole = not message.get("more_body", False)
            return message

        return bounded
