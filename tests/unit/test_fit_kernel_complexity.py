from __future__ import annotations

import csv
import gzip
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poju.errors import CallerError
from poju.fit.kernel import (
    checked,
    complexity,
    components,
    density,
    location_quotient,
    proximity,
    relatedness,
    specialised,
)
from poju.fit.kernel import spectrum as spectrum_module
from poju.fit.kernel.relatedness import _relatedness
from poju.fit.kernel.tables import links

VECTORS = Path(__file__).parents[1] / "vectors" / "fit_kernel.json"
CASES: list[dict[str, Any]] = json.loads(VECTORS.read_text(encoding="utf-8"))
SHARED = Path(__file__).parents[3] / "shared" / "data" / "economy"

EQUAL = 1e-7


def pattern_of(*rows: str) -> np.ndarray:
    return np.array([[cell == "1" for cell in row] for row in rows])


def nested(regions: int, industries: int, seed: int) -> np.ndarray:
    """Return a connected pattern in which the first regions do most and the last industries are rare."""
    source = np.random.default_rng(seed)
    chance = np.add.outer(np.linspace(0.9, 0.2, regions), -np.linspace(0.0, 0.5, industries)).clip(0.05, 0.95)
    pattern = source.random((regions, industries)) < chance
    pattern[0], pattern[:, 0] = True, True
    return pattern


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_all_figures_equal_the_published_packages_to_1e_7(case: dict[str, Any]) -> None:
    quotient = location_quotient(case["table"])
    pattern = specialised(quotient)
    found = complexity(pattern)
    assert found.states == ("ordered",)
    for ours, theirs in (
        (quotient, case["rca"]),
        (found.regions, case["eci"]),
        (found.industries, case["pci"]),
        (relatedness(pattern, itself=True), case["density"]),
        (proximity(pattern, itself=True), case["proximity"]),
    ):
        assert np.abs(ours - np.asarray(theirs)).max() < EQUAL


def test_a_regions_index_is_the_mean_of_its_industries_and_is_standardised() -> None:
    pattern = nested(12, 30, 2)
    found = complexity(pattern)
    means = np.array([found.industries[row].mean() for row in pattern])
    assert found.regions == pytest.approx(means, abs=1e-9)
    assert (found.regions.mean(), found.regions.std()) == pytest.approx((0, 1), abs=1e-9)
    assert np.corrcoef(found.regions, pattern.sum(axis=1))[0, 1] > 0


@pytest.mark.parametrize("shape", [(9, 25), (25, 9)])
def test_the_index_is_the_second_eigenvector_of_the_definition(shape: tuple[int, int]) -> None:
    pattern = nested(*shape, 7)
    found = complexity(pattern)
    present = pattern.astype(float)
    step = present / present.sum(axis=1, keepdims=True) @ (present / present.sum(axis=0)).T
    # Standardised values are the eigenvector and a constant, and the step leaves a constant as it is.
    assert np.ptp(step @ found.regions - found.eigenvalues[0] * found.regions) < 1e-9
    assert sorted(np.linalg.eigvals(step).real)[-2] == pytest.approx(found.eigenvalues[0])


def test_lanczos_and_the_dense_solver_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    for pattern in (nested(40, 90, 1), nested(90, 40, 4), nested(3, 9, 1)):
        dense = complexity(pattern)
        with monkeypatch.context() as patch:
            patch.setattr(spectrum_module, "DENSE_UP_TO", 1)
            large = complexity(pattern)
        assert large.states == dense.states == ("ordered",)
        assert np.abs(large.regions - dense.regions).max() < EQUAL
        assert np.abs(large.industries - dense.industries).max() < EQUAL


