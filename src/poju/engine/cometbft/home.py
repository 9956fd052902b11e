"""An engine's folder as CometBFT 0.38 reads it: keys, genesis and settings, as text, made without running the engine.

The settings that differ from CometBFT's defaults, and why, stand in docs/guides/network.md.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from poju.engine.cometbft.genesis import Genesis
from poju.ledger.keys import PrivateKey, PublicKey

ADDRESS_BYTES = 20
LOOPBACK, EVERY_ADDRESS = "127.0.0.1", "0.0.0.0"  # noqa: S104 - a node that others reach listens to them
POWER = "10"
BLOCK_BYTES = 1 << 20
STATEMENT_BYTES = 65_535
QUEUE = 20_000
QUIET_SECONDS = 60
"""How long a quiet chain waits for an empty block: a block's time is the one of the votes on the block before, and
statements may lie no further from it than the package's freshness window."""


@dataclass(frozen=True)
class Node:
    """One engine: its consensus key, its network key, its ports, and the host at which the others reach it.

    The port ``rpc`` is on loopback whatever ``host`` is: only its own application asks it.
    """

    name: str
    consensus: PublicKey
    network: PublicKey
    p2p: int
    rpc: int
    host: str = LOOPBACK


def listens_on(host: str) -> str:
    """Return the address that the node at ``host`` listens on: loopback where that is its host, else all it has."""
    return host if host.startswith("127.") else EVERY_ADDRESS


def address(key: PublicKey) -> str:
    """Return CometBFT's address of an Ed25519 key: the first 20 bytes of its SHA-256, in hexadecimal."""
    return hashlib.sha256(key.raw).digest()[:ADDRESS_BYTES].hex()


def _typed(kind: str, value: bytes) -> dict[str, str]:
    return {"type": f"tendermint/{kind}Ed25519", "value": base64.b64encode(value).decode()}


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"


def private_files(consensus: tuple[PrivateKey, bytes], network: tuple[PrivateKey, bytes]) -> dict[str, str]:
    """Return path → text of the files that hold keys, each key given with its 32-byte seed."""
    key, seed = consensus
    validator = {
        "address": address(key.public).upper(),
        "pub_key": _typed("PubKey", key.public.raw),
        "priv_key": _typed("PrivKey", seed + key.public.raw),
    }
    node_key, node_seed = network
    return {
        "config/priv_validator_key.json": _json(validator),
        "config/node_key.json": _json({"priv_key": _typed("PrivKey", node_seed + node_key.public.raw)}),
        "data/priv_validator_state.json": _json({"height": "0", "round": 0, "step": 0}),
    }


def genesis_file(nodes: Sequence[Node], app_state: Genesis, *, chain: str, time: str, initial_height: int) -> str:
    """Return ``genesis.json``: the same bytes for every validator. ``time``: RFC 3339, UTC."""
    validators = [
        {
            "address": address(node.consensus).upper(),
            "pub_key": _typed("PubKey", node.consensus.raw),
            "power": POWER,
            "name": node.name,
        }
        for node in nodes
    ]
    return _json(
        {
            "genesis_time": time,
            "chain_id": chain,
            "initial_height": str(initial_height),
            "consensus_params": {
                "block": {"max_bytes": str(BLOCK_BYTES), "max_gas": "-1"},
                "evidence": {
                    "max_age_num_blocks": "100000",
                    "max_age_duration": "172800000000000",
                    "max_bytes": "65536",
                },
                "validator": {"pub_key_types": ["ed25519"]},
                "version": {"app": "0"},
                "abci": {"vote_extensions_enable_height": "0"},
            },
            "validators": validators,
            "app_hash": "",
            "app_state": app_state.describe(),
        }
    )


def settings(node: Node, others: Sequence[Node], application: str = "unix://abci.sock") -> str:
    """Return ``config.toml`` of ``node``; what is not named keeps CometBFT's default.

    ``application`` is relative to the folder in which the engine runs, so that a long path cannot break a socket.
    """
    peers = ",".join(f"{address(peer.network)}@{peer.host}:{peer.p2p}" for peer in others)
    return f"""\
proxy_app = "{application}"
moniker = "{node.name}"
abci = "socket"
db_backend = "goleveldb"
log_level = "error"
log_format = "json"
filter_peers = false

[rpc]
laddr = "tcp://127.0.0.1:{node.rpc}"
max_request_batch_size = 256
max_body_bytes = 2000000

[p2p]
laddr = "tcp://{listens_on(node.host)}:{node.p2p}"
persistent_peers = "{peers}"
persistent_peers_max_dial_period = "2s"
pex = false
addr_book_strict = false
allow_duplicate_ip = true
flush_throttle_timeout = "10ms"
send_rate = 51200000
recv_rate = 51200000

[mempool]
recheck = false
size = {QUEUE}
cache_size = 100000
max_tx_bytes = {STATEMENT_BYTES}
max_txs_bytes = 268435456

[consensus]
timeout_propose = "2s"
timeout_prevote = "500ms"
timeout_precommit = "500ms"
timeout_commit = "100ms"
create_empty_blocks = true
create_empty_blocks_interval = "{QUIET_SECONDS}s"
peer_gossip_sleep_duration = "10ms"

[tx_index]
indexer = "null"
"""
