"""The private halves of an embedded ledger's log keys, and whose turn it is (LOG-3).

``log.private`` is the first one; ``log-FINGERPRINT.private`` is made for a vote that gives the log another key. Which
of them signs follows from the log alone, so that nothing is renamed, and a crash at any moment leaves the right one to
be found. A block in which a voted key takes its turn is signed with that key already.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from poju.errors import OperatorError
from poju.i18n import _
from poju.ledger import cbor
from poju.ledger.cbor import Value
from poju.ledger.keys import PrivateKey, PublicKey
from poju.ledger.log_keys import Turn
from poju.ledger.rulebook import State
from poju.scenario import governance_state

FIRST, LATER, SCRATCH = "log.private", "log-*.private", "log.private-next"
SHOWN = 16


def add(folder: Path) -> PrivateKey:
    """Make another log key beside the present one; it signs nothing before a vote gives it its turn."""
    made = PrivateKey.load_or_create(folder / SCRATCH)
    (folder / SCRATCH).rename(folder / f"log-{made.public.fingerprint[:SHOWN]}.private")
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return made


def in_force(folder: Path, state: State) -> PrivateKey:
    """Return the key whose turn it is; it is made where the ledger is not opened yet.

    Raises ``governance.log-key`` where a vote gave the log a key that ``folder`` does not hold, ``key.unusable`` where
    the first key of an opened ledger is gone: a new one would be another signer.
    """
    recorded = state.get(governance_state.LOG_KEYS)
    turn = None if recorded is None else _turn(recorded)
    if turn is not None:
        return _held(folder, turn)
    opened = state.get("ledger") is not None
    return PrivateKey.load(folder / FIRST) if opened else PrivateKey.load_or_create(folder / FIRST)


def retired(state: State) -> list[PublicKey]:
    """Return the keys that spoke for the log before and that nobody declared compromised, the oldest first."""
    found = state.get(governance_state.LOG_KEYS) or []
    ended = [item for item in found if item["name"] == governance_state.LOG and item["until"] is not None]
    return [PublicKey(item["key"]) for item in ended if item["compromised"] is None]


def watch(folder: Path) -> Turn:
    """Return what an engine asks of each block's writes: the key that signs from this block on, None where it stays.

    It raises ``governance.log-key`` where ``folder`` does not hold that key: the block is not made then.
    """
    present = None

    def turn(writes: Mapping[str, bytes | None]) -> PrivateKey | None:
        nonlocal present
        raw = writes.get(governance_state.LOG_KEYS)
        wanted = None if raw is None else _turn(cbor.decode(raw, cbor.MAX_STATE_BYTES))
        if wanted is None or wanted == present:
            return None
        found = _held(folder, wanted)
        present = wanted
        return found

    return turn


def _turn(recorded: Value) -> bytes | None:
    turn = [item["key"] for item in recorded if item["name"] == governance_state.LOG and item["until"] is None]
    return bytes(turn[-1]) if turn else None


def _held(folder: Path, wanted: bytes) -> PrivateKey:
    for path in [folder / FIRST, *sorted(folder.glob(LATER))]:
        if path.is_file() and (found := PrivateKey.load(path)).public.raw == wanted:
            return found
    raise OperatorError(
        "governance.log-key",
        _("A vote gave this log the key {wanted}, and {folder} does not hold its private half."),
        hint=_("Put that half, 32 bytes, into the folder as log-{short}.private and start again; keep the old one."),
        wanted=PublicKey(wanted).fingerprint,
        short=PublicKey(wanted).fingerprint[:SHOWN],
        folder=folder,
    )
