"""Proposing, voting and rotating a key over a ledger's HTTP door: what ``poju govern`` calls."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poju.errors import CallerError, OperatorError, RefusedError
from poju.i18n import _
from poju.ledger.cbor import Value
from poju.ledger.keys import PrivateKey
from poju.ledger.statement import new_identifier, sign
from poju.node.client import LedgerClient, Refused, Registered
from poju.scenario import governance_keys, runtime
from poju.scenario.fields import INTEGER_TYPES
from poju.scenario.governance_actions import ACTIONS, blob
from poju.scenario.kinds import room_kinds
from poju.scenario.package import digest
from poju.units import Seconds

DAY = 86_400
MAX_ANSWER = 1 << 20


@dataclass(frozen=True)
class Speaker:
    """A member at a ledger: the ledger's address, the member's name, its private key."""

    url: str
    member: str
    key: PrivateKey

    def say(self, kind: str, subject: str, fields: dict[str, Value]) -> Registered:
        """Register one statement; raise the rule's own code where it is refused, ``ledger.unreachable`` and its kin."""
        raw = sign(
            self.key,
            kind,
            issuer=self.member,
            subject=subject,
            issued_at=Seconds(int(time.time())),
            identifier=new_identifier(),
            fields=fields,
        )
        with closing(LedgerClient(self.url)) as client:
            answer = client.register(raw)
        if isinstance(answer, Refused):
            raise RefusedError(
                answer.code,
                _("The rules refused the statement: {rule}."),
                hint=_("See docs/reference/errors.md for what the rule asks."),
                rule=answer.code,
            )
        return answer


def status(url: str, name: str = "") -> dict[str, Any]:
    """Return what is in force at the ledger, or proposal ``name``; as the ledger says it, without proof."""
    with closing(LedgerClient(url)) as client:
        body = client.get(f"/governance/{name}" if name else "/governance")
    try:
        found = json.loads(body[:MAX_ANSWER])
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise OperatorError(
            "govern.answer",
            _("The address {url} does not answer as a ledger's governance does."),
            hint=_("Give the address that the ledger's operator published, without a path."),
            url=url[:200],
        )
    return found


def _unusable(name: str, reason: str) -> CallerError:
    return CallerError(
        "govern.field",
        _("The field {name} cannot be used: {reason}."),
        hint=_("Write fields as name=value; docs/guides/govern.md lists them for each action."),
        name=name[:60],
        reason=reason,
    )


def read_fields(action: str, written: Sequence[str]) -> dict[str, Value]:
    """Return the fields of ``action`` from ``name=value`` texts; raise ``govern.field`` for what does not fit.

    Bytes are hexadecimal; lists ``a,b``; maps ``a:x,b:y``, split at each first colon.
    """
    found: dict[str, Value] = {}
    for item in written:
        name, equals, value = item.partition("=")
        if not equals or name not in ACTIONS[action].fields:
            raise _unusable(item, _("this action has no such field"))
        if name in found:
            raise _unusable(name, _("it stands twice"))
        found[name] = _value(name, value)
    missing = sorted(ACTIONS[action].fields - found.keys())
    if missing:
        raise _unusable(missing[0], _("it is missing"))
    return found


def _value(name: str, text: str) -> Value:
    kind = room_kinds()["proposal"].fields[name].type
    try:
        if kind.startswith("list-of-"):
            return text.split(",")
        if kind.startswith("map-of-"):
            return {key: value for key, _colon, value in (part.partition(":") for part in text.split(","))}
        if kind in INTEGER_TYPES:
            return int(text)
        return bytes.fromhex(text) if kind in {"key", "digest", "bytes"} else text
    except ValueError as error:
        raise _unusable(name, _("it is no number, or not hexadecimal")) from error


def propose(speaker: Speaker, name: str, action: str, asks: Mapping[str, Value], *, height: int, days: int) -> int:
    """Register proposal ``name``, open for ``days``, to activate at block ``height`` or the next; return its entry."""
    expires = int(time.time()) + days * DAY
    fields = {"action": action, "height": height, "expires": expires, **asks}
    return speaker.say("proposal", f"proposal/{name}", fields).index


def vote(speaker: Speaker, name: str, *, approve: bool, holds: Path | None = None) -> int:
    """Vote on proposal ``name``; return the vote's entry.

    To agree to a package, ``holds`` is its folder, whose digest must be the proposal's; to agree to a runtime, this
    machine must run it. Otherwise ``govern.not-held``: nobody attests what it does not have.
    """
    fields: dict[str, Value] = {"approve": approve}
    asks = status(speaker.url, name).get("asks", {})
    if approve and "package" in asks:
        found = None if holds is None else digest(holds)
        if found is None or found.hex() != asks["package"]:
            raise _not_held(str(asks["package"]))
        fields["holds"] = found
    elif approve and "runtime" in asks:
        if not runtime.reproduces(asks["runtime"]):
            raise _not_held(", ".join(f"{key} {value}" for key, value in sorted(asks["runtime"].items())))
        fields["holds"] = blob({"runtime": asks["runtime"]})
    return speaker.say("vote", f"proposal/{name}", fields).index


def _not_held(wanted: str) -> CallerError:
    return CallerError(
        "govern.not-held",
        _("A vote for this proposal attests that you hold {wanted}, and it was not found here."),
        hint=_("Give the package's folder with --holds, or vote on the machine that runs those versions."),
        wanted=wanted[:400],
    )


def takeover(url: str, member: str, old: bytes, new: PrivateKey) -> dict[str, Value]:
    """Return ``{"key", "proof"}`` with which ``new`` takes over from ``member``'s key of thumbprint ``old``."""
    origin = str(status(url)["origin"])
    return {"key": new.public.raw, "proof": governance_keys.prove(new, origin, member, old)}


def rotate(speaker: Speaker, new: PrivateKey) -> int:
    """Replace the speaker's key by ``new``; return the entry. The old key speaks for nobody afterwards."""
    fields = takeover(speaker.url, speaker.member, speaker.key.public.thumbprint, new)
    return speaker.say("key-rotate", f"member/{speaker.member}", fields).index
