"""Units, each defined once. A figure without its unit does not cross a module's border."""

from __future__ import annotations

from typing import NewType

Fen = NewType("Fen", int)
"""Money: hundredths of a yuan."""

Seconds = NewType("Seconds", int)
"""Seconds since 1970-01-01T00:00:00Z, or a duration in seconds where the name says so."""

Millis = NewType("Millis", int)
"""Thousandths of a second."""

Ppm = NewType("Ppm", int)
"""A ratio in parts per million: 950_000 is 95 %. Rules know no floats."""

FEN_PER_YUAN = 100
PPM = 1_000_000


def yuan(amount: int) -> Fen:
    """Return whole yuan as fen."""
    return Fen(amount * FEN_PER_YUAN)
