"""Rules of the scenario room: the ledger's and the scenario's opening, calls, members, publications."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from poju.ledger.cbor import Value
from poju.ledger.keys import PublicKey
from poju.ledger.rulebook import Registered
from poju.scenario import governance_evidence, governance_keys, governance_rules, governance_state, runtime
from poju.scenario.rule import Context, Refuse, Rule


def ledger_open(context: Context) -> Registered:
    """Open an empty ledger; the issuer becomes the authority, by the key that the statement carries."""
    context.require(context.state.get("ledger") is None, "ledger.already-open")
    context.require(context.statement.subject == "ledger", "subject.wrong")
    issuer, fields = context.statement.issuer, context.fields
    ledger = {"origin": fields["origin"], "authority": issuer, "log_key": fields["log_key"]}
    writes: dict[str, Value] = {"ledger": {**ledger, "demonstration": fields["demonstration"]}}
    roles = [context.package.authority_role]
    member = _member(context, "admitted", name=issuer, roles=roles)
    census = governance_state.counted(context.state, None, member[f"member/{issuer}"])
    return Registered({**writes, **member, **census})


def selection(context: Context) -> Registered:
    """Record which scenario was chosen for which region, on which evidence, and which evidence was missing."""
    return _record_once(context, "selection.taken")


def scenario_open(context: Context) -> Registered:
    """Open the scenario once, with the package and the runtime that this node holds, after a recorded selection."""
    package, fields = context.package, context.fields
    context.require(context.state.get("scenario") is None, "scenario.already-open")
    known = fields["package"] == package.digest and context.statement.subject == f"scenario/{package.id}"
    context.require(known, "scenario.package-unknown")
    context.require(runtime.reproduces(fields["runtime"]), "scenario.runtime-differs")
    chosen = fields["selection"].startswith("selection/") and context.state.get(fields["selection"]) is not None
    context.require(chosen, "scenario.selection-unknown")
    opened = {"id": package.id, "package": package.digest, "runtime": fields["runtime"]}
    return Registered({"scenario": {**opened, "entry": context.block.index, "height": context.block.height}})


def call_open(context: Context) -> Registered:
    """Open a call for members until ``closes``."""
    context.require(context.fields["closes"] > context.block.time, "call.closed")
    return _record_once(context, "call.already-open")


def member_apply(context: Context) -> Registered:
    """Apply under an open call, with a key of one's own; an applicant can do nothing before its admission."""
    issuer, fields, state = context.statement.issuer, context.fields, context.state
    context.require(context.statement.subject == f"member/{issuer}", "subject.wrong")
    call = state.get(fields["call"]) if fields["call"].startswith("call/") else None
    if call is None:
        raise Refuse("call.unknown")
    context.require(context.block.time <= call["closes"], "call.closed")
    context.require(bool(fields["roles"]) and set(fields["roles"]) <= set(call["roles"]), "member.role-not-called")
    context.require(not _conflict(context, fields["roles"]), "member.roles-conflict")
    context.require(state.get(f"member/{issuer}") is None, "member.already-applied")
    context.require(state.get(f"key/{context.statement.key.fingerprint}") is None, "member.key-taken")
    return Registered(_member(context, "applied", name=fields["name"], roles=fields["roles"]))


def member_admit(context: Context) -> Registered:
    """Admit an applicant with some or all of the roles it applied for, where the package leaves it to the authority."""
    context.require("member-admit" in context.package.governance.direct, "member.by-vote")
    member = context.state.get(context.statement.subject)
    context.require(member is not None and member["state"] == "applied", "member.not-applied")
    roles = context.fields["roles"]
    context.require(bool(roles) and set(roles) <= set(member["roles"]), "member.role-not-applied")
    return _moved(context, member, {**member, "state": "admitted", "roles": roles})


def member_suspend(context: Context) -> Registered:
    """Suspend an admitted member, likewise: nothing that it says is registered from here on."""
    context.require("member-suspend" in context.package.governance.direct, "member.by-vote")
    member = context.state.get(context.statement.subject)
    context.require(member is not None and member["state"] == "admitted", "member.not-admitted")
    itself = context.statement.subject == f"member/{context.statement.issuer}"
    context.require(not itself, "member.suspends-itself")
    return _moved(context, member, {**member, "state": "suspended"})


def publication(context: Context) -> Registered:
    """Register the manifest of what was published."""
    return _record_once(context, "publication.taken")


def _record_once(context: Context, taken: str) -> Registered:
    """Write the statement's fields under its subject, once."""
    context.require(context.state.get(context.statement.subject) is None, taken)
    return Registered({context.statement.subject: {**context.fields, "entry": context.block.index}})


def _moved(context: Context, before: Value, after: Value) -> Registered:
    """Write a member's record, and the census that votes are counted by."""
    return Registered({context.statement.subject: after, **governance_state.counted(context.state, before, after)})


def _conflict(context: Context, roles: list[str]) -> bool:
    return context.package.conflict(context.package.capabilities(roles))


def _member(context: Context, state: str, *, name: str, roles: list[str]) -> dict[str, Value]:
    """Return the writes for a self-certified issuer: its member record and its key."""
    issuer, key = context.statement.issuer, PublicKey(context.fields["key"])
    member = {"state": state, "roles": roles, "keys": [key.thumbprint], "name": name, "entry": context.block.index}
    return {f"member/{issuer}": member, f"key/{key.fingerprint}": {"member": issuer, "raw": key.raw}}


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "ledger-open": ledger_open,
        "selection": selection,
        "scenario-open": scenario_open,
        "call-open": call_open,
        "member-apply": member_apply,
        "member-admit": member_admit,
        "member-suspend": member_suspend,
        "publication": publication,
        **governance_keys.RULES,
        **governance_rules.RULES,
        **governance_evidence.RULES,
    }
)
