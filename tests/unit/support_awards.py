"""The way to an award over the real rule book and the healthcare package: members, cohort, trial, evidence."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from poju.evidence import indicator
from poju.evidence.attest import Evidence, measure
from poju.ledger import cbor
from poju.ledger.block import Answer, Declined, Entered
from poju.rulebook import compose
from poju.solution.rules import commitment
from poju.solution.trace import Header, Row, Trace, make_trace


def beside(name: str) -> ModuleType:
    """Load a helper from tests/unit: test folders are no packages."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


rules = beside("support_rules")

PROGRAMME = "programme/recognition-award"
COHORT = "cohort/held-out-1"
V1, V2, V3 = (f"solution/provider-a/reader/{number}" for number in (1, 2, 3))
CAP = 500_000_000
PATIENTS, EACH = 60, 4
CASES = PATIENTS * EACH
RUNNERS = ("university", "commission")
ATTESTERS = ("university", "auditor")
HEADER = Header("reader", "00", (), {})


def cohort_key() -> dict[str, dict[str, object]]:
    """Three orders of each patient have one valid result, the fourth has to be repeated."""
    truths = {}
    for number in range(CASES):
        repeats = number % EACH == EACH - 1
        truths[f"c{number:06d}"] = {
            "valid": [] if repeats else ["r1"],
            "must_repeat": "monitoring" if repeats else None,
        }
    return truths


def trace(wrong: int = 0, missed: int = 0, must_repeat_offers: int = 0, invalid: int = 0) -> Trace:
    """A version's answers with so many mistakes, spread over the patients; all else is right."""
    budget = {"wrong": wrong, "missed": missed, "offers": must_repeat_offers, "invalid": invalid}
    rows = []
    for case, truth in cohort_key().items():
        patient = f"p{int(case[1:]) // EACH:04d}"
        offer: str | None = "r1" if truth["valid"] else None
        state = "offered" if offer else "none"
        if truth["valid"] and int(case[1:]) % EACH == 0:
            if budget["wrong"] > 0:
                offer, budget["wrong"] = "r2", budget["wrong"] - 1
            elif budget["missed"] > 0:
                offer, state, budget["missed"] = None, "none", budget["missed"] - 1
            elif budget["invalid"] > 0:
                offer, state, budget["invalid"] = None, "trap", budget["invalid"] - 1
        elif not truth["valid"] and budget["offers"] > 0:
            offer, state, budget["offers"] = "r1", "offered", budget["offers"] - 1
        rows.append(Row(case, patient, offer, None, state))
    return make_trace(HEADER, rows)


class World(rules.Ledger):  # type: ignore[name-defined,misc]
    """A ledger on the way to an award."""

    def __post_init__(self) -> None:
        self.rules = compose(rules.HEALTHCARE)
        self.indicator = indicator.of(self.package, "recognition-accuracy")
        self.terms = hashlib.sha256(self.package.files["programme.toml"]).digest()

    def ready(self) -> World:
        """Members are in, the programme is open and the cohort committed; nothing is submitted yet."""
        self.with_members()
        self.admit("auditor", "auditor")
        self.admit("provider-b", "provider")
        self.must("programme-open", "commission", PROGRAMME, digest=self.terms, budget=2_000_000_000)
        self.commit_cohort()
        return self

    def commit_cohort(self, subject: str = COHORT, use: str = "held-out", cases: int = CASES) -> str:
        fields = {"use": use, "commitment": bytes(32), "generator": bytes(32), "cases": cases}
        return str(self.say("cohort-commit", "commission", subject, **fields))

    def submit_version(self, solution: str = V3, issuer: str = "provider-a", stage: str = "trial") -> None:
        fields = {"digest": bytes(32), "track": "mutual-recognition", "capabilities": [], "solves": []}
        self.must("solution-submit", issuer, solution, **fields)
        for step in ("trial", "shadow", "live"):
            if stage == "laptop":
                return
            self.must("solution-promote", "commission", solution, stage=step)
            if step == stage:
                return

    def measured(self, answers: Trace, solution: str = V3, cohort: str = COHORT) -> Evidence:
        return measure(self.indicator, answers, cohort_key(), solution=solution, cohort=cohort)

    def try_out(self, answers: Trace, solution: str = V3, cohort: str = COHORT) -> Evidence:
        """Two runners commit, then reveal the same figures."""
        evidence = self.measured(answers, solution, cohort)
        on = {"solution": solution, "cohort": cohort}
        trial = "trial/" + hashlib.sha256(f"{solution} {cohort}".encode()).hexdigest()[:16]
        for runner in RUNNERS:
            sealed = commitment(runner.encode().ljust(32), answers.root, evidence.result)
            self.must("trial-commit", runner, trial, commitment=sealed, **on)
        for runner in RUNNERS:
            shown = {"nonce": runner.encode().ljust(32), "trace_root": answers.root, "figures": dict(evidence.result)}
            self.must("trial-reveal", runner, trial, **shown, **on)
        return evidence

    @property
    def size(self) -> int:
        return int(self.head.size)

    def attest(self, evidence: Evidence, *members: str, size: int = 0) -> str:
        """Return the last refusal's code, or nothing."""
        at, code = size or self.size, ""
        for member in members or ATTESTERS:
            code = self.say("attestation", member, evidence.subject, **evidence.fields(at)) or code
        return code

    def prove(self, answers: Trace, solution: str = V3, cohort: str = COHORT) -> Evidence:
        evidence = self.try_out(answers, solution, cohort)
        assert not self.attest(evidence)
        return evidence

    def claim(self, evidence: Evidence, name: str = "1", issuer: str = "provider-a", **changes: cbor.Value) -> str:
        fields = {
            "programme": PROGRAMME,
            "solution": evidence.solution,
            "evidence": evidence.subject,
            "amount": CAP,
            **changes,
        }
        return str(self.say("award-claim", issuer, f"award/{name}", **fields))


class EngineWorld(World):
    """The same over the embedded engine and its store, for receipts and checkpoints."""

    engine: object = None
    indexes: dict[tuple[str, str, str], int]

    def submit(self, raw: bytes) -> Answer:
        from poju.engine.embedded import Registration  # noqa: PLC0415 - only this class needs the engine
        from poju.ledger.statement import decode  # noqa: PLC0415 - as above

        answer = self.engine.register(raw)  # type: ignore[attr-defined]
        item = decode(raw)
        if not isinstance(answer, Registration):
            return Declined(answer.code)
        self.indexes[item.kind, item.issuer, item.subject] = answer.index
        return Entered(answer.index)

    @property
    def size(self) -> int:
        return int(self.engine.store.head().size)  # type: ignore[attr-defined]

    def get(self, key: str) -> cbor.Value:
        return self.engine.store.get(key)  # type: ignore[attr-defined]
