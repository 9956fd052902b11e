"""The best version at work: it advises inside the institution; staff decide; what they did is another statement.

The staff of the demonstration are simulated: they accept a valid offer and repeat the examination otherwise. Nothing
about a real doctor's reaction follows from it, and the report says so.
"""

from __future__ import annotations

import hashlib
from typing import Any

from poju.demo.session import Session
from poju.i18n import _
from poju.solution.cohort import canonical, input_commitment
from poju.solution.replay import replay
from poju.solution.runtime import runtime_description

BILL_FEN = 10_000
REASONS = {
    "acute-change": "acute-change",
    "monitoring": "monitoring",
    "quality": "quality",
    "none-earlier": "no-result",
}


def run(session: Session, best: Any) -> None:  # noqa: ANN401 - steps.improve.Version, which imports us
    """Promote ``best`` to live, register its advice on every order, what the staff did, and what was billed."""
    from poju.demo.steps.improve import promote  # noqa: PLC0415 - the step imports this module

    for stage in ("shadow", "live"):
        promote(session, best, stage)
    region = session.facts["region"]
    cases = {case["case"]: case for case in region.workload.cases()}
    truths = region.workload.answer_key()
    rows = {row.case: row for row in replay(best.solution, cases.values(), runtime=session.facts["runtime"]).rows}
    runtime = hashlib.sha256(canonical(runtime_description(session.facts["runtime"]))).digest()
    advice, decisions, charges = [], [], []
    for order in region.orders:
        row = rows[order.case]
        subject = f"order/{order.case}"
        salt = hashlib.sha256(session.key(order.institution).sign(subject.encode())).digest()
        fields: dict[str, Any] = {
            "inputs": input_commitment(cases[order.case], salt),
            "reason": row.reason or "abstain",
            "solution": best.subject,
            "stage": "live",
            "runtime": runtime,
        }
        if row.offer is not None:
            pointer = region.records[order.earlier[row.offer]].pointer
            fields["offer"] = hashlib.sha256(f"pointer/{pointer}".encode()).digest()
        advice.append((order.institution, "advice", subject, fields))
        outcome, reason = decide(row.offer, truths[order.case])
        decisions.append((order.institution, "recognition", subject, {"outcome": outcome, "reason": reason}))
        if outcome != "recognised":
            charges.append(("insurer", "charge", subject, {"amount": BILL_FEN, "billed": True}))
    session.register_many(advice)
    session.register_many(decisions)
    session.register_many(charges)
    counts = [fields["outcome"] for _member, _kind, _subject, fields in decisions]
    session.voice.tell(
        _("live: {orders} orders advised; staff recognised {recognised}, repeated {repeated}, did {new} newly"),
        orders=len(advice),
        recognised=counts.count("recognised"),
        repeated=counts.count("repeated"),
        new=counts.count("new"),
    )


def decide(offer: str | None, truth: Any) -> tuple[str, str]:  # noqa: ANN401 - the answer key's dict
    """Return outcome and reason code of the simulated staff for one order."""
    if offer is not None and offer in truth["valid"]:
        return "recognised", "accepted"
    if offer is not None:
        return "repeated", REASONS.get(truth["must_repeat"] or "", "not-comparable")
    if truth["valid"]:
        return "repeated", "not-offered"
    return "new", REASONS[truth["must_repeat"]]
