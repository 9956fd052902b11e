from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from poju.errors import CallerError
from poju.fit.kernel import checked, density, describe, location_quotient, proximity, relative_quotient, specialised

SHARED = Path(__file__).parents[3] / "shared" / "data" / "economy"


def test_quotient_is_the_share_here_over_the_share_everywhere() -> None:
    table = [[30.0, 10.0], [10.0, 50.0]]
    assert location_quotient(table)[0, 0] == pytest.approx((30 / 40) / (40 / 100))
    assert location_quotient(table)[1, 1] == pytest.approx((50 / 60) / (60 / 100))


def test_quotients_weighted_by_expected_share_average_to_one() -> None:
    table = np.random.default_rng(3).integers(1, 50, (7, 5)).astype(float)
    shares = table.sum(axis=0) / table.sum()
    assert (location_quotient(table) * shares).sum(axis=1) == pytest.approx(np.ones(7))


def test_shrinkage_draws_the_thin_region_further_towards_one_than_the_thick() -> None:
    table = [[1.0, 0.0], [1000.0, 0.0], [500.0, 1501.0]]
    plain, shrunk = location_quotient(table), location_quotient(table, shrinkage=20)
    assert plain[0, 0] == plain[1, 0]
    assert 1 < shrunk[0, 0] < shrunk[1, 0] < plain[1, 0]


def test_empty_row_and_empty_column_are_stated_and_never_spread() -> None:
    table = [[3.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 5.0]]
    told = describe(table)
    assert (told.empty_rows, told.empty_columns, told.components) == ((1,), (1,), 1)
    quotient = location_quotient(table)
    assert np.isnan(quotient[1]).all()
    assert np.isnan(quotient[:, 1]).all()
    assert np.isfinite(quotient[np.ix_([0, 2], [0, 2])]).all()
    assert location_quotient(table, shrinkage=5)[1, 0] == pytest.approx(1.0)


def test_isolated_pair_leaves_the_others_figures_alone() -> None:
    joined = np.array([[9.0, 1.0, 4.0], [1.0, 9.0, 4.0], [8.0, 2.0, 5.0]])
    with_pair = np.zeros((4, 4))
    with_pair[:3, :3], with_pair[3, 3] = joined, 7.0
    assert describe(with_pair).components == 2
    pattern = specialised(location_quotient(with_pair))
    near = density(pattern, proximity(pattern))
    assert np.isnan(near[:, 3]).all()
    assert np.isfinite(near[:, 0]).all()


def test_all_zero_table_is_answered_with_nothing() -> None:
    table = np.zeros((2, 2))
    assert describe(table).components == 0
    pattern = specialised(location_quotient(table))
    assert not pattern.any()
    assert np.isnan(density(pattern, proximity(pattern))).all()


def test_proximity_is_the_smaller_conditional_probability_without_self() -> None:
    pattern = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [1, 0, 1]], dtype=bool)
    answer = proximity(pattern)
    assert answer[0, 1] == pytest.approx(2 / 4)
    assert answer[0, 2] == pytest.approx(1 / 4)
    assert answer[1, 2] == 0
    assert (np.diag(answer) == 0).all()
    assert np.array_equal(answer, answer.T)


def test_density_is_the_near_share_that_the_region_has() -> None:
    pattern = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [1, 0, 1]], dtype=bool)
    answer = density(pattern, proximity(pattern))
    assert answer[0, 0] == pytest.approx(0.5 / 0.75)
    assert answer[2, 1] == pytest.approx(1.0)


def test_density_equals_a_loop_over_the_definition() -> None:
    pattern = np.random.default_rng(5).random((6, 5)) < 0.5
    relations = proximity(pattern)
    answer = density(pattern, relations)
    for region in range(6):
        for industry in range(5):
            others = [i for i in range(5) if i != industry]
            reach = sum(relations[i, industry] for i in others)
            near = sum(relations[i, industry] for i in others if pattern[region, i])
            assert answer[region, industry] == pytest.approx(near / reach)


@pytest.mark.parametrize("table", [[], [1.0, 2.0], [[[1.0]]], [[-1.0]], [[float("nan")]], [[float("inf")]]])
def test_what_is_no_table_is_refused(table: object) -> None:
    with pytest.raises(CallerError, match=r"cannot be read|negative"):
        checked(table)  # type: ignore[arg-type]  # the wrong type is what is tested


def test_sizes_that_do_not_fit_and_negative_shrinkage_are_refused() -> None:
    with pytest.raises(CallerError, match="2 regions and 3 sizes"):
        relative_quotient([[1.0], [2.0]], [1.0, 1.0, 1.0])
    with pytest.raises(CallerError, match="shrinkage"):
        location_quotient([[1.0]], shrinkage=-1)


@pytest.mark.shared
def test_quotient_agrees_in_order_with_the_statistics_bureaus_own() -> None:
    """The published quotient divides by the nation, ours by the state: per industry they differ by a constant factor.

    Its base is all covered employment, ours the private, so the factor also varies with a county's government share;
    the rank over counties within an industry has to agree closely all the same.
    """
    path = SHARED / "us_nj_qcew_2016.csv.gz"
    if not path.exists():
        pytest.skip("../shared is not here")
    with gzip.open(path, "rt", encoding="utf-8-sig") as handle:
        rows = [row for row in csv.DictReader(handle) if row["agglvl_code"] == "75" and row["lq"]]
    counties = sorted({row["region_code"] for row in rows})
    industries = sorted({row["industry_code"] for row in rows})
    table = np.zeros((len(counties), len(industries)))
    published = np.full_like(table, np.nan)
    for row in rows:
        place = counties.index(row["region_code"]), industries.index(row["industry_code"])
        table[place], published[place] = float(row["value"]), float(row["lq"])
    ours = location_quotient(table)
    agreements = []
    for column in range(len(industries)):
        both = np.isfinite(published[:, column]) & (table[:, column] > 0) & (published[:, column] > 0)
        if both.sum() >= 15:
            logarithms = np.log(ours[both, column]), np.log(published[both, column])
            agreements.append(float(np.corrcoef(*logarithms)[0, 1]))
    assert len(agreements) >= 20
    assert float(np.median(agreements)) > 0.98
