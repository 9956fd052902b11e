"""The patient's own list: every access to the person's records that went through Poju, as the log has it (PRIV-3)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from poju.ledger import leaf, statement


@dataclass
class Access:
    """One access: who asked for what and why, what was decided, and the entries that both ends registered."""

    subject: str
    time: int
    who: str
    custodian: str
    record_class: str
    purpose: str
    basis: str
    outcome: str = ""
    policies: list[str] = field(default_factory=list)
    request_entry: int = 0
    release_entry: int | None = None
    acknowledge_entry: int | None = None


def access_list(leaves: Iterable[bytes], handles: Collection[str]) -> list[Access]:
    """Return the accesses to records under any of ``handles``, oldest first.

    ``leaves`` is the whole log in order; whoever has it (an auditor, the index on the patient's behalf) gets the same
    list, complete for every access of which one end was honest.
    """
    pointers: dict[str, tuple[str, str]] = {}
    accesses: dict[str, Access] = {}
    by_index: dict[int, Access] = {}
    for index, raw in enumerate(leaves):
        if leaf.is_statement(raw):
            _take(statement.decode(raw), index, handles, pointers, accesses, by_index)
            continue
        decided = leaf.decode(raw)
        if isinstance(decided, leaf.DecisionLeaf) and decided.index in by_index:
            access = by_index[decided.index]
            access.outcome, access.policies = decided.outcome, list(decided.policies)
    return list(accesses.values())


def _take(
    item: statement.UnverifiedStatement,
    index: int,
    handles: Collection[str],
    pointers: dict[str, tuple[str, str]],
    accesses: dict[str, Access],
    by_index: dict[int, Access],
) -> None:
    if item.kind == "pointer" and item.fields["handle"] in handles:
        pointers[item.subject] = (item.issuer, str(item.fields["class"]))
    elif item.kind == "access-request" and item.fields["pointer"] in pointers:
        custodian, record_class = pointers[str(item.fields["pointer"])]
        access = Access(
            item.subject,
            item.issued_at,
            item.issuer,
            custodian,
            record_class,
            str(item.fields["purpose"]),
            str(item.fields["basis"]),
            request_entry=index,
        )
        accesses[item.subject] = by_index[index] = access
    elif item.kind == "access-release" and item.subject in accesses:
        accesses[item.subject].release_entry = index
    elif item.kind == "access-acknowledge" and item.subject in accesses:
        accesses[item.subject].acknowledge_entry = index
