"""Python runs this first where the tests put it on its path: one validator's application proposes what it must not.

``POJU_TEST_DISHONEST`` names the validator and a file; each bad proposal adds its extra bytes there as a line of
hexadecimal digits.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterable
from pathlib import Path

WHO, _comma, TOLD = os.environ.get("POJU_TEST_DISHONEST", "").partition(",")

if WHO and sys.orig_argv[-1] == WHO and "poju.node.network_application" in sys.orig_argv:
    from poju.engine.cometbft.application import Application

    honest, judge = Application.prepare_proposal, Application.process_proposal
    turns = itertools.count()
    seen: list[bytes] = []

    def remembering(self: Application, transactions: Iterable[bytes]) -> bool:
        """Keep a statement that somebody else proposed: every second block is empty, and that may be all of v0's."""
        proposed = list(transactions)
        seen.extend(proposed[: 1 - len(seen)])
        return judge(self, proposed)

    def with_one_bad(self: Application, transactions: Iterable[bytes], limit: int) -> list[bytes]:
        """Return an honest proposal and one more: badly signed, no statement, or longer than any statement."""
        chosen = honest(self, transactions, limit)
        if not chosen and not seen:
            return chosen
        good = [*chosen, *seen][0]
        flipped = good[:-1] + bytes([good[-1] ^ 1])
        bad = (flipped, b"\xff" * 40, good + bytes(65_536))[next(turns) % 3]
        with Path(TOLD).open("a", encoding="ascii") as file:
            file.write(bad.hex() + "\n")
        return [*chosen, bad]

    Application.prepare_proposal = with_one_bad  # type: ignore[method-assign] # what this file is for
    Application.process_proposal = remembering  # type: ignore[method-assign] # as above
