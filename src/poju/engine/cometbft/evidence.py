"""What a block's evidence says: two votes of one validator for one height, round and kind (CometBFT v0.38, types).

FinalizeBlock names the validator that misbehaved, but not what it signed; the votes stand in the block itself, as the
engine's RPC shows it. Here they become the fields of the statement ``misbehaviour``, whose rule checks both signatures.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from poju.engine.cometbft.light_hash import BILLION, nanoseconds
from poju.ledger.cbor import Value

DUPLICATE_VOTE = "tendermint/DuplicateVoteEvidence"
TYPES = {1: "prevote", 2: "precommit"}
ADDRESS_BYTES = 20
NAME_DIGITS = 32


class DoubleVote(NamedTuple):
    """Evidence in a block. ``address``: the validator's; ``name``: the same on every node; ``fields``: the statement's.

    The fields lack ``consensus``, the key that has this address, which the block does not name.
    """

    address: bytes
    name: str
    fields: dict[str, Value]


def address_of(consensus: bytes) -> bytes:
    """Return the address (20 bytes) of a raw Ed25519 consensus key."""
    return hashlib.sha256(consensus).digest()[:ADDRESS_BYTES]


def read(block: Mapping[str, Any]) -> list[DoubleVote]:
    """Return the double votes that the RPC's answer to ``block`` holds; evidence of another kind is passed over.

    Raises KeyError, TypeError or ValueError for an answer of another form than CometBFT's.
    """
    items = block["block"]["evidence"]["evidence"] or []
    return [_double_vote(item["value"]) for item in items if item["type"] == DUPLICATE_VOTE]


def _double_vote(found: Mapping[str, Any]) -> DoubleVote:
    first, second = found["vote_a"], found["vote_b"]
    fields: dict[str, Value] = {
        "type": TYPES[first["type"]],
        "height": int(first["height"]),
        "round": int(first["round"]),
        **_vote("first", first),
        **_vote("second", second),
    }
    signed = b"".join(bytes(fields[f"{which}_signature"]) for which in ("first", "second"))
    name = hashlib.sha256(signed).hexdigest()[:NAME_DIGITS]
    return DoubleVote(bytes.fromhex(first["validator_address"]), name, fields)


def _vote(which: str, vote: Mapping[str, Any]) -> dict[str, Value]:
    seconds, nanos = divmod(nanoseconds(vote["timestamp"]), BILLION)
    fields: dict[str, Value] = {
        f"{which}_seconds": seconds,
        f"{which}_nanos": nanos,
        f"{which}_signature": base64.b64decode(vote["signature"], validate=True),
    }
    block = vote["block_id"]
    if block["hash"]:
        fields[f"{which}_hash"] = bytes.fromhex(block["hash"])
        fields[f"{which}_parts"] = int(block["parts"]["total"])
        fields[f"{which}_parts_hash"] = bytes.fromhex(block["parts"]["hash"])
    return fields
