"""What stops one validator alone: rules or a disk that answer otherwise than the others', an engine behind its log.

CometBFT halts where the block that the others decided does not fit: its process lives on and decides nothing. The
application notices by the next block's header, which carries the root that the others agreed on, and stops itself.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from pathlib import Path

from poju.engine.cometbft.genesis import ROOT_BYTES, SIZE_BYTES
from poju.engine.cometbft.rpc import Rpc
from poju.errors import OperatorError, PojuError
from poju.i18n import _
from poju.ledger.store import Store

LOOK_SECONDS = 1.0
MARK = "ledger.diverged"
"""Beside ``ledger.sqlite``; deleted together with it, since what it says is about that file."""
TAIL_BYTES = 4_096
BEHIND = re.compile(rb"app block height \((\d{1,18})\) is higher than core \((\d{1,18})\)\s*\Z")


def diverged(height: int) -> OperatorError:
    """Return ``network.diverged``: after the block of ``height`` this validator has another log than the others."""
    return OperatorError(
        "network.diverged",
        _("After block {height} the other validators have another root than this one, which has stopped itself."),
        hint=_(
            "Keep a copy of its folder as evidence and find out what changed it: another package, another version, the "
            "disk. Then delete ledger.sqlite*, ledger.diverged and, in data, all but priv_validator_state.json."
        ),
        height=height,
    )


def engine_behind(application: int, engine: int) -> OperatorError:
    """Return ``network.engine-behind``: the engine's folder is an older copy than the application's."""
    return OperatorError(
        "network.engine-behind",
        _("The ledger stands after block {application}, its engine only after block {engine}: it was put back."),
        hint=_(
            "Delete the files ledger.sqlite* and, in data, all but priv_validator_state.json, which keeps it from "
            "signing a height twice. It fetches the chain from the others."
        ),
        application=application,
        engine=engine,
    )


def require_undiverged(home: Path) -> None:
    """Raise ``network.diverged`` where this validator stopped itself for it and nothing was mended since."""
    height = _marked(home)
    if height is not None:
        raise diverged(height)


def why_down(home: Path) -> OperatorError | None:
    """Return what keeps the validator in the folder ``home`` from running, where that is known."""
    height = _marked(home)
    if height is not None:
        return diverged(height)
    try:
        with (home / "engine.log").open("rb") as log:
            log.seek(max(0, log.seek(0, 2) - TAIL_BYTES))
            found = BEHIND.search(log.read(TAIL_BYTES))
    except OSError:
        return None
    return engine_behind(int(found[1]), int(found[2])) if found else None


def _marked(home: Path) -> int | None:
    try:
        return int(json.loads((home / MARK).read_text(encoding="utf-8"))["height"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


class Watch:
    """Looks once a second whether the block under way builds on this validator's log. Ends with :meth:`close`.

    ``signed(size, root)``: whether enough others signed that root. ``stop`` is called once, with the error.
    """

    def __init__(
        self,
        home: Path,
        store: Store,
        port: int,
        signed: Callable[[int, bytes], bool],
        stop: Callable[[Exception], object],
    ) -> None:
        self._home = home.resolve()
        self._store = store
        self._engine = Rpc(port, 2 * LOOK_SECONDS)
        self._signed = signed
        self._stop = stop
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        before = 0
        while not self._ended.wait(LOOK_SECONDS):
            found = self._other_root()
            # twice the same height: once could be a block that was decided between two questions
            if found is not None and found[0] == before and self._signed(*found[1:]):
                self._mark(found[0] - 1)
                self._stop(diverged(found[0] - 1))
                return
            before = 0 if found is None else found[0]

    def _other_root(self) -> tuple[int, int, bytes] | None:
        """Return (height, size, root) of the block under way where its header carries another root than ours."""
        try:
            state = self._engine.call("dump_consensus_state")["round_state"]
            height, header = int(state["height"]), state["proposal_block"]["header"]  # type: ignore[index]  # caught
            hashed = bytes.fromhex(header["app_hash"])
        except (PojuError, KeyError, TypeError, ValueError):  # it starts, or waits for a proposal
            return None
        size, root = int.from_bytes(hashed[:SIZE_BYTES], "big"), hashed[SIZE_BYTES:]
        ours = self._store.head().size
        if len(root) != ROOT_BYTES or not size or not ours or (size, root) == (ours, self._store.root(ours)):
            return None
        return height, size, root

    def _mark(self, height: int) -> None:
        (self._home / MARK).write_text(json.dumps({"height": height}), encoding="utf-8")

    def close(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join(4 * LOOK_SECONDS)
        self._engine.close()
