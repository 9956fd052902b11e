from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from poju.exchange.formats.fhir import ResultRecorded, generate, read_synthea

SHARED = Path(__file__).parents[3] / "shared"
SYNTHEA = SHARED / "data" / "fhir"
VALIDATOR = SHARED / "tools" / "fhir-judges" / "validate.sh"


@pytest.mark.shared
@pytest.mark.skipif(not SYNTHEA.is_dir(), reason="../shared/data/fhir is absent")
def test_the_synthea_population_is_read_in_time_and_keeps_its_form() -> None:
    started = time.monotonic()
    workload = read_synthea(SYNTHEA)
    assert time.monotonic() - started < 30
    key = workload.answer_key()
    assert len({case["patient"] for case in workload.cases()}) >= 30
    assert sum(bool(truth["valid"]) for truth in key.values()) >= 100
    for case in workload.cases():
        truth = key[case["case"]]
        assert bool(truth["valid"]) == (truth["must_repeat"] is None)
        assert set(truth["valid"]) <= {result["id"] for result in case["input"]["earlier"]}


@pytest.mark.shared
@pytest.mark.skipif(not VALIDATOR.is_file(), reason="../shared/tools/fhir-judges is absent")
@pytest.mark.skipif(not (shutil.which("java") and shutil.which("mvn")), reason="java or mvn is absent")
def test_the_hl7_validator_finds_no_error(tmp_path: Path) -> None:
    workload = generate(5, patients=3)
    for number, event in enumerate(workload.events()):
        (tmp_path / f"{'result' if isinstance(event, ResultRecorded) else 'order'}-{number}.json").write_bytes(
            event.record_bytes
        )
    for number, copy in enumerate(workload.patients()):
        (tmp_path / f"patient-{number}.json").write_bytes(copy.record_bytes)
    for place in workload.institutions():
        (tmp_path / f"organization-{place.id}.json").write_bytes(place.record_bytes)
    done = subprocess.run(
        ["bash", str(VALIDATOR), "--allow-unknown-profiles", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if "resources=" not in done.stdout:
        pytest.skip("the HL7 validator could not be fetched: " + done.stderr[-200:])
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-500:]
    assert " errors=0 " in done.stdout
