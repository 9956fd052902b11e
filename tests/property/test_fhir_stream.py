from __future__ import annotations

import json
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from poju.exchange.formats.fhir import generate
from poju.exchange.formats.fhir.encode import encode
from poju.exchange.formats.fhir.generator.stream import Stream

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False, places=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_what_is_encoded_is_json_and_reads_back_equal(value: object) -> None:
    assert json.loads(encode(value), parse_float=Decimal) == value  # type: ignore[arg-type]  # hypothesis knows no Json


@given(st.integers(), st.integers(1, 1 << 63), st.text())
def test_a_draw_stays_below_its_bound_and_repeats(seed: int, bound: int, label: str) -> None:
    first, second = (Stream.from_seed(seed).fork(label) for _ in range(2))
    drawn = [first.below(bound) for _ in range(5)]
    assert drawn == [second.below(bound) for _ in range(5)]
    assert all(0 <= number < bound for number in drawn)


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=40))
def test_every_seed_gives_a_region_whose_truths_fit_its_cases(seed: bytes) -> None:
    workload = generate(seed, patients=2)
    key = workload.answer_key()
    for case in workload.cases():
        truth = key[case["case"]]
        assert bool(truth["valid"]) == (truth["must_repeat"] is None)
        assert set(truth["valid"]) <= {result["id"] for result in case["input"]["earlier"]}
