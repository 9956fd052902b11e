"""Rules for cohorts, solution versions, trials and advice. Pure.

What an award may later rest on is frozen here: a cohort must stand in the log before the first version is submitted
(FUND-2), and two runners must have committed to their figures before either shows them (EXEC-2).

State keys: ``cohort/<id>``, ``solution/<provider>/<name>/<version>``, ``submissions`` (where the first one entered),
``trial/<solution subject>/<cohort subject>``, ``advice/<order id>/<solution subject>``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from poju.ledger import cbor
from poju.ledger.rulebook import Registered
from poju.scenario.rule import Context, Refuse, Rule

FIGURES = (
    "orders",
    "eligible",
    "correct",
    "wrong",
    "missed",
    "must_repeat",
    "must_repeat_offers",
    "invalid",
    "patients",
    "numerator",
    "denominator",
    "spread_high",
    "spread_low",
)
"""The integer figures of a trial, which an attestation repeats: counts of orders, of patients (the clusters), the score
as numerator ÷ denominator, and the spread S of its cluster totals as high · 2^62 + low. ``wrong`` counts wrong offers
and answers that are none (a trap, a time-out, nonsense), ``invalid`` the latter alone; ``must_repeat`` counts orders
without a valid result, ``must_repeat_offers`` what counts as wrong among them."""

WRONG_WEIGHT = 3
"""A failure costs three correct offers: score = (correct − 3 · wrong) ÷ orders that have a valid result."""

SPREAD_BITS = 62
"""S is split in two because a CBOR integer of the ledger has 64 bits."""

STAGES = ("laptop", "trial", "shadow", "live", "retired")
"""The stages of a version in order; promotion takes one step, retirement is open from each."""

RUNNERS = 2
"""How many runners must commit before one reveals, and how many equal results are a trial's figures."""

SOLUTION_PARTS = 4
FIRST_SUBMISSION = "submissions"


def split_spread(spread: int) -> tuple[int, int]:
    """Return ``(spread_high, spread_low)`` of S, 0 ≤ S < 2^124."""
    return spread >> SPREAD_BITS, spread & ((1 << SPREAD_BITS) - 1)


def join_spread(high: int, low: int) -> int:
    """Return S of its two halves."""
    return (high << SPREAD_BITS) | low


def commitment(nonce: bytes, trace_root: bytes, figures: Mapping[str, int]) -> bytes:
    """Return a runner's commitment: SHA-256(nonce, 32 bytes ‖ trace root, 32 bytes ‖ figures as deterministic CBOR)."""
    return hashlib.sha256(nonce + trace_root + cbor.encode(dict(figures))).digest()


def consistent(figures: Mapping[str, cbor.Value], cases: int) -> bool:
    """Return whether ``figures`` are possible for a cohort of ``cases`` orders.

    Exactly :data:`FIGURES`, integers, none negative but the numerator; every order of the cohort is counted once, so
    that neither splitting nor leaving out cases moves the denominator; numerator and denominator as the score has them.
    """
    if set(figures) != set(FIGURES):
        return False
    if not all(isinstance(value, int) and not isinstance(value, bool) for value in figures.values()):
        return False
    if any(figures[name] < 0 for name in FIGURES if name != "numerator"):
        return False
    # Each order with a valid result was answered correctly, wrongly, or not at all.
    elsewhere = figures["wrong"] - figures["must_repeat_offers"]
    return bool(
        figures["orders"] == cases
        and figures["eligible"] + figures["must_repeat"] == cases
        and figures["must_repeat_offers"] <= min(figures["must_repeat"], figures["wrong"])
        and figures["correct"] + figures["missed"] + elsewhere == figures["eligible"]
        and figures["invalid"] <= figures["wrong"]
        and figures["patients"] <= cases
        and figures["denominator"] == figures["eligible"]
        and figures["numerator"] == figures["correct"] - WRONG_WEIGHT * figures["wrong"]
        and max(figures["spread_high"], figures["spread_low"]) < 1 << SPREAD_BITS
    )


def trial_key(solution: str, cohort: str) -> str:
    """Return the state key of one version's trial on one cohort."""
    return f"trial/{solution}/{cohort}"


def _map(context: Context, key: str, code: str) -> dict[str, cbor.Value]:
    """Return a copy of the record at ``key``, or refuse with ``code`` where there is none."""
    found = context.state.get(key)
    if not isinstance(found, dict):
        raise Refuse(code)
    return dict(found)


def cohort_commit(context: Context) -> Registered:
    """Fix a cohort before anyone submits a version (FUND-2)."""
    key = context.statement.subject
    context.require(context.state.get(FIRST_SUBMISSION) is None, "solution.after-submission")
    context.require(context.state.get(key) is None, "solution.cohort-known")
    context.require(context.fields["cases"] > 0, "solution.cohort-empty")
    return Registered({key: {**context.fields, "entry": context.block.index}})


def solution_submit(context: Context) -> Registered:
    """Register one numbered version of a provider; what it was is fixed by its digest."""
    key, parts = context.statement.subject, context.statement.subject.split("/")
    context.require(len(parts) == SOLUTION_PARTS and all(parts), "solution.subject")
    context.require(parts[1] == context.statement.issuer, "solution.not-yours")
    context.require(context.state.get(key) is None, "solution.version-exists")
    track = context.package.tracks.get(context.fields["track"])
    context.require(track is not None and track.status == "open", "solution.track-not-open")
    record = {
        "digest": context.fields["digest"],
        "track": context.fields["track"],
        "stage": STAGES[0],
        "entry": context.block.index,
    }
    writes: dict[str, cbor.Value] = {key: record}
    if context.state.get(FIRST_SUBMISSION) is None:
        writes[FIRST_SUBMISSION] = {"first": context.block.index}
    return Registered(writes)


