"""The kernel on any small table: a figure, NaN or a stated result; never a warning, never an effect of order."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from poju.fit.kernel import (
    complexity,
    components,
    density,
    describe,
    location_quotient,
    proximity,
    relatedness,
    specialisation,
    specialised,
)
from poju.fit.kernel.relatedness import _relatedness

TABLES = arrays(
    np.float64,
    array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9),
    elements=st.one_of(st.just(0.0), st.floats(0, 1e12, allow_subnormal=False), st.integers(0, 5).map(float)),
)
PATTERNS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=10))
STATES = {"ordered", "one-region", "alike", "repeated", "unsigned"}


@given(TABLES, st.sampled_from([0.0, 1.0, 50.0]))
def test_a_quotient_is_nan_only_where_the_table_says_nothing(table: np.ndarray, shrinkage: float) -> None:
    told = describe(table)
    quotient = location_quotient(table, shrinkage=shrinkage)
    unknown = np.zeros(table.shape, dtype=bool)
    unknown[:, list(told.empty_columns)] = True
    if shrinkage == 0 or not table.any():
        unknown[list(told.empty_rows)] = True
    # A value that is nothing beside the others is as good as empty.
    assert (unknown <= np.isnan(quotient)).all()
    assert (quotient[~np.isnan(quotient)] >= 0).all()
    assert np.array_equal(specialisation(table), specialised(location_quotient(table)))


@given(PATTERNS, st.booleans())
def test_density_is_a_share_and_the_way_for_large_tables_agrees(pattern: np.ndarray, itself: bool) -> None:  # noqa: FBT001 - drawn
    relations = proximity(pattern, itself=itself)
    assert np.array_equal(relations, relations.T)
    near = density(pattern, relations)
    assert ((near >= 0) & (near <= 1) | np.isnan(near)).all()
    assert np.array_equal(np.isnan(near).any(axis=0), relations.sum(axis=0) == 0)
    assert np.allclose(relatedness(pattern, itself=itself), near, rtol=0, atol=1e-12, equal_nan=True)
    assert np.allclose(_relatedness(pattern, itself=itself), near, rtol=0, atol=1e-6, equal_nan=True)


@given(PATTERNS)
def test_complexity_states_its_result_for_every_component(pattern: np.ndarray) -> None:
    found = complexity(pattern)
    rows, columns = components(pattern)
    assert len(found.states) == len(found.eigenvalues) == len(set(rows.tolist()) - {-1})
    assert np.array_equal(rows == -1, ~pattern.any(axis=1))
    assert np.array_equal(columns == -1, ~pattern.any(axis=0))
    assert set(found.states) <= STATES
    for number, state in enumerate(found.states):
        here = found.regions[rows == number]
        assert np.isfinite(here).all() == (state == "ordered")
        assert np.isfinite(found.industries[columns == number]).all() == (state == "ordered")
        if state == "ordered":
            assert abs(here.mean()) < 1e-6
            assert abs(here.std() - 1) < 1e-6


@settings(max_examples=60)
@given(PATTERNS, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_columns_does_not_matter(pattern: np.ndarray, source: object) -> None:
    rows, columns = list(range(pattern.shape[0])), list(range(pattern.shape[1]))
    source.shuffle(rows)  # type: ignore[attr-defined]  # hypothesis hands out a Random
    source.shuffle(columns)  # type: ignore[attr-defined]  # as above
    moved, still = complexity(pattern[np.ix_(rows, columns)]), complexity(pattern)
    if {*moved.states, *still.states} <= {"ordered", "one-region", "alike"}:
        assert np.allclose(moved.regions, still.regions[rows], atol=1e-5, equal_nan=True)
        assert np.allclose(moved.industries, still.industries[columns], atol=1e-5, equal_nan=True)
