"""Rules for programmes and awards. Pure, in integers.

FUND-1: no award above its cap, none beyond the budget, none twice for the same evidence.
FUND-2: none while the lower 95 % bound is below the condition, the sample too small or a guard broken; the terms, the
cohort and the stage are those that stood before the first version was submitted.

State keys: ``programme/<id>`` {digest, budget, spent, paid, providers, entry}; ``award/<id>`` {programme, solution,
evidence, provider, amount, state: claimed | released, entry}.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache

from poju.evidence.rules import PREFIX as EVIDENCE_PREFIX
from poju.ledger import cbor
from poju.ledger.rulebook import Decision, Registered
from poju.scenario.package import Package
from poju.scenario.rule import Context, Refuse, Rule
from poju.solution.rules import FIRST_SUBMISSION, STAGES, trial_key
from poju.support.condition import unmet
from poju.support.programme import FILE, Condition, Programme, load

Record = dict[str, cbor.Value]
PROGRAMME_PREFIX = "programme/"


def terms_of(package: Package) -> Programme | None:
    """Return the programme of ``package``, or None where it has none; raise ``package.malformed`` for broken terms."""
    data = package.files.get(FILE)
    return None if data is None else _terms(data)


@lru_cache(maxsize=8)
def _terms(data: bytes) -> Programme:
    """Parse the same bytes once: a pure function of them, so replays stay equal (LOG-4)."""
    return load(data)


def programme_open(context: Context) -> Registered:
    """Open the package's programme, before the first version is submitted (FUND-2)."""
    key, terms = context.statement.subject, terms_of(context.package)
    if terms is None or key != PROGRAMME_PREFIX + terms.id or context.fields["digest"] != terms.digest:
        raise Refuse("support.programme-unknown")
    context.require(context.state.get(FIRST_SUBMISSION) is None, "support.after-submission")
    context.require(context.state.get(key) is None, "support.programme-open-already")
    context.require(context.fields["budget"] == terms.budget, "support.budget-differs")
    record = {**context.fields, "spent": 0, "paid": [], "providers": [], "entry": context.block.index}
    return Registered({key: record})


def award_claim(context: Context) -> Registered:
    """Decide on a claim: the first condition that fails refuses it; else the award is released, with the duty to pay.

    Steps: (1) whose claim; (2) open programme, unchanged terms; (3) cap and budget; (4) evidence, not used before;
    (5) enough attestations of one tuple; (6) cohort and stage; (7) sample, lower bound, guard.
    """
    fields, issuer, key = context.fields, context.statement.issuer, context.statement.subject
    # 1. a provider claims for its own version, once under this name
    context.require(fields["solution"].startswith(f"solution/{issuer}/"), "award.not-yours")
    context.require(context.state.get(key) is None, "award.claimed-already")
    # 2. the programme stands open under the terms that were frozen
    programme = _record(context, fields["programme"], PROGRAMME_PREFIX, "award.programme-unknown")
    terms = terms_of(context.package)
    if terms is None or programme["digest"] != terms.digest:
        raise Refuse("award.programme-unknown")
    # 3. money (FUND-1)
    context.require(fields["amount"] > 0, "award.nothing-claimed")
    context.require(fields["amount"] <= terms.cap, "award.above-cap")
    context.require(programme["spent"] + fields["amount"] <= programme["budget"], "award.above-budget")
    # 4. evidence, once (FUND-1)
    evidence = _record(context, fields["evidence"], EVIDENCE_PREFIX, "award.evidence-unknown")
    context.require(evidence["solution"] == fields["solution"], "award.evidence-not-of-solution")
    context.require(fields["evidence"] not in programme["paid"], "award.evidence-used")
    context.require(not (terms.one_off and issuer in programme["providers"]), "award.paid-already")
    # 5. to 7. what the evidence shows (FUND-2)
    _require_attested(context, evidence, terms.condition)
    _require_setting(context, evidence, programme, terms)
    refusal = unmet(evidence["result"], terms.condition)
    if refusal:
        raise Refuse(refusal)
    award = {**fields, "provider": issuer, "state": "claimed", "entry": context.block.index}
    after = {
        **programme,
        "spent": programme["spent"] + fields["amount"],
        "paid": [*programme["paid"], fields["evidence"]],
        "providers": sorted({*programme["providers"], issuer}),
    }
    decision = Decision("released", policies=(terms.id,), duties=("pay",))
    return Registered({key: award, fields["programme"]: after}, decision)


def _record(context: Context, key: str, prefix: str, code: str) -> Record:
    found = context.state.get(key) if key.startswith(prefix) else None
    if not isinstance(found, dict):
        raise Refuse(code)
    return found


def _require_attested(context: Context, evidence: Record, condition: Condition) -> None:
    """Refuse evidence by another query than the condition's indicator, or attested alike by too few members."""
    indicator = context.package.indicators.get(condition.indicator)
    if indicator is None or hashlib.sha256(indicator.query).digest() != evidence["query"]:
        raise Refuse("award.other-indicator")
    alike = max((len(members) for members in evidence["tuples"].values()), default=0)
    context.require(alike >= condition.attestations, "award.too-few-attestations")
    trial = context.state.get(trial_key(evidence["solution"], evidence["cohort"]))
    # An auditor's sample may have disagreed after the attestations were given.
    context.require(isinstance(trial, dict) and not trial.get("disputed", False), "award.trial-disputed")


def _require_setting(context: Context, evidence: Record, programme: Record, terms: Programme) -> None:
    """Refuse another cohort than the condition names, terms or cohort younger than the version, or an early stage."""
    condition = terms.condition
    cohort = _record(context, evidence["cohort"], "cohort/", "award.not-held-out")
    version = _record(context, evidence["solution"], "solution/", "award.not-yours")
    context.require(cohort["use"] == condition.cohort_use, "award.not-held-out")
    context.require(max(cohort["entry"], programme["entry"]) < version["entry"], "award.not-frozen")
    context.require(version["track"] == terms.track, "award.other-track")
    reached = STAGES.index(version["stage"])
    context.require(STAGES.index(condition.stage) <= reached < STAGES.index("retired"), "award.stage")


def award_release(context: Context) -> Registered:
    """Register the payment order of a released award: its amount exactly, once."""
    key = context.statement.subject
    award = _record(context, key, "award/", "award.not-claimed")
    context.require(award["state"] == "claimed", "award.released-already")
    context.require(context.fields["amount"] == award["amount"], "award.amount-differs")
    released = {**award, "state": "released", "treasury": context.fields["treasury"], "released": context.block.index}
    return Registered({key: released})


RULES: Mapping[str, Rule] = {
    "programme-open": programme_open,
    "award-claim": award_claim,
    "award-release": award_release,
}
"""The room's rules by statement kind."""
