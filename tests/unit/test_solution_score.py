"""Figures by hand, and the ways in which somebody might raise one."""

from __future__ import annotations

import math

import pytest

from poju.errors import CallerError
from poju.solution import Condition, bootstrap, grade, read_condition, score, verdict
from poju.solution.bootstrap import draws
from poju.solution.bound import lower_ppm
from poju.solution.rules import FIGURES, consistent
from poju.solution.score import GradedRow, cluster_spread, totals
from poju.solution.trace import Header, Row, Trace, make_trace

HEADER = Header("a@1", "sha256:0", (), {})
VALID = {"valid": ["r1"], "must_repeat": None}
ACUTE = {"valid": [], "must_repeat": "acute-change"}


def traced(*rows: tuple[str, str, str | None, str]) -> Trace:
    return make_trace(
        HEADER, [Row(case, patient, offer, "valid-result", state) for case, patient, offer, state in rows]
    )


def graded(patient: str, outcomes: str) -> list[GradedRow]:
    """c correct, w wrong on an eligible order, m missed, n rightly none, W wrong on a must-repeat."""
    words = {"c": "correct", "w": "wrong", "m": "missed", "n": "rightly-none", "W": "wrong"}
    return [
        GradedRow(f"{patient}-{index}", patient, words[letter], letter in "cwm", None if letter in "cwm" else "quality")
        for index, letter in enumerate(outcomes)
    ]


def test_outcomes_by_hand() -> None:
    trace = traced(
        ("c1", "p1", "r1", "offered"),
        ("c2", "p1", "r2", "offered"),
        ("c3", "p1", None, "none"),
        ("c4", "p2", None, "none"),
        ("c5", "p2", "r1", "offered"),
        ("c6", "p2", None, "fuel"),
    )
    key = {"c1": VALID, "c2": VALID, "c3": VALID, "c4": ACUTE, "c5": ACUTE, "c6": ACUTE}
    rows = grade(trace, key)
    assert [row.outcome for row in rows] == ["correct", "wrong", "missed", "rightly-none", "wrong", "fuel"]
    figures = score(rows)
    assert (figures.orders, figures.eligible, figures.must_repeat, figures.patients) == (6, 3, 3, 2)
    assert (figures.correct, figures.wrong, figures.missed, figures.invalid) == (1, 3, 1, 1)
    assert figures.must_repeat_offers == 2
    assert figures.score_ppm == math.floor((1 - 9) / 3 * 1_000_000)
    assert figures.guard_ppm == 666_667


def test_figures_satisfy_the_rule_that_registers_them() -> None:
    rows = graded("p1", "ccwmn") + graded("p2", "cWnn") + graded("p3", "ccc")
    figures = score(rows).figures()
    assert set(figures) == set(FIGURES)
    assert consistent(figures, len(rows))


def test_lower_bound_agrees_with_floating_point() -> None:
    clusters = [(3, 4), (1, 4), (-2, 3), (5, 5), (0, 0), (4, 4), (2, 3)]
    count, points, eligible = len(clusters), sum(x for x, _ in clusters), sum(n for _, n in clusters)
    spread = sum((x * eligible - points * n) ** 2 for x, n in clusters)
    expected = points / eligible - 1.96 * math.sqrt(count / (count - 1) * spread) / eligible**2
    bound = lower_ppm(*totals(clusters), count, cluster_spread(clusters))
    assert bound is not None
    assert 0 <= expected * 1_000_000 - bound < 2


@pytest.mark.parametrize("clusters", [[], [(1, 1)], [(0, 0), (-3, 0)]])
def test_fund_2_no_bound_without_two_patients_or_an_eligible_order(clusters: list[tuple[int, int]]) -> None:
    assert lower_ppm(*totals(clusters), len(clusters), cluster_spread(clusters)) is None


def test_offering_everything_does_not_pay() -> None:
    everything = [row for patient in range(40) for row in graded(f"p{patient:02}", "cccW")]
    careful = [row for patient in range(40) for row in graded(f"p{patient:02}", "ccmn")]
    first, second = score(everything).score_ppm, score(careful).score_ppm
    assert first is not None
    assert second is not None
    assert first < second


