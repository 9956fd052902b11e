"""The cohorts of the demonstration: an open and a held-out one, from seeds that nobody shares.

Real cohorts take 256 random bits each. The demonstration derives them from its own seed, so that the same seed gives
the same figures; the report says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from poju.demo.session import Session
from poju.exchange.formats.fhir import Workload, generate, generator_digest, read_synthea
from poju.solution.cohort import cohort_commitment

PATIENTS = 80
REGION_PATIENTS = 48
RECORDS_PATIENTS = 30
GENERATED = ("open", "held-out")
RECORDS = "records"


@dataclass(frozen=True)
class Cohort:
    """Cases and, apart, their answer key; the commitment is what everybody sees before the call opens."""

    name: str
    use: str
    cases: tuple[Any, ...]
    key: Mapping[str, Any]
    commitment: bytes
    generator: bytes

    @property
    def subject(self) -> str:
        """Its name in the ledger."""
        return f"cohort/{self.name}"


def secret(seed: int, purpose: str) -> bytes:
    """Return 32 bytes for ``purpose`` that depend on the demonstration's seed alone."""
    return hashlib.sha256(f"poju demonstration {seed} {purpose}".encode()).digest()


def region(session: Session) -> Workload:
    """Return the region's recorded work: generated, or read from the Synthea bundles that the options name."""
    if "workload" not in session.facts:
        fhir = session.options.fhir
        session.facts["workload"] = (
            generate(secret(session.options.seed, "region"), patients=REGION_PATIENTS)
            if fhir is None
            else read_synthea(fhir)
        )
    workload: Workload = session.facts["workload"]
    return workload


def make(session: Session) -> dict[str, Cohort]:
    """Return the cohorts by name: open and held out, both generated; and the region's own records where given."""
    seed = session.options.seed
    workloads = {name: generate(secret(seed, f"cohort {name}"), patients=PATIENTS) for name in GENERATED}
    made = {name: _cohort(seed, name, name, work.cases(), work.answer_key()) for name, work in workloads.items()}
    if session.options.fhir is not None:
        work = region(session)
        first = sorted({case["patient"] for case in work.cases()})[:RECORDS_PATIENTS]
        cases = tuple(case for case in work.cases() if case["patient"] in first)
        made[RECORDS] = _cohort(seed, RECORDS, "open", cases, work.answer_key())
    return made


def _cohort(seed: int, name: str, use: str, cases: Sequence[Any], key: Mapping[str, Any]) -> Cohort:
    own_key = {case["case"]: key[case["case"]] for case in cases}
    digest = bytes.fromhex(generator_digest().removeprefix("sha256:"))
    return Cohort(
        name, use, tuple(cases), own_key, cohort_commitment(cases, own_key, secret(seed, f"salt {name}")), digest
    )
