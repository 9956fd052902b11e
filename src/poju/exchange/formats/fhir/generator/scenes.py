"""What happens to a patient before an order, and the truth that is planted with it.

A scene is drawn first and its results are written to fit: the truth comes from the scene, never from a rule applied to
results afterwards. Times are counted backwards from the order (``gap``, in seconds).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from poju.exchange.formats.fhir.generator.catalogue import NO_UNIT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from poju.exchange.formats.fhir.generator.catalogue import Book, Item, Unit
    from poju.exchange.formats.fhir.generator.stream import Stream
    from poju.exchange.formats.fhir.workload import MustRepeat

HOUR = 3600
DAY = 24 * HOUR

Kind = Literal[
    "repeat-elsewhere",
    "repeat-same",
    "outside-window",
    "wrong-specimen",
    "wrong-unit",
    "quality",
    "acute",
    "first",
    "monitoring",
    "off-schedule",
]

KIND_WEIGHTS: tuple[tuple[Kind, int], ...] = (
    ("repeat-elsewhere", 61),
    ("repeat-same", 13),
    ("outside-window", 6),
    ("wrong-specimen", 4),
    ("wrong-unit", 4),
    ("quality", 3),
    ("acute", 4),
    ("first", 5),
)

_SAME_INSTITUTION_PERCENT = 15
_COMPANION_PERCENT = 22
_UNMARKED_PERCENT = 35
_SECOND_VALID_PERCENT = 25
_INTERVAL_DIFFERENCE_PERCENT = 2
_INDICATIONS: dict[str, tuple[tuple[str, int], ...]] = {
    "valid": (
        ("referral", 30),
        ("pre-operative", 20),
        ("check-up", 20),
        ("admission", 18),
        ("new-symptom", 6),
        ("chronic-care", 4),
        ("worsening", 2),
    ),
    "acute": (("worsening", 55), ("new-symptom", 25), ("admission", 15), ("referral", 5)),
    "monitoring": (("chronic-care", 65), ("follow-up", 30), ("referral", 5)),
    "other": (
        ("referral", 22),
        ("check-up", 22),
        ("admission", 18),
        ("new-symptom", 18),
        ("follow-up", 12),
        ("pre-operative", 8),
    ),
}


@dataclass(frozen=True, slots=True)
class PlannedResult:
    """One earlier result: where, how long before the order, and all that its metadata will say."""

    item: Item
    book: Book
    gap: int
    unit: Unit
    specimen: str
    method: str
    quality: str
    flag: str
    valid: bool


Past: TypeAlias = "tuple[tuple[PlannedResult, ...], MustRepeat | None]"
"""The results before an order and the planted truth."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One order and what stands before it; ``must_repeat`` is None exactly when one of ``results`` is valid."""

    kind: Kind
    item: Item
    book: Book
    indication: str
    results: tuple[PlannedResult, ...]
    must_repeat: MustRepeat | None


def supports(kind: Kind, item: Item) -> bool:
    """Tell whether ``item`` can play in a scene of ``kind``."""
    if kind == "wrong-specimen":
        return bool(item.wrong_specimens)
    if kind == "wrong-unit":
        return bool(item.wrong_units)
    return True


def comparable(stream: Stream, item: Item, book: Book, gap: int, flag: str) -> PlannedResult:
    """Return a result of ``item`` that could be recognised anywhere; it is not yet called valid."""
    return PlannedResult(
        item=item,
        book=book,
        gap=gap,
        unit=stream.choose(item.units) if item.units else NO_UNIT,
        specimen=stream.choose(item.specimens) if item.specimens else "",
        method=stream.choose(item.methods),
        quality="HR",
        flag=flag,
        valid=False,
    )


def draw_flag(stream: Stream, item: Item) -> str:
    """Return a flag as it is spread over ordinary results."""
    if item.modality:
        return stream.weighted((("N", 65), ("A", 35)))
    return stream.weighted((("N", 58), ("H", 28), ("L", 14)))


def other_flag(stream: Stream, item: Item, flag: str) -> str:
    """Return a flag that says the opposite: normal turns abnormal, abnormal turns normal."""
    if flag != "N":
        return "N"
    return "A" if item.modality else stream.choose(("H", "L"))


def draw_indication(stream: Stream, group: str) -> str:
    """Return the reason for an order; it hints at the truth and never decides it."""
    return stream.weighted(_INDICATIONS[group])


