"""Rules of the exchange room: pointers, consent, access (PRIV-2, PRIV-3)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from poju.errors import CallerError
from poju.exchange import assertion
from poju.exchange.access import GRANTED, Consent, Request, access_policy
from poju.ledger.cbor import Value
from poju.ledger.keys import PublicKey
from poju.ledger.rulebook import Decision, Registered
from poju.scenario.fields import HANDLE
from poju.scenario.rule import Context, Refuse, Rule
from poju.scenario.rulebook import ADMITTED
from poju.units import Seconds


def pointer(context: Context) -> Registered:
    """Register where a record lies: its commitment, class, custodian and the patient's handle there."""
    subject = context.statement.subject
    context.require(bool(assertion.POINTER.fullmatch(subject)), "subject.wrong")
    context.require(context.state.get(subject) is None, "exchange.pointer-taken")
    record = {"custodian": context.statement.issuer, "entry": context.block.index, **context.fields}
    return Registered({subject: record})


def consent_grant(context: Context) -> Registered:
    """Put a consent in force; it replaces the earlier one of the same handle and grantee."""
    handle, fields = _handle(context), context.fields
    grantee = context.state.get(f"member/{fields['grantee']}")
    context.require(grantee is not None and grantee["state"] == ADMITTED, "member.unknown")
    context.require(bool(fields["classes"]) and bool(fields["purposes"]), "exchange.consent-empty")
    context.require(fields["until"] > context.block.time, "exchange.consent-expired")
    consent = {name: fields[name] for name in ("classes", "purposes", "until")}
    return Registered({f"consent/{handle}/{fields['grantee']}": {**consent, "entry": context.block.index}})


def consent_revoke(context: Context) -> Registered:
    """End a consent at once."""
    key = f"consent/{_handle(context)}/{context.fields['grantee']}"
    context.require(context.state.get(key) is not None, "exchange.no-consent")
    return Registered({key: None})


def access_request(context: Context) -> Registered:
    """Decide on a request by the package's Cedar policies, on the consent in force at this block."""
    state, fields, issuer = context.state, context.fields, context.statement.issuer
    context.require(state.get(context.statement.subject) is None, "exchange.access-taken")
    record = state.get(fields["pointer"]) if assertion.POINTER.fullmatch(fields["pointer"]) else None
    if record is None:
        raise Refuse("exchange.pointer-unknown")
    _check_assertion(context)
    request = Request(
        requester=issuer,
        roles=tuple(state.get(f"member/{issuer}")["roles"]),
        pointer=fields["pointer"],
        record_class=record["class"],
        custodian=record["custodian"],
        purpose=fields["purpose"],
        basis=fields["basis"],
        now=context.block.time,
        consent=_consent(context, record["handle"]),
    )
    answer = access_policy(context.package.access_policies, context.package.access_schema).decide(request)
    access = {
        "requester": issuer,
        "custodian": record["custodian"],
        "pointer": fields["pointer"],
        "purpose": fields["purpose"],
        "basis": fields["basis"],
        "outcome": answer.outcome,
        "expires": context.block.time + context.package.windows["access"],
        "entry": context.block.index,
    }
    if fields["basis"] == "emergency":
        # Lateness is listed: seconds between the signed request and the block that registered it.
        access["late"] = max(0, context.block.time - context.statement.statement.issued_at)
    return Registered({context.statement.subject: access}, Decision(answer.outcome, answer.policies, answer.duties))


def access_release(context: Context) -> Registered:
    """Register that the custodian served the record: only on a granted, unexpired request (PRIV-2)."""
    access = context.state.get(context.statement.subject)
    granted = access is not None and access["outcome"] == GRANTED
    context.require(granted and context.block.time <= access["expires"], "exchange.not-granted")
    context.require(access["custodian"] == context.statement.issuer, "exchange.not-custodian")
    context.require("released" not in access, "exchange.already-released")
    record = context.state.get(access["pointer"])
    context.require(context.fields["commitment"] == record["commitment"], "exchange.commitment-differs")
    return Registered({context.statement.subject: {**access, "released": context.block.index}})


def access_acknowledge(context: Context) -> Registered:
    """Register that the requester received the record, and whether it held against its commitment (PRIV-3)."""
    access = context.state.get(context.statement.subject)
    context.require(access is not None and "released" in access, "exchange.not-released")
    context.require(access["requester"] == context.statement.issuer, "exchange.not-requester")
    context.require("acknowledged" not in access, "exchange.already-acknowledged")
    record = context.state.get(access["pointer"])
    context.require(context.fields["commitment"] == record["commitment"], "exchange.commitment-differs")
    received = {"acknowledged": context.block.index, "holds": context.fields["holds"]}
    return Registered({context.statement.subject: {**access, **received}})


def _handle(context: Context) -> str:
    handle = context.statement.subject.removeprefix("consent/")
    context.require(bool(HANDLE.fullmatch(handle)), "subject.wrong")
    return handle


def _consent(context: Context, handle: str) -> Consent:
    found = context.state.get(f"consent/{handle}/{context.statement.issuer}")
    if found is None:
        return Consent()
    return Consent(tuple(found["classes"]), tuple(found["purposes"]), Seconds(found["until"]))


def _check_assertion(context: Context) -> None:
    """Refuse unless an admitted identity index signed that this requester's patient is this pointer's person, now."""
    try:
        claim = assertion.decode(context.fields["assertion"])
    except CallerError as error:
        raise Refuse("exchange.assertion-malformed") from error
    key = context.state.get(f"key/{claim.envelope.key_id.hex()}")
    index: Value = None if key is None else context.state.get(f"member/{key['member']}")
    # a key that was rotated away stays in the state, and asserts nothing any more
    known = index is not None and index["state"] == ADMITTED and claim.envelope.key_id in index["keys"]
    context.require(known and "identity" in context.package.capabilities(index["roles"]), "exchange.assertion-issuer")
    signed = context.statement.encloses(PublicKey.known(key["raw"]), claim.envelope)
    context.require(signed, "exchange.assertion-signature")
    same = claim.requester == context.statement.issuer and claim.pointer == context.fields["pointer"]
    context.require(same, "exchange.assertion-mismatch")
    context.require(claim.until >= context.block.time, "exchange.assertion-expired")


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "pointer": pointer,
        "consent-grant": consent_grant,
        "consent-revoke": consent_revoke,
        "access-request": access_request,
        "access-release": access_release,
        "access-acknowledge": access_acknowledge,
    }
)
