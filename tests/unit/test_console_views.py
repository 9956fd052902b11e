"""What pages are made of: the picture, the headline, the moment, charts, figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from poju.console import charts, explain, matrix, shape, story
from poju.console.figures import Figures

SAMPLE = Path(__file__).parents[1] / "console" / "report-sample.json"


@pytest.fixture
def report() -> dict[str, Any]:
    return shape.check(json.loads(SAMPLE.read_text(encoding="utf-8")))


def test_push_columns_come_first_and_pull_columns_last(report: dict[str, Any]) -> None:
    report["landscape"]["instruments"].reverse()
    picture = matrix.build(report["landscape"], merge=True)
    pulls = [matrix.is_pull(column) for column in picture.columns]
    assert pulls == sorted(pulls)
    assert sum(pulls) == 9
    assert len(pulls) == 32


def test_merging_loses_no_event_and_no_region(report: dict[str, Any]) -> None:
    whole = matrix.build(report["landscape"], merge=False)
    merged = matrix.build(report["landscape"], merge=True)

    def told(picture: matrix.Matrix) -> set[tuple[str, str, str]]:
        return {
            (region["code"], cell.instrument["id"], event["id"])
            for row in picture.rows
            for region in row.regions
            for cell in row.cells
            for event in cell.events
        }

    assert told(whole) == told(merged)
    assert len(merged.rows) < len(whole.rows)
    assert len(merged.demonstration) == 1


def test_a_pull_in_the_policies_fills_its_column_and_changes_the_headline(report: dict[str, Any]) -> None:
    for event in report["landscape"]["events"]:
        event["marked"] = ""
    assert story.headline(report["landscape"]).pull == 1
    picture = matrix.build(report["landscape"], merge=True)
    assert not picture.demonstration
    assert sum(row.pulls for row in picture.rows) == 1


def test_cells_that_name_nothing_known_are_listed(report: dict[str, Any]) -> None:
    report["landscape"]["cells"].append({"region": "1", "instrument": "x", "events": ["y"]})
    report["landscape"]["cells"][0]["events"].append("ghost")
    assert set(matrix.build(report["landscape"], merge=False).unknown) == {"1/x", "ghost"}


def test_the_moment_joins_the_claim_that_turned(report: dict[str, Any]) -> None:
    moment = story.moment(report)
    assert moment.before is not None
    assert moment.after is not None
    assert moment.refused is not None
    assert moment.released is not None
    assert (moment.before["version"], moment.after["version"]) == ("v2", "v3")
    assert moment.after["cohort"] == "held-out"
    assert moment.refused["amount_fen"] == moment.released["amount_fen"] == 500_000_000
    report["award"]["claims"] = []
    report["given"] = []
    assert story.moment(report) == story.Moment(None, None, None, None, None)


def test_scores_stand_inside_the_chart_and_in_their_order(report: dict[str, Any]) -> None:
    rows = report["leaderboard"]["rows"]
    rows[0]["score_ppm"], rows[0]["lower_ppm"] = -2_900_000, -3_000_000
    chart = charts.scores(rows, "open", 800_000)
    assert chart is not None
    assert chart.cut
    points = [point for series in chart.series for point in series.points]
    assert all(chart.top <= point.y <= point.lower <= chart.bottom for point in points)
    assert all(chart.left < point.x < chart.right for point in points)
    by_score = sorted(points, key=lambda point: -max(point.row["score_ppm"], -1_000_000))
    assert [point.y for point in by_score] == sorted(point.y for point in points)
    assert charts.scores(rows, "final", None) is None


def test_every_drawn_step_leads_from_its_state_to_its_state(report: dict[str, Any]) -> None:
    table = report["scenario"]["workflows"][0]
    drawing = charts.workflow(table)
    assert drawing is not None
    places = {state.name: state.x for state in drawing.states}
    for arc in drawing.arcs:
        step = table["transitions"][arc.number - 1]
        assert (arc.start, arc.stop) == (places[step["from"]], places[step["to"]])
        assert arc.depth < drawing.line
    assert charts.workflow(table | {"states": [str(number) for number in range(30)]}) is None


@pytest.mark.parametrize(
    ("fen", "hant", "english"),
    [
        (500_000_000, "500萬元", "5,000,000 yuan"),
        (1_000_000_000_000, "100億元", "10,000,000,000 yuan"),
        (123_456, "1,234.56元", "1,234.56 yuan"),
        (0, "0元", "0 yuan"),
        (-1_000_000, "-1萬元", "-10,000 yuan"),
        (None, "–", "–"),
    ],
)
def test_money(fen: int | None, hant: str, english: str) -> None:
    assert Figures("zh-Hant").money(fen) == hant
    assert Figures("en").money(fen) == english


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("2018-04", "April 2018"),
        ("2018", "2018"),
        ("2018-04-09", "9 April 2018"),
        ("2016/2020", "2016/2020"),
        ("", "no date given"),
        ("2018-13", "2018-13"),
        ("1-2-3-4", "1-2-3-4"),
        ("九", "九"),
    ],
)
def test_a_date_is_no_more_precise_than_its_source(value: str, shown: str) -> None:
    assert Figures("en").day({"value": value, "precision": "?"}) == shown


@pytest.mark.parametrize("value", ["1e999999999", "NaN", "inf", "x", "9" * 900])
def test_odd_figures_do_not_break_a_page(value: str) -> None:
    assert Figures("en").integer(value)
    assert Figures("zh-Hant").yuan(value)


@pytest.mark.parametrize("value", [10**18, -(10**18), "2026", "soon", True, None, 1.5, float("inf"), float("nan")])
def test_odd_times_do_not_break_a_page(value: object) -> None:
    assert Figures("zh-Hans").moment(value)


def test_a_time_is_shown_in_civil_time() -> None:
    assert Figures("zh-Hant").moment("2026-11-23T02:15:31+00:00").startswith("2026年11月23日")
    assert "10:15:31" in Figures("en").moment("2026-11-23T02:15:31Z")


def test_codes_are_found_by_their_longest_known_beginning() -> None:
    assert explain.message("refusal", "exchange.consent-empty") == explain.message("refusal", "exchange.no-consent")
    assert explain.message("refusal", "exchange.unheard-of") == explain.message("refusal", "exchange")
    assert explain.message("refusal", "exchangeable") is None
