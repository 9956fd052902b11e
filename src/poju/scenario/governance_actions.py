"""What a proposal can do, each action a pure function (state as of now, its fields) → writes, or a refusal.

A proposal is checked by making its writes when it is registered and throwing them away; they are made again when it
activates. What no longer holds then makes the proposal void, and nothing else changes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from poju.ledger import cbor
from poju.ledger.block import Overlay
from poju.ledger.cbor import Value
from poju.ledger.rulebook import Block, State
from poju.scenario import governance_keys, governance_state
from poju.scenario.governance import CLASSES, Threshold
from poju.scenario.governance_state import ADMITTED, GOVERNANCE, LOG, LOG_KEYS, VALIDATORS
from poju.scenario.package import Package
from poju.scenario.rule import Refuse

VALIDATORS_MOST = 256
LOG_KEYS_MOST = 512
RATIO = re.compile(r"([1-9][0-9]{0,3}):([1-9][0-9]{0,3})")
Writes = dict[str, Value]


class Situation(NamedTuple):
    """Where an action takes effect: the state, the package in force, the block; ``block.index`` is the log's size."""

    state: State
    package: Package
    block: Block


def _require(holds: bool, code: str) -> None:  # noqa: FBT001 - reads as a sentence: _require(x > 0, "code")
    if not holds:
        raise Refuse(code)


def _member(at: Situation, fields: Mapping[str, Value], states: tuple[str, ...], code: str) -> dict[str, Value]:
    record = at.state.get(f"member/{fields['member']}")
    if record is None or record["state"] not in states:
        raise Refuse(code)
    return dict(record)


def _moved(at: Situation, name: str, before: Value, after: Value) -> Writes:
    return {f"member/{name}": after, **governance_state.counted(at.state, before, after)}


def member_admit(at: Situation, fields: Mapping[str, Value]) -> Writes:
    """Admit an applicant, or a suspended member again, with some or all of the roles that it has or applied for."""
    record = _member(at, fields, ("applied", "suspended"), "member.not-applied")
    roles = fields["roles"]
    _require(bool(roles) and set(roles) <= set(record["roles"]), "member.role-not-applied")
    _require(not at.package.conflict(at.package.capabilities(roles)), "member.roles-conflict")
    return _moved(at, fields["member"], record, {**record, "state": ADMITTED, "roles": roles})


def member_suspend(at: Situation, fields: Mapping[str, Value]) -> Writes:
    """Suspend an admitted member: nothing that it says is registered until it is admitted again."""
    return _leave(at, fields, (ADMITTED,), "suspended")


def member_remove(at: Situation, fields: Mapping[str, Value]) -> Writes:
    """Remove a member for ever; its name and its keys stay taken."""
    return _leave(at, fields, (ADMITTED, "applied", "suspended"), "removed")


def _leave(at: Situation, fields: Mapping[str, Value], states: tuple[str, ...], target: str) -> Writes:
    record = _member(at, fields, states, "member.not-admitted")
    writes = _moved(at, fields["member"], record, {**record, "state": target})
    left = governance_state.voters(Overlay(at.state, dict(writes)), at.package)
    _require(left > 0, "proposal.last-voter")
    return writes


def member_key(at: Situation, fields: Mapping[str, Value]) -> Writes:
    """Replace the key that a member lost; the new key proves that its holder takes over."""
    _member(at, fields, ("applied", ADMITTED, "suspended"), "member.unknown")
    return governance_keys.replace(at.state, fields["member"], fields["key"], fields["proof"])


def validator_admit(at: Situation, fields: Mapping[str, Value]) -> Writes:
    """Admit a validator of an admitted member, with a consensus key and a log key that none ever had."""
    _member(at, fields, (ADMITTED,), "member.not-admitted")
    known, keys = validators(at.state), governance_state.log_keys(at.state)
    name = fields["name"]
    taken = name == LOG or any(item["name"] == name and item["state"] == ADMITTED for item in known)
    _require(not taken, "validator.name-taken")
    used = {item["consensus"] for item in known} | {item["key"] for item in keys}
    used |= {at.state.get("ledger")["log_key"]}
    fresh = fields["consensus"] != fields["log_key"] and used.isdisjoint({fields["consensus"], fields["log_key"]})
    _require(fresh, "validator.key-used")
    _require(len(known) < VALIDATORS_MOST and len(keys) < LOG_KEYS_MOST, "validator.too-many")
    entry = {key: fields[key] for key in ("name", "member", "chain", "consensus", "log_key")}
    known.append({**entry, "state": ADMITTED, "from_height": at.block.height})
    return {VALIDATORS: known, LOG_KEYS: [*keys, governance_state.log_key(name, fields["log_key"], at.block.index)]}


def validator_suspend(at: Situation, fields: Mapping[str, Value]) -> Writes:
    """Suspend a validator; it comes back with a new consensus key only, by another vote."""
    return validator_out(at, fields["name"], "suspended")


def validator_remove(at: Situation, fields: Mapping[str, Value]) -> Writes:
    """Remove a validator."""
    return validator_out(at, fields["name"], "removed")


