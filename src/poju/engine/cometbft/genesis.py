"""The consortium's own part of the genesis file (``app_state``): what every validator has to start from alike."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from poju.errors import OperatorError
from poju.i18n import _
from poju.ledger.keys import PublicKey
from poju.ledger.log_keys import LogKey
from poju.ledger.merkle import EMPTY_ROOT

FIELDS = {"origin", "package", "size", "root", "keys", "acknowledge"}
RETIRED = "retired"
"""Only in the genesis of a log that grew: the keys that spoke for it before, so that what they signed stays good."""
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
    of them have to sign a root before a statement under it counts as acknowledged. ``retired``: of a log that an
    operator kept alone before, the keys that it was signed with, each with the sizes it speaks for, none above
    ``size`` (LOG-3); the last of them signed the final checkpoint.
    """

    origin: str
    package: bytes
    keys: dict[str, PublicKey]
    acknowledge: int
    size: int = 0
    root: bytes = EMPTY_ROOT
    retired: tuple[LogKey, ...] = ()

    def describe(self) -> dict[str, object]:
        """Return it as ``app_state`` stands in the genesis file."""
        found: dict[str, object] = {
            "origin": self.origin,
            "package": self.package.hex(),
            "size": self.size,
            "root": self.root.hex(),
            "keys": {name: key.raw.hex() for name, key in sorted(self.keys.items())},
            "acknowledge": self.acknowledge,
        }
        if self.retired:
            found[RETIRED] = [_described(item) for item in self.retired]
        return found

    @property
    def operator(self) -> LogKey:
        """The key under the final checkpoint of the log that this one grew from; ``network.genesis`` if it did not."""
        if not self.size or not self.retired:
            raise refused("it grew from no other log")
        return self.retired[-1]


def _described(item: LogKey) -> dict[str, object]:
    return {
        "name": item.name,
        "key": item.key.raw.hex(),
        "first": item.first,
        "last": item.last,
        "compromised": item.compromised,
    }


def _retired(found: dict[str, Any]) -> LogKey:
    key = PublicKey(bytes.fromhex(found["key"]))
    return LogKey(str(found["name"]), key, int(found["first"]), int(found["last"]), bool(found["compromised"]))


def read(app_state: bytes) -> Genesis:
    """Decode ``app_state`` strictly, or raise ``network.genesis``."""
    try:
        found = json.loads(app_state[:MAX_BYTES])
        if not isinstance(found, dict) or set(found) - {RETIRED} != FIELDS or not isinstance(found["keys"], dict):
            raise refused("app_state has other fields than Poju's")
        genesis = Genesis(
            origin=str(found["origin"]),
            package=bytes.fromhex(found["package"]),
            keys={str(name): PublicKey(bytes.fromhex(key)) for name, key in found["keys"].items()},
            acknowledge=int(found["acknowledge"]),
            size=int(found["size"]),
            root=bytes.fromhex(found["root"]),
            retired=tuple(_retired(item) for item in found.get(RETIRED, [])),
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise refused("app_state cannot be read") from error
    # compared as text, since to Python true is 1
    same = json.dumps(genesis.describe(), sort_keys=True) == json.dumps(found, sort_keys=True)
    if not same or len(genesis.root) != ROOT_BYTES or not 0 <= genesis.size < 1 << 63:
        raise refused("app_state is not in its one form")
    if not 0 < genesis.acknowledge <= len(genesis.keys):
        raise refused("more signatures are asked for than there are validators")
    if any(item.last is None or item.last > genesis.size for item in genesis.retired):
        raise refused("a retired key speaks for sizes that it cannot have seen")
    if genesis.retired and genesis.operator.last != genesis.size:
        raise refused("it does not name the key under the final checkpoint of the log that it grew from")
    return genesis
