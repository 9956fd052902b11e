"""CometBFT's hashes and sign bytes of what a light client's file holds: header, validators, a vote.

Protobuf by hand, since a hash needs one encoding and no decoding: (field, value) in ascending order, zeros left out.
Source: CometBFT v0.38, spec/core/data_structures (Header, ValidatorSet) and spec/core/encoding (CanonicalVote). Its
Merkle tree is RFC 6962's, that of the log. All arguments come from :func:`poju.engine.cometbft.light.read`.
"""

from __future__ import annotations

import base64
import calendar
import time
from collections.abc import Mapping, Sequence
from typing import Any

from poju.ledger import merkle

PRECOMMIT = 2
BILLION = 1_000_000_000
VARINT, FIXED64, BYTES = 0, 1, 2
Object = Mapping[str, Any]


def _varint(value: int) -> bytes:
    # a negative number is 64 bits in two's complement, as protobuf has it
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | VARINT) + _varint(value) if value else b""


def _fixed(field: int, value: int) -> bytes:
    return _varint(field << 3 | FIXED64) + value.to_bytes(8, "little") if value else b""


def _message(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | BYTES) + _varint(len(value)) + value


def _bytes(field: int, value: bytes) -> bytes:
    return _message(field, value) if value else b""


def nanoseconds(text: str) -> int:
    """Return nanoseconds since 1970 of an RFC 3339 time in UTC; raise ValueError for a day that there is not."""
    seconds, _point, fraction = text.removesuffix("Z").partition(".")
    whole = calendar.timegm(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S"))
    return whole * BILLION + int(fraction.ljust(9, "0") or 0)


def _time(text: str) -> bytes:
    seconds, nanos = divmod(nanoseconds(text), BILLION)
    return _number(1, seconds) + _number(2, nanos)


def _block_id(found: Object) -> bytes:
    parts = _number(1, found["parts"]["total"]) + _bytes(2, bytes.fromhex(found["parts"]["hash"]))
    return _bytes(1, bytes.fromhex(found["hash"])) + _message(2, parts)


def _root(leaves: Sequence[bytes]) -> bytes:
    hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
    while len(hashes) > 1:
        # an odd one out goes up as it is: the same tree as RFC 6962's split at the largest power of two
        pairs = [merkle.node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=False)]
        hashes = pairs + hashes[len(pairs) * 2 :]
    return hashes[0]


def header_hash(header: Object) -> bytes:
    """Return the header's hash (32 bytes): the Merkle root of its fourteen fields."""
    version = _number(1, int(header["version"]["block"])) + _number(2, int(header["version"].get("app", "0")))
    hashes = (
        "last_commit_hash",
        "data_hash",
        "validators_hash",
        "next_validators_hash",
        "consensus_hash",
        "app_hash",
        "last_results_hash",
        "evidence_hash",
        "proposer_address",
    )
    return _root(
        [
            version,
            _bytes(1, header["chain_id"].encode()),
            _number(1, int(header["height"])),
            _time(header["time"]),
            _block_id(header["last_block_id"]),
            *(_bytes(1, bytes.fromhex(header[name])) for name in hashes),
        ]
    )


def validators_hash(validators: Sequence[Object]) -> bytes:
    """Return the hash (32 bytes) of the validators in their order: the Merkle root of key and power of each."""
    return _root(
        [
            _message(1, _bytes(1, base64.b64decode(item["pub_key"]["value"]))) + _number(2, int(item["voting_power"]))
            for item in validators
        ]
    )


def sign_bytes(chain: str, commit: Object, timestamp: str) -> bytes:
    """Return what a validator signed: its canonical precommit for the block of ``commit``, with its length before."""
    vote = (
        _number(1, PRECOMMIT)
        + _fixed(2, int(commit["height"]))
        + _fixed(3, commit["round"])
        + _message(4, _block_id(commit["block_id"]))
        + _message(5, _time(timestamp))
        + _bytes(6, chain.encode())
    )
    return _varint(len(vote)) + vote
