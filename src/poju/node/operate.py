"""What an operator watches and sets: ``/metrics``, ``/limits``, the door before the routes, a line of log at times."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import JSONResponse

from poju.engine.embedded import Charge
from poju.errors import PojuError
from poju.node import logs
from poju.node.door import MEMBER, Door
from poju.node.limits import Limits
from poju.node.metrics import CONTENT_TYPE, Metrics
from poju.node.quota import Quota, member_throttled

SUMMARY_SECONDS = 10.0
SHOWN = ("queue_statements", "log_leaves", "log_blocks", "lag_leaves", "peers")


def charging(limits: Limits, metrics: Metrics) -> Charge:
    """Return what an engine asks for each member whose signature holds."""
    quota = Quota(limits.member)

    def charge(member: str) -> PojuError | None:
        wait = quota.take(member)
        if not wait:
            return None
        metrics.throttled(MEMBER)
        return member_throttled(wait)

    return charge


def install(app: FastAPI, limits: Limits, metrics: Metrics) -> None:
    """Add the two addresses and the door to ``app``."""
    router = APIRouter()

    @router.get("/metrics")
    def read_metrics() -> Response:
        return Response(metrics.render(), media_type=CONTENT_TYPE)

    @router.get("/limits")
    def read_limits() -> Response:
        return JSONResponse(limits.describe())

    app.include_router(router)
    app.add_middleware(Door, limits=limits, metrics=metrics)


class Summary:
    """Says what was answered every ten seconds in which anything was. Ends with :meth:`close`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._told: Mapping[str, int] = metrics.totals()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="summary", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(SUMMARY_SECONDS):
            self.say()
        self.say()

    def say(self) -> None:
        """Write one line about what has been counted since the last one, or nothing."""
        now = self._metrics.totals()
        news = {name: count - self._told.get(name, 0) for name, count in now.items()}
        if any(news.values()):
            self._told = now
            gauges = self._metrics.gauges()
            logs.say("ledger", **news, **{name: int(gauges[name]) for name in SHOWN if name in gauges})

    def close(self) -> None:
        """Say the last line and stop."""
        self._ended.set()
        self._thread.join()
