"""What votes ask of a node: the package and runtime in force; and ``GET /governance``."""

from __future__ import annotations

import hashlib
from typing import Any, Protocol

from fastapi import APIRouter

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger.cbor import Value
from poju.ledger.rulebook import Block, State
from poju.ledger.statement import SUBJECT_NAME
from poju.ledger.store import Store
from poju.scenario import governance_state
from poju.scenario.governance import CLASSES
from poju.scenario.rulebook import ScenarioRules


class Leaves(State, Protocol):
    """A state that is kept with the leaves that it is the fold of."""

    def leaf(self, index: int) -> bytes | None:
        """Return the leaf at ``index``, or None."""


PACKAGES = "packages"
"""The folder, beside the ledger, of packages that votes put into force, each named by its digest in hexadecimal."""


def require_ready(store: Store, rules: ScenarioRules) -> None:
    """Raise ``governance.blob-missing`` where this node cannot make the next block."""
    head = store.head()
    rules.begin(store, Block(head.height + 1, head.time, head.size))


def shown(value: Value) -> Any:  # noqa: ANN401 - JSON of whatever the state holds
    """Return a state value as JSON can hold it: byte strings in hexadecimal."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    return [shown(item) for item in value] if isinstance(value, list) else value


def describe(state: State, rules: ScenarioRules) -> dict[str, Any]:
    """Return what is in force: package, runtime, thresholds, voters, what waits, validators, log keys."""
    opened, now = state.get("scenario"), governance_state.governed(state)
    package = rules.in_force(state).package
    ratios = {name: governance_state.threshold(state, package.governance, name) for name in CLASSES}
    voters = governance_state.voters(state, package)
    opening = opened or {"package": None, "runtime": None}
    ledger = state.get("ledger")
    return {
        "origin": None if ledger is None else ledger["origin"],
        "package": shown(now["package"] or opening["package"]),
        "runtime": now["runtime"] or opening["runtime"],
        "voters": voters,
        "thresholds": {
            name: {"agree": ratio.agree, "of": ratio.of, "needed": ratio.needed(voters)}
            for name, ratio in ratios.items()
        },
        "pending": [{"height": height, "proposal": subject} for height, subject in now["pending"]],
        "validators": shown(state.get(governance_state.VALIDATORS) or []),
        "log_keys": [] if ledger is None else shown(governance_state.log_keys(state)),
    }


def genesis(store: Leaves) -> bytes:
    """Return the SHA-256 of the log's first statement, or nothing where there is none yet."""
    first = store.leaf(0)
    return b"" if first is None else hashlib.sha256(first).digest()


def router(store: Leaves, rules: ScenarioRules) -> APIRouter:
    """Return the routes that show governance to everyone; all of it is public."""
    routes = APIRouter()

    @routes.get("/governance")
    def governance() -> dict[str, Any]:
        return {"genesis": genesis(store).hex() or None, **describe(store, rules)}

    @routes.get("/governance/{name}")
    def proposal(name: str) -> dict[str, Any]:
        found = store.get(f"proposal/{name}") if SUBJECT_NAME.fullmatch(f"proposal/{name}") else None
        if found is None:
            raise CallerError(
                "proposal.none",
                _("This ledger has no proposal {name}."),
                hint=_("poju govern status URL shows what waits; names are as in poju govern propose."),
                name=name[:100],
            )
        return {"proposal": f"proposal/{name}", **shown(found)}

    return routes
