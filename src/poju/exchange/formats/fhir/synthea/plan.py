"""Orders, quality marks, flags and truths for reports that came without them.

Every order stands before a real report. What the data show is kept: times, places, specimens, series. What they lack is
drawn, and the truth with it. Two kinds of monitoring are read from the data: a regular series whose next date has come,
and many results of one item within a year, as chronic care writes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from poju.exchange.formats.fhir.generator.catalogue import items
from poju.exchange.formats.fhir.generator.scenes import DAY, HOUR, draw_flag, draw_indication, other_flag

if TYPE_CHECKING:
    from poju.exchange.formats.fhir.generator.catalogue import Book, Item
    from poju.exchange.formats.fhir.generator.stream import Stream
    from poju.exchange.formats.fhir.synthea.extract import Report
    from poju.exchange.formats.fhir.workload import MustRepeat

ORDER_BEFORE_REPORT = 2 * HOUR
HORIZON = 400 * DAY
MAXIMUM_EARLIER = 64
_MONITORING_PER_YEAR = 12
_SERIES = 4
_GAP_TOLERANCE_PERCENT = 25
_MARKS = (("HR", 85), ("local", 8), ("none", 7))
_PAIR = 2
_INDICATION_GROUPS = {"valid": "valid", "acute-change": "acute", "monitoring": "monitoring"}


@dataclass(slots=True)
class Result:
    """One report with what was drawn for it; the first order in whose window it lies settles its mark and flag."""

    report: Report
    book: Book
    item: Item
    unit: str
    method: str
    quality: str
    flag: str
    settled: bool = False

    @property
    def comparable(self) -> bool:
        """Whether the region's list accepts the specimen (its units it always accepts here)."""
        return self.report.specimen in self.item.specimens


@dataclass(slots=True, eq=False)
class PlannedOrder:
    """One order, placed two hours before its report, with its truth."""

    book: Book
    item: Item
    time: int
    indication: str = ""
    valid: list[Result] = field(default_factory=list)
    must_repeat: MustRepeat | None = None


def draw_result(stream: Stream, report: Report, book: Book, baseline: str) -> Result:
    """Return ``report`` with a unit, a method and a mark; ``baseline`` is the patient's usual flag for the item."""
    item = items()[report.item]
    method, mark = stream.choose(item.methods), stream.weighted(_MARKS)
    return Result(report, book, item, stream.choose(item.units).code, method, mark, baseline)


def draw_baselines(stream: Stream, reports: list[Report]) -> dict[str, str]:
    """Return the usual flag of one patient for each item."""
    codes = sorted({report.item for report in reports})
    return {code: draw_flag(stream, items()[code]) for code in codes}


def plan_orders(stream: Stream, results: list[Result]) -> list[PlannedOrder]:
    """Return the orders of one patient by time and set marks and flags of ``results`` to fit their truths.

    Every report took place as recorded, so each is an earlier result for all later orders. What one order has settled
    about a result stays so for the next.
    """
    orders: list[PlannedOrder] = []
    for code in sorted({result.item.code for result in results}):
        own = [result for result in results if result.item.code == code]
        orders.extend(_plan_item(stream.fork(code), own))
    return sorted(orders, key=lambda order: (order.time, order.item.code))


def known_before(results: list[Result], time: int) -> list[Result]:
    """Return what the region shows at ``time``: the newest 64 results of the last 400 days, oldest first."""
    return [result for result in results if time - HORIZON <= result.report.time < time][-MAXIMUM_EARLIER:]


def _plan_item(stream: Stream, results: list[Result]) -> list[PlannedOrder]:
    orders: list[PlannedOrder] = []
    for result in results:
        time = result.report.time - ORDER_BEFORE_REPORT
        if orders and time - orders[-1].time < DAY:
            continue
        order = PlannedOrder(result.book, result.item, time)
        order.must_repeat = _plant(stream, order, known_before(results, time))
        order.indication = draw_indication(stream, _INDICATION_GROUPS.get(order.must_repeat or "valid", "other"))
        orders.append(order)
    return orders


def _plant(stream: Stream, order: PlannedOrder, past: list[Result]) -> MustRepeat | None:
    """Draw the truth of ``order`` among what its past allows; set ``order.valid`` where there is something valid."""
    usable = [result for result in past if result.comparable]
    recent = [result for result in usable if order.time - result.report.time <= order.item.window_days * DAY]
    if not recent:
        return "none-earlier"
    if _monitored(usable, order.time):
        return "monitoring"
    kind = stream.weighted((("valid", 76), ("quality", 12), ("acute", 12)))
    _settle(stream, order, recent, kind)
    marked = [result for result in recent if _counts_at(result, order.book)]
    if not marked:
        return "quality"
    if len(marked) >= _PAIR and marked[-1].flag != marked[-2].flag:
        return "acute-change"
    order.valid = marked
    return None


def _settle(stream: Stream, order: PlannedOrder, recent: list[Result], kind: str) -> None:
    """Set marks and flags of those results that no earlier order has settled."""
    flag = next((result.flag for result in recent if result.settled), recent[0].flag)
    for result in recent:
        if result.settled:
            flag = result.flag
            continue
        result.settled = True
        result.flag = flag
        result.quality = "HR"
        if kind == "quality":
            result.quality = "none" if result.book.id == order.book.id else stream.choose(("none", "local"))
        elif kind == "acute" and result is recent[-1]:
            result.flag = other_flag(stream, order.item, flag)


def _counts_at(result: Result, book: Book) -> bool:
    return result.quality == "HR" or (result.quality == "local" and result.book.id == book.id)


def _monitored(usable: list[Result], time: int) -> bool:
    """Tell whether the order continues a monitoring course: a regular series that is due, or many within a year."""
    times = [result.report.time for result in usable]
    if sum(time - 365 * DAY <= taken for taken in times) >= _MONITORING_PER_YEAR:
        return True
    if len(times) < _SERIES:
        return False
    gaps = [later - before for before, later in pairwise(times[-_SERIES:])]
    mean = sum(gaps) // len(gaps)
    regular = all(abs(gap - mean) * 100 <= mean * _GAP_TOLERANCE_PERCENT for gap in gaps)
    return regular and (time - times[-1]) * 100 >= mean * (100 - _GAP_TOLERANCE_PERCENT)
