"""One hostile input at a time: what it may raise, how much time and memory it may take."""

from __future__ import annotations

import contextlib
import random
import signal
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fuzz_mutation import mutate

from poju.errors import BugError, PojuError

BASE_BYTES, BYTES_PER_BYTE = 8 << 20, 400
"""Memory for one input: what caches and modules take at the first use, and the objects that its own bytes become."""
SECONDS, HANG_SECONDS = 1.0, 10.0


@dataclass(frozen=True)
class Decoder:
    """``read`` takes untrusted bytes; ``seeds`` are some that it accepts; ``factor`` loosens both bounds."""

    name: str
    read: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    factor: float = 1.0
    close: Callable[[], None] = field(default=lambda: None)


class Finding(Exception):  # noqa: N818 - it is what is looked for
    """An input that broke the promise, and how."""

    def __init__(self, decoder: str, data: bytes, reason: str) -> None:
        self.decoder, self.data, self.reason = decoder, data, reason
        super().__init__(f"{decoder}: {reason}: {data[:80].hex()}{'…' if len(data) > 80 else ''} ({len(data)} bytes)")


class HungError(BaseException):
    """Raised into a decoder that does not end; no ``except Exception`` of its own takes it."""


@contextlib.contextmanager
def hang_ends(seconds: float) -> Iterator[None]:
    """Raise :class:`HungError` after so much CPU time: a decoder in Python that loops is interrupted."""

    def ring(_signal: int, _frame: object) -> None:
        raise HungError

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def accepts(decoder: Decoder, data: bytes, *, measure_memory: bool = True) -> bool:
    """Return whether ``decoder`` took ``data``; raise :class:`Finding` where it broke its promise.

    The promise: a value or one PojuError that is not our own bug, within time and memory bounded by the input's length.
    """
    if measure_memory:
        tracemalloc.start()
    started, failure, taken = time.process_time(), "", True
    try:
        with hang_ends(HANG_SECONDS * decoder.factor):
            decoder.read(data)
    except BugError as error:
        failure = f"raises {error.code}"
    except PojuError as error:
        taken = False
        failure = "" if str(error) else f"says nothing about {error.code}"
    except HungError:
        failure = "does not end"
    except Exception as error:  # noqa: BLE001 - that is the finding
        failure = f"raises {type(error).__name__}: {str(error)[:160]}"
    finally:
        peak = tracemalloc.get_traced_memory()[1] if measure_memory else 0
        tracemalloc.stop()
    took = time.process_time() - started
    if not failure and took > SECONDS * decoder.factor:
        failure = f"takes {took:.1f} s of CPU time"
    if not failure and peak > decoder.factor * (BASE_BYTES + BYTES_PER_BYTE * len(data)):
        failure = f"takes {peak >> 20} MiB of memory"
    if failure:
        raise Finding(decoder.name, data, failure)
    return taken


def inputs(decoder: Decoder, seed: int) -> Iterator[bytes]:
    """Yield hostile inputs for ``decoder`` without end: the same for the same seed."""
    source = random.Random(zlib.crc32(decoder.name.encode()) + seed)  # noqa: S311 - repeatable on purpose
    while True:
        yield mutate(source, decoder.seeds)
