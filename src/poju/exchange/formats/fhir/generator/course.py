"""A chronic patient's monitoring course: a regular series, the order that is due next, and one that comes between.

Monitoring is no avoidable repeat: the due order must be repeated although the last result of the series is still inside
its window. The order between two dates, elsewhere and for another reason, has a valid result: the newest of the series.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from poju.exchange.formats.fhir.generator.scenes import DAY, HOUR, Scene, comparable, draw_flag, draw_indication

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poju.exchange.formats.fhir.generator.catalogue import Book, Item
    from poju.exchange.formats.fhir.generator.scenes import PlannedResult
    from poju.exchange.formats.fhir.generator.stream import Stream

_SERIES_AT_ORDERER_PERCENT = 30
_JITTER_PERCENT = 3


@dataclass(frozen=True, slots=True)
class Course:
    """The due scene; the later scene without results and how long after; the result that the due order led to.

    ``answer`` counts its gap back from the later order; it is taken ``answer_delay`` seconds after the due order.
    """

    due: Scene
    between: Scene
    between_after: int
    answer: PlannedResult
    answer_delay: int


def write_course(stream: Stream, item: Item, orderers: Sequence[Book], performers: Sequence[Book]) -> Course:
    """Return the course of ``item``, which must have ``monitoring_days``; two institutions must order it."""
    able = [book for book in orderers if item.code in book.codes]
    due_at, between_at = stream.sample(able, 2)
    home = due_at
    if not stream.percent(_SERIES_AT_ORDERER_PERCENT):
        home = stream.choose([book for book in performers if item.code in book.codes and book.id != due_at.id])
    first = comparable(stream, item, home, 0, draw_flag(stream, item))
    results = tuple(replace(first, gap=gap) for gap in _gaps(stream, item))
    due = Scene("monitoring", item, due_at, draw_indication(stream, "monitoring"), results, "monitoring")
    after = item.monitoring_days * DAY * stream.between(15, 45) // 100
    delay = stream.between(2, 12) * HOUR
    answer = replace(first, gap=after - delay, valid=True, book=due_at)
    between = Scene("off-schedule", item, between_at, draw_indication(stream, "valid"), (answer,), None)
    return Course(due, between, after, answer, delay)


def _gaps(stream: Stream, item: Item) -> list[int]:
    """Return when the series was taken, oldest first: every ``monitoring_days``, a few percent early or late."""
    period = item.monitoring_days * DAY
    gaps: list[int] = []
    gap = 0
    for _ in range(stream.between(4, 6)):
        gap += period * stream.between(100 - _JITTER_PERCENT, 100 + _JITTER_PERCENT) // 100
        gaps.append(gap)
    return gaps[::-1]
