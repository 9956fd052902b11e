"""What news says of time: the day of the text, what counts from it, and what counts from another act.

Each case is a text, the act that is looked for (instrument, GB/T 2260 code) and its date, as exact as the words are
(the value found may be more exact). All facts are invented.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from poju.survey.extract import extract
from poju.survey.model import Document

CASES = json.loads((Path(__file__).parents[1] / "vectors" / "survey-dates.json").read_text(encoding="utf-8"))


def dates(text: str, instruments: str, code: str | None) -> list[str | None]:
    """Return the dates of the acts of one place in ``text`` that use one of ``instruments``."""
    return [
        event.date.value
        for event in extract(Document("x", text)).events
        if event.instrument in instruments.split("|") and code in {None, *(region.code for region in event.regions)}
    ]


def told(text: str, instruments: str, code: str | None, value: str) -> bool:
    """Return whether an act of ``text`` has the date ``value`` or one more exact."""
    return any((found or "").startswith(value) for found in dates(text, instruments, code))


@pytest.mark.parametrize(("text", "instrument", "code", "value"), CASES["datelines"])
def test_the_day_of_a_text_is_read_from_its_dateline(text: str, instrument: str, code: str | None, value: str) -> None:
    assert told(text, instrument, code, value), dates(text, instrument, code)


@pytest.mark.parametrize(("text", "instrument", "code", "value"), CASES["from_the_day"])
def test_what_counts_from_the_day_of_the_text(text: str, instrument: str, code: str | None, value: str) -> None:
    assert told(text, instrument, code, value), dates(text, instrument, code)


@pytest.mark.parametrize(("text", "instrument", "code", "value"), CASES["from_an_act"])
def test_what_counts_from_another_act(text: str, instrument: str, code: str | None, value: str) -> None:
    assert told(text, instrument, code, value), dates(text, instrument, code)


@pytest.mark.parametrize("word", ["昨日", "上月", "去年11月", "本周三"])
def test_without_a_day_of_the_text_nothing_stands_in_for_it(word: str) -> None:
    text = f"2019年6月，贵阳市发布大数据行动计划。{word}，南京市发布行动计划。"
    assert dates(text, "strategy_plan", "320100") == [None]


@pytest.mark.parametrize(
    "text", ["2023年2月30日电 成都市昨天发布机器人行动计划。", "某社成都31日电 成都市昨天发布机器人行动计划。"]
)
def test_a_dateline_that_no_calendar_has_dates_nothing(text: str) -> None:
    assert dates(text, "strategy_plan", "510100") in ([None], [])


def test_a_relative_date_says_that_it_rests_on_the_day_of_the_text() -> None:
    (event,) = extract(Document("x", "某社2023年4月18日电 昨天，成都市发布机器人行动计划。")).events
    assert event.date.relative is not None
    assert (event.date.value, event.date.basis, event.date.relative["anchor"]) == ("2023-04-17", "published", None)


def test_a_comparison_names_the_act_it_counts_from() -> None:
    first, second = extract(
        Document("x", "2019年6月，贵阳市发布大数据行动计划。南京市比贵阳早两年发布行动计划。")
    ).events
    assert second.date.relative is not None
    assert (second.date.value, second.date.relative["anchor"]) == ("2017-06", first.identifier)
