"""One patient's history: visits in time, the results before and after them, and the cases with their truths apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from poju.exchange.formats.fhir.generator.catalogue import Book, Item, concordance, items
from poju.exchange.formats.fhir.generator.course import write_course
from poju.exchange.formats.fhir.generator.scenes import (
    DAY,
    HOUR,
    KIND_WEIGHTS,
    Kind,
    PlannedResult,
    Scene,
    SceneWriter,
    comparable,
    draw_flag,
    supports,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poju.exchange.formats.fhir.generator.stream import Stream
    from poju.exchange.formats.fhir.workload import Case, Earlier, Truth

EPOCH = 1_735_689_600
"""2025-01-01T00:00:00Z: the first day of the region's calendar."""

_FIRST_ORDER_DAY = 180
_DAYS_BETWEEN_ORDERS = 60
_LAST_DAY = 540
_ORDERS = ((4, 30), (5, 40), (6, 30))
_CHRONIC_PERCENT = 20
_BACKGROUND = (2, 5)
_LABORATORY_PERCENT = 70


@dataclass(frozen=True, slots=True)
class Visit:
    """One order of a patient at ``time``, in seconds since 1970."""

    scene: Scene
    time: int

    @property
    def answered(self) -> bool:
        """Whether the examination takes place for certain: a must-repeat; otherwise only where nobody recognises."""
        return self.scene.must_repeat is not None


@dataclass(frozen=True, slots=True)
class Taken:
    """A result at a time. ``answers`` and ``valid_for`` are indexes of visits."""

    plan: PlannedResult
    time: int
    answers: int | None = None
    valid_for: int | None = None


@dataclass(frozen=True, slots=True)
class History:
    """All of one patient: visits by time, results by time, whose indexes number them."""

    visits: tuple[Visit, ...]
    results: tuple[Taken, ...]


def draw_network(stream: Stream, places: Sequence[Book]) -> tuple[list[Book], list[Book]]:
    """Return the institutions that order for one patient and those that perform: two or three hospitals and others."""
    hospitals = [place for place in places if place.role == "hospital"]
    clinics = [place for place in places if place.role == "clinic"]
    laboratories = [place for place in places if place.role == "laboratory"]
    orderers = stream.sample(hospitals, stream.between(2, 3)) + stream.sample(clinics, stream.between(0, 2))
    uses_laboratory = stream.percent(_LABORATORY_PERCENT)
    return orderers, orderers + (laboratories if uses_laboratory else [])


def write_history(stream: Stream, places: Sequence[Book]) -> History:
    """Return the history of one patient who is seen at some of ``places``."""
    orderers, performers = draw_network(stream, places)
    unused = dict(items())
    count = stream.weighted(_ORDERS)
    times = _order_times(stream, count)
    visits: list[Visit] = []
    results: list[Taken] = []
    if stream.percent(_CHRONIC_PERCENT):
        item = _draw_item(stream, [item for item in unused.values() if item.monitoring_days])
        del unused[item.code]
        _add_course(stream, item, (orderers, performers), times.pop(), visits, results)
        times.pop()
    writer = SceneWriter(stream, orderers, performers)
    for time in times:
        kind, item = _draw_scene(stream, list(unused.values()))
        del unused[item.code]
        _add_scene(stream, writer.write(kind, item), time, visits, results)
    others = stream.sample(list(unused.values()), stream.between(*_BACKGROUND))
    results.extend(_background(stream, item, performers) for item in others)
    return _in_order(visits, results)


def _order_times(stream: Stream, count: int) -> list[int]:
    """Return ``count`` times in office hours (UTC+8), about two months apart, in random order."""
    slots = stream.sample(range(6), count)
    days = [_FIRST_ORDER_DAY + slot * _DAYS_BETWEEN_ORDERS + stream.below(20) for slot in slots]
    return [EPOCH + day * DAY + stream.between(0, 9 * HOUR - 1) for day in days]


def _draw_scene(stream: Stream, unused: Sequence[Item]) -> tuple[Kind, Item]:
    """Return a kind of scene and an unused item that it can be about; a kind that no item is left for is drawn again."""
    while True:
        kind = stream.weighted(KIND_WEIGHTS)
        options = [item for item in unused if supports(kind, item)]
        if options:
            return kind, _draw_item(stream, options)


def _draw_item(stream: Stream, options: Sequence[Item]) -> Item:
    return stream.weighted([(item, item.weight) for item in options])


