"""Python's cyclic garbage collector in a process that serves for months.

Statements waiting for their block are some ten containers each, none of them in a cycle. With the default thresholds
the collector walks through all of them again and again: a twelfth of the processor time of a validator under load.
"""

from __future__ import annotations

import atexit
import gc

YOUNG, MIDDLE, OLD = 50_000, 20, 20
"""Containers made between two looks at the youngest, and how many looks at one generation make one at the next."""


def settle() -> None:
    """Leave what is loaded by now out of all later looks, and look less often. Call it once, before serving."""
    gc.collect()
    gc.freeze()
    # else libraries that count their objects (DuckDB's) call what was left out leaked, on standard error, at the end
    atexit.register(gc.unfreeze)
    gc.set_threshold(YOUNG, MIDDLE, OLD)
