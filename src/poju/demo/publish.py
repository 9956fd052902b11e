"""Writing what everyone and what auditors get: ``public/`` and ``auditor/`` (docs/spec/files.md)."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from poju.demo import cast
from poju.demo.session import ORIGIN, Session
from poju.ledger import cbor, leaf, statement
from poju.ledger.store import Store
from poju.node import log_private
from poju.node.client import LedgerClient
from poju.node.ledger_service import write_log
from poju.support.check import Published
from poju.support.payment import payments, to_csv, to_pain001
from poju.units import Seconds
from poju.verify import files
from poju.verify.public import DECISION, DECISION_RECEIPT, RECEIPT, RECEIPTS, REFUSAL, REFUSALS, STATEMENT


def run(session: Session) -> None:
    """Write both folders; the manifest of the public one is itself a registered statement."""
    public, auditor = session.path("public"), session.path("auditor")
    authority = session.private / "authority"
    store = Store.open(authority / "ledger.sqlite")
    key = log_private.in_force(authority, store)
    for name in (RECEIPTS, REFUSALS, "package"):
        shutil.rmtree(public / name, ignore_errors=True)
    shutil.copytree(session.options.package, public / "package", ignore=shutil.ignore_patterns("__pycache__"))
    published = _statements(session, store, public / RECEIPTS)
    _refusals(session, public)
    _payments(published, session.path("payments"))
    (public / "scitt-keys.cbor").write_bytes(cbor.encode([key.public.cose_key]))
    (public / "log.vkey").write_text(key.public.vkey(ORIGIN) + "\n")
    _manifest(session, public)
    write_log(store, key, ORIGIN, public, entries=False)
    shutil.rmtree(auditor, ignore_errors=True)
    write_log(store, key, ORIGIN, auditor, entries=True)
    shutil.copytree(public / "package", auditor / "package")
    head = store.head()
    session.facts["ledger"] = {
        "origin": ORIGIN,
        "size": head.size,
        "root": store.root(head.size).hex(),
        "blocks": head.height,
        **_counts(store, head.size),
    }
    store.close()


def _statements(session: Session, store: Store, folder: Path) -> list[Published]:
    """Write each public statement with its receipt, and its decision; return them in the log's order."""
    kinds = session.facts["package"].all_kinds()
    folder.mkdir(parents=True, exist_ok=True)
    found: list[Published] = []
    for index, raw in enumerate(store.stream(store.head().size)):
        if not leaf.is_statement(raw):
            continue
        item = statement.decode(raw)
        if kinds[item.kind].public and item.kind != "publication":
            found.append((item, _entry(session.client, folder / f"{index:06}-{item.kind}", index, raw)))
    return found


def _entry(client: LedgerClient, stem: Path, index: int, raw: bytes) -> leaf.DecisionLeaf | None:
    receipt, decision, decision_receipt = client.proof(index)
    stem.with_name(stem.name + STATEMENT).write_bytes(raw)
    stem.with_name(stem.name + RECEIPT).write_bytes(receipt)
    if decision is None or decision_receipt is None:
        return None
    stem.with_name(stem.name + DECISION).write_bytes(decision)
    stem.with_name(stem.name + DECISION_RECEIPT).write_bytes(decision_receipt)
    decoded = leaf.decode(decision)
    return decoded if isinstance(decoded, leaf.DecisionLeaf) else None


def _refusals(session: Session, public: Path) -> None:
    (public / REFUSALS).mkdir(parents=True, exist_ok=True)
    for file, subject, answer in session.facts.get("refusals", []):
        provider = subject.removeprefix("award/").rsplit("-", 1)[0]
        stem = session.path(file)
        stem.with_name(stem.name + STATEMENT).write_bytes(session.outbox.raw(f"award-claim {subject} {provider}"))
        stem.with_name(stem.name + REFUSAL).write_bytes(answer.raw)


def _payments(published: list[Published], folder: Path) -> None:
    """Write the released awards for a treasury: Poju authorises, treasuries pay."""
    orders = payments(published)
    folder.mkdir(exist_ok=True)
    (folder / "payments.csv").write_bytes(to_csv(orders))
    if orders:
        released = [item.issued_at for item, _decision in published if item.kind == "award-release"]
        (folder / "pain.001.xml").write_bytes(to_pain001(orders, initiator=cast.AUTHORITY, time=Seconds(max(released))))


def _manifest(session: Session, public: Path) -> None:
    text = files.manifest(public)
    (public / files.MANIFEST).write_bytes(text)
    digest = hashlib.sha256(text).digest()
    name = f"publication {digest.hex()}"
    answer = session.register(
        cast.AUTHORITY, "publication", f"publication/{digest.hex()[:32]}", {"manifest": digest}, name
    )
    (public / files.PUBLICATION).write_bytes(session.outbox.raw(name))
    (public / files.PUBLICATION_RECEIPT).write_bytes(answer.receipt)


def _counts(store: Store, size: int) -> dict[str, int]:
    statements = decisions = 0
    for raw in store.stream(size):
        if leaf.is_statement(raw):
            statements += 1
        elif isinstance(leaf.decode(raw), leaf.DecisionLeaf):
            decisions += 1
    return {"statements": statements, "decisions": decisions}
