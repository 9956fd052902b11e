"""What an engine tells whoever watches it: once a batch, never once a statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

REGISTERED, AGAIN, REFUSED = "registered", "again", "refused"


class Told(NamedTuple):
    """One answered statement: its kind, the outcome, the rule's code where it was refused, seconds since it came."""

    kind: str
    outcome: str
    code: str
    seconds: float


@dataclass(frozen=True)
class Committed:
    """Answered statements. ``size``, ``height``, ``time``: the log's after them.

    ``seconds``: what the durable commit took, None where there was none of its own.
    """

    answers: Sequence[Told]
    seconds: float | None
    size: int
    height: int
    time: int


class Observer(Protocol):
    """Counts what happened. Called from the engine's own threads: it must not block, raise or keep what it is given."""

    def busy(self) -> None:
        """Note a statement that the full queue did not take."""

    def committed(self, batch: Committed) -> None:
        """Note a durable batch."""

    def failed(self, statements: int) -> None:
        """Note that ``statements`` could not be answered, because a part of this machine failed."""


class Unobserved:
    """An observer that looks away."""

    def busy(self) -> None:
        """Note nothing."""

    def committed(self, batch: Committed) -> None:
        """Note nothing."""

    def failed(self, statements: int) -> None:
        """Note nothing."""


def counts(answers: Iterable[Told]) -> dict[tuple[str, str], int]:
    """Return (kind, outcome) → how many."""
    found: dict[tuple[str, str], int] = {}
    for told in answers:
        place = told.kind, told.outcome
        found[place] = found.get(place, 0) + 1
    return found
