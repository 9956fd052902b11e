"""Cedar decides who may read what for which purpose; any error, any unknown, any mismatch with the schema denies.

Cedar skips a policy that errs while it is evaluated, so a ``forbid`` that errs would let a ``permit`` win. Three things
stand against that: policies are validated against the schema when the package is checked; requests and entities are
validated against it here; and a decision with any evaluation error is a denial (PRIV-2).

A decision costs Cedar 0.1 ms, and those of one block differ mostly in who asks for which pointer. Cedar only compares
entities for equality or membership: where no policy names a member or a pointer, the answer is the same for all of
them, and is asked for once.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

import cedarpy

from poju.errors import CallerError
from poju.i18n import _
from poju.units import Seconds

GRANTED, DENIED = "granted", "denied"
NEVER = Seconds(0)
ACTION = {"type": "Action", "id": "read"}
DECISIONS = 4_096
ASKER, OTHER, POINTER = "asker", "other", "pointer"
NAMELESS = frozenset({"Action", "Role"})
"""Entity types that policies may name without speaking of one member or one record."""


@dataclass(frozen=True)
class Consent:
    """The consent in force between a handle and a grantee; empty where there is none."""

    classes: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    until: Seconds = NEVER


@dataclass(frozen=True)
class Request:
    """Everything that the policies may look at. ``roles`` and ``custodian`` come from the state, not from the asker."""

    requester: str
    roles: tuple[str, ...]
    pointer: str
    record_class: str
    custodian: str
    purpose: str
    basis: str
    now: Seconds
    consent: Consent


@dataclass(frozen=True)
class Answer:
    """The outcome (``granted`` or ``denied``), the ids of the policies that determined it, the duties that follow."""

    outcome: str
    policies: tuple[str, ...]
    duties: tuple[str, ...]


class AccessPolicy:
    """A package's policies, parsed once. Use :func:`access_policy`."""

    def __init__(self, policies: str, schema: str) -> None:
        try:
            self._policies = cedarpy.PolicySet.from_str(policies)
            self._schema = cedarpy.Schema.from_str(schema)
            parsed = json.loads(cedarpy.policies_to_json_str(policies))["staticPolicies"]
        except ValueError as error:
            raise CallerError(
                "package.access-malformed",
                _("The access policies cannot be read: {reason}."),
                hint=_("Run poju scenario check on the package; it names the policy and the place."),
                reason=str(error)[:200],
            ) from error
        notes = {name: policy.get("annotations", {}) for name, policy in parsed.items()}
        self._ids = {name: str(note.get("id") or name) for name, note in notes.items()}
        self._duties = {name: str(note.get("duty") or "").split() for name, note in notes.items()}
        self._general = not any(_named(policy) for policy in parsed.values())
        self._decisions = lru_cache(DECISIONS)(self._decide)

    def decide(self, request: Request) -> Answer:
        """Return Cedar's answer to ``request``. Pure: the same request gives the same answer, in the same order."""
        return self._decisions(_unnamed(request) if self._general else request)

    def _decide(self, request: Request) -> Answer:
        result = cedarpy.is_authorized(_question(request), self._policies, _entities(request), self._schema)
        reasons = result.diagnostics.reasons
        policies = tuple(sorted(self._ids.get(name, name) for name in reasons))
        if not result.allowed or result.diagnostics.errors:
            return Answer(DENIED, policies if not result.allowed else (), ())
        duties = {duty for name in reasons for duty in self._duties.get(name, ())}
        return Answer(GRANTED, policies, tuple(sorted(duties)))


@lru_cache(maxsize=8)
def access_policy(policies: str, schema: str) -> AccessPolicy:
    """Return the parsed policies; parsed once per text, since parsing costs more than deciding."""
    return AccessPolicy(policies, schema)


def _named(part: object) -> bool:
    """Return whether ``part`` of a policy in Cedar's JSON form names an entity of which there are many."""
    if isinstance(part, dict):
        names = "id" in part and "type" in part and part["type"] not in NAMELESS
        return names or any(_named(item) for item in part.values())
    return isinstance(part, list) and any(_named(item) for item in part)


def _unnamed(request: Request) -> Request:
    """Return ``request`` with other names for its entities: equal where they were equal, different where not."""
    return Request(
        requester=ASKER,
        roles=request.roles,
        pointer=POINTER,
        record_class=request.record_class,
        custodian=ASKER if request.custodian == request.requester else OTHER,
        purpose=request.purpose,
        basis=request.basis,
        now=request.now,
        consent=request.consent,
    )


def _question(request: Request) -> dict[str, object]:
    consent = {
        "classes": list(request.consent.classes),
        "purposes": list(request.consent.purposes),
        "until": request.consent.until,
    }
    context = {"purpose": request.purpose, "basis": request.basis, "now": request.now, "consent": consent}
    return {
        "principal": {"type": "Member", "id": request.requester},
        "action": ACTION,
        "resource": {"type": "Pointer", "id": request.pointer},
        "context": json.dumps(context),
    }


def _entities(request: Request) -> str:
    custodian = {"__entity": {"type": "Member", "id": request.custodian}}
    entities = [
        _entity("Member", request.requester, {}, request.roles),
        _entity("Pointer", request.pointer, {"class": request.record_class, "custodian": custodian}, ()),
    ]
    return json.dumps(entities)


def _entity(kind: str, identifier: str, attributes: dict[str, object], roles: Collection[str]) -> dict[str, object]:
    parents = [{"type": "Role", "id": role} for role in roles]
    return {"uid": {"type": kind, "id": identifier}, "attrs": attributes, "parents": parents}
