"""The identity index's assertion: the requester's patient is the person that a pointer's record is about.

A COSE_Sign1 with content type ``application/vnd.poju.assertion+cbor``, ``kid`` of a member with the capability
``identity``, and as payload exactly the map {requester, pointer, handle, until}:

| name | type | description | validation |
|---|---|---|---|
| requester | text | the member that asks | a member's name |
| pointer | text | the record's pointer | ``pointer/`` and 32 hexadecimal digits |
| handle | text | the person's handle at the requester | 32 hexadecimal digits |
| until | integer | when the assertion ends | seconds since 1970 |

Nothing in it joins two handles for a third party: the pointer's own handle does not stand here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger import cbor, cose
from poju.ledger.keys import PrivateKey
from poju.ledger.statement import NAME
from poju.scenario.fields import HANDLE, LATEST, SIGNED_BYTES
from poju.units import Seconds

CONTENT_TYPE = "application/vnd.poju.assertion+cbor"
POINTER = re.compile(r"pointer/[0-9a-f]{32}")
KEPT = 4_096
NAMES = {"requester", "pointer", "handle", "until"}


@dataclass(frozen=True)
class UnverifiedAssertion:
    """A strictly decoded assertion whose signature and signer nobody has checked yet."""

    envelope: cose.Sign1
    requester: str
    pointer: str
    handle: str
    until: Seconds


def enclosed(fields: Mapping[str, cbor.Value]) -> cose.Sign1 | None:
    """Return the envelope of the assertion in an access request's ``fields``, or None where there is none."""
    data = fields.get("assertion")
    try:
        return decode(data).envelope if isinstance(data, bytes) else None
    except CallerError:
        return None


def _malformed(reason: str) -> CallerError:
    return CallerError(
        "exchange.assertion-malformed",
        _("This is not an identity index's assertion: {reason}."),
        hint=_("Ask the identity index for a new assertion; its format stands in docs/spec/statements.md."),
        reason=reason,
    )


def sign(key: PrivateKey, *, requester: str, pointer: str, handle: str, until: Seconds) -> bytes:
    """Return the assertion's bytes, signed by the identity index's ``key``; it ends at ``until``."""
    payload = cbor.encode({"requester": requester, "pointer": pointer, "handle": handle, "until": until})
    return cose.sign(key, {cose.CONTENT_TYPE: CONTENT_TYPE}, payload)


@lru_cache(KEPT)
def decode(data: bytes) -> UnverifiedAssertion:
    """Decode strictly; raise ``exchange.assertion-malformed``, ``cose.malformed`` or ``cbor.malformed``.

    Kept, as an engine asks for its signature before the rule does.
    """
    envelope = cose.decode(data, SIGNED_BYTES)
    labels = {cose.ALGORITHM, cose.CONTENT_TYPE, cose.KEY_ID}
    if envelope.unprotected or set(envelope.protected) != labels or envelope.payload is None:
        raise _malformed("its headers are not the expected ones")
    if envelope.protected[cose.CONTENT_TYPE] != CONTENT_TYPE:
        raise _malformed("its content type is another")
    fields = cbor.decode(envelope.payload, SIGNED_BYTES)
    if not isinstance(fields, dict) or set(fields) != NAMES:
        raise _malformed("its payload is not exactly requester, pointer, handle and until")
    texts = (("requester", NAME), ("pointer", POINTER), ("handle", HANDLE))
    for name, pattern in texts:
        if not isinstance(fields[name], str) or not pattern.fullmatch(fields[name]):
            raise _malformed(f"{name} has another form")
    until = fields["until"]
    if not isinstance(until, int) or isinstance(until, bool) or not 0 <= until <= LATEST:
        raise _malformed("until is no time in seconds")
    return UnverifiedAssertion(envelope, fields["requester"], fields["pointer"], fields["handle"], Seconds(until))
