"""Money under arbitrary sequences of claims and orders: never above cap or budget, never twice (FUND-1, FUND-2)."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from poju.ledger import cbor
from poju.support.condition import unmet
from poju.support.programme import load


def helper() -> ModuleType:
    name = "support_awards"
    if name not in sys.modules:
        path = Path(__file__).parents[1] / "unit" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, path)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


award = helper()
PROVIDERS = ("provider-a", "provider-b", "provider-c", "provider-d", "provider-e", "provider-f")
AMOUNTS = st.sampled_from([-1, 0, 1, award.CAP // 2, award.CAP - 1, award.CAP, award.CAP + 1, 2_000_000_000])
NAMES = st.sampled_from(["1", "2", "3", "4", "5", "6"])


def prepared() -> tuple[award.World, list]:
    """Six providers with a proven version each, one of them below the condition, one with a broken guard."""
    world = award.World().ready()
    for name in PROVIDERS[2:]:
        world.admit(name, "provider")
    proofs = []
    for number, name in enumerate(PROVIDERS):
        solution = f"solution/{name}/reader/1"
        world.submit_version(solution, name)
        mistakes = {0: {"wrong": 20}, 1: {"must_repeat_offers": 9}}.get(number, {"missed": number})
        proofs.append(world.prove(award.trace(**mistakes), solution))
    return world, proofs


class Money(RuleBasedStateMachine):
    """Claims and payment orders in any order, from anyone, for any amount and evidence."""

    start: ClassVar[tuple | None] = None

    def __init__(self) -> None:
        super().__init__()
        if Money.start is None:
            world, proofs = prepared()
            Money.start = (dict(world.values), dict(world.known), world.head, proofs)
        values, known, head, self.proofs = Money.start
        self.world = award.World(values=dict(values), known=dict(known), head=head)
        self.terms = load(self.world.package.files["programme.toml"])
        self.paid: list[tuple[str, int, str, str]] = []
        self.ordered: dict[str, int] = {}

    @rule(evidence=st.integers(0, len(PROVIDERS) - 1), issuer=st.sampled_from(PROVIDERS), name=NAMES, amount=AMOUNTS)
    def claim(self, evidence: int, issuer: str, name: str, amount: int) -> None:
        before = dict(self.world.values)
        proof = self.proofs[evidence]
        code = self.world.claim(proof, name, issuer, amount=amount)
        if code:
            assert self.world.values == before, "a refused claim changed the state (RULE-2)"
        else:
            assert issuer == proof.solution.split("/")[1]
            assert unmet(proof.result, self.terms.condition) is None
            self.paid.append((name, amount, proof.subject, issuer))

    @rule(evidence=st.integers(2, len(PROVIDERS) - 1), name=NAMES)
    def claim_in_full(self, evidence: int, name: str) -> None:
        self.claim(evidence, PROVIDERS[evidence], name, award.CAP)

    @rule(name=NAMES, amount=AMOUNTS)
    def order_payment(self, name: str, amount: int) -> None:
        code = self.world.say("award-release", "commission", f"award/{name}", amount=amount, treasury="T1")
        if not code:
            assert name not in self.ordered
            self.ordered[name] = amount

    @invariant()
    def fund_1_holds(self) -> None:
        amounts = [amount for _name, amount, _evidence, _issuer in self.paid]
        assert all(0 < amount <= self.terms.cap for amount in amounts)
        assert sum(amounts) <= self.terms.budget
        assert len({evidence for _n, _a, evidence, _i in self.paid}) == len(self.paid)
        assert len({issuer for _n, _a, _e, issuer in self.paid}) == len(self.paid)
        claims = {name: amount for name, amount, _evidence, _issuer in self.paid}
        assert all(claims.get(name) == amount for name, amount in self.ordered.items())
        record = cbor.decode(self.world.values[award.PROGRAMME])
        assert record["spent"] == sum(amounts)
        assert record["paid"] == [evidence for _n, _a, evidence, _i in self.paid]


def test_fund_1_no_sequence_of_claims_pays_above_cap_or_budget_or_twice() -> None:
    run_state_machine_as_test(Money, settings=settings(max_examples=25, stateful_step_count=25, deadline=None))


def test_fund_1_the_budget_ends_the_awards_of_honest_providers() -> None:
    world, proofs = prepared()
    codes = [world.claim(proof, str(number), PROVIDERS[number]) for number, proof in enumerate(proofs)]
    assert codes == ["award.below-condition", "award.below-condition", "", "", "", ""]
    assert world.get(award.PROGRAMME)["spent"] == 2_000_000_000
    name = "provider-g"
    world.admit(name, "provider")
    world.submit_version(f"solution/{name}/reader/1", name)
    late = world.prove(award.trace(), f"solution/{name}/reader/1")
    assert world.claim(late, "7", name) == "award.above-budget"
