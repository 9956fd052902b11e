"""Well-formed statements of every kind, with whatever values: the composed rules answer, never raise, and a refusal
changes nothing (RULE-2). What raises here would stop a node."""

from __future__ import annotations

import hashlib
from functools import cache

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from support_rules import HEALTHCARE, START, Ledger, key_of

from poju.exchange import assertion
from poju.ledger import cbor
from poju.ledger.block import Declined, execute
from poju.ledger.statement import decode, sign
from poju.rulebook import compose
from poju.scenario.fields import LIST_PREFIX, MAP_PREFIX, Field
from poju.units import Seconds

POINTER = "pointer/" + "1" * 32
HANDLE = "a" * 32
SUBJECTS = (
    "order/1",
    "order/2",
    POINTER,
    "access/1",
    f"consent/{HANDLE}",
    "member/hospital-a",
    "member/nobody",
    "solution/provider-a/x/1",
    "cohort/1",
    "trial/1",
    "programme/recognition-award",
    "evidence/" + "0" * 64,
    "award/1",
    "call/1",
    "selection/1",
    "scenario/healthcare",
    "ledger",
)
ISSUERS = (
    "commission",
    "hospital-a",
    "hospital-b",
    "identity-index",
    "university",
    "auditor-a",
    "provider-a",
    "insurer",
)


@cache
def opened() -> Ledger:
    ledger = Ledger().with_members()
    ledger.rules = compose(HEALTHCARE)
    ledger.admit("auditor-a", "auditor")
    record = {"commitment": bytes(32), "class": "lab-chemistry", "handle": HANDLE}
    ledger.must("pointer", "hospital-a", POINTER, **record)
    order = {"class": "lab-chemistry", "handle": HANDLE, "item": "GLU"}
    ledger.must("test-order", "hospital-a", "order/1", **order)
    cohort = {"use": "held-out", "commitment": bytes(32), "generator": bytes(32), "cases": 3}
    ledger.must("cohort-commit", "commission", "cohort/1", **cohort)
    version = {"digest": bytes(32), "track": "mutual-recognition", "capabilities": [], "solves": []}
    ledger.must("solution-submit", "provider-a", "solution/provider-a/x/1", **version)
    ledger.must("solution-promote", "commission", "solution/provider-a/x/1", stage="trial")
    return ledger


def fitting(kind: str) -> list[str]:
    """The issuers whose role or capability allows ``kind``: most statements should get past RULE-1."""
    ledger, by = opened(), set(opened().rules.kinds[kind].by)
    roles = {name: ledger.get(f"member/{name}")["roles"] for name in ISSUERS}
    return [name for name in ISSUERS if by & {*roles[name], *ledger.package.capabilities(roles[name])}]


def proof() -> bytes:
    until = Seconds(START + 600)
    key = key_of("identity-index")
    return assertion.sign(key, requester="hospital-b", pointer=POINTER, handle=HANDLE, until=until)


def scalar(field: Field, codes: tuple[str, ...]) -> some.SearchStrategy[cbor.Value]:
    kind = field.item_type
    texts = {
        "member": some.sampled_from(ISSUERS),
        "role": some.sampled_from(("hospital", "provider", "auditor", "authority")),
        "handle": some.just(HANDLE),
        "subject": some.sampled_from(SUBJECTS),
        "label": some.just("示範"),
        "code": some.sampled_from(codes or ("x", "orders", "eligible")),
        "text-enum": some.sampled_from(field.values or ("x",)),
    }
    if kind in texts:
        return texts[kind]
    if kind == "bool":
        return some.booleans()
    if kind in {"digest", "key"}:
        query = hashlib.sha256(opened().package.indicators["recognition-accuracy"].query).digest()
        return some.sampled_from((bytes(32), query, key_of("hospital-a").public.raw, opened().package.digest))
    if kind == "signed":
        return some.one_of(some.just(proof()), some.binary(min_size=1, max_size=64))
    if kind == "bytes":
        return some.binary(min_size=field.length or 1, max_size=field.length or 1)
    return some.one_of(some.integers(1, 3), some.sampled_from((START + 50, START + 90, (1 << 40) - 1, 500_000_000, 0)))


def values(field: Field, codes: tuple[str, ...]) -> some.SearchStrategy[cbor.Value]:
    one = scalar(field, codes)
    if field.type.startswith(LIST_PREFIX):
        return some.lists(one, max_size=3, unique=True)
    if field.type.startswith(MAP_PREFIX):
        names = some.sampled_from(("orders", "eligible", "correct", "X", "N", "patients", "rules"))
        return some.dictionaries(names, one, max_size=6)
    return one


@given(data=some.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_rule_2_no_statement_makes_a_rule_raise_and_a_refusal_writes_nothing(data: some.DataObject) -> None:
    ledger = opened()
    closed = ledger.package.closed()
    kind = data.draw(some.sampled_from(sorted(ledger.rules.kinds)))
    fields = {}
    for field in ledger.rules.kinds[kind].fields.values():
        fields[field.name] = data.draw(values(field, closed.get(f"{kind}.{field.name}", ())), label=field.name)
    issuer = data.draw(some.one_of(some.sampled_from(fitting(kind) or ISSUERS), some.sampled_from(ISSUERS)))
    own = [subject for subject in SUBJECTS if subject.split("/")[0] == ledger.rules.kinds[kind].subject]
    subject = data.draw(some.sampled_from(own or SUBJECTS)) + data.draw(some.sampled_from(("", "", "0")))
    if "key" in fields:
        fields["key"] = key_of(issuer).public.raw
    identifier = bytes(6) + b"\x70" + bytes(9)
    raw = sign(
        key_of(issuer),
        kind,
        issuer=issuer,
        subject=subject,
        issued_at=Seconds(START),
        identifier=identifier,
        fields=fields,
    )
    statement = decode(raw).verify(key_of(issuer).public)
    assert statement is not None
    outcome = execute(ledger.rules, ledger, ledger, ledger.head, Seconds(START), [statement])
    if isinstance(outcome.answers[0], Declined):
        assert (outcome.leaves, outcome.writes, outcome.head) == ((), {}, ledger.head)
    again = execute(ledger.rules, ledger, ledger, ledger.head, Seconds(START), [statement])
    # LOG-4: the same question gets the same answer, bit for bit.
    assert (again.leaves, again.writes, again.head) == (outcome.leaves, outcome.writes, outcome.head)
