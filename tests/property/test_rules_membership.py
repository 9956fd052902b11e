"""Membership and workflow against a model of a few lines: whatever is tried in whatever order, both agree (RULE-1)."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support_rules import Ledger

HOSPITALS = ("hospital-x", "hospital-y")
NAMES = some.sampled_from(HOSPITALS)
ORDERS = some.sampled_from(("order/1", "order/2"))
OUTCOMES = some.sampled_from(("recognised", "repeated", "new"))


class Membership(RuleBasedStateMachine):
    """The real rule book beside two dictionaries."""

    @initialize()
    def open_everything(self) -> None:
        self.ledger = Ledger()
        self.ledger.open_scenario()
        self.ledger.open_call()
        self.members: dict[str, str] = {}
        self.orders: dict[str, tuple[str, str]] = {}

    def attempt(self, expected: bool, kind: str, issuer: str, subject: str, **fields: object) -> bool:  # noqa: FBT001 - the model's verdict
        before = (dict(self.ledger.values), self.ledger.head)
        code = self.ledger.say(kind, issuer, subject, **fields)
        assert (not code) == expected, f"{kind} {subject} by {issuer}: {code or 'registered'}"
        if code:
            # RULE-2
            assert (self.ledger.values, self.ledger.head) == before
        return not code

    @rule(name=NAMES)
    def apply(self, name: str) -> None:
        expected = name not in self.members
        assert (not self.ledger.apply(name, "hospital")) == expected
        if expected:
            self.members[name] = "applied"

    @rule(name=NAMES)
    def admit(self, name: str) -> None:
        expected = self.members.get(name) == "applied"
        if self.attempt(expected, "member-admit", "commission", f"member/{name}", roles=["hospital"]):
            self.members[name] = "admitted"

    @rule(name=NAMES)
    def suspend(self, name: str) -> None:
        expected = self.members.get(name) == "admitted"
        if self.attempt(expected, "member-suspend", "commission", f"member/{name}", reason="breach"):
            self.members[name] = "suspended"

    @rule(name=NAMES, subject=ORDERS)
    def order(self, name: str, subject: str) -> None:
        expected = self.members.get(name) == "admitted" and subject not in self.orders
        fields = {"class": "lab-urine", "handle": "a" * 32, "item": "URINE"}
        if self.attempt(expected, "test-order", name, subject, **fields):
            self.orders[subject] = ("ordered", name)

    @rule(name=NAMES, subject=ORDERS, outcome=OUTCOMES)
    def decide(self, name: str, subject: str, outcome: str) -> None:
        expected = self.members.get(name) == "admitted" and self.orders.get(subject) == ("ordered", name)
        if self.attempt(expected, "recognition", name, subject, outcome=outcome, reason="accepted"):
            self.orders[subject] = (outcome, name)

    @invariant()
    def the_state_is_the_models(self) -> None:
        for name, state in self.members.items():
            assert self.ledger.get(f"member/{name}")["state"] == state
        for subject, (state, opener) in self.orders.items():
            assert self.ledger.get(f"subject/{subject}") == state
            assert self.ledger.get(f"opener/{subject}") == opener


Membership.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestRule1Membership = Membership.TestCase
