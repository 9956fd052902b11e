"""``--policy FILE``: whom a verifier trusts for one log, and how many of them it takes (docs/reference/policy.md).

A policy names keys with their ranges of sizes, or the log's first statement, from which :mod:`poju.verify.followed`
finds them.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from poju.errors import CallerError, OperatorError
from poju.i18n import _
from poju.ledger import cosignature
from poju.ledger.keys import PublicKey, parse_vkey
from poju.ledger.log_keys import Agreed, LogKey, LogKeys
from poju.scenario import toml
from poju.verify.files import broken
from poju.verify.proof import Proved, proved

FILE_BYTES = 1 << 20
MOST_KEYS = 1_024
ANY_SIZE = 1 << 62
"""Larger than any log: only a key that was never retired speaks there."""
TOP = {"origin", "genesis", "threshold", "keys", "cosigners"}
KEY = {"name", "key", "first", "last", "compromised"}
COSIGNERS = {"threshold", "keys"}
DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Policy:
    """A log's keys as a verifier trusts them.

    ``genesis``: SHA-256 of the log's first statement, where its votes have yet to be followed; the keys that stand here
    are then those that the log began with.
    """

    keys: LogKeys
    genesis: bytes | None = None

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.keys.origin

    def require_known(self, origin: str, key: PublicKey) -> LogKey:
        """Return the policy's entry for ``key``; raise ``policy.other-log`` or ``key.not-trusted``."""
        self.require_log(origin)
        for item in self.keys.keys:
            if item.key == key:
                return item
        raise broken(
            "key.not-trusted",
            _("The log's key is {found}, not the trusted {wanted}."),
            found=key.fingerprint,
            wanted=", ".join(item.key.fingerprint for item in self.keys.keys),
        )

    def require_log(self, origin: str) -> None:
        """Raise ``policy.other-log`` where the policy is for another log than ``origin``."""
        if origin != self.origin:
            raise broken(
                "policy.other-log",
                _("The policy is for the log {wanted}; this one is {found}."),
                wanted=self.origin,
                found=origin,
            )

    def takes_more(self, size: int = ANY_SIZE) -> bool:
        """Return whether one signature is too few for ``size`` leaves, by default under the keys that still speak."""
        return self.keys.needed(size) > 1 or bool(self.keys.witnesses)

    def require_alone(self, key: PublicKey) -> None:
        """Raise ``policy.one-signature`` unless what ``key`` signed alone, at a size that is not told, is enough."""
        known = self.require_known(self.origin, key)
        if self.takes_more() or known.compromised or known.last is not None:
            raise broken(
                "policy.one-signature",
                _("One key, {name}, signed this file, and the policy takes more than its word."),
                name=known.name,
            )

    def told(self, agreed: Agreed) -> Proved:
        """Return the sentence that says who signed."""
        return proved(
            _("{found} of {total} holders signed size {size} with root {root}, {wanted} are needed: {names}"),
            found=len(agreed.signers),
            total=len({item.name for item in self.keys.keys}),
            wanted=self.keys.needed(agreed.checkpoint.size),
            size=agreed.checkpoint.size,
            root=agreed.checkpoint.root.hex(),
            names=", ".join([*sorted(agreed.signers), *sorted(agreed.cosigners)]),
        )

    def require(self, agreed: Agreed) -> Agreed:
        """Return ``agreed``; raise ``policy.too-few`` where too few stand behind it."""
        keys, cosigned = self.keys, len(agreed.cosigners)
        needed = keys.needed(agreed.checkpoint.size)
        if len(agreed.signers) < needed:
            raise broken(
                "policy.too-few",
                _("{found} of the {wanted} keys that it takes signed size {size}: {names}."),
                found=len(agreed.signers),
                wanted=needed,
                size=agreed.checkpoint.size,
                names=", ".join(sorted(agreed.signers)) or "–",
            )
        if cosigned < keys.witnesses:
            raise broken(
                "policy.too-few-cosigners",
                _("{found} of the {wanted} cosigners that it takes signed size {size}."),
                found=cosigned,
                wanted=keys.witnesses,
                size=agreed.checkpoint.size,
            )
        return agreed

    def written(self) -> str:
        """Return the policy as its file says it; :func:`load` reads the same from it."""
        top = [f"origin = {json.dumps(self.origin, ensure_ascii=False)}"]
        top += [f'genesis = "{self.genesis.hex()}"'] if self.genesis is not None else []
        top += [f"threshold = {self.keys.threshold}"] if self.keys.threshold is not None else []
        tables = [self._table(item) for item in self.keys.keys]
        if self.keys.cosigners:
            vkeys = [cosignature.vkey(name, key) for name, key in self.keys.cosigners.items()]
            tables.append(
                f"[cosigners]\nthreshold = {self.keys.witnesses}\nkeys = {json.dumps(vkeys, ensure_ascii=False)}\n"
            )
        return "\n".join(["\n".join(top) + "\n", *tables])

    def _table(self, item: LogKey) -> str:
        lines = [f"name = {json.dumps(item.name, ensure_ascii=False)}", f'key = "{item.key.vkey(self.origin)}"']
        lines += [f"first = {item.first}"] if item.first else []
        lines += [f"last = {item.last}"] if item.last is not None else []
        lines += ["compromised = true"] if item.compromised else []
        return "\n".join(["[[keys]]", *lines, ""])