def test_an_empty_row_or_column_is_nan_and_moves_nobody_else() -> None:
    pattern = nested(8, 12, 3)
    alone = complexity(pattern)
    wider = np.zeros((10, 14), dtype=bool)
    rows, columns = [0, 1, 2, 4, 5, 6, 7, 9], [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 13]
    wider[np.ix_(rows, columns)] = pattern
    found = complexity(wider)
    assert found.states == ("ordered",)
    assert found.connected
    assert np.isnan(found.regions[[3, 8]]).all()
    assert np.isnan(found.industries[[5, 12]]).all()
    assert found.region_components[[3, 8]].tolist() == [-1, -1]
    assert found.regions[rows] == pytest.approx(alone.regions, abs=1e-9)
    assert found.industries[columns] == pytest.approx(alone.industries, abs=1e-9)


def test_an_isolated_pair_is_a_component_of_its_own_and_turns_nobody_into_noise() -> None:
    pattern = nested(8, 12, 3)
    alone = complexity(pattern)
    wider = np.zeros((9, 13), dtype=bool)
    wider[1:, 1:], wider[0, 0] = pattern, True
    found = complexity(wider)
    assert found.states == ("one-region", "ordered")
    assert not found.connected
    assert np.isnan(found.regions[0])
    assert np.isnan(found.industries[0])
    assert found.regions[1:] == pytest.approx(alone.regions, abs=1e-9)


def test_two_components_are_ordered_each_by_itself() -> None:
    one, other = nested(6, 9, 1), nested(7, 8, 5)
    joined = np.zeros((13, 17), dtype=bool)
    joined[:6, :9], joined[6:, 9:] = one, other
    found = complexity(joined)
    assert found.states == ("ordered", "ordered")
    assert found.region_components.tolist() == [0] * 6 + [1] * 7
    assert found.industry_components.tolist() == [0] * 9 + [1] * 8
    assert found.regions[:6] == pytest.approx(complexity(one).regions, abs=1e-9)
    assert found.industries[9:] == pytest.approx(complexity(other).industries, abs=1e-9)


@pytest.mark.parametrize(
    ("pattern", "states"),
    [
        (pattern_of("111", "111"), ("alike",)),
        (pattern_of("1", "1", "1"), ("alike",)),
        (pattern_of("1"), ("one-region",)),
        (pattern_of("111"), ("one-region",)),
        (pattern_of("000", "000"), ()),
        (pattern_of("100", "010", "001"), ("one-region",) * 3),
        # Three regions, each pair joined by one industry: nothing prefers one order to another.
        (pattern_of("101", "110", "011"), ("repeated",)),
        # Two regions, each the mirror image of the other.
        (pattern_of("101", "011"), ("unsigned",)),
    ],
)
def test_what_has_no_order_says_why_and_gives_no_figure(pattern: np.ndarray, states: tuple[str, ...]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = complexity(pattern)
    assert found.states == states
    assert np.isnan(found.regions).all()
    assert np.isnan(found.industries).all()


@pytest.mark.parametrize("dense_up_to", [1, 512])
def test_a_repeated_eigenvalue_is_seen_by_either_solver(dense_up_to: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectrum_module, "DENSE_UP_TO", dense_up_to)
    ring = np.eye(12, dtype=bool) | np.roll(np.eye(12, dtype=bool), 1, axis=1)
    found = complexity(ring)
    assert found.states == ("repeated",)
    assert np.isnan(found.regions).all()


def test_what_does_not_settle_is_called_repeated_and_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectrum_module, "DENSE_UP_TO", 1)
    monkeypatch.setattr(spectrum_module, "MOST_STEPS", 3)
    assert complexity(nested(40, 60, 2)).states == ("repeated",)


def test_components_of_a_long_chain_are_one() -> None:
    size = 300
    chain = np.eye(size, dtype=bool) | np.roll(np.eye(size, dtype=bool), 1, axis=1)
    chain[-1, 0] = False
    order = np.random.default_rng(2).permutation(size)
    rows, columns = components(chain[order])
    assert set(rows.tolist()) == set(columns.tolist()) == {0}


