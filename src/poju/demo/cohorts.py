"""The cohorts of the demonstration: an open and a held-out one, from seeds that nobody shares.

Real cohorts take 256 random bits each. The demonstration derives them from its own seed, so that the same seed gives
the same figures; the report says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from poju.demo.session import Session
from poju.exchange.formats.fhir import generate, generator_digest
from poju.solution.cohort import cohort_commitment

PATIENTS = 80
USES = ("open", "held-out")


@dataclass(frozen=True)
class Cohort:
    """Cases and, apart, their answer key; the commitment is what everybody sees before the call opens."""

    use: str
    cases: tuple[Any, ...]
    key: Mapping[str, Any]
    commitment: bytes
    generator: bytes

    @property
    def subject(self) -> str:
        """Its name in the ledger."""
        return f"cohort/{self.use}"


def secret(seed: int, purpose: str) -> bytes:
    """Return 32 bytes for ``purpose`` that depend on the demonstration's seed alone."""
    return hashlib.sha256(f"poju demonstration {seed} {purpose}".encode()).digest()


def make(session: Session) -> list[Cohort]:
    """Generate the cohorts and keep them in ``session.facts["cohorts"]`` by use."""
    seed = session.options.seed
    digest = bytes.fromhex(generator_digest().removeprefix("sha256:"))
    made = []
    for use in USES:
        workload = generate(secret(seed, f"cohort {use}"), patients=PATIENTS)
        cases, key = workload.cases(), workload.answer_key()
        commitment = cohort_commitment(cases, key, secret(seed, f"salt {use}"))
        made.append(Cohort(use, cases, key, commitment, digest))
    session.facts["cohorts"] = {cohort.use: cohort for cohort in made}
    return made