def _add_scene(stream: Stream, scene: Scene, time: int, visits: list[Visit], results: list[Taken]) -> None:
    visit = len(visits)
    visits.append(Visit(scene, time))
    results.extend(Taken(plan, time - plan.gap, valid_for=visit if plan.valid else None) for plan in scene.results)
    results.append(_answer(stream, scene, time, visit))


def _answer(stream: Stream, scene: Scene, time: int, visit: int) -> Taken:
    """Return the result that the order itself leads to where the examination takes place."""
    plan = comparable(stream, scene.item, scene.book, 0, draw_flag(stream, scene.item))
    quality = stream.weighted((("HR", 90), ("local", 10)))
    return Taken(replace(plan, quality=quality), time + stream.between(2, 26) * HOUR, answers=visit)


def _add_course(
    stream: Stream,
    item: Item,
    network: tuple[list[Book], list[Book]],
    time: int,
    visits: list[Visit],
    results: list[Taken],
) -> None:
    course = write_course(stream, item, *network)
    due, between = len(visits), len(visits) + 1
    visits.append(Visit(course.due, time))
    visits.append(Visit(course.between, time + course.between_after))
    results.extend(Taken(plan, time - plan.gap) for plan in course.due.results)
    results.append(Taken(course.answer, time + course.answer_delay, answers=due, valid_for=between))
    results.append(_answer(stream, course.between, time + course.between_after, between))


def _background(stream: Stream, item: Item, performers: Sequence[Book]) -> Taken:
    """Return a result that no order asks about."""
    place = stream.choose([book for book in performers if item.code in book.codes])
    plan = comparable(stream, item, place, 0, draw_flag(stream, item))
    quality = stream.weighted((("HR", 80), ("local", 12), ("none", 8)))
    return Taken(replace(plan, quality=quality), EPOCH + stream.below(_LAST_DAY * DAY))


def _in_order(visits: list[Visit], results: list[Taken]) -> History:
    """Sort visits and results by time and renumber what points at visits."""
    order = sorted(range(len(visits)), key=lambda index: visits[index].time)
    place = {old: new for new, old in enumerate(order)}
    moved = [
        replace(
            taken,
            answers=None if taken.answers is None else place[taken.answers],
            valid_for=None if taken.valid_for is None else place[taken.valid_for],
        )
        for taken in results
    ]
    return History(tuple(visits[index] for index in order), tuple(sorted(moved, key=lambda taken: taken.time)))


def write_case(history: History, number: int, case: str, patient: str) -> tuple[Case, Truth, list[int]]:
    """Return visit ``number`` as a case, its truth, and which results the case's ``r1``, ``r2`` … are."""
    visit = history.visits[number]
    seen = [index for index, taken in enumerate(history.results) if _known(history, taken, visit.time)]
    names = {index: f"r{place}" for place, index in enumerate(seen, start=1)}
    earlier = [_earlier(names[index], history.results[index]) for index in seen]
    book = visit.scene.book
    code = book.codes[visit.scene.item.code]
    listed = concordance()
    keys = [f"{book.code_system}|{code}"] + [f"{row['system']}|{row['code']}" for row in earlier]
    written: Case = {
        "case": case,
        "patient": patient,
        "input": {
            "order": {
                "code": code,
                "system": book.code_system,
                "time": visit.time,
                "indication": visit.scene.indication,
                "institution": book.id,
            },
            "earlier": earlier,
            "catalogue": {key: listed[key] for key in sorted(dict.fromkeys(keys)) if key in listed},
        },
    }
    valid = [names[index] for index in seen if history.results[index].valid_for == number]
    return written, {"valid": valid, "must_repeat": visit.scene.must_repeat}, seen


def _known(history: History, taken: Taken, time: int) -> bool:
    """Tell whether a result stands in the region at ``time``: taken, and not spared by recognition."""
    return taken.time < time and (taken.answers is None or history.visits[taken.answers].answered)


def _earlier(name: str, taken: Taken) -> Earlier:
    plan = taken.plan
    return {
        "id": name,
        "code": plan.book.codes[plan.item.code],
        "system": plan.book.code_system,
        "unit": plan.unit.code,
        "specimen": plan.specimen,
        "method": plan.method,
        "quality": plan.quality,
        "flag": plan.flag,
        "time": taken.time,
        "institution": plan.book.id,
    }
