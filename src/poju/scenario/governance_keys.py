"""Members' keys change hands: by ``key-rotate``, which both keys sign, or by vote where the old key is lost.

A member has one key in force. A key that anybody ever registered stays at ``key/<fingerprint>``, so that it can never
be registered again, and what it signed earlier keeps verifying: the fold of the log decides which key was in force
(LOG-4).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from poju.ledger import cbor
from poju.ledger.cbor import Value
from poju.ledger.keys import PrivateKey, PublicKey
from poju.ledger.rulebook import Registered, State
from poju.scenario.rule import Context, Refuse, Rule

TAG = "poju/key-takeover/1"
"""Separates this signature from every other one that a member's key makes: no COSE structure begins with it."""


def takeover(origin: str, member: str, old: bytes, new: bytes) -> bytes:
    """Return what a new key signs to take over: deterministic CBOR of [tag, log's origin, member, old, new].

    ``old``: the thumbprint (32 bytes) of the key that it takes over from; ``new``: the new raw key (32 bytes). Origin,
    member and old key are in it so that a proof serves once, for one member, on one log.
    """
    return cbor.encode([TAG, origin, member, old, new])


def prove(new: PrivateKey, origin: str, member: str, old: bytes) -> bytes:
    """Return the 64-byte proof with which ``new`` takes over from the key of thumbprint ``old``."""
    return new.sign(takeover(origin, member, old, new.public.raw))


def replace(state: State, member: str, raw: bytes, proof: bytes) -> dict[str, Value]:
    """Return the writes that put key ``raw`` (32 bytes) in the place of ``member``'s.

    Refuses with ``member.unknown``, ``member.key-taken`` where anybody, the member too, registered it before, and
    ``member.key-proof`` where ``proof`` is not the new key's own.
    """
    record, new = state.get(f"member/{member}"), PublicKey(raw)
    if record is None:
        raise Refuse("member.unknown")
    if state.get(f"key/{new.fingerprint}") is not None:
        raise Refuse("member.key-taken")
    origin, old = state.get("ledger")["origin"], record["keys"][0]
    if not new.verifies(proof, takeover(origin, member, old, raw)):
        raise Refuse("member.key-proof")
    writes: dict[str, Value] = {f"member/{member}": {**record, "keys": [new.thumbprint]}}
    return {**writes, f"key/{new.fingerprint}": {"member": member, "raw": raw}}


def key_rotate(context: Context) -> Registered:
    """Replace the issuer's own key; the old one, which signed this statement, signs nothing after it."""
    issuer, fields = context.statement.issuer, context.fields
    context.require(context.statement.subject == f"member/{issuer}", "subject.wrong")
    return Registered(replace(context.state, issuer, fields["key"], fields["proof"]))


RULES: Mapping[str, Rule] = MappingProxyType({"key-rotate": key_rotate})