def validator_out(at: Situation, name: str, target: str, *, keep_last: bool = True) -> Writes:
    """Return the writes that end validator ``name``; ``validator.last`` keeps the one that is left, ``keep_last``."""
    known = validators(at.state)
    admitted = [item["name"] for item in known if item["state"] == ADMITTED]
    _require(name in admitted, "validator.unknown")
    _require(len(admitted) > 1 or not keep_last, "validator.last")
    changed = [
        {**item, "state": target, "from_height": at.block.height}
        if item["name"] == name and item["state"] == ADMITTED
        else item
        for item in known
    ]
    keys = governance_state.retired(governance_state.log_keys(at.state), name, at.block.index)
    return {VALIDATORS: changed, LOG_KEYS: keys}


def validators(state: State) -> list[dict[str, Value]]:
    """Return every validator that a vote ever admitted, in that order."""
    return [dict(item) for item in state.get(VALIDATORS) or []]


def log_key(at: Situation, fields: Mapping[str, Value]) -> Writes:
    """Give an embedded ledger a new log key from here on; the present one signs nothing larger (LOG-3)."""
    keys = governance_state.log_keys(at.state)
    used = {item["key"] for item in keys} | {item["consensus"] for item in validators(at.state)}
    _require(fields["log_key"] not in used, "log-key.used")
    _require(len(keys) < LOG_KEYS_MOST, "validator.too-many")
    kept = governance_state.retired(keys, LOG, at.block.index)
    return {LOG_KEYS: [*kept, governance_state.log_key(LOG, fields["log_key"], at.block.index)]}


def log_key_compromised(at: Situation, fields: Mapping[str, Value]) -> Writes:
    """Declare that somebody else may have signed with a log key: alone, it proves nothing any more."""
    keys = governance_state.log_keys(at.state)
    found = [item for item in keys if item["key"] == fields["log_key"]]
    _require(bool(found), "log-key.unknown")
    _require(found[0]["compromised"] is None, "log-key.compromised-already")
    size = at.block.index
    ended = {"compromised": size, "until": found[0]["until"] if found[0]["until"] is not None else size}
    return {LOG_KEYS: [{**item, **ended} if item["key"] == fields["log_key"] else item for item in keys]}


def package(at: Situation, fields: Mapping[str, Value]) -> Writes:
    """Put another package into force; thresholds voted under the old one end with it."""
    now = governance_state.governed(at.state)
    _require(fields["package"] != at.package.digest, "proposal.no-change")
    return {GOVERNANCE: {**now, "package": fields["package"], "thresholds": {}}}


def runtime(at: Situation, fields: Mapping[str, Value]) -> Writes:
    """Pin another runtime: the versions that decide from here on."""
    now, opened = governance_state.governed(at.state), at.state.get("scenario")
    _require(bool(fields["runtime"]), "proposal.no-change")
    _require(fields["runtime"] != (now["runtime"] or opened["runtime"]), "proposal.no-change")
    return {GOVERNANCE: {**now, "runtime": fields["runtime"]}}


def thresholds(at: Situation, fields: Mapping[str, Value]) -> Writes:
    """Set thresholds for some classes: ``{"members": "2:3"}`` means two of three."""
    now = governance_state.governed(at.state)
    wanted = {name: RATIO.fullmatch(ratio) for name, ratio in sorted(fields["thresholds"].items())}
    _require(bool(wanted) and set(wanted) <= set(CLASSES), "proposal.thresholds")
    found = {name: [int(match[1]), int(match[2])] for name, match in wanted.items() if match}
    possible = len(found) == len(wanted) and all(Threshold(*ratio).possible for ratio in found.values())
    _require(possible, "proposal.thresholds")
    return {GOVERNANCE: {**now, "thresholds": {**now["thresholds"], **found}}}


class Action(NamedTuple):
    """One action: its class of threshold, the fields that it takes, and what it does."""

    group: str
    fields: frozenset[str]
    apply: Callable[[Situation, Mapping[str, Value]], Writes]


def _action(group: str, fields: str, apply: Callable[[Situation, Mapping[str, Value]], Writes]) -> Action:
    return Action(group, frozenset(fields.split()), apply)


ACTIONS: Mapping[str, Action] = MappingProxyType(
    {
        "member-admit": _action("members", "member roles", member_admit),
        "member-suspend": _action("members", "member reason", member_suspend),
        "member-remove": _action("members", "member reason", member_remove),
        "member-key": _action("keys", "member key proof", member_key),
        "validator-admit": _action("validators", "member name chain consensus log_key", validator_admit),
        "validator-suspend": _action("validators", "name reason", validator_suspend),
        "validator-remove": _action("validators", "name reason", validator_remove),
        "log-key": _action("keys", "log_key", log_key),
        "log-key-compromised": _action("keys", "log_key", log_key_compromised),
        "package": _action("rules", "package", package),
        "runtime": _action("rules", "runtime", runtime),
        "thresholds": _action("rules", "thresholds", thresholds),
    }
)


def blob(fields: Mapping[str, Value]) -> bytes | None:
    """Return the digest (32 bytes) of what a voter has to hold: the package, or the runtime's deterministic CBOR."""
    if "package" in fields:
        return bytes(fields["package"])
    return hashlib.sha256(cbor.encode(fields["runtime"])).digest() if "runtime" in fields else None
