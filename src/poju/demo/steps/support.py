"""Step 7, support: claims are refused by the rule that they break, or released; the refusals are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from poju.demo import cast
from poju.demo.session import Session
from poju.demo.steps.improve import Version, evidence_of, version_label
from poju.i18n import _
from poju.ledger import leaf
from poju.node.client import Refused
from poju.support.condition import lower_bound
from poju.support.explain import explain, figures_of


@dataclass(frozen=True)
class Claim:
    """One claim of the demonstration: its name in the ledger, for which version, how much (fen)."""

    number: int
    version: Version
    amount: int

    @property
    def subject(self) -> str:
        """Its subject in the ledger."""
        return f"award/{self.version.solution.provider}-{self.number}"


def claims(session: Session) -> list[Claim]:
    """Return the claims in order: the version before, one above the cap, the good one, the same evidence again."""
    cap = session.facts["programme"].cap
    earlier, best = session.facts["claimed"]
    wanted = [(earlier, cap), (best, cap + cap // 5), (best, cap), (best, cap)]
    return [Claim(number, version, amount) for number, (version, amount) in enumerate(wanted, 1)]


def run(session: Session) -> None:
    """Make the claims; register the payment order of what is released."""
    session.voice.step(7, "support", _("who gets what public money?"))
    programme = session.facts["programme"]
    session.facts["claims"] = []
    for claim in claims(session):
        evidence = evidence_of(session, claim.version)
        fields = {
            "programme": f"programme/{programme.id}",
            "solution": claim.version.subject,
            "evidence": evidence.subject,
            "amount": claim.amount,
        }
        answer = session.send(claim.version.solution.provider, "award-claim", claim.subject, fields)
        shown: dict[str, Any] = {
            "number": claim.number,
            "provider": claim.version.solution.provider,
            "version": version_label(claim.version.solution.id, claim.version.solution.version),
            "amount_fen": claim.amount,
            "lower_ppm": lower_bound(evidence.result),
        }
        if isinstance(answer, Refused):
            file = f"public/refusals/{claim.number:02}-{answer.code}"
            shown |= {"outcome": "refused", "code": answer.code, "entry": None, "file": file + ".refusal.cose"}
            session.facts.setdefault("refusals", []).append((file, claim.subject, answer))
        else:
            decided = leaf.decode(answer.decision or b"")
            outcome = decided.outcome if isinstance(decided, leaf.DecisionLeaf) else ""
            file = f"public/receipts/{answer.index:06}-award-claim.receipt.cose"
            shown |= {"outcome": outcome, "code": "", "entry": answer.index, "file": file}
            order = {"amount": claim.amount, "treasury": "demonstration"}
            session.register(cast.AUTHORITY, "award-release", claim.subject, order)
        session.facts["claims"].append(shown)
        _tell(session, shown, evidence.result)


def _tell(session: Session, shown: dict[str, Any], result: Any) -> None:  # noqa: ANN401 - figures by name
    amount = f"{shown['amount_fen'] // 100:,}"
    if shown["outcome"] == "refused":
        figures = figures_of(session.facts["programme"], result=result, amount=shown["amount_fen"])
        said = explain(shown["code"], session.options.language, **figures)
        session.voice.tell(
            _("claim {number}, {version}, {amount} yuan: REFUSED ({rule}). {said}"),
            number=shown["number"],
            version=shown["version"],
            amount=amount,
            rule=shown["code"],
            said=said,
        )
    else:
        session.voice.tell(
            _("claim {number}, {version}, {amount} yuan: RELEASED, entry {entry}"),
            number=shown["number"],
            version=shown["version"],
            amount=amount,
            entry=shown["entry"],
        )
    session.voice.file(session.shown(session.path(shown["file"])))
