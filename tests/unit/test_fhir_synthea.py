from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from poju.errors import CallerError
from poju.exchange.formats.fhir import OrderPlaced, ResultRecorded, read_synthea
from poju.exchange.formats.fhir.synthea import files
from poju.exchange.formats.fhir.synthea.extract import read_patient

if TYPE_CHECKING:
    from pathlib import Path

LABORATORY = {"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "LAB"}


def report(number: int, when: str, organisation: str, **changes: object) -> dict[str, Any]:
    return {
        "fullUrl": f"urn:uuid:report-{number}",
        "resource": {
            "resourceType": "DiagnosticReport",
            "id": f"report-{number}",
            "category": [{"coding": [LABORATORY]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": "57698-3"}]},
            "effectiveDateTime": when,
            "performer": [
                {"reference": f"Organization?identifier=https://github.com/synthetichealth/synthea|{organisation}"}
            ],
            "result": [{"reference": "urn:uuid:observation"}],
            **changes,
        },
    }


def bundle(identifier: str, *entries: dict[str, Any]) -> dict[str, Any]:
    person = {
        "resourceType": "Patient",
        "id": identifier,
        "name": [{"family": "Dicki44", "given": ["Kaci716"]}],
        "gender": "female",
        "birthDate": "1963-06-28",
        "address": [{"line": ["645 Stokes Road"], "city": "Testville"}],
    }
    observation = {"resourceType": "Observation", "id": "observation", "valueQuantity": {"value": 5.10}}
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"fullUrl": f"urn:uuid:{identifier}", "resource": person},
            {"fullUrl": "urn:uuid:observation", "resource": observation},
            *entries,
        ],
    }


def write(folder: Path, name: str, document: object) -> Path:
    path = folder / name
    content = json.dumps(document).encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@pytest.fixture
def population(tmp_path: Path) -> Path:
    write(
        tmp_path,
        "patient-a.json",
        bundle(
            "a",
            report(1, "2025-03-01T08:00:00+00:00", "east"),
            report(2, "2025-03-11T08:00:00+00:00", "west"),
            report(3, "2025-03-11T08:00:00+00:00", "west"),
            report(4, "2019-03-11T08:00:00+00:00", "west"),
        ),
    )
    write(
        tmp_path,
        "patient-b.json.gz",
        bundle("b", report(5, "2025-04-01T08:00:00+02:00", "east"), report(6, "2025-04-02T08:00:00Z", "east", code={})),
    )
    return tmp_path


def test_plain_and_packed_bundles_become_one_workload(population: Path) -> None:
    workload = read_synthea(population)
    results = [event for event in workload.events() if isinstance(event, ResultRecorded)]
    assert [(event.patient, event.institution) for event in results] == [
        ("p0001", "h1"),
        ("p0001", "h2"),
        ("p0002", "h1"),
    ]
    assert [place.id for place in workload.institutions()] == ["h1", "h2"]
    assert len([event for event in workload.events() if isinstance(event, OrderPlaced)]) == len(workload.cases()) == 3
    assert any("Generated" in note.text for note in workload.notes)


def test_the_same_folder_and_seed_give_the_same_workload(population: Path) -> None:
    first, second, other = (read_synthea(population, seed=seed) for seed in (4, 4, 5))
    assert first.cases() == second.cases()
    assert first.events() == second.events()
    assert first.events() != other.events()


def test_the_record_keeps_the_digits_of_the_source(tmp_path: Path) -> None:
    path = tmp_path / "patient-a.json"
    text = json.dumps(bundle("a", report(1, "2025-03-01T08:00:00+00:00", "east")))
    path.write_text(text.replace("5.1}", "5.10}"), "utf-8")
    assert b'"value":5.10}' in read_patient(path).reports[0].record_bytes


def test_a_questionnaire_is_no_laboratory_report(tmp_path: Path) -> None:
    survey = report(1, "2025-03-01T08:00:00Z", "east", category=[{"coding": [{"code": "survey"}]}])
    found = read_patient(write(tmp_path, "patient-a.json", bundle("a", survey)))
    assert (found.reports, found.unlisted) == ((), 0)


def test_a_panel_outside_the_list_is_counted_and_left_out(tmp_path: Path) -> None:
    other = report(
        1, "2025-03-01T08:00:00Z", "east", code={"coding": [{"system": "http://loinc.org", "code": "89577-1"}]}
    )
    found = read_patient(write(tmp_path, "patient-a.json", bundle("a", other)))
    assert (found.reports, found.unlisted) == ((), 1)


def refused(folder: Path) -> CallerError:
    with pytest.raises(CallerError) as caught:
        read_synthea(folder)
    assert caught.value.hint
    assert "Traceback" not in caught.value.explain()
    return caught.value


def test_a_missing_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "nowhere").code == "fhir-folder"
    assert refused(tmp_path).code == "fhir-folder"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"{",
        b"[]",
        b'{"resourceType":"Bundle"}',
        b'{"resourceType":"Bundle","entry":[1]}',
        b'{"resourceType":"Bundle","entry":[{"resource":[]}]}',
        b'{"resourceType":"Bundle","entry":[{"resource":{"x":NaN}}]}',
        b'{"resourceType":"Bundle","entry":[{"resource":{"x":1.0e999999999}}]}',
        b'{"resourceType":"Bundle","entry":[{"resource":{"x":' + b"9" * 5000 + b"}}]}",
        b"[" * 200_000,
    ],
)
def test_a_broken_file_ends_in_one_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "patient-a.json").write_bytes(content)
    assert refused(tmp_path).code == "fhir-file"


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"{}" * 1000)[:-9], b"\x1f\x8b\x08\x00"])
def test_a_broken_archive_ends_in_one_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "patient-a.json.gz").write_bytes(content)
    assert refused(tmp_path).code == "fhir-file"


def test_an_archive_that_unpacks_too_far_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAXIMUM_BYTES", 1000)
    (tmp_path / "patient-a.json.gz").write_bytes(gzip.compress(b" " * 100_000))
    assert refused(tmp_path).code == "fhir-file"


@pytest.mark.parametrize(
    "changes", [{"effectiveDateTime": "yesterday"}, {"effectiveDateTime": 5}, {"effectiveDateTime": "2025-03-01"}]
)
def test_a_report_without_a_usable_time_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    write(tmp_path, "patient-a.json", bundle("a", report(1, "2025-03-01T08:00:00Z", "east", **changes)))
    assert refused(tmp_path).code == "fhir-resource"


def test_priv_1_an_error_about_a_patient_names_no_personal_data(tmp_path: Path) -> None:
    document = bundle("a")
    document["entry"][0]["resource"]["birthDate"] = "1963-13-77"
    write(tmp_path, "patient-a.json", document)
    error = refused(tmp_path)
    assert error.code == "fhir-resource"
    assert not [word for word in ("1963", "Dicki44", "Kaci716", "Stokes") if word in error.explain()]


def test_one_organisation_makes_no_region(tmp_path: Path) -> None:
    write(tmp_path, "patient-a.json", bundle("a", report(1, "2025-03-01T08:00:00Z", "east")))
    assert refused(tmp_path).code == "fhir-nothing"
