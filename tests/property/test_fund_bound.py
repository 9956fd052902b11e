"""The integer bound against an independent computation in high-precision decimals (FUND-2)."""

from __future__ import annotations

from decimal import Decimal, localcontext

from hypothesis import given, settings
from hypothesis import strategies as st

from poju.solution.bound import lower_bound_at_least, lower_ppm, percent, ratio_ppm

CLUSTERS = st.lists(st.tuples(st.integers(-12, 12), st.integers(0, 12)), min_size=2, max_size=40)


def figures(clusters: list[tuple[int, int]]) -> tuple[int, int, int, int]:
    numerator, denominator = sum(x for x, _ in clusters), sum(n for _, n in clusters)
    spread = sum((x * denominator - numerator * n) ** 2 for x, n in clusters)
    return numerator, denominator, len(clusters), spread


def exact(clusters: list[tuple[int, int]]) -> Decimal:
    """The bound in ppm by the textbook's formula, residual by residual, to 60 digits."""
    with localcontext() as context:
        context.prec = 60
        count, total = Decimal(len(clusters)), Decimal(sum(n for _, n in clusters))
        ratio = Decimal(sum(x for x, _ in clusters)) / total
        squares = sum((Decimal(x) - ratio * n) ** 2 for x, n in clusters)
        variance = count / (count - 1) * squares / total**2
        return (ratio - Decimal("1.96") * variance.sqrt()) * 1_000_000


@settings(max_examples=300, deadline=None)
@given(CLUSTERS)
def test_fund_2_the_integer_test_agrees_with_decimals_of_sixty_digits(clusters: list[tuple[int, int]]) -> None:
    shown = figures(clusters)
    if shown[1] == 0:
        assert lower_ppm(*shown) is None
        assert not lower_bound_at_least(*shown, 0)
        return
    bound, truth = lower_ppm(*shown), exact(clusters)
    assert bound is not None
    margin = Decimal("1e-40")
    assert Decimal(bound) <= truth + margin
    assert truth < bound + 1 + margin


@settings(max_examples=300, deadline=None)
@given(CLUSTERS, st.integers(-5_000_000, 1_000_000))
def test_fund_2_what_is_shown_and_what_decides_agree(clusters: list[tuple[int, int]], threshold: int) -> None:
    shown = figures(clusters)
    bound = lower_ppm(*shown)
    assert lower_bound_at_least(*shown, threshold) == (bound is not None and bound >= threshold)
    if bound is not None:
        assert lower_bound_at_least(*shown, bound)
        assert not lower_bound_at_least(*shown, bound + 1)
        ratio = ratio_ppm(*shown[:2])
        assert ratio is not None
        assert bound <= ratio


@settings(max_examples=100, deadline=None)
@given(CLUSTERS, st.integers(2, 5))
def test_fund_2_splitting_every_case_leaves_the_bound_where_it_is(clusters: list[tuple[int, int]], times: int) -> None:
    split = [(x * times, n * times) for x, n in clusters]
    assert lower_ppm(*figures(split)) == lower_ppm(*figures(clusters))


def test_fund_2_no_patients_one_patient_or_no_orders_reach_nothing() -> None:
    for shown in [(0, 0, 0, 0), (5, 5, 1, 0), (5, 0, 9, 0), (5, -5, 9, 0), (5, 5, 9, -1)]:
        assert lower_ppm(*shown) is None
        assert not lower_bound_at_least(*shown, -10_000_000)


def test_rounding_never_flatters() -> None:
    assert percent(799_999) == "79.99"
    assert percent(20_001, up=True) == "2.01"
    assert percent(-1) == "-0.01"
    assert percent(None) == "–"
