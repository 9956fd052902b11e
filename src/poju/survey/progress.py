"""One line that tells how far a run is: n of N, documents a second, time left, skipped. Never part of a result."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

from poju.i18n import _, translate
from poju.survey.run import Progress

_LINE = _("{done} of {total} documents, {rate} a second, {left} left, {skipped} skipped, {kept} read before")
_EVERY_TERMINAL, _EVERY_FILE = 0.2, 5.0
_CLEAR = "\r\x1b[2K"
_MINUTE, _HOUR = 60, 3600


class Teller:
    """Writes the line to ``stream``: over itself on a terminal, else a new line every five seconds and at the end."""

    def __init__(self, language: str, stream: TextIO = sys.stderr, clock: Callable[[], float] = time.monotonic) -> None:
        self._language = language
        self._stream = stream
        self._clock = clock
        self._terminal = stream.isatty()
        self._start = self._last = clock()
        self._shown = False

    def __call__(self, progress: Progress) -> None:
        """Tell ``progress``, unless the last telling was a moment ago."""
        now = self._clock()
        ended = progress.done == progress.total
        if now - self._last < (_EVERY_TERMINAL if self._terminal else _EVERY_FILE) and not ended:
            return
        self._last = now
        rate = max(0, progress.done - progress.kept) / max(now - self._start, 1e-3)
        left = duration((progress.total - progress.done) / rate) if rate else "?"
        line = translate(
            _LINE,
            self._language,
            done=progress.done,
            total=progress.total,
            rate=f"{rate:.1f}",
            left=left,
            skipped=progress.skipped,
            kept=progress.kept,
        )
        print(f"{_CLEAR}{line}" if self._terminal else line, file=self._stream, end="" if self._terminal else "\n")
        self._stream.flush()
        self._shown = self._terminal

    def clear(self) -> None:
        """Leave the terminal's line empty for what comes next."""
        if self._shown:
            print(_CLEAR, file=self._stream, end="", flush=True)
            self._shown = False


def duration(seconds: float) -> str:
    """Return ``seconds`` as h:mm:ss or m:ss."""
    whole = round(seconds)
    minutes, rest = divmod(whole, _MINUTE)
    if whole >= _HOUR:
        return f"{whole // _HOUR}:{minutes % _MINUTE:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}"
