"""The three kinds of leaf (docs/spec/leaves.md): statement, decision, block.

A statement leaf is the COSE_Sign1 bytes exactly as received (first byte 0xd2). The other two are tagged CBOR arrays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import cbor2

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger import cbor, cose
from poju.units import Seconds

MAX_BYTES = 65_535
TAG_DECISION = 0x706F6A01
TAG_BLOCK = 0x706F6A02
DIGEST_BYTES = 32
NULL = cbor.encode(None)
EMPTY_STATE = bytes(DIGEST_BYTES)


@dataclass(frozen=True)
class DecisionLeaf:
    """What the rules answered to the statement at ``index``: outcome code, sorted policy ids, duties."""

    index: int
    statement: bytes
    outcome: str
    policies: tuple[str, ...]
    duties: tuple[str, ...]

    def encode(self) -> bytes:
        """Return the leaf's bytes."""
        body = [self.index, self.statement, self.outcome, list(self.policies), list(self.duties)]
        return cbor.encode(cbor2.CBORTag(TAG_DECISION, body))


@dataclass(frozen=True)
class BlockLeaf:
    """Closes a block: its height, time, number of leaves before this one, and the chained digest of its writes."""

    height: int
    time: Seconds
    leaves: int
    state: bytes

    def encode(self) -> bytes:
        """Return the leaf's bytes."""
        return cbor.encode(cbor2.CBORTag(TAG_BLOCK, [self.height, self.time, self.leaves, self.state]))


def chain(previous: bytes, writes: Mapping[str, bytes | None]) -> bytes:
    """Return SHA-256(previous ‖ the sorted [key, value] pairs); a deletion's value is null (LOG-2)."""
    pairs = [cbor.array([cbor.text(key), _written(writes[key])]) for key in sorted(writes)]
    return hashlib.sha256(previous + cbor.array(pairs)).digest()


def _written(value: bytes | None) -> bytes:
    return NULL if value is None else cbor.byte_string(value)


def is_statement(leaf: bytes) -> bool:
    """Return whether the leaf is a statement: COSE_Sign1's tag is its first byte."""
    return leaf[:1] == bytes([cose.FIRST_BYTE])


def decode(leaf: bytes) -> DecisionLeaf | BlockLeaf:
    """Decode a decision or block leaf strictly; raise ``leaf.malformed``."""
    value = cbor.decode(leaf, MAX_BYTES)
    match (getattr(value, "tag", None), getattr(value, "value", None)):
        case (tag, [index, bytes(statement), str(outcome), list(policies), list(duties)]) if (
            tag == TAG_DECISION
            and _count(index)
            and len(statement) == DIGEST_BYTES
            and all(isinstance(item, str) for item in (*policies, *duties))
            and policies == sorted(policies)
        ):
            return DecisionLeaf(index, statement, outcome, tuple(policies), tuple(duties))
        case (tag, [height, time, leaves, bytes(state)]) if (
            tag == TAG_BLOCK and all(_count(item) for item in (height, time, leaves)) and len(state) == DIGEST_BYTES
        ):
            return BlockLeaf(height, time, leaves, state)
    raise CallerError(
        "leaf.malformed",
        _("A leaf is neither statement, decision nor block."),
        hint=_("The log was altered or written by another program: fetch it again, or restore a backup."),
    )


def _count(value: cbor.Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
