"""Refusals: the node's signed answer that a statement was not registered (RULE-2).

Nothing of the statement is in it but its digest; the code names the rule, so that a verifier can replay it.
"""

from __future__ import annotations

from dataclasses import dataclass

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger import cbor, cose
from poju.ledger.keys import PrivateKey, PublicKey
from poju.units import Seconds

CONTENT = "application/vnd.poju.refusal+cbor"
MAX_BYTES = 2_048


@dataclass(frozen=True)
class Refusal:
    """Statement digest (32 bytes), the rule's code, and where the log stood when it was refused."""

    statement: bytes
    code: str
    size: int
    time: Seconds

    def sign(self, key: PrivateKey, origin: str) -> bytes:
        """Return the refusal signed by the node of ``origin``."""
        body = {"statement": self.statement, "code": self.code, "size": self.size, "time": self.time}
        return cose.sign(key, {cose.CONTENT_TYPE: CONTENT, cose.CWT_CLAIMS: {1: origin}}, cbor.encode(body))


def verify(raw: bytes, key: PublicKey) -> Refusal:
    """Return the refusal that ``key`` signed, or raise ``refusal.refused``."""
    envelope = cose.decode(raw, MAX_BYTES)
    body = cbor.decode(envelope.payload or b"\xa0", MAX_BYTES)
    if (
        envelope.protected.get(cose.CONTENT_TYPE) == CONTENT
        and not envelope.unprotected
        and isinstance(body, dict)
        and set(body) == {"statement", "code", "size", "time"}
        and envelope.verifies(key)
    ):
        return Refusal(body["statement"], body["code"], body["size"], Seconds(body["time"]))
    raise CallerError(
        "refusal.refused",
        _("This refusal was not signed by the log's node."),
        hint=_("Compare the key's fingerprint with the one that the operator published."),
    )
