"""What ``GET /metrics`` tells, in Prometheus' text form: counted once a batch in plain integers, formatted when asked.

Label values come from closed sets (statement kinds, outcomes, rules' codes), never from a statement's content (PRIV-1).
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from poju.engine.observer import REFUSED, Committed, counts

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the buckets of both histograms, seconds."""
UNKNOWN = "unknown"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Gauges = Callable[[], Mapping[str, float]]
"""Name without ``poju_`` → present value; asked when somebody reads the metrics."""

GAUGES: Mapping[str, str] = {
    "queue_statements": "Statements that wait to be taken into a batch.",
    "queue_limit_statements": "How many may wait; one more is answered 429.",
    "log_leaves": "Leaves of the durable log.",
    "log_blocks": "Blocks of the durable log.",
    "block_time_seconds": "Time of the last block, seconds since 1970.",
    "agreed_leaves": "Leaves up to which the validators have agreed on the root.",
    "lag_leaves": "Durable leaves that are not agreed yet.",
    "chain_height": "Height of the last durable block of the chain.",
    "peers": "Validators that this one's engine is connected to.",
}


class _Histogram:
    """Counts of ``BOUNDS``' buckets and their sum."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._sum = 0.0

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self._sum += seconds

    def family(self, name: str, text: str) -> HistogramMetricFamily:
        total, buckets = 0, []
        for bound, count in zip([*map(str, BOUNDS), "+Inf"], self._counts, strict=True):
            total += count
            buckets.append((bound, total))
        return HistogramMetricFamily(name, text, buckets=buckets, sum_value=self._sum)


class Metrics:
    """An observer of an engine and a Prometheus collector; safe to call from any thread.

    ``gauges`` is asked when somebody reads the metrics; the engine that has the values is set there once it is made.
    """

    def __init__(self, kinds: Collection[str]) -> None:
        self._kinds = frozenset(kinds)
        self.gauges: Gauges = dict
        self._lock = threading.Lock()
        self._statements: Counter[tuple[str, str]] = Counter()
        self._refusals: Counter[str] = Counter()
        self._throttled: Counter[str] = Counter()
        self._failed = 0
        self._answered = _Histogram()
        self._commit = _Histogram()
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def committed(self, batch: Committed) -> None:
        """Count a durable batch."""
        with self._lock:
            if batch.seconds is not None:
                self._commit.add(batch.seconds)
            for (kind, outcome), count in counts(batch.answers).items():
                self._statements[kind if kind in self._kinds else UNKNOWN, outcome] += count
            for told in batch.answers:
                self._answered.add(told.seconds)
                if told.outcome == REFUSED:
                    self._refusals[told.code] += 1

    def failed(self, statements: int) -> None:
        """Count statements that a failing part left without an answer."""
        with self._lock:
            self._failed += statements

    def busy(self) -> None:
        """Count a statement that the full queue did not take."""
        self.throttled("queue")

    def throttled(self, limit: str) -> None:
        """Count a statement turned away by ``limit``: member, address or queue."""
        with self._lock:
            self._throttled[limit] += 1

    def totals(self) -> dict[str, int]:
        """Return what was counted so far: outcome → statements, and ``throttled`` and ``failed``."""
        with self._lock:
            found: Counter[str] = Counter()
            for (_kind, outcome), count in self._statements.items():
                found[outcome] += count
            return {**found, "throttled": self._throttled.total(), "failed": self._failed}

    def render(self) -> bytes:
        """Return all metrics in the text exposition format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family, as ``prometheus_client`` asks of a collector."""
        with self._lock:
            families = [
                _counter("poju_statements", "Answered statements.", ("kind", "outcome"), self._statements.items()),
                _counter(
                    "poju_refusals", "Refusals by rule.", ("code",), [((k,), n) for k, n in self._refusals.items()]
                ),
                _counter(
                    "poju_throttled",
                    "Statements turned away by a limit, without an entry or a refusal.",
                    ("limit",),
                    [((k,), n) for k, n in self._throttled.items()],
                ),
                _counter(
                    "poju_failed_statements", "Statements left unanswered by a failure.", (), [((), self._failed)]
                ),
                self._answered.family("poju_answer_seconds", "From a statement's arrival to its answer."),
                self._commit.family("poju_commit_seconds", "Rules, leaves and the durable commit of one batch."),
            ]
        yield from families
        for name, value in sorted(self.gauges().items()):
            yield GaugeMetricFamily(f"poju_{name}", GAUGES[name], value=value)


def _counter(name: str, text: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], int]]) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for label, count in sorted(values):
        family.add_metric(label, count)
    return family
