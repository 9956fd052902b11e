"""The generic way of every statement through the rules (RULE-1), then its room's own rule.

1. the kind is known                       ``kind.unknown``
2. the fields hold                         ``field.missing`` ``field.unknown`` ``field.type`` ``field.range``
3. the subject is of the kind              ``subject.wrong``
4. the statement is fresh                  ``ledger.stale``
5. the scenario is open, where needed      ``scenario.not-open``
6. the issuer is admitted                  ``member.not-admitted``
7. the key is the issuer's                 ``member.key``
8. the issuer's role or capability fits    ``member.role``
9. the workflow's table allows the step    ``workflow.illegal`` ``workflow.not-opener``, or the code that the row names
10. the room's rule agrees                 its own codes

A refusal at any step changes nothing (RULE-2): writes exist only in the answer of a statement that passed them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType

from poju.errors import OperatorError
from poju.i18n import _
from poju.ledger.block import Overlay
from poju.ledger.cbor import Value
from poju.ledger.cose import Sign1
from poju.ledger.keys import KEY_BYTES, PublicKey
from poju.ledger.rulebook import Block, Refused, Registered, State
from poju.ledger.statement import UnverifiedStatement, VerifiedStatement
from poju.scenario import governance_actions, governance_rules, governance_state, runtime, workflow
from poju.scenario.kinds import FieldsCheck, Kind, compile_kind
from poju.scenario.package import Package
from poju.scenario.rule import Context, Refuse, Rule
from poju.scenario.workflow import NEW, Transition
from poju.units import Seconds

ADMITTED = "admitted"
STANDINGS = 1_024
SINGLETONS = ("ledger",)
"""Subjects of which there is one: they carry no id."""
NO_ENVELOPES: Mapping[str, Callable[[Mapping[str, Value]], Sign1 | None]] = MappingProxyType({})
NOTHING = Registered()
"""The answer of a kind that has no rule of its own: it moves its subject, and that is all."""


class ScenarioRules:
    """Implements :class:`poju.ledger.rulebook.RuleBook` for one package. Pure; safe to share between threads.

    ``package`` is the one that the scenario is opened with. ``held`` answers the rule books of the packages that votes
    put in its place, by digest, or None for one that this node does not hold (yet). ``enclosed``: statement kind → the
    signed envelope among its fields.
    """

    def __init__(
        self,
        package: Package,
        rules: Mapping[str, Rule],
        kinds: Mapping[str, Kind],
        held: Callable[[bytes], ScenarioRules | None] = lambda _digest: None,
        enclosed: Mapping[str, Callable[[Mapping[str, Value]], Sign1 | None]] = NO_ENVELOPES,
    ) -> None:
        self.package = package
        self._held = held
        self._enclosed = enclosed
        self._later: dict[bytes, ScenarioRules] = {}
        self.kinds = kinds
        self._rules = rules
        self._checks: dict[str, FieldsCheck] = {
            kind.id: compile_kind(kind, package.closed(), package.roles) for kind in kinds.values()
        }

        self._standing = lru_cache(STANDINGS)(self._read_standing)

    def _read_standing(self, roles: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
        """Return the capabilities of ``roles``, and roles and capabilities together."""
        capabilities = self.package.capabilities(list(roles))
        return capabilities, capabilities | frozenset(roles)

    def is_public(self, kind: str) -> bool:
        """Return whether every field of statement kind ``kind`` is for everyone; an unknown kind is not.

        Where packages that were in force differ about it, it is not.
        """
        found = [rules.kinds[kind].public for rules in (self, *self._later.values()) if kind in rules.kinds]
        return bool(found) and all(found)

    def reads_everything(self, state: State, member: str) -> bool:
        """Return whether ``member`` may read all entries: an admitted one with the capability ``auditor``."""
        record = state.get(f"member/{member}")
        standing = self.in_force(state)._standing  # noqa: SLF001 - the same class, another package
        return record is not None and record["state"] == ADMITTED and "auditor" in standing(tuple(record["roles"]))[0]

    def in_force(self, state: State) -> ScenarioRules:
        """Return the rule book of the package in force in ``state``.

        Raises ``governance.blob-missing`` where this node does not hold that package, or does not run that runtime.
        """
        now = state.get(governance_state.GOVERNANCE)
        return self if now is None else self._of(now)

    def begin(self, state: State, block: Block) -> tuple[ScenarioRules, Mapping[str, Value]]:
        """Return the rule book that judges ``block``, and what proposals that are due write before its statements.

        One state key is read, once a block. Raises as :meth:`in_force`: the node waits, nothing of the block is done.
        """
        now = state.get(governance_state.GOVERNANCE)
        if now is None:
            return self, {}
        overlay, rules = Overlay(state), self._of(now)
        while governance_rules.due(governance_state.governed(overlay), block.height):
            overlay.writes.update(governance_rules.activate(overlay, rules.package, block))
            rules = self._of(overlay.get(governance_state.GOVERNANCE))
        return rules, overlay.writes

    def _of(self, now: Mapping[str, Value]) -> ScenarioRules:
        pinned, digest = now["runtime"], now["package"]
        if pinned is not None and not runtime.reproduces(pinned):
            raise _other_runtime(pinned)
        if digest is None or digest == self.package.digest:
            return self
        if digest not in self._later:
            found = self._held(digest)
            if found is None:
                raise _no_package(digest)
            self._later[digest] = found
        return self._later[digest]

    def key_for(self, state: State, statement: UnverifiedStatement) -> PublicKey | None:
        """Return the registered key that ``kid`` names, or the one that a self-certified kind's payload carries."""
        kind = self.kinds.get(statement.kind)
        if kind is not None and kind.self_certified:
            return _own_key(statement)
        return _registered(state, statement.key_id)

    def encloses(self, state: State, statement: UnverifiedStatement) -> tuple[PublicKey, Sign1] | None:
        """Return the envelope in ``statement`` whose signature a rule will ask for, and the key that ``kid`` names."""
        found = self._enclosed.get(statement.kind)
        envelope = None if found is None else found(statement.fields)
        key = None if envelope is None else _registered(state, envelope.key_id)
        return None if key is None or envelope is None else (key, envelope)

    def reads(self, statement: UnverifiedStatement) -> tuple[str, ...]:
        """Return the keys that the ten steps read for any statement, and what rules mostly read: the subject's own."""
        subject = statement.subject
        own = (subject,) if statement.kind in self._rules else ()
        return (f"subject/{subject}", f"member/{statement.issuer}", *own)

    def register(self, state: State, statement: VerifiedStatement, block: Block) -> Registered | Refused:
        """Decide on one statement by the ten steps of this module."""
        try:
            return self._register(state, statement, block)
        except Refuse as refusal:
            return Refused(refusal.code)

    def _register(self, state: State, statement: VerifiedStatement, block: Block) -> Registered:
        # 1–3: the statement by itself
        kind = self.kinds.get(statement.kind)
        if kind is None:
            raise Refuse("kind.unknown")
        refusal = self._checks[kind.id](statement.fields)
        if refusal:
            raise Refuse(refusal)
        named = statement.subject.startswith(f"{kind.subject}/")
        if not named and statement.subject != (kind.subject if kind.subject in SINGLETONS else None):
            raise Refuse("subject.wrong")
        # 4: its time
        age = block.time - statement.statement.issued_at
        if not -self.package.windows["freshness"] <= age <= self._longest_age(kind, statement):
            raise Refuse("ledger.stale")
        # 5: the scenario
        if not kind.before_opening and state.get("scenario") is None:
            raise Refuse("scenario.not-open")
        # 6–8: the issuer
        roles = [] if kind.self_certified else _issuer_roles(state, statement)
        if kind.self_certified and statement.fields["key"] != statement.key.raw:
            raise Refuse("member.key")
        capabilities, speaks_as = self._standing(tuple(roles))
        speaks = kind.self_certified or not (capabilities if kind.generic else set(roles)).isdisjoint(kind.by)
        # asked last: few kinds are for anyone
        if not speaks and not kind.for_anyone:
            raise Refuse("member.role")
        # 9: the workflow
        rows = self._rows(state, statement, speaks_as)
        # 10: the room's rule
        rule = self._rules.get(kind.id)
        answer = NOTHING if rule is None else rule(Context(state, statement, block, self.package, capabilities))
        if kind.decides != (answer.decision is not None):
            # a kind's TOML promises its decision leaf; a rule that breaks the promise must not reach the log
            raise Refuse("kind.decision-missing")
        moved = self._moved(state, statement, rows, answer)
        return Registered({**moved, **answer.writes}, answer.decision)

    def _longest_age(self, kind: Kind, statement: VerifiedStatement) -> Seconds:
        """Return the freshness window, or the longer one that the kind gives to what may be registered late."""
        late = kind.late
        if late is not None and statement.fields.get(late.field) == late.value:
            return self.package.windows[late.window]
        return self.package.windows["freshness"]

    def _rows(self, state: State, statement: VerifiedStatement, speaks_as: frozenset[str]) -> tuple[Transition, ...]:
        prefix = statement.subject.split("/", 1)[0]
        if prefix not in self.package.workflow.subjects:
            return ()
        here = state.get(f"subject/{statement.subject}") or NEW
        rows = self.package.workflow.rows(prefix, here, statement.kind)
        opened = here == NEW or state.get(f"opener/{statement.subject}") == statement.issuer
        allowed, refusal = workflow.allowed(rows, workflow.Step(speaks_as, opened, statement.fields))
        if refusal:
            raise Refuse(refusal)
        return allowed

    @staticmethod
    def _moved(
        state: State, statement: VerifiedStatement, rows: tuple[Transition, ...], answer: Registered
    ) -> dict[str, Value]:
        if not rows:
            return {}
        target = workflow.target(rows, answer.decision.outcome if answer.decision else "")
        if target is None:
            raise Refuse(workflow.ILLEGAL)
        writes: dict[str, Value] = {f"subject/{statement.subject}": target}
        if state.get(f"subject/{statement.subject}") is None:
            writes[f"opener/{statement.subject}"] = statement.issuer
        return writes


