"""One line on standard error for each thing worth knowing later: JSON for machines, text for a terminal.

No content of statements, no key, no path of a record (PRIV-1): a line holds an event's name, numbers, codes and
names of validators.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping

FORMATS = ("json", "text")
ENVIRONMENT = "POJU_LOG_FORMAT"
INFO, WARNING, ERROR = "info", "warning", "error"
_LEVELS = {"ended": WARNING, "stopped": ERROR, "fork": ERROR, "signature-refused": WARNING, "failed": ERROR}

Fact = str | int | float | None


def line(event: str, facts: Mapping[str, Fact], *, milliseconds: int, form: str) -> str:
    """Return one line without its end: ``{"time", "level", "event", …facts}`` or the same as text.

    ``milliseconds``: since 1970; ``form``: json or text. A fact's line breaks are escaped in both.
    """
    level = _LEVELS.get(event, INFO)
    if form == "json":
        return json.dumps({"time": milliseconds, "level": level, "event": event, **facts})
    clock = time.strftime("%H:%M:%S", time.gmtime(milliseconds // 1000))
    told = " ".join(f"{name}={json.dumps(value)}" for name, value in facts.items())
    return f"{clock} {level} {event} {told}".rstrip()


def form() -> str:
    """Return the form that POJU_LOG_FORMAT names, else text on a terminal and JSON elsewhere."""
    named = os.environ.get(ENVIRONMENT, "")
    if named in FORMATS:
        return named
    return "text" if sys.stderr.isatty() else "json"


def say(event: str, **facts: Fact) -> None:
    """Write one line at once, so that a process that is killed has said what it did."""
    sys.stderr.write(line(event, facts, milliseconds=time.time_ns() // 1_000_000, form=form()) + "\n")
    sys.stderr.flush()
