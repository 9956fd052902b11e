"""What the engine is told of the register of validators: after each block that changed it, which keys have which power.

Governance writes the register into the state key ``validators`` (docs/concepts/governance.md). CometBFT puts a change
into force two heights after the block that answered it (CometBFT v0.38, spec/abci, "Updating the Validator Set").
"""

from __future__ import annotations

from poju.ledger import cbor

STATE_KEY = "validators"
ADMITTED = "admitted"
POWER = 10
"""Every validator's, the genesis file's too: one organisation, one vote."""


def updates(before: cbor.Value, after: bytes | None) -> list[tuple[bytes, int]]:
    """Return (raw consensus key, power) of each validator whose power changed, in the register's order; 0 ends it.

    ``before``: the register's value before the block; ``after``: as the block wrote it, or None where it did not. A
    register without any admitted validator changes nothing, since an engine without validators stops for ever; the one
    that was kept so is ended by the block that admits another.
    """
    if after is None:
        return []
    old = {item["consensus"]: _power(item) for item in before or []}
    new = {item["consensus"]: _power(item) for item in cbor.decode(after)}
    if old and not any(old.values()):
        last = max(item["from_height"] for item in before)
        kept = [item["consensus"] for item in before if item["from_height"] == last]
        # where two went in one block it is not known here that both had power: the engine refuses to end a stranger
        old |= {kept[0]: POWER} if len(kept) == 1 else {}
    if not any(new.values()):
        return []
    # a key that never had power is not ended: the engine refuses to remove what it does not know
    return [(key, power) for key, power in new.items() if power != old.get(key, 0)]


def _power(item: cbor.Value) -> int:
    return POWER if item["state"] == ADMITTED else 0
