"""A chain made in a test: blocks of any validators at any height, signed with keys from fixed seeds, as files."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from poju.engine.cometbft import home
from poju.engine.cometbft.genesis import app_hash
from poju.engine.cometbft.light import LightFile, merge
from poju.engine.cometbft.light_hash import header_hash, sign_bytes, validators_hash
from poju.ledger.checkpoint import Checkpoint
from poju.ledger.keys import PrivateKey

CHAIN, ORIGIN = "poju-test", "light.example/log"
START = "2026-11-01T00:00:{:02d}.5Z"
ZERO = "0" * 64
SIZE, ROOT = 7, hashlib.sha256(b"root").digest()


def consensus_key(name: str) -> PrivateKey:
    return PrivateKey.from_seed(hashlib.sha256(f"consensus {name}".encode()).digest())


def log_key(name: str) -> PrivateKey:
    return PrivateKey.from_seed(hashlib.sha256(f"log {name}".encode()).digest())


def validators(names: str) -> list[dict[str, Any]]:
    """Return one validator of power 10 for each letter, in CometBFT's order."""
    keys = [consensus_key(name).public for name in names]
    found = [
        {
            "address": home.address(key).upper(),
            "pub_key": {"type": "tendermint/PubKeyEd25519", "value": base64.b64encode(key.raw).decode()},
            "voting_power": "10",
            "proposer_priority": "0",
        }
        for key in keys
    ]
    return sorted(found, key=lambda item: str(item["address"]))


def block(height: int, names: str, following: str, *, signing: str | None = None) -> dict[str, Any]:
    """Return the light block at ``height`` that ``names`` decide and ``signing`` of them, by default all, signed."""
    own, after = validators(names), validators(following)
    time = START.format(height % 60)
    nothing = {"hash": "", "parts": {"total": 0, "hash": ""}}
    previous = {"hash": "AB" * 32, "parts": {"total": 1, "hash": "CD" * 32}}
    header = {
        "version": {"block": "11"},
        "chain_id": CHAIN,
        "height": str(height),
        "time": time,
        "last_block_id": nothing if height == 1 else previous,
        "last_commit_hash": ZERO,
        "data_hash": ZERO,
        "validators_hash": validators_hash(own).hex().upper(),
        "next_validators_hash": validators_hash(after).hex().upper(),
        "consensus_hash": ZERO,
        "app_hash": app_hash(SIZE, ROOT).hex().upper(),
        "last_results_hash": ZERO,
        "evidence_hash": ZERO,
        "proposer_address": own[0]["address"],
    }
    identity = {"hash": header_hash(header).hex().upper(), "parts": {"total": 1, "hash": "EF" * 32}}
    commit: dict[str, Any] = {"height": str(height), "round": height % 3, "block_id": identity, "signatures": []}
    by_address = {home.address(consensus_key(name).public).upper(): name for name in names}
    for item in own:
        name = by_address[str(item["address"])]
        signs = signing is None or name in signing
        signature = consensus_key(name).sign(sign_bytes(CHAIN, commit, time))
        vote = {
            "block_id_flag": 2 if signs else 1,
            "validator_address": item["address"] if signs else "",
            "timestamp": time if signs else "0001-01-01T00:00:00Z",
            "signature": base64.b64encode(signature).decode() if signs else None,
        }
        commit["signatures"].append(vote)
    return {"signed_header": {"header": header, "commit": commit}, "validators": own, "next_validators": after}


def file(blocks: Sequence[dict[str, Any]], signing: str = "abcd") -> LightFile:
    """Return the light client's file of ``blocks``, its checkpoint signed by the log keys of ``signing``."""
    notes = [Checkpoint(ORIGIN, SIZE, ROOT).sign(log_key(name)) for name in signing]
    return LightFile(CHAIN, merge(notes), tuple(blocks))


def genesis(names: str, acknowledge: int = 3) -> Mapping[str, Any]:
    """Return as much of a genesis file as a light client reads."""
    return {
        "genesis_time": "2026-11-01T00:00:00Z",
        "chain_id": CHAIN,
        "initial_height": "1",
        "consensus_params": None,
        "validators": [
            {"address": item["address"], "pub_key": item["pub_key"], "power": item["voting_power"], "name": ""}
            for item in validators(names)
        ],
        "app_hash": "",
        "app_state": {
            "origin": ORIGIN,
            "keys": {name: log_key(name).public.raw.hex() for name in "abcd"},
            "acknowledge": acknowledge,
        },
    }
