"""Numbers drawn from SHA-256 in counter mode: integers only, the same on every machine and Python release."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

Choice = TypeVar("Choice")

_DRAW_BYTES = 8
_DRAW_RANGE = 1 << (8 * _DRAW_BYTES)


class Stream:
    """An endless stream of integers that depends on a seed and a path of labels only.

    A part of the region (a patient, say) has a stream of its own, so more patients do not change the first ones.
    """

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.sha256(b"poju/fhir-generator/1\x00" + key).digest()
        self._counter = 0

    @classmethod
    def from_seed(cls, seed: int | bytes) -> Stream:
        """Return the stream of ``seed``; an integer and its decimal digits as bytes are different seeds."""
        return cls(b"int:%d" % seed if isinstance(seed, int) else b"bytes:" + seed)

    def fork(self, label: str) -> Stream:
        """Return the stream of the part named ``label``; it does not depend on what was drawn here before."""
        return Stream(self._key + label.encode())

    def below(self, bound: int) -> int:
        """Return an integer in ``0 … bound - 1``, each equally likely (rejection, no modulo bias)."""
        limit = _DRAW_RANGE - _DRAW_RANGE % bound
        while True:
            number = int.from_bytes(self._block()[:_DRAW_BYTES], "big")
            if number < limit:
                return number % bound

    def between(self, first: int, last: int) -> int:
        """Return an integer in ``first … last``, both included."""
        return first + self.below(last - first + 1)

    def percent(self, chance: int) -> bool:
        """Return True in ``chance`` of a hundred draws."""
        return self.below(100) < chance

    def choose(self, options: Sequence[Choice]) -> Choice:
        """Return one of ``options``, which must not be empty."""
        return options[self.below(len(options))]

    def weighted(self, options: Sequence[tuple[Choice, int]]) -> Choice:
        """Return one of ``(option, weight)``; the weights are whole numbers whose sum is positive."""
        ticket = self.below(sum(weight for _, weight in options))
        for option, weight in options:
            ticket -= weight
            if ticket < 0:
                return option
        raise AssertionError(ticket)

    def sample(self, options: Sequence[Choice], count: int) -> list[Choice]:
        """Return ``count`` different ones of ``options`` in the order drawn (all of them if there are fewer)."""
        rest = list(options)
        return [rest.pop(self.below(len(rest))) for _ in range(min(count, len(rest)))]

    def hexadecimal(self, digits: int) -> str:
        """Return up to 64 lower-case hexadecimal digits."""
        return self._block().hex()[:digits]

    def _block(self) -> bytes:
        self._counter += 1
        return hashlib.sha256(self._key + self._counter.to_bytes(8, "big")).digest()
