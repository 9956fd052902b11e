"""An embedded log of the real rule book: orders, pointers, accesses that Cedar grants and denies, and refused ones.

What was sent is recorded beside what was answered, so that another engine can be given the same.
"""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from poju.engine.embedded import Answer, EmbeddedEngine, Refusal, Registration
from poju.ledger import block, leaf, statement
from poju.ledger.store import Store
from poju.units import Seconds

ROOT = Path(__file__).resolve().parents[2]
HOSPITALS = 12
TOGETHER = 40


def load_workload(time: int | None = None, hospitals: int = HOSPITALS) -> ModuleType:
    """Return benchmarks/workload.py as a module of its own, at ``time`` and with so many hospitals."""
    spec = importlib.util.spec_from_file_location("recorded_workload", ROOT / "benchmarks" / "workload.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.__dict__["TIME"] = module.TIME if time is None else Seconds(time)
    module.__dict__["HOSPITALS"] = tuple(module.HOSPITALS[:hospitals])
    return module


def identifier(number: int) -> bytes:
    """Return a cti that the workload never makes."""
    unique = hashlib.sha256(b"refused" + number.to_bytes(8, "big")).digest()
    return unique[:6] + bytes([0x70 | unique[6] & 15, unique[7], 0x80 | unique[8] & 63]) + unique[9:16]


def refused(workload: ModuleType, good: Sequence[bytes]) -> list[tuple[str, bytes]]:
    """Return (code, statement) of what the rules refuse whenever it is sent after ``good``'s beginning."""
    number = itertools.count()
    hospital = workload.HOSPITALS[0]

    def sign(kind: str, subject: str, fields: dict[str, object], key: str = hospital, **other: object) -> bytes:
        claims = {"issuer": hospital, "subject": subject, "issued_at": workload.TIME, "fields": fields}
        claims["identifier"] = identifier(next(number))
        raw: bytes = statement.sign(workload.key_of(key), kind, **{**claims, **other})
        return raw

    pointer = {"commitment": bytes(32), "class": "lab-chemistry", "handle": "a" * 32}
    ours = statement.decode(next(raw for raw in good if statement.decode(raw).issuer == hospital))
    return [
        ("field.missing", sign("pointer", f"pointer/{'1' * 32}", {})),
        ("statement.key-unknown", sign("pointer", f"pointer/{'2' * 32}", pointer, key="stranger")),
        ("ledger.stale", sign("pointer", f"pointer/{'3' * 32}", pointer, issued_at=Seconds(workload.TIME - 10**7))),
        ("member.role", sign("member-admit", "member/nobody", {"roles": ["hospital"]})),
        ("statement.signature", good[-1][:-1] + bytes([good[-1][-1] ^ 1])),
        ("ledger.conflict", sign("pointer", f"pointer/{'4' * 32}", pointer, identifier=ours.identifier)),
    ]


def denied(workload: ModuleType, number: int) -> bytes:
    """Return an access request whose basis is a consent that nobody gave: Cedar denies it, and it is in the log."""
    made = workload.Workload()
    asker, pointer = workload.HOSPITALS[1], f"pointer/{2:032x}"
    until = Seconds(workload.TIME + 600)
    signed = workload.assertion.sign(
        made._keys[workload.INDEX], requester=asker, pointer=pointer, handle="b" * 32, until=until
    )
    fields = {"pointer": pointer, "purpose": "treatment", "basis": "consent", "assertion": signed}
    raw: bytes = statement.sign(
        workload.key_of(asker),
        "access-request",
        issuer=asker,
        subject=f"access/d{number:x}",
        issued_at=workload.TIME,
        identifier=identifier(1_000 + number),
        fields=fields,
    )
    return raw


@dataclass(frozen=True)
class Recorded:
    """``sent``: every statement in its order with its answer; ``blocks``: (height, time, statements) as logged."""

    sent: list[tuple[bytes, Answer]]
    blocks: list[tuple[int, Seconds, list[bytes]]]
    head: block.Head
    root: bytes
    outcomes: frozenset[str]

    @property
    def receipts(self) -> list[tuple[bytes, bytes]]:
        """(statement, receipt) of each registration."""
        return [(raw, answer.receipt) for raw, answer in self.sent if isinstance(answer, Registration)]

    def batches(self) -> list[tuple[int, Seconds, list[bytes]]]:
        """Return the blocks with every refused statement put back, behind the one that was registered before it."""
        after: dict[bytes, list[bytes]] = {}
        last = b""
        for raw, answer in self.sent:
            if isinstance(answer, Refusal):
                after.setdefault(last, []).append(raw)
            else:
                last = raw
        return [
            (height, time, [one for raw in raws for one in (raw, *after.get(raw, ()))])
            for height, time, raws in self.blocks
        ]


def record(workload: ModuleType, store: Store, count: int, origin: str | None = None) -> Recorded:
    """Fill ``store`` by the embedded engine with the opening and about ``count`` statements, some of them refused."""
    made = workload.Workload()
    ticks = itertools.count()
    engine = EmbeddedEngine(
        store,
        made.rules,
        workload.LOG,
        origin or workload.ORIGIN,
        # a clock that also stands still and goes back: block time never does
        lambda: Seconds(workload.TIME + next(ticks) % 7 * 3),
    )
    opening = list(made.opening())
    sent: list[tuple[bytes, Answer]] = [(raw, engine.register(raw)) for raw in opening]
    good = list(made.statements(count))
    wrong = [raw for _code, raw in refused(workload, good)]
    mixed: list[bytes] = []
    for number, raw in enumerate(good):
        mixed.append(raw)
        if number % 9 == 8:
            mixed.append(wrong[number // 9 % len(wrong)])
        if number % 40 == 39:
            mixed.append(denied(workload, number))
    for start in range(0, len(mixed), TOGETHER):
        waiting: list[tuple[bytes, Future[Answer]]] = [
            (raw, engine.submit(raw)) for raw in mixed[start : start + TOGETHER]
        ]
        sent += [(raw, future.result(30)) for raw, future in waiting]
    engine.close()
    head = store.head()
    leaves = list(store.stream(head.size))
    decoded = [leaf.decode(raw) for raw in leaves if not leaf.is_statement(raw)]
    return Recorded(
        sent,
        [
            (closing.height, closing.time, [raw for raw in raws if leaf.is_statement(raw)])
            for raws, closing in block.blocks(leaves)
        ],
        head,
        store.root(head.size),
        frozenset(item.outcome for item in decoded if isinstance(item, leaf.DecisionLeaf)),
    )
