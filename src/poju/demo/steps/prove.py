"""Step 6, prove: indicators by published queries; attestations; evidence packs that anyone can check offline."""

from __future__ import annotations

from typing import Any

from poju.demo import cast
from poju.demo.session import ORIGIN, Session
from poju.demo.steps.improve import INDICATOR, Version, evidence_of
from poju.demo.words import word
from poju.evidence import indicator
from poju.evidence.attest import Evidence
from poju.evidence.indicator import Indicator, suppress
from poju.evidence.pack_files import Entry, write_pack
from poju.evidence.tables import log_tables
from poju.i18n import _
from poju.ledger.store import Store
from poju.solution.bound import ratio_ppm

LOG_INDICATOR = "recognition-rate"


def run(session: Session) -> None:
    """Attest the trials on which claims will rest, write their packs, publish the log's own indicator."""
    session.voice.step(6, "prove", _("does it really solve the problem?"))
    best, edited = session.facts["best"], session.facts["draft"]
    earlier = [v for v in session.facts["versions"] if v.solution.provider == best.solution.provider and v is not best]
    claimed = [Version(edited.solution) if edited else earlier[-1], best]
    session.facts["claimed"] = claimed
    for version in claimed:
        attest(session, evidence_of(session, version))
    packs = {version.subject: pack(session, evidence_of(session, version)) for version in claimed}
    session.facts["packs"] = packs
    package = session.facts["package"]
    proof = evidence_of(session, best)
    accuracy = _shown(indicator.of(package, INDICATOR), proof.result, packs[best.subject])
    rate = _shown(*_from_log(session, indicator.of(package, LOG_INDICATOR)), "")
    session.facts["indicators"] = [accuracy, rate]
    for shown in session.facts["indicators"]:
        if shown["numerator"] is None:
            text = _("{name}: suppressed, since it rests on too few patients or shows a small count")
            session.voice.tell(text, name=shown["names"][session.options.language])
            continue
        session.voice.tell(
            _("{name}: {numerator} / {denominator}, {patients} patients; evidence class {evidence}"),
            name=shown["names"][session.options.language],
            numerator=shown["numerator"],
            denominator=shown["denominator"],
            patients=shown["patients"],
            evidence=session.voice.word(word(shown["class"])),
        )
    session.voice.file(session.shown(session.path(packs[best.subject])))


def attest(session: Session, evidence: Evidence) -> None:
    """Let each runner attest the result that it computed, resting on the log as it stands now."""
    size = int(session.client.get("/checkpoint").decode().split("\n")[1])
    for member in cast.RUNNERS:
        session.register(member, "attestation", evidence.subject, evidence.fields(_size(session, evidence, size)))


def _size(session: Session, evidence: Evidence, size: int) -> int:
    """Return one log size for all attesters of ``evidence``, also in a resumed run."""
    path = session.private / "attested" / evidence.id
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(size))
    return int(path.read_text())


def pack(session: Session, evidence: Evidence) -> str:
    """Write the evidence pack; return its path inside the demonstration's folder."""
    checkpoint = session.client.get("/checkpoint").decode()
    attestations = [entry_of(session, f"attestation {evidence.subject} {member}") for member in cast.RUNNERS]
    members = [entry_of(session, f"member-apply member/{member} {member}") for member in cast.RUNNERS]
    target = write_pack(
        session.path("public", "evidence"),
        evidence,
        origin=ORIGIN,
        checkpoint=checkpoint,
        attestations=attestations,
        members=members,
    )
    return str(target.relative_to(session.options.out))


def entry_of(session: Session, name: str) -> Entry:
    """Return a registered statement with its receipt under the newest checkpoint."""
    raw = session.outbox.raw(name)
    index = session.outbox.index(name)
    receipt, _decision, _decision_receipt = session.client.proof(index)
    return Entry(index, raw, receipt)


def _from_log(session: Session, query: Indicator) -> tuple[Indicator, dict[str, Any]]:
    kinds = session.facts["package"].all_kinds()
    used = {name.split(".")[0] for name in query.uses}
    store = Store.open(session.private / "authority" / "ledger.sqlite")
    tables = log_tables(store.stream(store.head().size), {name: kinds[name] for name in sorted(used)})
    store.close()
    rows = query.compute(tables)
    return query, suppress(rows[0], query.minimum) or {}


def _shown(query: Indicator, row: Any, path: str) -> dict[str, Any]:  # noqa: ANN401 - a row of integers
    numerator, denominator = row.get("numerator"), row.get("denominator")
    return {
        "id": query.id,
        "names": dict(query.names),
        "class": query.evidence_class,
        "value_ppm": ratio_ppm(numerator, denominator) if denominator else None,
        "numerator": numerator,
        "denominator": denominator,
        "patients": row.get("patients"),
        "unit": query.unit,
        "query_digest": query.digest.hex(),
        "query": query.query.decode(),
        "pack": path,
    }
