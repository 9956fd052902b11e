"""Refusals: the node's signed answer that a statement was not registered (RULE-2).

Nothing of the statement is in it but its digest; the code names the rule. ``size``, ``position`` and ``time`` name the
one state that the rules had before them, so that whoever holds the log can ask again (``ledger/audit_refusal.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger import block, cbor, cose
from poju.ledger.cbor import Value
from poju.ledger.keys import PrivateKey, PublicKey
from poju.units import Seconds

CONTENT = "application/vnd.poju.refusal+cbor"
MAX_BYTES = 2_048
DIGEST_BYTES = 32
FIRST_FORM = {"statement", "code", "size", "time"}
FORM = FIRST_FORM | {"position"}


@dataclass(frozen=True)
class Refusal:
    """Statement digest (32 bytes), the rule's code, and the moment at which the rules refused.

    ``size``: leaves in the log before the statement's block; ``position``: leaves of that block before the statement,
    0 also where its signature already failed; ``time``: the block's time. In the first form, which had no position
    (None), ``size`` was the log's after the batch, and ``time`` the node's clock: it names a rule but no one state.
    """

    statement: bytes
    code: str
    size: int
    time: Seconds
    position: int | None = None

    def sign(self, key: PrivateKey, origin: str) -> bytes:
        """Return the refusal signed by the node of ``origin``."""
        body = {"statement": self.statement, "code": self.code, "size": self.size, "time": self.time}
        if self.position is not None:
            body["position"] = self.position
        return cose.sign(key, {cose.CONTENT_TYPE: CONTENT, cose.CWT_CLAIMS: {1: origin}}, cbor.encode(body))


def positions(answers: Iterable[block.Answer]) -> Iterator[int]:
    """Yield, for each answer of one block, how many leaves of the block stood before its statement."""
    before = 0
    for answer in answers:
        yield before
        if isinstance(answer, block.Entered) and not answer.again:
            before += 1 if answer.decision is None else 2


def verify(raw: bytes, key: PublicKey, origin: str | None = None) -> Refusal:
    """Return the refusal that ``key`` signed, for the log ``origin`` where given, or raise ``refusal.refused``."""
    envelope = cose.decode(raw, MAX_BYTES)
    body = cbor.decode(envelope.payload or b"\xa0", MAX_BYTES)
    if (
        envelope.protected.get(cose.CONTENT_TYPE) == CONTENT
        and not envelope.unprotected
        and origin in (None, _origin(envelope))
        and isinstance(body, dict)
        and set(body) in (FORM, FIRST_FORM)
        and _typed(body)
        and envelope.verifies(key)
    ):
        return Refusal(body["statement"], body["code"], body["size"], Seconds(body["time"]), body.get("position"))
    raise CallerError(
        "refusal.refused",
        _("This refusal was not signed by the log's node."),
        hint=_("Compare the key's fingerprint with the one that the operator published."),
    )


def _origin(envelope: cose.Sign1) -> Value:
    claims = envelope.protected.get(cose.CWT_CLAIMS)
    return claims.get(1) if isinstance(claims, dict) and set(claims) == {1} else None


def _typed(body: dict[str, Value]) -> bool:
    counts = [body[name] for name in ("size", "time", "position") if name in body]
    return (
        isinstance(body["statement"], bytes)
        and len(body["statement"]) == DIGEST_BYTES
        and isinstance(body["code"], str)
        and all(isinstance(count, int) and not isinstance(count, bool) and count >= 0 for count in counts)
    )
