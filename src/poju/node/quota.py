"""Rates per member and per address: the generic cell rate algorithm (ITU-T I.371, annex A), one integer a key.

For each key the time is kept at which all that it has sent would have been sent at its steady rate. What comes while
that time lies further ahead than a burst takes is turned away, with how long to wait. The ``limits`` library has no
such bucket and no bound on its memory, and its windows took 3 to 6 times the processor time (docs/reference/limits.md).
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from poju.errors import CallerError
from poju.i18n import _
from poju.node.limits import Rate

SECOND = 1_000_000_000
KEPT = 65_536


class Quota:
    """Buckets of one rate for many keys, in bounded memory: of more than ``kept`` the longest idle is forgotten."""

    def __init__(self, rate: Rate, clock: Callable[[], int] = time.monotonic_ns, kept: int = KEPT) -> None:
        self.rate = rate
        self._clock = clock
        self._kept = kept
        self._step = SECOND // rate.per_second
        self._ahead = self._step * rate.burst
        self._due: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str, cost: int = 1) -> int:
        """Charge ``cost`` statements to ``key``; return 0, or for how many nanoseconds it has to wait, uncharged."""
        now = self._clock()
        with self._lock:
            due = max(self._due.get(key, now), now) + self._step * cost
            if due - now > self._ahead:
                return due - now - self._ahead
            self._due[key] = due
            self._due.move_to_end(key)
            if len(self._due) > self._kept:
                self._due.popitem(last=False)
        return 0

    def __len__(self) -> int:
        """Return how many keys are kept."""
        return len(self._due)


class ThrottledError(CallerError):
    """Too much at once; ``retry_after`` is the whole seconds to wait."""

    def __init__(self, code: str, message: str, wait: int, **parameters: object) -> None:
        self.retry_after = max(1, -(-wait // SECOND))
        super().__init__(
            code,
            message,
            hint=_("Send the same bytes again after {seconds} s: nothing is registered twice. GET /limits says more."),
            seconds=self.retry_after,
            **parameters,
        )


def member_throttled(wait: int) -> ThrottledError:
    """Return ``limit.member``: this member's statements come faster than this node takes them."""
    return ThrottledError(
        "limit.member", _("This member sends more statements than this node takes from one member."), wait
    )


def address_throttled(wait: int) -> ThrottledError:
    """Return ``limit.address``: requests from this address come faster than this node takes them."""
    return ThrottledError(
        "limit.address", _("More comes from this address than this node takes from one address."), wait
    )
