"""One JSON line on standard error for each thing worth knowing later. No content of statements, no key (PRIV-1)."""

from __future__ import annotations

import json
import sys
import time


def say(event: str, **facts: str | int | None) -> None:
    """Write ``{"time": milliseconds, "event": …, …facts}``."""
    line = json.dumps({"time": time.time_ns() // 1_000_000, "event": event, **facts})
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
