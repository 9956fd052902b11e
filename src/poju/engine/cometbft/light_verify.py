"""A light client's proof in Python: the steps of ``examples/light-client``, without I/O and with the time handed in.

The steps, for a file that :func:`poju.engine.cometbft.light.read` took:

1. block: each header hashes to what its commit is for, its validators to what the header names, now and next;
2. start: the first block is the trusted one, by its header's hash or by the genesis file's validators;
3. header: each next block follows the one before it: later, within the trusting period, decided by the validators that
   the one before named (adjacent), or signed by more than a third of its power (skipping);
4. commit: more than two thirds of each block's own power signed it, and no signature for it is wrong;
5. checkpoint: k of the log keys signed it. That its size ‖ root is the last header's, reading has seen (LOG-2).

Source: CometBFT v0.38, spec/light-client/verification. Stricter than it in one thing: every signature of a commit that
counts for the block is checked, also beyond two thirds.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from poju.engine.cometbft import light
from poju.engine.cometbft.home import ADDRESS_BYTES
from poju.engine.cometbft.light import LightFile, refused
from poju.engine.cometbft.light_hash import BILLION, header_hash, nanoseconds, sign_bytes, validators_hash
from poju.i18n import _
from poju.ledger.checkpoint import Checkpoint
from poju.ledger.keys import PublicKey
from poju.units import Seconds

ABSENT, COMMIT, NIL = 1, 2, 3
TWO_WEEKS = Seconds(14 * 24 * 3600)
CLOCK_DRIFT = Seconds(10)
Block = Mapping[str, Any]


@dataclass(frozen=True)
class Trusted:
    """What the proof starts from: the hash of the first header or of its validators, one of them, and its height."""

    height: int
    header: bytes | None = None
    validators: bytes | None = None


def from_genesis(whole: Mapping[str, Any]) -> Trusted:
    """Return the start that a genesis file gives: its validators decide its first height.

    ``whole``: the file as JSON. CometBFT orders validators by falling power, then by address.
    """
    order = sorted(whole["validators"], key=lambda item: (-int(item["power"]), item["address"]))
    validators = [{"pub_key": item["pub_key"], "voting_power": item["power"]} for item in order]
    return Trusted(int(whole["initial_height"]), validators=validators_hash(validators))


def verify(
    file: LightFile,
    trusted: Trusted,
    keys: Mapping[str, PublicKey],
    needed: int,
    now: Seconds,
    period: Seconds = TWO_WEEKS,
) -> Checkpoint:
    """Return the checkpoint that ``file`` proves, or raise ``light.refused`` naming what does not hold.

    ``keys``: names to log keys, of which ``needed`` must have signed; ``now``: the moment of the check; ``period``: how
    long after its time a header may be trusted. The caller has to know ``file.chain`` for the chain that it means.
    """
    try:
        for block in file.blocks:
            _check_block(block, file.chain)
        _check_start(file.blocks[0], trusted)
        _check_age(file.blocks[0], now, period)
        for before, after in pairwise(file.blocks):
            _check_age(before, now, period)
            _check_step(before, after, now)
    except ValueError as error:
        raise refused(_("a time or a number in it cannot be")) from error
    # (5) checkpoint
    if needed < 1 or len(light.signers(file.note, keys)) < needed:
        raise refused(_("too few validators signed the checkpoint"))
    return file.checkpoint


def _check_block(block: Block, chain: str) -> None:
    header, commit = block["signed_header"]["header"], block["signed_header"]["commit"]
    # (1) block
    if header_hash(header).hex().upper() != commit["block_id"]["hash"]:
        raise refused(_("a commit is for another header"))
    for name in ("validators", "next_validators"):
        if validators_hash(block[name]).hex().upper() != header[f"{name}_hash"]:
            raise refused(_("the validators are not those that the header names"))
    # (4) commit
    signed = 0
    for validator, vote in zip(block["validators"], commit["signatures"], strict=True):
        if vote["block_id_flag"] not in {ABSENT, COMMIT, NIL} or (vote["block_id_flag"] == ABSENT) == bool(
            vote["signature"]
        ):
            raise refused(_("a vote is neither given nor absent"))
        if vote["block_id_flag"] == COMMIT:
            _check_vote(validator, vote, sign_bytes(chain, commit, vote["timestamp"]))
            signed += int(validator["voting_power"])
    if 3 * signed <= 2 * _power(block["validators"]):
        raise refused(_("not more than two thirds of the validators signed a header"))


def _check_vote(validator: Block, vote: Block, message: bytes) -> None:
    key = PublicKey(base64.b64decode(validator["pub_key"]["value"]))
    address = hashlib.sha256(key.raw).digest()[:ADDRESS_BYTES].hex().upper()
    named = address == validator["address"] == vote["validator_address"]
    if not named or not key.verifies(base64.b64decode(vote["signature"]), message):
        raise refused(_("a validator's signature on a header does not hold"))


def _check_start(block: Block, trusted: Trusted) -> None:
    # (2) start
    header = block["signed_header"]["header"]
    claims = ((trusted.header, header_hash(header)), (trusted.validators, bytes.fromhex(header["validators_hash"])))
    given = [(wanted, found) for wanted, found in claims if wanted is not None]
    if not given or int(header["height"]) != trusted.height or any(wanted != found for wanted, found in given):
        raise refused(_("its first block is not the trusted one"))


def _time(block: Block) -> int:
    return nanoseconds(block["signed_header"]["header"]["time"])


def _check_age(block: Block, now: Seconds, period: Seconds) -> None:
    if _time(block) + period * BILLION <= now * BILLION:
        raise refused(_("the trusting period of a header has ended"))


def _check_step(before: Block, after: Block, now: Seconds) -> None:
    # (3) header
    old, new = before["signed_header"]["header"], after["signed_header"]["header"]
    if not _time(before) < _time(after) < (now + CLOCK_DRIFT) * BILLION:
        raise refused(_("a header's time is not after the one before, or lies ahead of the clock"))
    if int(new["height"]) == int(old["height"]) + 1:
        if new["validators_hash"] != old["next_validators_hash"]:
            raise refused(_("the validators are not those that the header before named"))
    elif not reachable(before, after):
        raise refused(_("too few of the trusted validators signed the next header"))


def _power(validators: Sequence[Block]) -> int:
    return sum(int(item["voting_power"]) for item in validators)


def reachable(trusted: Block, block: Block) -> bool:
    """Return whether more than a third of the power of ``trusted`` signed ``block``: it may be skipped to.

    By address; that the signatures hold and the addresses are their keys', step 4 has seen.
    """
    power = {item["address"]: int(item["voting_power"]) for item in trusted["validators"]}
    votes = block["signed_header"]["commit"]["signatures"]
    signed = {vote["validator_address"] for vote in votes if vote["block_id_flag"] == COMMIT}
    return 3 * sum(power[address] for address in signed & power.keys()) > sum(power.values())
