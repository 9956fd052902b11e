"""Try the patterns of data files on sentences made to be hard: does each compile, and does none take for ever."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from types import FrameType

SECONDS = 0.5
"""Processor time in seconds that one pattern may take for all hard sentences together."""
_LENGTH = 800
"""As long as a sentence may be: `poju.survey.text` cuts longer ones."""
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_GAP = re.compile(r"<<(\d+)>>|<(\d+)>")
_HINT = re.compile(r"[\\\[(|?*+^$]")
_STARTS = ("", "的", "一", "1", "1,", "建设", "支持企业", "给予最高1万元", "a ", "the ")


class TooSlowError(Exception):
    """The pattern did not end within its time."""


def strings(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield ``(path, text)`` of every text inside a decoded TOML value."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from strings(inner, f"{path}.{name}".lstrip("."))
    elif isinstance(value, Sequence):
        for inner in value:
            yield from strings(inner, path)


def is_pattern(text: str) -> bool:
    """Return whether ``text`` uses the signs of a regular expression."""
    return _HINT.search(text) is not None


def filled(text: str, parts: Mapping[str, str]) -> str:
    """Return ``text`` with ``{name}`` filled in from ``parts`` (a plain group where not known) and ``<n>`` gaps."""
    for _ in range(3):  # a part may hold a part
        text = _PLACEHOLDER.sub(lambda match: parts.get(match[1], "(?:一)"), text)
    return _GAP.sub(lambda match: f"[^。；！？\\n]{{0,{match[1] or match[2]}}}?", text)


def unique_groups(text: str) -> str:
    """Return ``text`` with its named groups unnamed: parts that are filled in twice may share a name."""
    return re.sub(r"\(\?P<[a-z_]+>", "(", re.sub(r"\(\?P=[a-z_]+\)", "", text))


@lru_cache(maxsize=1024)
def try_hard(pattern: re.Pattern[str], words: tuple[str, ...] = ()) -> None:
    """Raise `TooSlowError` where ``pattern`` takes more than `SECONDS` for hard sentences made of ``words``.

    Outside the main thread, and where the system has no timer of processor time, nothing is tried.
    """
    sentences = [(start + unit * _LENGTH)[:_LENGTH] for unit in (*words, *_STARTS[1:]) for start in ("", *words[:2])]
    with _limited(SECONDS):
        for sentence in sentences:
            for _ in pattern.finditer(sentence):
                pass


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "ITIMER_VIRTUAL"):
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        raise TooSlowError

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