def _registered(state: State, key_id: bytes) -> PublicKey | None:
    record = state.get(f"key/{key_id.hex()}")
    return None if record is None else PublicKey.known(record["raw"])


def _no_package(digest: bytes) -> OperatorError:
    return OperatorError(
        "governance.blob-missing",
        _("A vote put the package {digest} into force, and this node does not hold it. It waits; nothing is lost."),
        hint=_("Put the package's folder at packages/{digest} in the ledger's folder, then start the node again."),
        digest=digest.hex(),
    )


def _other_runtime(pinned: Mapping[str, Value]) -> OperatorError:
    return OperatorError(
        "governance.blob-missing",
        _("A vote put the runtime {digest} into force, and this node runs another. It waits; nothing is lost."),
        hint=_("Install these versions, then start the node again: {versions}."),
        digest=(governance_actions.blob({"runtime": pinned}) or b"").hex(),
        versions=", ".join(f"{name} {found}" for name, found in sorted(pinned.items())),
    )


def _own_key(statement: UnverifiedStatement) -> PublicKey | None:
    raw = statement.fields.get("key")
    if not isinstance(raw, bytes) or len(raw) != KEY_BYTES:
        return None
    key = PublicKey(raw)
    return key if key.thumbprint == statement.key_id else None


def _issuer_roles(state: State, statement: VerifiedStatement) -> list[str]:
    member = state.get(f"member/{statement.issuer}")
    if member is None or member["state"] != ADMITTED:
        raise Refuse("member.not-admitted")
    key = state.get(f"key/{statement.key.fingerprint}")
    if key is None or key["member"] != statement.issuer or statement.key.thumbprint not in member["keys"]:
        raise Refuse("member.key")
    return list(member["roles"])
