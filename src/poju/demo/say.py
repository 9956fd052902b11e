"""How the demonstration speaks: each step prints its result and its file; long work shows progress."""

from __future__ import annotations

import json
import sys
import time
import unicodedata
from typing import TextIO

from poju.i18n import translate

WIDTH = 78


def columns(text: str) -> int:
    """Return how many terminal columns ``text`` takes: wide characters take two (Unicode UAX #11)."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


class Voice:
    """Writes to ``stream`` in one language; ``as_json`` prints one JSON object a line instead of sentences."""

    def __init__(self, language: str, *, as_json: bool = False, stream: TextIO | None = None) -> None:
        self.language = language
        self._json = as_json
        self._stream = stream or sys.stdout
        self._terminal = self._stream.isatty() and not as_json
        self._started = time.monotonic()
        self._step = ""
        self._open_line = False

    def _line(self, text: str) -> None:
        if self._open_line:
            self._stream.write("\r\x1b[K")
            self._open_line = False
        self._stream.write(text + "\n")
        self._stream.flush()

    def _record(self, **values: object) -> None:
        self._line(json.dumps({"step": self._step, **values}, ensure_ascii=False))

    def step(self, number: int, name: str, text: str) -> None:
        """Open step ``number``; ``name`` is its verb, ``text`` (English, translated here) says what it is for."""
        self._step = name
        said = translate(text, self.language)
        if self._json:
            self._record(number=number, text=said)
            return
        elapsed = f"{time.monotonic() - self._started:5.1f} s"
        self._line("")
        head = f"{number}. {name} · {said} "
        self._line(head + "─" * (WIDTH - columns(head) - len(elapsed)) + f" {elapsed}")

    def word(self, text: str) -> str:
        """Return one translated word, for a sentence's parameter."""
        return translate(text, self.language)

    def tell(self, text: str, **parameters: object) -> None:
        """Say one translated sentence."""
        said = translate(text, self.language, **parameters)
        if self._json:
            self._record(text=said, **{key: str(value) for key, value in parameters.items()})
        else:
            self._line(f"   {said}")

    def show(self, block: str) -> None:
        """Show a block that is already in the reader's language."""
        if self._json:
            self._record(block=block)
        else:
            self._line("\n".join(f"   {line}" for line in block.splitlines()))

    def file(self, path: str) -> None:
        """Say where the result lies."""
        if self._json:
            self._record(file=path)
        else:
            self._line(f"   → {path}")

    def acknowledged(self, index: int, digest: str) -> None:
        """Say that a statement is durable: one line each, or on a terminal the newest in place (LOG-1)."""
        if self._json:
            self._record(acknowledged=index, digest=digest)
        elif self._terminal:
            self._stream.write(f"\r\x1b[K   ack {index} {digest[:16]}…")
            self._stream.flush()
            self._open_line = True
        else:
            self._line(f"   ack {index} {digest}")
