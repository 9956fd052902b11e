"""A validator that signed two blocks of one height, round and kind is suspended by whoever registers both votes.

What a validator signs is CometBFT's canonical vote (CometBFT v0.38, spec/core/data_structures.md, "CanonicalVote"; Go:
``types.VoteSignBytes``): protobuf, length-delimited, with the chain's id. It is encoded here from the statement's
fields, never parsed, so that there is one way to write each vote; tests/vectors/canonical-vote.json holds Go's bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from poju.ledger.cbor import Value
from poju.ledger.keys import PublicKey
from poju.ledger.rulebook import Registered
from poju.scenario import governance_actions
from poju.scenario.governance_actions import Situation
from poju.scenario.governance_state import ADMITTED
from poju.scenario.rule import Context, Refuse, Rule

TYPES = MappingProxyType({"prevote": 1, "precommit": 2})
VARINT, FIXED64, BYTES = 0, 1, 2
"""Protobuf's wire types."""
CONTINUED, LOW = 0x80, 0x7F
FIXED_BYTES = 8
VOTES = ("first", "second")
BLOCK = ("hash", "parts", "parts_hash")


class BlockId(NamedTuple):
    """The block that a vote is for: its hash (32 bytes), number of parts, and their hash (32 bytes)."""

    hash: bytes
    parts: int
    parts_hash: bytes


class Vote(NamedTuple):
    """One vote as its validator signed it, at ``seconds`` since 1970 and ``nanos``; ``block`` None: for no block."""

    type: str
    height: int
    round: int
    block: BlockId | None
    seconds: int
    nanos: int


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > LOW:
        out.append(value & LOW | CONTINUED)
        value >>= 7
    return bytes([*out, value])


def _tag(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _number(number: int, value: int) -> bytes:
    """Return a varint field; protobuf leaves zeros out."""
    return _tag(number, VARINT) + _varint(value) if value else b""


def _fixed(number: int, value: int) -> bytes:
    return _tag(number, FIXED64) + value.to_bytes(FIXED_BYTES, "little") if value else b""


def _bytes(number: int, value: bytes) -> bytes:
    return _tag(number, BYTES) + _varint(len(value)) + value


def sign_bytes(chain: str, vote: Vote) -> bytes:
    """Return the bytes that a validator of ``chain`` signs for ``vote``."""
    said = _number(1, TYPES[vote.type]) + _fixed(2, vote.height) + _fixed(3, vote.round)
    if vote.block is not None:
        header = _number(1, vote.block.parts) + _bytes(2, vote.block.parts_hash)
        said += _bytes(4, _bytes(1, vote.block.hash) + _bytes(2, header))
    said += _bytes(5, _number(1, vote.seconds) + _number(2, vote.nanos)) + _bytes(6, chain.encode())
    return _varint(len(said)) + said


def _vote(fields: Mapping[str, Value], which: str) -> Vote:
    named = [fields.get(f"{which}_{part}") for part in BLOCK]
    if None in named and named != [None] * len(BLOCK):
        raise Refuse("misbehaviour.block")
    block = None if named[0] is None else BlockId(*named)
    common = (fields["type"], fields["height"], fields["round"])
    return Vote(*common, block, fields[f"{which}_seconds"], fields[f"{which}_nanos"])


def misbehaviour(context: Context) -> Registered:
    """Suspend at once the validator whose consensus key signed both votes; the evidence stays in the log."""
    state, fields, subject = context.state, context.fields, context.statement.subject
    context.require(state.get(subject) is None, "misbehaviour.taken")
    first, second = (_vote(fields, which) for which in VOTES)
    # the time alone may differ: an engine signs the same vote again after a restart
    context.require(first.block != second.block, "misbehaviour.same-block")
    known = governance_actions.validators(state)
    accused = [item for item in known if item["consensus"] == fields["consensus"] and item["state"] == ADMITTED]
    if not accused:
        raise Refuse("misbehaviour.validator-unknown")
    key = PublicKey(fields["consensus"])
    for which, vote in zip(VOTES, (first, second), strict=True):
        signed = key.verifies(fields[f"{which}_signature"], sign_bytes(accused[0]["chain"], vote))
        context.require(signed, "misbehaviour.signature")
    at = Situation(state, context.package, context.block)
    writes = governance_actions.validator_out(at, accused[0]["name"], "suspended", keep_last=False)
    record = {"name": accused[0]["name"], "height": first.height, "entry": context.block.index}
    return Registered({**writes, subject: {**record, "by": context.statement.issuer}})


RULES: Mapping[str, Rule] = MappingProxyType({"misbehaviour": misbehaviour})
