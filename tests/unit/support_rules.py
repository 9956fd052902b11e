"""An in-memory ledger for tests of rules: real keys, real statements, the real rule book, a dict for a store."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from poju.exchange import assertion
from poju.exchange.rules import RULES as EXCHANGE
from poju.ledger import cbor
from poju.ledger.block import Answer, Declined, Head, Outcome, execute
from poju.ledger.keys import PrivateKey
from poju.ledger.leaf import DecisionLeaf
from poju.ledger.leaf import decode as decode_leaf
from poju.ledger.statement import decode, new_identifier, sign
from poju.scenario import runtime
from poju.scenario.package import Package, load
from poju.scenario.rulebook import ScenarioRules
from poju.scenario.rules import RULES as SCENARIO
from poju.units import Seconds

HEALTHCARE = Path(__file__).parents[2] / "src" / "poju" / "packages" / "healthcare"
START = 1_700_000_000
MEMBERS = {
    "hospital-a": "hospital",
    "hospital-b": "hospital",
    "clinic-a": "clinic",
    "insurer": "insurer",
    "disease-control": "disease-control",
    "university": "university",
    "identity-index": "identity-index",
    "provider-a": "provider",
}


def key_of(name: str) -> PrivateKey:
    """The same key for the same name in each run, so that a failing test fails again."""
    return PrivateKey.from_seed(hashlib.sha256(name.encode()).digest())


@dataclass
class Ledger:
    """State, head and known statements of an embedded ledger, in memory."""

    package: Package = field(default_factory=lambda: load(HEALTHCARE))
    values: dict[str, bytes] = field(default_factory=dict)
    known: dict[tuple[str, bytes], tuple[int, bytes]] = field(default_factory=dict)
    head: Head = field(default_factory=Head)
    now: int = START
    last: Outcome | None = None
    read: list[tuple[bytes, cbor.Value]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rules = ScenarioRules(self.package, {**SCENARIO, **EXCHANGE}, self.package.all_kinds())

    def get(self, key: str) -> cbor.Value:
        if key not in self.values:
            return None
        value = cbor.decode(self.values[key])
        self.read.append((self.values[key], value))
        return value

    def seen(self, issuer: str, identifier: bytes) -> tuple[int, bytes] | None:
        return self.known.get((issuer, identifier))

    def signed(
        self, kind: str, issuer: str, subject: str, fields: dict[str, cbor.Value], *, signer: str = "", age: int = 0
    ) -> bytes:
        return sign(
            key_of(signer or issuer),
            kind,
            issuer=issuer,
            subject=subject,
            issued_at=Seconds(self.now - age),
            identifier=new_identifier(),
            fields=fields,
        )

    def submit(self, raw: bytes) -> Answer:
        """Bytes → decode → key → verify → register → commit, as the engine does."""
        statement = decode(raw)
        key = self.rules.key_for(self, statement)
        if key is None:
            return Declined("key.unknown")
        verified = statement.verify(key)
        if verified is None:
            return Declined("signature.invalid")
        self.read.clear()
        outcome = execute(self.rules, self, self, self.head, Seconds(self.now), [verified])
        # readers of the real store share one object for each value
        assert all(cbor.encode(value) == raw for raw, value in self.read), "a rule changed a value that it read"
        self.head, self.last = outcome.head, outcome
        for name, value in outcome.writes.items():
            if value is None:
                self.values.pop(name, None)
            else:
                self.values[name] = value
        for item, index in outcome.registered:
            self.known[item.issuer, item.statement.identifier] = (index, item.statement.digest)
        return outcome.answers[0]

    def say(self, kind: str, issuer: str, subject: str, **fields: cbor.Value) -> str:
        """Return "" where the statement was registered, else the code that refused it."""
        answer = self.submit(self.signed(kind, issuer, subject, fields))
        return answer.code if isinstance(answer, Declined) else ""

    def must(self, kind: str, issuer: str, subject: str, **fields: cbor.Value) -> None:
        assert not (code := self.say(kind, issuer, subject, **fields)), f"{kind} refused: {code}"

    def decision(self) -> DecisionLeaf:
        """The decision leaf of the last block."""
        assert self.last is not None
        found = [decode_leaf(leaf) for leaf in self.last.leaves[1:]]
        return next(leaf for leaf in found if isinstance(leaf, DecisionLeaf))

    def open_ledger(self) -> None:
        raw = key_of("commission").public.raw
        fields = {"key": raw, "origin": "test.invalid", "log_key": key_of("log").public.raw, "demonstration": True}
        self.must("ledger-open", "commission", "ledger", **fields)

    def open_scenario(self) -> None:
        self.open_ledger()
        chosen = {"scenario": "healthcare", "region": "520000", "evidence": ["GDP 2016"], "missing": []}
        self.must("selection", "commission", "selection/1", rank_common=1, **chosen)
        opening = {"package": self.package.digest, "runtime": dict(runtime.describe()), "selection": "selection/1"}
        self.must("scenario-open", "commission", "scenario/healthcare", **opening)

    def open_call(self) -> None:
        roles = [role for role in self.package.roles if role != "authority"]
        call = {"roles": roles, "closes": self.now + 3600, "programme": bytes(32), "cohorts": []}
        self.must("call-open", "commission", "call/1", **call)

    def apply(self, name: str, *roles: str) -> str:
        application = {"key": key_of(name).public.raw, "name": name, "roles": list(roles), "call": "call/1"}
        return self.say("member-apply", name, f"member/{name}", **application)

    def admit(self, name: str, role: str) -> None:
        assert not (code := self.apply(name, role)), code
        self.must("member-admit", "commission", f"member/{name}", roles=[role])

    def with_members(self) -> Ledger:
        self.open_scenario()
        self.open_call()
        for name, role in MEMBERS.items():
            self.admit(name, role)
        return self

    def assertion(self, asker: str, record: str, **changes: cbor.Value) -> bytes:
        claim = {"requester": asker, "pointer": record, "handle": "f" * 32, "until": self.now + 600}
        return assertion.sign(key_of(str(changes.pop("signer", "identity-index"))), **{**claim, **changes})
