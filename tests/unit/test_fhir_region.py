from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any

import pytest

from poju.errors import CallerError
from poju.exchange.formats.fhir import OrderPlaced, ResultRecorded, Workload, generate
from poju.exchange.formats.fhir.encode import encode
from poju.exchange.formats.fhir.generator.catalogue import items
from poju.exchange.formats.fhir.generator.stream import Stream
from poju.exchange.formats.fhir.workload import FLAGS, INDICATIONS, QUALITY_MARKS, RECORD_CLASSES

if TYPE_CHECKING:
    from poju.exchange.formats.fhir.workload import Case, Earlier

DAY = 86_400


@pytest.fixture(scope="module")
def region() -> Workload:
    return generate(1, patients=40)


def fingerprint(workload: Workload) -> str:
    digest = hashlib.sha256(json.dumps([workload.cases(), workload.answer_key()]).encode())
    for event in workload.events():
        digest.update(event.record_bytes)
    for copy in workload.patients():
        digest.update(copy.record_bytes)
    return digest.hexdigest()


def item_of(case: Case, result: Earlier | None = None) -> str | None:
    named = case["input"]["order"] if result is None else result
    return case["input"]["catalogue"].get(f"{named['system']}|{named['code']}")


def test_the_same_seed_gives_the_same_bytes_under_any_hash_seed_and_decimal_context() -> None:
    script = (
        "import hashlib,json\nfrom poju.exchange.formats.fhir import generate\nw=generate(b'seed',patients=5)\n"
        "d=hashlib.sha256(json.dumps([w.cases(),w.answer_key()]).encode())\n"
        "[d.update(e.record_bytes) for e in w.events()]\n[d.update(c.record_bytes) for c in w.patients()]\n"
        "print(d.hexdigest())"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONHASHSEED": "4711", "TZ": "America/New_York"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    with localcontext() as context:
        context.prec = 2
        assert fingerprint(generate(b"seed", patients=5)) == printed


def test_seeds_differ_and_an_integer_is_not_its_digits() -> None:
    assert len({fingerprint(generate(seed, patients=2)) for seed in (1, 2, b"1", b"", -1)}) == 5


def test_more_patients_do_not_change_the_first_ones(region: Workload) -> None:
    few = generate(1, patients=7)
    assert region.cases()[: len(few.cases())] == few.cases()
    assert region.patients()[: len(few.patients())] == few.patients()


def test_every_case_has_the_published_form(region: Workload) -> None:
    for case in region.cases():
        order, earlier = case["input"]["order"], case["input"]["earlier"]
        assert set(case) == {"case", "patient", "input"}
        assert set(case["input"]) == {"order", "earlier", "catalogue"}
        assert set(order) == {"code", "system", "time", "indication", "institution"}
        assert order["indication"] in INDICATIONS
        assert order["institution"] != "l1"
        assert [result["id"] for result in earlier] == [f"r{place}" for place in range(1, len(earlier) + 1)]
        assert [result["time"] for result in earlier] == sorted(result["time"] for result in earlier)
        for result in earlier:
            assert result["time"] < order["time"]
            assert result["quality"] in QUALITY_MARKS
            assert result["flag"] in FLAGS
            assert bool(result["unit"]) == bool(result["specimen"])


def test_the_truth_stands_outside_the_input_and_outside_the_records(region: Workload) -> None:
    key = region.answer_key()
    assert set(key) == {case["case"] for case in region.cases()}
    for case in region.cases():
        assert not {"truth", "valid", "must_repeat", "item"} & set(_member_names(case))
    for event in region.events():
        text = event.record_bytes.decode()
        assert not [word for word in ('"valid"', "must_repeat", "acute-change", "monitoring", "repeat") if word in text]


def test_an_answer_key_in_hand_cannot_be_changed_for_others(region: Workload) -> None:
    region.answer_key().clear()
    assert len(region.answer_key()) == len(region.cases())


def test_a_truth_is_valid_results_or_a_reason_to_repeat(region: Workload) -> None:
    names = {case["case"]: {result["id"] for result in case["input"]["earlier"]} for case in region.cases()}
    for case, truth in region.answer_key().items():
        assert bool(truth["valid"]) == (truth["must_repeat"] is None)
        assert set(truth["valid"]) <= names[case]


def test_planted_results_keep_the_published_list(region: Workload) -> None:
    for case in region.cases():
        for result in case["input"]["earlier"]:
            if result["id"] not in region.answer_key()[case["case"]]["valid"]:
                continue
            item = items()[item_of(case, result) or item_of(case) or "UA"]
            if item_of(case, result) is None:
                continue
            assert case["input"]["order"]["time"] - result["time"] <= item.window_days * DAY
            assert not item.specimens or result["specimen"] in item.specimens
            assert not item.units or result["unit"] in {unit.code for unit in item.units}
            local = result["institution"] == case["input"]["order"]["institution"]
            assert result["quality"] == "HR" or (result["quality"] == "local" and local)


def test_the_region_holds_what_the_track_asks_for() -> None:
    workload = generate(2, patients=120)
    truths = workload.answer_key()
    reasons = Counter(truth["must_repeat"] for truth in truths.values())
    assert 4 * 120 <= len(truths) <= 6 * 120
    assert 650 <= 1000 * reasons[None] // len(truths) <= 800
    assert min(reasons[code] for code in ("acute-change", "monitoring", "quality", "none-earlier")) >= 10
    seen: dict[str, set[Any]] = defaultdict(set)
    for case in workload.cases():
        for result in case["input"]["earlier"]:
            item = item_of(case, result)
            seen["code " + str(item)].add(result["code"])
            seen["unit " + str(item)].add(result["unit"])
            seen["specimen " + str(item)].add(result["specimen"])
    assert {"mmol/L", "mg/dL"} <= seen["unit GLU"]
    assert {"SER", "PLAS", "BLDC", "UR"} <= seen["specimen GLU"]
    assert len(seen["code GLU"]) >= 4
    assert "code None" in seen
    assert {event.record_class for event in workload.events()} == set(RECORD_CLASSES)


def test_priv_1_no_personal_data_and_no_record_name_in_a_case(region: Workload) -> None:
    text = json.dumps(region.cases(), ensure_ascii=False)
    for copy in region.patients():
        patient = json.loads(copy.record_bytes)
        name = patient["name"][0]
        private = [copy.number, patient["id"], patient["birthDate"], name["family"], *name["given"]]
        private += [identifier["value"] for identifier in patient["identifier"]] + patient["address"][0]["line"]
        assert not [word for word in private if word in text]
    assert not [event for event in region.events() if isinstance(event, ResultRecorded) and event.record in text]


def test_priv_1_a_record_names_its_patient_by_its_own_institutions_number_only(region: Workload) -> None:
    key = region.identity_key()
    for event in region.events():
        for entry in json.loads(event.record_bytes)["entry"]:
            number = entry["resource"]["subject"]["identifier"]["value"]
            assert key[event.institution, number] == event.patient
        assert event.patient not in event.record_bytes.decode()


def test_orders_join_their_cases_with_records_of_the_same_patient(region: Workload) -> None:
    records = {event.record: event for event in region.events() if isinstance(event, ResultRecorded)}
    cases = {case["case"]: case for case in region.cases()}
    orders = [event for event in region.events() if isinstance(event, OrderPlaced)]
    assert len(orders) == len(cases)
    for order in orders:
        case = cases[order.case]
        assert case["patient"] == order.patient
        assert set(order.earlier) == {result["id"] for result in case["input"]["earlier"]}
        for result in case["input"]["earlier"]:
            record = records[order.earlier[result["id"]]]
            assert (record.patient, record.institution, record.time) == (
                order.patient,
                result["institution"],
                result["time"],
            )
            report = json.loads(record.record_bytes)["entry"][0]["resource"]
            assert report["code"]["coding"][0]["code"] == result["code"]
            assert report["meta"]["tag"][0]["code"] == result["quality"]


def test_events_run_in_time_and_each_order_is_answered_later_by_its_own_result(region: Workload) -> None:
    events = region.events()
    assert [event.time for event in events] == sorted(event.time for event in events)
    placed = {event.case: event.time for event in events if isinstance(event, OrderPlaced)}
    answered = {event.case: event.time for event in events if isinstance(event, ResultRecorded) and event.case}
    assert set(answered) == set(placed)
    assert all(answered[case] > placed[case] for case in placed)


def test_copies_are_perturbed_as_their_key_says() -> None:
    workload = generate(3, patients=60)
    people: dict[str, dict[str, Any]] = {}
    for copy in workload.patients():
        if copy.perturbation == "none":
            people[copy.patient] = json.loads(copy.record_bytes)
    kinds = Counter(copy.perturbation for copy in workload.patients())
    assert set(kinds) == {"none", "name-order", "date-digit", "identifier-missing"}
    for copy in workload.patients():
        if copy.patient not in people:
            continue
        true, held = people[copy.patient], json.loads(copy.record_bytes)
        swapped = held["name"][0]["family"] == true["name"][0]["given"][0]
        digits = sum(a != b for a, b in zip(true["birthDate"], held["birthDate"], strict=True))
        assert swapped == (copy.perturbation == "name-order")
        assert digits == (copy.perturbation == "date-digit")
        assert (len(held["identifier"]) == 1) == (copy.perturbation == "identifier-missing")


@pytest.mark.parametrize("patients", [0, -1, 10_000])
def test_an_impossible_number_of_patients_is_refused(patients: int) -> None:
    with pytest.raises(CallerError, match="Ask for 1 to 9999") as caught:
        generate(1, patients=patients)
    assert caught.value.code == "fhir-patients"


@pytest.mark.parametrize("institutions", [(), ("h1",), ("h1", "c1"), ("h1", "h1", "h2"), ("h1", "h2", "h9")])
def test_institutions_that_make_no_region_are_refused(institutions: tuple[str, ...]) -> None:
    with pytest.raises(CallerError, match="at least two hospitals"):
        generate(1, patients=1, institutions=institutions)


def test_a_smaller_region_uses_its_own_institutions_only() -> None:
    workload = generate(1, patients=20, institutions=("h2", "h4", "c2"))
    assert {event.institution for event in workload.events()} <= {"h2", "h4", "c2"}
    assert [place.id for place in workload.institutions()] == ["h2", "h4", "c2"]


def test_json_keeps_the_digits_of_a_decimal() -> None:
    assert encode({"a": [Decimal("1.10"), Decimal("0.000001"), {}, [], None, True], "b": "測\n"}) == (
        '{"a":[1.10,0.000001,{},[],null,true],"b":"測\\n"}'.encode()
    )


def test_the_stream_is_sha_256_in_counter_mode() -> None:
    key = hashlib.sha256(b"poju/fhir-generator/1\x00int:1").digest()
    block = hashlib.sha256(key + (1).to_bytes(8, "big")).digest()
    assert Stream.from_seed(1).below(1 << 32) == int.from_bytes(block[:8], "big") % (1 << 32)


def _member_names(value: object) -> list[str]:
    if isinstance(value, dict):
        return [str(name) for name in value] + [name for member in value.values() for name in _member_names(member)]
    if isinstance(value, list):
        return [name for member in value for name in _member_names(member)]
    return []
