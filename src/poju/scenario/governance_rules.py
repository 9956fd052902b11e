"""Proposals, votes, and what begins with a block (docs/concepts/governance.md).

A proposal is open until enough of those who may vote agree (``passed``), too many are against it (``rejected``), or its
time is over. A passed one activates, before the first statement of the block at its height or of the next one after
it that registers anything (``active``), or is ``void`` where what it asks for is no longer possible.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from poju.ledger.block import Overlay
from poju.ledger.cbor import Value
from poju.ledger.rulebook import Block, Registered, State
from poju.scenario import governance_state
from poju.scenario.governance_actions import ACTIONS, Situation, blob
from poju.scenario.governance_state import GOVERNANCE
from poju.scenario.package import Package
from poju.scenario.rule import Context, Refuse, Rule

PENDING_MOST = 64
COMMON = frozenset({"action", "height", "expires"})


def proposal(context: Context) -> Registered:
    """Open a proposal. It must name exactly its action's fields, and be possible today."""
    state, block, fields = context.state, context.block, context.fields
    _require_voter(context)
    context.require(state.get(context.statement.subject) is None, "proposal.taken")
    context.require(fields["expires"] > block.time, "proposal.expired")
    action, given = ACTIONS[fields["action"]], {key: fields[key] for key in fields.keys() - COMMON}
    context.require(given.keys() == action.fields, "proposal.fields")
    action.apply(Situation(state, context.package, block), given)
    record = {"by": context.statement.issuer, "entry": block.index, "state": "open", "votes": {}, "asks": given}
    return Registered({context.statement.subject: {**{key: fields[key] for key in COMMON}, **record}})


def vote(context: Context) -> Registered:
    """Vote for or against an open proposal; until it is decided a later vote replaces the same member's earlier one."""
    state, fields, subject = context.state, context.fields, context.statement.subject
    record = state.get(subject)
    if record is None:
        raise Refuse("proposal.unknown")
    _require_voter(context)
    context.require(record["state"] == "open", "proposal.decided")
    context.require(context.block.time <= record["expires"], "proposal.expired")
    # Whoever agrees to a package or runtime attests that it holds the very bytes; who is against it holds nothing.
    wanted = blob(record["asks"]) if fields["approve"] else None
    context.require(fields.get("holds") == wanted, "vote.holds")
    cast = {**record, "votes": {**record["votes"], context.statement.issuer: fields["approve"]}}
    return Registered({subject: cast, **_decided(context, subject, cast)})


def _require_voter(context: Context) -> None:
    voter = governance_state.is_voter(context.state, context.package, context.statement.issuer)
    context.require(voter, "vote.not-eligible")


def _decided(context: Context, subject: str, record: Mapping[str, Value]) -> dict[str, Value]:
    """Return the writes of the decision, if it falls now, counted over those who may vote at this moment."""
    state, package = context.state, context.package
    count = governance_state.voters(state, package)
    group = ACTIONS[record["action"]].group
    needed = governance_state.threshold(state, package.governance, group).needed(count)
    if _agreed(context, record, approve=True, enough=needed):
        now = governance_state.governed(state)
        context.require(len(now["pending"]) < PENDING_MOST, "proposal.pending-full")
        height = max(record["height"], context.block.height + 1)
        # sorted() is stable: what passed first activates first
        pending = sorted([*now["pending"], [height, subject]], key=lambda item: item[0])
        passed = {**record, "state": "passed", "height": height}
        return {subject: passed, GOVERNANCE: {**now, "pending": pending}}
    if _agreed(context, record, approve=False, enough=count - needed + 1):
        return {subject: {**record, "state": "rejected"}}
    return {}


def _agreed(context: Context, record: Mapping[str, Value], *, approve: bool, enough: int) -> bool:
    said = [member for member, vote in record["votes"].items() if vote == approve]
    # who voted and was suspended since does not count; members are looked up only where it can matter
    if len(said) < enough:
        return False
    return sum(governance_state.is_voter(context.state, context.package, member) for member in said) >= enough


def due(now: Mapping[str, Value], height: int) -> list[str]:
    """Return the subjects of the passed proposals that activate at or before ``height``, in their order."""
    return [subject for at, subject in now["pending"] if at <= height]


def activate(state: State, package: Package, block: Block) -> dict[str, Value]:
    """Return the writes of every proposal that is due in ``block``, each on top of those before it.

    One call activates at most one package change, since what follows it is for the new package to judge: the caller
    calls again with that one.
    """
    draft, now = Overlay(state), governance_state.governed(state)
    for subject in due(now, block.height):
        record = draft.get(subject)
        try:
            changes = ACTIONS[record["action"]].apply(Situation(draft, package, block), record["asks"])
            outcome: dict[str, Value] = {"state": "active", "active": block.height}
        except Refuse as refusal:
            changes, outcome = {}, {"state": "void", "active": block.height, "reason": refusal.code}
        draft.writes.update(changes)
        after = governance_state.governed(draft)
        draft.writes[GOVERNANCE] = {**after, "pending": after["pending"][1:]}
        draft.writes[subject] = {**record, **outcome}
        if record["action"] == "package" and outcome["state"] == "active":
            break
    return draft.writes


RULES: Mapping[str, Rule] = MappingProxyType({"proposal": proposal, "vote": vote})
