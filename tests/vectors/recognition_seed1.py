"""Write recognition-seed1.json again: the first five cases of the region of seed 1 and, apart, their truths.

Run ``python tests/vectors/recognition_seed1.py``; the bytes must not change while the generator is frozen.
"""

from __future__ import annotations

import json
from pathlib import Path

from poju.exchange.formats.fhir import generate, generator_digest
from poju.exchange.formats.fhir.workload import CASE_FORMAT

SEED = 1
PATIENTS = 2
CASES = 5


def vectors() -> bytes:
    workload = generate(SEED, patients=PATIENTS)
    cases = workload.cases()[:CASES]
    key = workload.answer_key()
    document = {
        "format": CASE_FORMAT,
        "generator": generator_digest(),
        "seed": SEED,
        "patients": PATIENTS,
        "cases": cases,
        "answers": {case["case"]: key[case["case"]] for case in cases},
    }
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


if __name__ == "__main__":
    Path(__file__).with_name("recognition-seed1.json").write_bytes(vectors())