class SceneWriter:
    """Writes the scenes of one patient, who is seen at ``orderers`` and examined also at ``performers``."""

    def __init__(self, stream: Stream, orderers: Sequence[Book], performers: Sequence[Book]) -> None:
        self._stream = stream
        self._orderers = orderers
        self._performers = performers

    def write(self, kind: Kind, item: Item) -> Scene:
        """Return a scene of ``kind`` about ``item``; some patient's institution must order and another perform it."""
        book = self._stream.choose([place for place in self._orderers if item.code in place.codes])
        results, must_repeat = self._past(kind, item, book)
        group = "acute" if kind == "acute" else "other" if must_repeat else "valid"
        return Scene(kind, item, book, draw_indication(self._stream, group), results, must_repeat)

    def _past(self, kind: Kind, item: Item, book: Book) -> Past:
        writers: dict[Kind, Callable[[Item, Book], Past]] = {
            "repeat-elsewhere": self._repeat_elsewhere,
            "repeat-same": self._repeat_same,
            "outside-window": self._outside_window,
            "wrong-specimen": self._wrong_specimen,
            "wrong-unit": self._wrong_unit,
            "quality": self._quality,
            "acute": self._acute,
        }
        return writers[kind](item, book) if kind in writers else ((), "none-earlier")

    def _elsewhere(self, item: Item, book: Book) -> Book:
        return self._stream.choose(
            [place for place in self._performers if item.code in place.codes and place.id != book.id]
        )

    def _somewhere(self, item: Item, book: Book) -> Book:
        return book if self._stream.percent(_SAME_INSTITUTION_PERCENT) else self._elsewhere(item, book)

    def _gap(self, item: Item, first_percent: int, last_percent: int) -> int:
        """Return a gap between two percentages of the item's window."""
        window = item.window_days * DAY
        return self._stream.between(window * first_percent // 100, window * last_percent // 100)

    def _repeat_elsewhere(self, item: Item, book: Book) -> Past:
        flag = draw_flag(self._stream, item)
        place = self._elsewhere(item, book)
        results = [replace(comparable(self._stream, item, place, self._gap(item, 20, 90), flag), valid=True)]
        if self._stream.percent(_SECOND_VALID_PERCENT):
            results.append(self._second(item, book, flag))
        if self._stream.percent(_COMPANION_PERCENT):
            results.extend(self._companion(item, book, flag))
        return tuple(results), None

    def _second(self, item: Item, book: Book, flag: str) -> PlannedResult:
        """Return a newer valid result. Rarely its flag differs because that place uses another reference interval."""
        if self._stream.percent(_INTERVAL_DIFFERENCE_PERCENT * 100 // _SECOND_VALID_PERCENT):
            flag = other_flag(self._stream, item, flag)
        second = comparable(self._stream, item, self._elsewhere(item, book), self._gap(item, 4, 18), flag)
        return replace(second, valid=True)

    def _companion(self, item: Item, book: Book, flag: str) -> list[PlannedResult]:
        """Return a newer result that must not be taken beside the valid one, and that makes no trend with it."""
        newer = comparable(self._stream, item, self._elsewhere(item, book), self._gap(item, 1, 3), flag)
        opposite = other_flag(self._stream, item, flag)
        if item.wrong_specimens:
            return [replace(newer, specimen=self._stream.choose(item.wrong_specimens), flag=opposite)]
        if item.wrong_units:
            return [replace(newer, unit=self._stream.choose(item.wrong_units), flag=opposite)]
        return [replace(newer, quality="none")] if self._stream.percent(_UNMARKED_PERCENT) else []

    def _repeat_same(self, item: Item, book: Book) -> Past:
        result = comparable(self._stream, item, book, self._gap(item, 5, 90), draw_flag(self._stream, item))
        return (replace(result, valid=True, quality=self._stream.weighted((("HR", 75), ("local", 25)))),), None

    def _outside_window(self, item: Item, book: Book) -> Past:
        place = self._somewhere(item, book)
        return (self._ordinary(item, place, self._gap(item, 125, 380)),), "none-earlier"

    def _wrong_specimen(self, item: Item, book: Book) -> Past:
        result = self._ordinary(item, self._somewhere(item, book), self._gap(item, 5, 85))
        return (replace(result, specimen=self._stream.choose(item.wrong_specimens)),), "none-earlier"

    def _wrong_unit(self, item: Item, book: Book) -> Past:
        result = self._ordinary(item, self._somewhere(item, book), self._gap(item, 5, 85))
        return (replace(result, unit=self._stream.choose(item.wrong_units)),), "none-earlier"

    def _quality(self, item: Item, book: Book) -> Past:
        result = self._ordinary(item, self._elsewhere(item, book), self._gap(item, 5, 85))
        return (replace(result, quality=self._stream.choose(("none", "local"))),), "quality"

    def _acute(self, item: Item, book: Book) -> Past:
        flag = self._stream.weighted((("N", 75), (other_flag(self._stream, item, "N"), 25)))
        # A trend can only be asked for where the concordance shows both results, or neither.
        mapped = [place for place in self._performers if item.code in place.codes and item.code not in place.unmapped]
        places = [place for place in mapped if place.id != book.id] or [self._elsewhere(item, book)]
        older = comparable(self._stream, item, self._stream.choose(places), self._gap(item, 45, 85), flag)
        flipped = other_flag(self._stream, item, flag)
        newer = comparable(self._stream, item, self._stream.choose(places), self._gap(item, 5, 35), flipped)
        return (older, newer), "acute-change"

    def _ordinary(self, item: Item, place: Book, gap: int) -> PlannedResult:
        return comparable(self._stream, item, place, gap, draw_flag(self._stream, item))
