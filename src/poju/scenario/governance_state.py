"""What governance keeps in the state, and how it is read. Pure functions over the fold of the log.

=====================  ===============================================================================================
``governance``         ``{"package", "runtime", "thresholds", "pending"}``: what votes have put in the opening's place
                       (None or empty: nothing), and the passed proposals as ``[height, subject]``, in order
``governance/census``  how many admitted members hold exactly these roles: ``{"role,role": count}``
``proposal/<id>``      the proposal, its votes and what became of it
``validators``         ``[{"name", "member", "chain", "consensus", "log_key", "state", "from_height"}]``
``log-keys``           ``[{"name", "key", "from", "until", "compromised"}]``: a key signs the sizes from < size ≤ until
=====================  ===============================================================================================

The census counts voters without a list of all members, whichever capabilities the package in force gives a vote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from poju.ledger.cbor import Value
from poju.ledger.rulebook import State
from poju.scenario.governance import Governance, Threshold
from poju.scenario.package import Package

GOVERNANCE = "governance"
CENSUS = "governance/census"
VALIDATORS = "validators"
LOG_KEYS = "log-keys"
ADMITTED = "admitted"
LOG = "log"
"""The name of an embedded ledger's own key in ``log-keys``; validators' keys stand there under their names."""
EMPTY: Mapping[str, Value] = {"package": None, "runtime": None, "thresholds": {}, "pending": []}


def governed(state: State) -> dict[str, Value]:
    """Return what votes have decided so far, a copy."""
    return dict(state.get(GOVERNANCE) or EMPTY)


def threshold(state: State, governance: Governance, name: str) -> Threshold:
    """Return the threshold of class ``name`` in force: the voted one, else the package's."""
    voted = governed(state)["thresholds"].get(name)
    return Threshold(*voted) if voted else governance.thresholds[name]


def counted(state: State, before: Value, after: Value) -> dict[str, Value]:
    """Return the census's write where a member's record changes from ``before`` to ``after``; empty where it stays."""
    census = dict(state.get(CENSUS) or {})
    old, new = _group(before), _group(after)
    if old == new:
        return {}
    if old:
        census[old] -= 1
        if not census[old]:
            del census[old]
    if new:
        census[new] = census.get(new, 0) + 1
    return {CENSUS: census}


def _group(record: Value) -> str:
    if record is None or record["state"] != ADMITTED:
        return ""
    return ",".join(sorted(record["roles"]))


def voters(state: State, package: Package) -> int:
    """Return how many admitted members have a vote under ``package``."""
    census = state.get(CENSUS) or {}
    return sum(count for group, count in census.items() if votes(package, group.split(",")))


def votes(package: Package, roles: Sequence[str]) -> bool:
    """Return whether a member with ``roles`` has a vote under ``package``."""
    return not package.governance.voters.isdisjoint(package.capabilities(list(roles)))


def is_voter(state: State, package: Package, member: str) -> bool:
    """Return whether ``member`` is admitted and has a vote now."""
    record = state.get(f"member/{member}")
    return record is not None and record["state"] == ADMITTED and votes(package, record["roles"])


def log_keys(state: State) -> list[dict[str, Value]]:
    """Return the log's keys with their ranges of sizes; before any vote, the one that the ledger was opened with."""
    found = state.get(LOG_KEYS)
    if found is not None:
        return [dict(item) for item in found]
    return [log_key(LOG, state.get("ledger")["log_key"], 0)]


def log_key(name: str, raw: bytes, size: int) -> dict[str, Value]:
    """Return the record of a log key that signs from after ``size`` leaves on."""
    return {"name": name, "key": raw, "from": size, "until": None, "compromised": None}


def retired(keys: Sequence[dict[str, Value]], name: str, size: int) -> list[dict[str, Value]]:
    """Return ``keys`` where what ``name`` signed with until now ends at ``size`` leaves."""
    return [{**key, "until": size} if key["name"] == name and key["until"] is None else key for key in keys]
