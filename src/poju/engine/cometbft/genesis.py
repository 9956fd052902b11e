"""The consortium's own part of the genesis file (``app_state``): what every validator has to start from alike."""

from __future__ import annotations

import json
from dataclasses import dataclass

from poju.errors import OperatorError
from poju.i18n import _
from poju.ledger.keys import PublicKey
from poju.ledger.merkle import EMPTY_ROOT

FIELDS = {"origin", "package", "size", "root", "keys", "acknowledge"}
MAX_BYTES = 1 << 20
SIZE_BYTES, ROOT_BYTES = 8, 32


def refused(reason: str) -> OperatorError:
    """Return ``network.genesis``: this validator cannot start from this genesis file."""
    return OperatorError(
        "network.genesis",
        _("The network's genesis does not fit this validator: {reason}."),
        hint=_("Compare genesis.json and the package with the other validators'; all of them start from the same."),
        reason=reason,
    )


def app_hash(size: int, root: bytes) -> bytes:
    """Return the application hash: size (8 bytes, big-endian) ‖ root (32 bytes)."""
    return size.to_bytes(SIZE_BYTES, "big") + root


@dataclass(frozen=True)
class Genesis:
    """The log's origin, the package's digest, the log that it grows from, the validators' log keys, and k.

    ``keys``: validator's name → the public key that it signs checkpoints and receipts with; ``acknowledge``: how many
    of them have to sign a root before a statement under it counts as acknowledged.
    """

    origin: str
    package: bytes
    keys: dict[str, PublicKey]
    acknowledge: int
    size: int = 0
    root: bytes = EMPTY_ROOT

    def describe(self) -> dict[str, object]:
        """Return it as ``app_state`` stands in the genesis file."""
        return {
            "origin": self.origin,
            "package": self.package.hex(),
            "size": self.size,
            "root": self.root.hex(),
            "keys": {name: key.raw.hex() for name, key in sorted(self.keys.items())},
            "acknowledge": self.acknowledge,
        }


def read(app_state: bytes) -> Genesis:
    """Decode ``app_state`` strictly, or raise ``network.genesis``."""
    try:
        found = json.loads(app_state[:MAX_BYTES])
        if not isinstance(found, dict) or set(found) != FIELDS or not isinstance(found["keys"], dict):
            raise refused("app_state has other fields than Poju's")
        genesis = Genesis(
            origin=str(found["origin"]),
            package=bytes.fromhex(found["package"]),
            keys={str(name): PublicKey(bytes.fromhex(key)) for name, key in found["keys"].items()},
            acknowledge=int(found["acknowledge"]),
            size=int(found["size"]),
            root=bytes.fromhex(found["root"]),
        )
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise refused("app_state cannot be read") from error
    # compared as text, since to Python true is 1
    same = json.dumps(genesis.describe(), sort_keys=True) == json.dumps(found, sort_keys=True)
    if not same or len(genesis.root) != ROOT_BYTES or not 0 <= genesis.size < 1 << 63:
        raise refused("app_state is not in its one form")
    if not 0 < genesis.acknowledge <= len(genesis.keys):
        raise refused("more signatures are asked for than there are validators")
    return genesis
