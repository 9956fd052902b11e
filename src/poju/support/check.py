"""Check released awards again from published statements and the package alone, by anyone (FUND-1, FUND-2). Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from poju.errors import CallerError
from poju.evidence.rules import PREFIX, evidence_id, tuple_digest
from poju.i18n import _
from poju.ledger import cbor
from poju.ledger.leaf import DecisionLeaf
from poju.ledger.statement import UnverifiedStatement
from poju.scenario.package import Package, load
from poju.support.condition import unmet
from poju.support.programme import Programme
from poju.support.rules import PROGRAMME_PREFIX, terms_of
from poju.units import Fen

Published = tuple[UnverifiedStatement, DecisionLeaf | None]
RELEASED = "released"


@dataclass(frozen=True)
class Award:
    """One released award: its subject, who gets it, how much (fen), and on which evidence."""

    subject: str
    provider: str
    amount: Fen
    evidence: str


def _broken(reason: str, award: str) -> CallerError:
    return CallerError(
        "award.unproved",
        _("The award {award} was released, but {reason}."),
        hint=_("Keep this copy as evidence and ask the authority; every other award is checked apart."),
        award=award,
        reason=reason,
    )


def released(statements: Iterable[Published]) -> list[tuple[Award, UnverifiedStatement]]:
    """Return the released claims among ``statements``, in their order, each with its statement."""
    found = []
    for item, decision in statements:
        if item.kind == "award-claim" and decision is not None and decision.outcome == RELEASED:
            fields = item.fields
            found.append((Award(item.subject, item.issuer, Fen(fields["amount"]), fields["evidence"]), item))
    return found


def check_awards(statements: Sequence[Published], package_folder: Path) -> list[Award]:
    """Return the released awards after checking each; raise ``award.unproved`` at the first that does not hold.

    ``statements`` are (statement, its decision or None), signatures and places in the log already checked. Steps: (1)
    the programme was opened under the package's terms; (2) the amount is within the cap; (3) enough distinct members
    attest one tuple, under the digest that the claim names; (4) the query is the condition's indicator; (5) the cohort
    has the use that the condition names; (6) sample, lower bound and guard; (7) over all: no evidence twice, no
    provider twice where the award is one-off, the sum within the budget.
    """
    awards = released(statements)
    if not awards:
        return []
    package = load(package_folder)
    terms = terms_of(package)
    if terms is None:
        raise _broken("the package has no programme", awards[0][0].subject)
    for award, claim in awards:
        _check_one(award, claim, statements, package, terms)
    # 7. over all awards
    _check_sum([award for award, _claim in awards], terms)
    return [award for award, _claim in awards]


def _check_one(
    award: Award, claim: UnverifiedStatement, statements: Sequence[Published], package: Package, terms: Programme
) -> None:
    condition = terms.condition
    # 1. terms
    opened = [item for item, _decision in statements if item.kind == "programme-open"]
    named = claim.fields["programme"] == PROGRAMME_PREFIX + terms.id
    if not named or not any(item.fields["digest"] == terms.digest for item in opened):
        raise _broken("its programme was not opened under the package's terms", award.subject)
    # 2. cap
    if not 0 < award.amount <= terms.cap:
        raise _broken("it is above the cap", award.subject)
    # 3. attestations
    fields = _attested(award, statements, condition.attestations)
    if fields["solution"] != claim.fields["solution"] or not claim.fields["solution"].startswith(
        f"solution/{award.provider}/"
    ):
        raise _broken("its evidence is about another provider's version", award.subject)
    # 4. indicator
    indicator = package.indicators.get(condition.indicator)
    if indicator is None or hashlib.sha256(indicator.query).digest() != fields["query"]:
        raise _broken("its evidence was computed by another query", award.subject)
    # 5. cohort
    cohorts = [
        item.fields["use"] for item, _d in statements if item.subject == fields["cohort"] and "use" in item.fields
    ]
    if cohorts != [condition.cohort_use]:
        raise _broken("its cohort is not published as held out", award.subject)
    # 6. figures
    if unmet(fields["result"], condition):
        raise _broken("its figures do not meet the condition", award.subject)


def _attested(award: Award, statements: Sequence[Published], least: int) -> Mapping[str, cbor.Value]:
    """Return the fields that at least ``least`` members attest alike for the award's evidence."""
    found = {
        (item.issuer, tuple_digest(item.fields)): item.fields
        for item, _decision in statements
        if item.kind == "attestation" and item.subject == award.evidence
    }
    counts = Counter(alike for _issuer, alike in found)
    enough = sorted(alike for alike, count in counts.items() if count >= least)
    if not enough:
        raise _broken("too few members attest its evidence", award.subject)
    fields = next(fields for (_issuer, alike), fields in found.items() if alike == enough[0])
    identity = evidence_id(fields["query"], fields["solution"], fields["cohort"], fields["result"])
    if award.evidence != PREFIX + identity:
        raise _broken("its evidence is not what it names", award.subject)
    return fields


def _check_sum(awards: Sequence[Award], terms: Programme) -> None:
    seen: set[str] = set()
    total = 0
    for award in awards:
        total += award.amount
        again = {award.evidence, f"provider:{award.provider}"} if terms.one_off else {award.evidence}
        if seen & again:
            raise _broken("its evidence or its provider was paid before", award.subject)
        seen |= again
        if total > terms.budget:
            raise _broken("the programme's budget is exceeded by it", award.subject)