def _wrong(path: Path, reason: str, **parameters: object) -> CallerError:
    return CallerError(
        "policy.malformed",
        _("{path} is no policy: {reason}."),
        hint=_("Write what docs/reference/policy.md shows."),
        path=path,
        reason=reason,
        **parameters,
    )


def load(path: Path) -> Policy:
    """Read a policy strictly; raise ``policy.malformed`` or ``key.malformed``."""
    try:
        with path.open("rb") as handle:
            found = toml.loads(handle.read(FILE_BYTES).decode())
    except (OSError, ValueError) as error:
        raise _wrong(path, _("it cannot be read as TOML")) from error
    genesis = digest(path, found.get("genesis"))
    required = {"origin", "keys"} if genesis is None else {"origin"}
    if set(found) - TOP or not required <= set(found) or not isinstance(found["origin"], str):
        raise _wrong(path, _("it has origin, keys or genesis, perhaps threshold and cosigners, and nothing else"))
    rows = found.get("keys", [])
    least = 1 if genesis is None else 0
    if not isinstance(rows, list) or not least <= len(rows) <= MOST_KEYS or not all(isinstance(r, dict) for r in rows):
        raise _wrong(path, _("keys is a list of one to 1,024 keys"))
    keys = [_key(path, found["origin"], row) for row in rows]
    if max(Counter(item.key.raw for item in keys).values(), default=1) > 1:
        raise _wrong(path, _("one key stands there twice"))
    # who else may hold a key, only the votes will tell
    holders = len({item.name for item in keys}) if genesis is None else MOST_KEYS
    threshold = _whole(path, found["threshold"], 1, holders) if "threshold" in found else None
    cosigners, witnesses = _cosigners(path, found.get("cosigners"))
    if {key.raw for key in cosigners.values()} & {item.key.raw for item in keys}:
        raise _wrong(path, _("one key is the log's and a cosigner's at once"))
    return Policy(LogKeys(found["origin"], tuple(keys), threshold, cosigners, witnesses), genesis)


def require_place(path: Path) -> None:
    """Raise ``policy.write`` where no policy can be written at ``path``: before the work that it would be lost with."""
    if not os.access(path.parent, os.W_OK):
        raise _unwritable(path, _("its folder is not there, or not yours to write to"))


def save(policy: Policy, path: Path) -> None:
    """Write ``policy`` to ``path``; raise ``policy.write``."""
    try:
        path.write_text(policy.written(), encoding="utf-8")
    except OSError as error:
        raise _unwritable(path, error.strerror or type(error).__name__) from error


def _unwritable(path: Path, reason: str) -> OperatorError:
    return OperatorError(
        "policy.write",
        _("{path} cannot be written: {reason}."),
        hint=_("Name a file in a folder that you may write to."),
        path=path,
        reason=reason,
    )


def digest(path: Path, found: object) -> bytes | None:
    """Return the digest that ``genesis`` in the policy at ``path`` gives; raise ``policy.malformed``."""
    if found is None:
        return None
    if not isinstance(found, str) or not DIGEST.fullmatch(found):
        raise _wrong(path, _("genesis is the SHA-256 of the log's first statement, 64 hexadecimal digits"))
    return bytes.fromhex(found)


def _key(path: Path, origin: str, row: Mapping[str, object]) -> LogKey:
    name, text = row.get("name"), row.get("key")
    if set(row) - KEY or not isinstance(name, str) or not name or not isinstance(text, str):
        raise _wrong(path, _("a key has name and key, perhaps first, last and compromised"))
    named, key = parse_vkey(text)
    if named != origin:
        raise _wrong(path, _("a key is another log's"))
    first = _whole(path, row.get("first", 0), 0)
    last = None if row.get("last") is None else _whole(path, row["last"], first)
    compromised = row.get("compromised", False)
    if not isinstance(compromised, bool):
        raise _wrong(path, _("compromised is true or false"))
    return LogKey(name, key, first, last, compromised)


def _cosigners(path: Path, found: object) -> tuple[dict[str, PublicKey], int]:
    if found is None:
        return {}, 0
    if not isinstance(found, dict) or set(found) != COSIGNERS or not isinstance(found["keys"], list):
        raise _wrong(path, _("cosigners has threshold and keys"))
    keys = dict(cosignature.parse_vkey(str(text)) for text in found["keys"][:MOST_KEYS])
    if len({key.raw for key in keys.values()}) != len(found["keys"]):
        raise _wrong(path, _("one key stands there twice"))
    return keys, _whole(path, found["threshold"], 1, len(keys))


def _whole(path: Path, value: object, least: int, most: int | None = None) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least or (most is not None and value > most):
        raise _wrong(path, _("a number is out of its range: a threshold is from 1 to the number of holders"))
    return value