def solution_promote(context: Context) -> Registered:
    """Move a version one stage on, or retire it; a retired version stays retired."""
    key, wanted = context.statement.subject, context.fields["stage"]
    record = _map(context, key, "solution.unknown")
    here, there = STAGES.index(record["stage"]), STAGES.index(wanted)
    context.require(record["stage"] != "retired", "solution.retired")
    context.require(there == here + 1 or wanted == "retired", "solution.not-one-step")
    return Registered({key: {**record, "stage": wanted}})


def _trial(context: Context) -> tuple[str, dict[str, cbor.Value], dict[str, cbor.Value]]:
    """Return the trial's state key, its record (empty before the first commitment) and its cohort's record."""
    solution, cohort = context.fields["solution"], context.fields["cohort"]
    version = _map(context, solution, "solution.unknown")
    terms = _map(context, cohort, "solution.cohort-unknown")
    context.require(solution.startswith("solution/") and cohort.startswith("cohort/"), "solution.subject")
    context.require(version["stage"] in STAGES[1:-1], "solution.not-in-trial")
    key = trial_key(solution, cohort)
    record = context.state.get(key)
    return key, dict(record) if isinstance(record, dict) else {"runners": {}}, terms


def trial_commit(context: Context) -> Registered:
    """Take a runner's commitment, while nobody has revealed: who has seen figures cannot commit to them any more."""
    key, record, _terms = _trial(context)
    runners, issuer = dict(record["runners"]), context.statement.issuer
    context.require("provider" not in context.capabilities, "solution.affiliated")
    context.require(issuer not in runners, "solution.committed-already")
    context.require(not any(runner["revealed"] for runner in runners.values()), "solution.commit-too-late")
    runners[issuer] = {"commitment": context.fields["commitment"], "revealed": False}
    return Registered({key: {**record, "runners": runners}})


def trial_reveal(context: Context) -> Registered:
    """Open a commitment; the second equal result makes the trial's agreed figures, an unequal one is refused."""
    key, record, terms = _trial(context)
    runners, issuer = dict(record["runners"]), context.statement.issuer
    context.require(issuer in runners, "solution.not-committed")
    context.require(not runners[issuer]["revealed"], "solution.revealed-already")
    context.require(len(runners) >= RUNNERS, "solution.reveal-too-early")
    figures, trace_root = context.fields["figures"], context.fields["trace_root"]
    opened = commitment(context.fields["nonce"], trace_root, figures)
    context.require(opened == runners[issuer]["commitment"], "solution.commitment-differs")
    context.require(consistent(figures, terms["cases"]), "solution.figures")
    shown = {"figures": dict(figures), "trace_root": trace_root}
    earlier = record.get("shown")
    context.require(earlier is None or earlier == shown, "solution.runners-differ")
    runners[issuer] = {**runners[issuer], "revealed": True}
    after = {**record, "runners": runners, "shown": shown}
    if sum(runner["revealed"] for runner in runners.values()) == RUNNERS:
        after |= {"agreed": dict(figures), "trace_root": trace_root, "entry": context.block.index}
    return Registered({key: after})


def trial_check(context: Context) -> Registered:
    """Record an auditor's sample; one that disagrees disputes the trial, and nothing can be attested on it."""
    key, record, terms = _trial(context)
    issuer, drawn = context.statement.issuer, context.fields["drawn"]
    context.require("provider" not in context.capabilities, "solution.affiliated")
    context.require(record.get("shown") is not None, "solution.not-revealed")
    context.require(issuer not in record["runners"], "solution.checks-itself")
    context.require(0 < drawn <= terms["cases"], "solution.drawn")
    checks = dict(record.get("checks", {}))
    context.require(issuer not in checks, "solution.checked-already")
    checks[issuer] = {"drawn": drawn, "agreed": context.fields["agreed"]}
    disputed = bool(record.get("disputed", False)) or not context.fields["agreed"]
    return Registered({key: {**record, "checks": checks, "disputed": disputed}})


def advice(context: Context) -> Registered:
    """Register what a version answered for an order that stands in the log (no unregistered orders)."""
    solution, wanted = context.fields["solution"], context.fields["stage"]
    context.require(context.state.get(f"subject/{context.statement.subject}") is not None, "solution.no-order")
    version = _map(context, solution, "solution.unknown")
    context.require(version.get("stage") in STAGES, "solution.subject")
    reached, asked = STAGES.index(version["stage"]), STAGES.index(wanted)
    context.require(asked <= reached < STAGES.index("retired"), "solution.not-promoted")
    order = context.statement.subject.partition("/")[2]
    key = f"advice/{order}/{solution}"
    context.require(context.state.get(key) is None, "solution.advised-already")
    return Registered({key: {**context.fields, "by": context.statement.issuer, "entry": context.block.index}})


RULES: Mapping[str, Rule] = {
    "cohort-commit": cohort_commit,
    "solution-submit": solution_submit,
    "solution-promote": solution_promote,
    "trial-commit": trial_commit,
    "trial-reveal": trial_reveal,
    "trial-check": trial_check,
    "advice": advice,
}
"""The room's rules by statement kind."""
