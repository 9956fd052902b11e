"""Awards: what is refused, by which rule, and what nobody can do to raise a payable figure."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from poju.errors import CallerError
from poju.evidence.attest import Evidence
from poju.solution.rules import join_spread, split_spread
from poju.support.condition import lower_bound
from poju.support.programme import load


def helper() -> ModuleType:
    name = "support_awards"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


award = helper()


@pytest.fixture
def world() -> award.World:
    return award.World().ready()


def proven(world: award.World, **mistakes: int) -> Evidence:
    world.submit_version()
    return world.prove(award.trace(**mistakes))


def test_a_claim_whose_evidence_holds_is_released_with_the_duty_to_pay(world: award.World) -> None:
    evidence = proven(world, wrong=2)
    assert world.claim(evidence) == ""
    decision = world.decision()
    assert (decision.outcome, decision.duties) == ("released", ("pay",))
    assert world.get(award.PROGRAMME)["spent"] == award.CAP
    assert world.say("award-release", "commission", "award/1", amount=award.CAP, treasury="T1") == ""


def test_fund_1_an_award_above_its_cap_is_refused(world: award.World) -> None:
    evidence = proven(world)
    assert world.claim(evidence, amount=award.CAP + 1) == "award.above-cap"
    assert world.get(award.PROGRAMME)["spent"] == 0


def test_fund_1_the_budget_bounds_all_awards_together(world: award.World) -> None:
    evidence = proven(world)
    record = {**world.get(award.PROGRAMME), "spent": 2_000_000_000 - award.CAP + 1}
    world.values[award.PROGRAMME] = award.cbor.encode(record)
    assert world.claim(evidence) == "award.above-budget"


def test_fund_1_the_same_evidence_pays_once(world: award.World) -> None:
    evidence = proven(world)
    assert world.claim(evidence) == ""
    assert world.claim(evidence, "2") == "award.evidence-used"
    assert world.claim(evidence, "1") == "award.claimed-already"


def test_fund_1_a_second_version_does_not_get_a_second_one_off_award(world: award.World) -> None:
    assert world.claim(proven(world), amount=award.CAP // 2) == ""
    world.submit_version(award.V2)
    again = world.prove(award.trace(wrong=1), award.V2)
    assert world.claim(again, "2", amount=award.CAP // 2) == "award.paid-already"


def test_fund_1_a_payment_order_is_for_the_claimed_amount_and_once(world: award.World) -> None:
    evidence = proven(world)
    release = ("award-release", "commission", "award/1")
    assert world.say(*release, amount=award.CAP, treasury="T1") == "award.not-claimed"
    assert world.claim(evidence) == ""
    assert world.say(*release, amount=award.CAP - 1, treasury="T1") == "award.amount-differs"
    assert world.say(*release, amount=award.CAP, treasury="T1") == ""
    assert world.say(*release, amount=award.CAP, treasury="T1") == "award.released-already"


def test_fund_2_a_lower_bound_below_the_condition_is_refused(world: award.World) -> None:
    evidence = proven(world, wrong=8)
    assert evidence.result["numerator"] * 5 > evidence.result["denominator"] * 4, "the score itself is above 80 %"
    assert world.claim(evidence) == "award.below-condition"


def test_fund_2_a_broken_guard_is_refused(world: award.World) -> None:
    assert world.claim(proven(world, must_repeat_offers=2)) == "award.guard-broken"


def test_fund_2_too_few_attestations_are_refused_and_differing_ones_do_not_add_up(world: award.World) -> None:
    world.submit_version()
    evidence = world.try_out(award.trace())
    assert world.attest(evidence, "university") == ""
    assert world.claim(evidence) == "award.too-few-attestations"
    assert world.attest(evidence, "university", size=world.size - 1) == "evidence.attested-already"
    assert world.attest(evidence, "auditor", size=world.size) == ""
    assert world.claim(evidence) == "award.too-few-attestations", "the two name different checkpoints"


def test_fund_2_an_open_cohort_pays_nothing() -> None:
    world = award.World().ready()
    assert world.commit_cohort("cohort/open-1", use="open") == ""
    world.submit_version()
    assert world.claim(world.prove(award.trace(), cohort="cohort/open-1")) == "award.not-held-out"


def test_fund_2_terms_and_cohorts_come_before_the_first_version() -> None:
    world = award.World()
    world.with_members()
    world.submit_version(stage="laptop")
    opening = {"digest": world.terms, "budget": 2_000_000_000}
    assert world.say("programme-open", "commission", award.PROGRAMME, **opening) == "support.after-submission"
    assert world.commit_cohort() == "solution.after-submission"


def test_fund_2_the_terms_are_the_packages(world: award.World) -> None:
    fields = {"digest": bytes(32), "budget": 2_000_000_000}
    assert world.say("programme-open", "commission", award.PROGRAMME, **fields) == "support.programme-unknown"
    fresh = award.World()
    fresh.with_members()
    more = {"digest": fresh.terms, "budget": 2_000_000_001}
    assert fresh.say("programme-open", "commission", award.PROGRAMME, **more) == "support.budget-differs"


def test_fund_2_a_retired_version_is_paid_nothing(world: award.World) -> None:
    evidence = proven(world)
    world.must("solution-promote", "commission", award.V3, stage="retired")
    assert world.claim(evidence) == "award.stage"


def test_fund_2_a_sample_that_disagrees_after_attestation_stops_the_award(world: award.World) -> None:
    world.admit("second-auditor", "auditor")
    evidence = proven(world)
    on = {"solution": award.V3, "cohort": award.COHORT}
    world.must("trial-check", "second-auditor", "trial/1", drawn=10, agreed=False, **on)
    assert world.claim(evidence) == "award.trial-disputed"


def test_rule_1_nobody_claims_for_another_providers_version(world: award.World) -> None:
    evidence = proven(world)
    assert world.claim(evidence, issuer="provider-b") == "award.not-yours"
    assert world.claim(evidence, solution="solution/provider-b/reader/1", issuer="provider-b") != ""


def test_rule_2_a_refused_claim_changes_nothing(world: award.World) -> None:
    evidence = proven(world, wrong=20)
    before = dict(world.values)
    assert world.claim(evidence) == "award.below-condition"
    assert world.values == before


# --- gaming (each must not raise a payable figure) ---


def test_gaming_offering_everything_ends_below_the_condition(world: award.World) -> None:
    honest = world.measured(award.trace())
    world.submit_version()
    everything = world.prove(award.trace(must_repeat_offers=award.PATIENTS))
    assert everything.result["numerator"] < honest.result["numerator"]
    assert world.claim(everything) == "award.below-condition"


def test_gaming_blocking_answers_to_hard_orders_leaves_the_denominator(world: award.World) -> None:
    full, blocked = world.measured(award.trace()), world.measured(award.trace(missed=40))
    crashed = world.measured(award.trace(invalid=40))
    assert full.result["denominator"] == blocked.result["denominator"] == crashed.result["denominator"]
    assert full.result["numerator"] > blocked.result["numerator"] > crashed.result["numerator"]


def test_gaming_splitting_cases_is_refused_and_would_not_narrow_the_bound(world: award.World) -> None:
    world.submit_version()
    single = world.measured(award.trace(wrong=4))
    figures = dict(single.result)
    doubled = {name: 2 * figures[name] for name in figures if name not in {"patients", "spread_high", "spread_low"}}
    spread = 16 * join_spread(figures["spread_high"], figures["spread_low"])
    high, low = split_spread(spread)
    split = {**figures, **doubled, "spread_high": high, "spread_low": low}
    assert lower_bound(split) == lower_bound(figures), "patients are the clusters, so cases of one patient add nothing"
    on = {"solution": award.V3, "cohort": award.COHORT}
    for runner in award.RUNNERS:
        sealed = award.commitment(bytes(32), bytes(32), split)
        world.must("trial-commit", runner, "trial/1", commitment=sealed, **on)
    shown = {"nonce": bytes(32), "trace_root": bytes(32), "figures": split}
    assert world.say("trial-reveal", "university", "trial/1", **shown, **on) == "solution.figures"


def test_programme_terms_are_read_strictly(world: award.World) -> None:
    good = world.package.files["programme.toml"].decode()
    for old, new in [
        ("cap_fen = 500_000_000", ""),
        ("cap_fen = 500_000_000", "cap_fen = 3_000_000_000"),
        ("minimum_lower_ppm = 800_000", "minimum_lower_ppm = 0"),
        ("minimum_patients = 30", "minimum_patients = 1"),
        ("attestations = 2", "attestations = 0"),
        ('cohort_use = "held-out"', 'cohort_use = "open"'),
        ("[condition]", "[conditions]"),
        ("one_off = true", "one_off = 1"),
        ('stage = "trial"', 'stage = "laptop"'),
    ]:
        assert old in good
        with pytest.raises(CallerError) as caught:
            load(good.replace(old, new).encode())
        assert caught.value.code == "package.malformed"
    assert load(good.encode()).cap == award.CAP
