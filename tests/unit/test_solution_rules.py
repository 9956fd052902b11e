"""Rules of cohorts, versions, trials and advice, over the real rule book."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from poju.solution.rules import FIGURES, commitment, consistent, join_spread, split_spread


def helper() -> ModuleType:
    name = "support_awards"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


award = helper()
ON = {"solution": award.V3, "cohort": award.COHORT}
NONCE = bytes(range(32))


@pytest.fixture
def world() -> award.World:
    return award.World().ready()


@pytest.fixture
def tried(world: award.World) -> award.World:
    world.submit_version()
    return world


def commit(world: award.World, runner: str, figures: dict[str, int], root: bytes = bytes(32)) -> str:
    return world.say("trial-commit", runner, "trial/1", commitment=commitment(NONCE, root, figures), **ON)


def reveal(world: award.World, runner: str, figures: dict[str, int], root: bytes = bytes(32)) -> str:
    return world.say("trial-reveal", runner, "trial/1", nonce=NONCE, trace_root=root, figures=figures, **ON)


def honest(world: award.World) -> dict[str, int]:
    return dict(world.measured(award.trace(wrong=1)).result)


def test_a_version_is_its_providers_own_and_never_changes(world: award.World) -> None:
    fields = {"digest": bytes(32), "track": "mutual-recognition", "capabilities": [], "solves": []}
    submit = "solution-submit"
    assert world.say(submit, "provider-b", award.V1, **fields) == "solution.not-yours"
    assert world.say(submit, "provider-a", "solution/provider-a/reader", **fields) == "solution.subject"
    assert world.say(submit, "provider-a", "solution/provider-a/reader/", **fields) == "solution.subject"
    other = {**fields, "track": "settlement"}
    assert world.say(submit, "provider-a", award.V1, **other) in {"solution.track-not-open", "field.range"}
    assert world.say(submit, "provider-a", award.V1, **fields) == ""
    assert world.say(submit, "provider-a", award.V1, **fields) == "solution.version-exists"


def test_promotion_takes_one_step_and_retirement_is_final(world: award.World) -> None:
    world.submit_version(stage="laptop")
    promote = ("solution-promote", "commission", award.V3)
    assert world.say(*promote, stage="live") == "solution.not-one-step"
    assert world.say(*promote, stage="trial") == ""
    assert world.say(*promote, stage="trial") == "solution.not-one-step"
    assert world.say(*promote, stage="retired") == ""
    assert world.say(*promote, stage="trial") == "solution.retired"
    assert world.say("solution-promote", "commission", award.V2, stage="trial") == "solution.unknown"


def test_fund_2_a_cohort_cannot_be_committed_twice_or_late(world: award.World) -> None:
    assert world.commit_cohort() == "solution.cohort-known"
    assert world.commit_cohort("cohort/empty", cases=0) == "solution.cohort-empty"
    world.submit_version(stage="laptop")
    assert world.commit_cohort("cohort/new") == "solution.after-submission"


def test_exec_2_nobody_reveals_before_two_runners_committed(tried: award.World) -> None:
    figures = honest(tried)
    assert commit(tried, "university", figures) == ""
    assert reveal(tried, "university", figures) == "solution.reveal-too-early"
    assert reveal(tried, "auditor", figures) == "solution.not-committed"


def test_exec_2_who_has_seen_figures_cannot_commit_to_them(tried: award.World) -> None:
    figures = honest(tried)
    for runner in ("university", "commission"):
        assert commit(tried, runner, figures) == ""
    assert commit(tried, "university", figures) == "solution.committed-already"
    assert reveal(tried, "university", figures) == ""
    assert commit(tried, "auditor", figures) == "solution.commit-too-late"
    assert reveal(tried, "university", figures) == "solution.revealed-already"


def test_exec_2_a_reveal_is_what_was_committed(tried: award.World) -> None:
    figures = honest(tried)
    better = dict(tried.measured(award.trace()).result)
    for runner in ("university", "commission"):
        assert commit(tried, runner, figures) == ""
    assert reveal(tried, "university", better) == "solution.commitment-differs"
    assert reveal(tried, "university", figures, root=b"\1" * 32) == "solution.commitment-differs"


def test_exec_2_runners_that_differ_give_no_figures(tried: award.World) -> None:
    figures, other = honest(tried), dict(tried.measured(award.trace()).result)
    assert commit(tried, "university", figures) == ""
    assert commit(tried, "commission", other) == ""
    assert reveal(tried, "university", figures) == ""
    assert reveal(tried, "commission", other) == "solution.runners-differ"
    evidence = tried.measured(award.trace(wrong=1))
    assert tried.attest(evidence) == "evidence.no-trial"


def test_a_version_on_the_laptop_or_unknown_or_a_foreign_record_is_in_no_trial(world: award.World) -> None:
    figures = honest(world)
    assert commit(world, "university", figures) == "solution.unknown"
    world.submit_version(stage="laptop")
    assert commit(world, "university", figures) == "solution.not-in-trial"
    sealed = {"commitment": bytes(32), "solution": award.V3}
    assert world.say("trial-commit", "university", "trial/1", cohort="cohort/x", **sealed) == "solution.cohort-unknown"
    foreign = {"commitment": bytes(32), "solution": "member/university", "cohort": award.COHORT}
    assert world.say("trial-commit", "university", "trial/1", **foreign) == "solution.subject"


def test_an_auditor_checks_what_others_ran_once(tried: award.World) -> None:
    figures = honest(tried)
    check = ("trial-check", "auditor", "trial/1")
    assert tried.say(*check, drawn=5, agreed=True, **ON) == "solution.not-revealed"
    for runner in ("university", "commission"):
        commit(tried, runner, figures)
    for runner in ("university", "commission"):
        assert reveal(tried, runner, figures) == ""
    assert tried.say(*check, drawn=0, agreed=True, **ON) == "solution.drawn"
    assert tried.say(*check, drawn=award.CASES + 1, agreed=True, **ON) == "solution.drawn"
    assert tried.say(*check, drawn=5, agreed=False, **ON) == ""
    assert tried.say(*check, drawn=5, agreed=True, **ON) == "solution.checked-already"
    assert tried.attest(tried.measured(award.trace(wrong=1))) == "evidence.trial-disputed"


def test_evid_1_an_attestation_says_what_the_trial_and_the_package_say(tried: award.World) -> None:
    evidence = tried.try_out(award.trace(wrong=1))
    good = evidence.fields(tried.size)
    better = tried.measured(award.trace())
    cases = {
        "evidence.id-differs": (evidence.subject, {**good, "result": dict(better.result)}),
        "evidence.differs-from-trial": (better.subject, better.fields(tried.size)),
        "evidence.query-unknown": (evidence.subject, {**good, "query": bytes(32)}),
        "evidence.size": (evidence.subject, {**good, "size": 3}),
    }
    for code, (subject, fields) in cases.items():
        assert tried.say("attestation", "auditor", subject, **fields) == code
    ahead = {**good, "size": tried.size + 1}
    assert tried.say("attestation", "auditor", evidence.subject, **ahead) == "evidence.size"
    assert tried.say("attestation", "provider-a", evidence.subject, **good) == "member.role"
    assert tried.say("attestation", "auditor", evidence.subject, **good) == ""


def test_advice_is_for_a_registered_order_by_a_promoted_version_once(world: award.World) -> None:
    world.submit_version(stage="shadow")
    fields = {"inputs": bytes(32), "reason": "valid-result", "solution": award.V3, "runtime": bytes(32)}
    advise = ("advice", "hospital-a", "order/1")
    assert world.say(*advise, stage="shadow", **fields) in {"solution.no-order", "workflow.illegal"}
    order = {"class": "lab-chemistry", "handle": "a" * 32, "item": "K"}
    world.must("test-order", "hospital-a", "order/1", **order)
    assert world.say(*advise, stage="live", **fields) == "solution.not-promoted"
    assert world.say(*advise, stage="shadow", **fields) == ""
    assert world.say(*advise, stage="shadow", **fields) == "solution.advised-already"


def test_impossible_figures_are_no_figures(world: award.World) -> None:
    figures = honest(world)
    assert consistent(figures, award.CASES)
    assert not consistent(figures, award.CASES - 1)
    assert not consistent({name: figures[name] for name in FIGURES[1:]}, award.CASES)
    for name in FIGURES:
        assert not consistent({**figures, name: True}, award.CASES)
        assert not consistent({**figures, name: -1}, award.CASES)
    for name in set(FIGURES) - {"spread_high", "spread_low", "patients", "invalid"}:
        assert not consistent({**figures, name: figures[name] + 1}, award.CASES), name
    assert not consistent({**figures, "must_repeat_offers": 61}, award.CASES)
    assert not consistent({**figures, "invalid": figures["wrong"] + 1}, award.CASES)


def test_a_spread_of_124_bits_is_split_and_joined() -> None:
    for spread in (0, 1, (1 << 62) - 1, 1 << 62, (1 << 124) - 1):
        assert join_spread(*split_spread(spread)) == spread
