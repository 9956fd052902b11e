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

    honest = Application.prepare_proposal
    turns = itertools.count()

    def with_one_bad(self: Application, transactions: Iterable[bytes], limit: int) -> list[bytes]:
        """Return an honest proposal and one more: badly signed, no statement, or longer than any statement."""
        chosen = honest(self, transactions, limit)
        if not chosen:
            return chosen
        flipped = chosen[0][:-1] + bytes([chosen[0][-1] ^ 1])
        bad = (flipped, b"\xff" * 40, chosen[0] + bytes(65_536))[next(turns) % 3]
        with Path(TOLD).open("a", encoding="ascii") as file:
            file.write(bad.hex() + "\n")
        return [*chosen, bad]

    Application.prepare_proposal = with_one_bad  # type: ignore[method-assign] # what this file is for
