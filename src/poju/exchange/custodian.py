"""What a custodian checks before a record leaves it (PRIV-2), from its own replica, without asking anyone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from poju.errors import RefusedError
from poju.i18n import _
from poju.ledger import cbor, leaf, receipt, statement
from poju.ledger.keys import PublicKey
from poju.units import Seconds


@dataclass(frozen=True)
class AccessProof:
    """What the requester shows: the request, its granted decision, and proofs of both under one checkpoint."""

    request: bytes
    request_receipt: bytes
    decision: bytes
    decision_receipt: bytes

    def encode(self) -> bytes:
        """Return the proof as CBOR bytes."""
        return cbor.encode([self.request, self.request_receipt, self.decision, self.decision_receipt])

    @classmethod
    def decode(cls, data: bytes) -> AccessProof:
        """Read what :meth:`encode` wrote; raise ``access.malformed``."""
        parts = cbor.decode(data, 1 << 18)
        match parts:
            case [bytes(request), bytes(first), bytes(decision), bytes(second)]:
                return cls(request, first, decision, second)
        raise refused("access.malformed")


class Replica(Protocol):
    """What the custodian knows of the ledger: verified entries, up to a checkpoint that it fetched at ``fetched``."""

    @property
    def fetched(self) -> Seconds:
        """When the newest verified checkpoint was fetched."""

    def member_key(self, member: str, key_id: bytes) -> PublicKey | None:
        """Return the admitted member's key with that thumbprint, or None."""

    def revoked(self, handle: str, grantee: str) -> bool:
        """Return whether consent for ``grantee`` was given and has since been revoked."""


EXPLANATIONS = {
    "access.malformed": _("The access proof cannot be read."),
    "access.not-in-log": _("The request or its decision is not proved to be in the log under one checkpoint."),
    "access.not-granted": _("There is no granted decision for this request."),
    "access.not-the-requester": _("The request was signed by another member than the one that asks."),
    "access.not-held-here": _("The record behind this pointer is not held here."),
    "access.expired": _("The granted access has expired."),
    "access.revoked": _("The patient has revoked the consent."),
    "access.replica-stale": _("The custodian's copy of the ledger is too old to exclude a revocation."),
}


def refused(code: str) -> RefusedError:
    """Return the refusal with its explanation."""
    return RefusedError(
        code,
        EXPLANATIONS[code],
        hint=_("Register an access request with consent or another legal basis, and show its granted decision."),
    )


@dataclass(frozen=True)
class Limits:
    """Times that the package sets: how long a grant lasts, how old the replica may be."""

    access_seconds: Seconds
    staleness_seconds: Seconds


def check(
    proof: AccessProof,
    requester: str,
    *,
    log_key: PublicKey,
    replica: Replica,
    handle_of: Callable[[str], str | None],
    limits: Limits,
    now: Seconds,
) -> str:
    """Return the pointer that ``requester`` may read, or raise the refusal that names the rule.

    Steps: (1) both leaves are in the log under one checkpoint; (2) the decision is about this request and grants it;
    (3) the requester is who asks, an admitted member; (4) the record is held here and the grant has not expired;
    (5) the replica is fresh enough, and consent has not been revoked.
    """
    # 1. in the log, under one checkpoint
    in_request = receipt.verify(proof.request_receipt, proof.request, log_key)
    in_decision = receipt.verify(proof.decision_receipt, proof.decision, log_key)
    if (in_request.size, in_request.root) != (in_decision.size, in_decision.root):
        raise refused("access.not-in-log")
    # 2. granted
    request = statement.decode(proof.request)
    decision = leaf.decode(proof.decision)
    if not isinstance(decision, leaf.DecisionLeaf) or decision.statement != request.digest:
        raise refused("access.not-granted")
    if request.kind != "access-request" or decision.outcome != "granted":
        raise refused("access.not-granted")
    # 3. the requester
    key = replica.member_key(request.issuer, request.key_id)
    if request.issuer != requester or key is None or request.verify(key) is None:
        raise refused("access.not-the-requester")
    # 4. held here, unexpired
    pointer = str(request.fields["pointer"]).removeprefix("pointer/")
    handle = handle_of(pointer)
    if handle is None:
        raise refused("access.not-held-here")
    if now > request.issued_at + limits.access_seconds:
        raise refused("access.expired")
    # 5. fresh, not revoked
    if now - replica.fetched > limits.staleness_seconds:
        raise refused("access.replica-stale")
    if request.fields["basis"] == "consent" and replica.revoked(handle, requester):
        raise refused("access.revoked")
    return pointer