def test_splitting_a_patients_cases_is_seen_by_the_key() -> None:
    trace = traced(("c1", "p1", "r1", "offered"), ("c1b", "p9", "r1", "offered"))
    with pytest.raises(CallerError) as caught:
        grade(trace, {"c1": VALID})
    assert caught.value.code == "solution.key"


def test_leaving_a_case_out_is_no_figure() -> None:
    with pytest.raises(CallerError):
        grade(traced(("c1", "p1", "r1", "offered")), {"c1": VALID, "c2": ACUTE})


def test_fund_2_each_part_of_the_condition_refuses() -> None:
    condition = Condition(minimum_lower_ppm=800_000, minimum_patients=30, maximum_guard_ppm=20_000)
    good = score([row for patient in range(40) for row in graded(f"p{patient:02}", "ccccn")])
    assert verdict(good, condition).released
    few = score([row for patient in range(29) for row in graded(f"p{patient:02}", "ccccn")])
    assert [reason.code for reason in verdict(few, condition).reasons] == ["sample"]
    weak = score([row for patient in range(40) for row in graded(f"p{patient:02}", "ccmmn")])
    assert [reason.code for reason in verdict(weak, condition).reasons] == ["bound"]
    rash = score(
        [row for patient in range(40) for row in graded(f"p{patient:02}", "c" * 30 + ("W" if patient < 2 else "n"))]
    )
    assert [reason.code for reason in verdict(rash, condition).reasons] == ["guard"]
    unguarded = score([row for patient in range(40) for row in graded(f"p{patient:02}", "cccc")])
    assert [reason.code for reason in verdict(unguarded, condition).reasons] == ["guard"]
    nothing = score([])
    assert not verdict(nothing, condition).released


def test_condition_is_read_from_a_programme() -> None:
    text = b"[condition]\nminimum_lower_ppm = 1\nminimum_patients = 2\nmaximum_guard_ppm = 3\nstage = 'trial'\n"
    assert read_condition(text) == Condition(1, 2, 3)


@pytest.mark.parametrize("text", [b"", b"[condition]\n", b"\xff", b"[condition]\nminimum_lower_ppm = true\n"])
def test_condition_that_is_none_is_one_clear_error(text: bytes) -> None:
    with pytest.raises(CallerError) as caught:
        read_condition(text)
    assert "minimum_patients" in str(caught.value)


def test_bootstrap_is_the_same_for_the_same_seed_and_sees_a_gain() -> None:
    earlier = [row for patient in range(60) for row in graded(f"p{patient:02}", "cmmn")]
    later = [row for patient in range(60) for row in graded(f"p{patient:02}", "ccmn" if patient % 3 else "cmmn")]
    first = bootstrap(earlier, later, seed=7)
    assert first == bootstrap(earlier, later, seed=7)
    assert first.difference_ppm == 40 * 1_000_000 // 180
    assert first.low_ppm < first.difference_ppm < first.high_ppm
    assert first.excludes_zero


def test_bootstrap_of_one_version_with_itself_includes_zero() -> None:
    rows = [row for patient in range(30) for row in graded(f"p{patient:02}", "cmwn")]
    assert not bootstrap(rows, rows, seed=1).excludes_zero


def test_bootstrap_refuses_other_cases() -> None:
    with pytest.raises(CallerError):
        bootstrap(graded("p1", "cc"), graded("p1", "ccc"), seed=1)
    with pytest.raises(CallerError):
        bootstrap(graded("p1", "nn"), graded("p1", "nn"), seed=1)


def test_draws_are_even_and_pinned() -> None:
    stream = draws(1, 10)
    drawn = [next(stream) for _ in range(10_000)]
    assert drawn[:8] == PINNED
    assert all(900 < drawn.count(value) < 1_100 for value in range(10))


PINNED = [7, 3, 0, 9, 0, 5, 0, 4]
