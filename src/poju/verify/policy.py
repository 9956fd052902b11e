"""``--policy FILE``: whom a verifier trusts for one log, and how many of them it takes (docs/reference/policy.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger import cosignature
from poju.ledger.keys import PublicKey, parse_vkey
from poju.ledger.log_keys import Agreed, LogKey, LogKeys
from poju.scenario import toml
from poju.verify.files import broken
from poju.verify.proof import Proved, proved

FILE_BYTES = 1 << 20
MOST_KEYS = 128
TOP, KEY, COSIGNERS = (
    {"origin", "threshold", "keys", "cosigners"},
    {"name", "key", "first", "last", "compromised"},
    {
        "threshold",
        "keys",
    },
)


@dataclass(frozen=True)
class Policy:
    """A log's keys as a verifier trusts them."""

    keys: LogKeys

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.keys.origin

    def require_known(self, origin: str, key: PublicKey) -> LogKey:
        """Return the policy's entry for ``key``; raise ``policy.other-log`` or ``key.not-trusted``."""
        if origin != self.origin:
            raise broken(
                "policy.other-log",
                _("The policy is for the log {wanted}; this one is {found}."),
                wanted=self.origin,
                found=origin,
            )
        for item in self.keys.keys:
            if item.key == key:
                return item
        raise broken(
            "key.not-trusted",
            _("The log's key is {found}, not the trusted {wanted}."),
            found=key.fingerprint,
            wanted=", ".join(item.key.fingerprint for item in self.keys.keys),
        )

    def require_alone(self, key: PublicKey) -> None:
        """Raise ``policy.one-signature`` unless what ``key`` signed alone, at a size that is not told, is enough."""
        known = self.require_known(self.origin, key)
        if self.keys.threshold > 1 or self.keys.witnesses or known.compromised or known.last is not None:
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
            wanted=self.keys.threshold,
            size=agreed.checkpoint.size,
            root=agreed.checkpoint.root.hex(),
            names=", ".join([*sorted(agreed.signers), *sorted(agreed.cosigners)]),
        )

    def require(self, agreed: Agreed) -> Agreed:
        """Return ``agreed``; raise ``policy.too-few`` where too few stand behind it."""
        keys, cosigned = self.keys, len(agreed.cosigners)
        if len(agreed.signers) < keys.threshold:
            raise broken(
                "policy.too-few",
                _("{found} of the {wanted} keys that it takes signed size {size}: {names}."),
                found=len(agreed.signers),
                wanted=keys.threshold,
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
    if set(found) - TOP or not {"origin", "threshold", "keys"} <= set(found) or not isinstance(found["origin"], str):
        raise _wrong(path, _("it has origin, threshold, keys and perhaps cosigners, and nothing else"))
    rows = found["keys"]
    if not isinstance(rows, list) or not 0 < len(rows) <= MOST_KEYS or not all(isinstance(row, dict) for row in rows):
        raise _wrong(path, _("keys is a list of one to 128 keys"))
    keys = [_key(path, found["origin"], row) for row in rows]
    if max(Counter(item.key.raw for item in keys).values()) > 1:
        raise _wrong(path, _("one key stands there twice"))
    holders = {item.name for item in keys}
    threshold = _whole(path, found["threshold"], 1, len(holders))
    cosigners, witnesses = _cosigners(path, found.get("cosigners"))
    if {key.raw for key in cosigners.values()} & {item.key.raw for item in keys}:
        raise _wrong(path, _("one key is the log's and a cosigner's at once"))
    return Policy(LogKeys(found["origin"], tuple(keys), threshold, cosigners, witnesses))


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