def test_links_sum_along_rows_and_columns() -> None:
    pattern = nested(5, 8, 1)
    joined = links(pattern)
    values, weights = np.arange(8.0), np.arange(5.0)
    assert joined.by_row(values) == pytest.approx(pattern @ values)
    assert joined.by_column(weights) == pytest.approx(weights @ pattern)


def test_relatedness_is_density_over_proximity_with_and_without_itself() -> None:
    pattern = nested(9, 21, 4)
    pattern[:, 5] = False
    for itself in (False, True):
        expected = density(pattern, proximity(pattern, itself=itself))
        assert np.allclose(relatedness(pattern, itself=itself), expected, rtol=0, atol=1e-12, equal_nan=True)
    assert np.isnan(relatedness(pattern)[:, 5]).all()


def clustered(regions: int, industries: int) -> np.ndarray:
    groups = np.arange(regions)[:, None] * 4 // regions == np.arange(industries) * 4 // industries
    return np.random.default_rng(1).random(groups.shape) < np.where(groups, 0.5, 0.04)


@pytest.mark.parametrize(
    "pattern",
    [
        nested(300, 1200, 4),
        clustered(300, 1200),
        np.add.outer(np.arange(300) / 300, np.arange(1200) / 1200) < 1,  # perfectly nested: the hardest
    ],
    ids=["nested", "clustered", "triangle"],
)
def test_the_way_for_large_tables_stays_within_1e_7(pattern: np.ndarray) -> None:
    with_gap = pattern.copy()
    with_gap[:, 7] = False
    for itself in (False, True):
        exact = density(with_gap, proximity(with_gap, itself=itself))
        found = _relatedness(with_gap, itself=itself)
        assert np.array_equal(np.isnan(exact), np.isnan(found))
        assert np.nanmax(np.abs(exact - found)) < EQUAL


@pytest.mark.parametrize("table", [[["a"]], [[None]], [[1.0], [1.0, 2.0]], [[1e308, 1e308]], [[complex(1, 1)]]])
def test_what_is_no_number_or_overflows_is_refused(table: object) -> None:
    with pytest.raises(CallerError):
        checked(table)  # type: ignore[arg-type]  # the wrong type is what is tested


def test_an_all_equal_table_is_specialised_in_everything_and_ordered_in_nothing() -> None:
    pattern = specialised(location_quotient(np.full((4, 5), 7.0)))
    assert pattern.all()
    assert complexity(pattern).states == ("alike",)
    assert relatedness(pattern) == pytest.approx(np.ones((4, 5)))


@pytest.mark.shared
def test_world_trade_puts_japan_germany_and_switzerland_among_the_first() -> None:
    path = SHARED / "world_trade_1999.csv.gz"
    if not path.exists():
        pytest.skip("../shared is not here")
    with gzip.open(path, "rt", encoding="utf-8-sig") as handle:
        rows = [(row["region_code"], row["industry_code"], float(row["value"])) for row in csv.DictReader(handle)]
    totals: dict[str, float] = {}
    for region, _industry, value in rows:
        totals[region] = totals.get(region, 0.0) + value
    # Small islands that export one ship's cargo have an index too; the published lists leave them out by size as well.
    kept = sorted(sorted(totals, key=lambda code: -totals[code])[:100])
    products = sorted({industry for _region, industry, _value in rows})
    table = np.zeros((len(kept), len(products)))
    place = {code: index for index, code in enumerate(kept)}
    column = {code: index for index, code in enumerate(products)}
    for region, industry, value in rows:
        if region in place:
            table[place[region], column[industry]] = value
    found = complexity(specialised(location_quotient(table)))
    assert "ordered" in found.states
    order = [kept[index] for index in np.argsort(-np.nan_to_num(found.regions, nan=-99.0))]
    for name in ("jpn", "deu", "che"):
        assert order.index(name) < 12, (name, order[:15])
    assert order.index("nga") > 60
