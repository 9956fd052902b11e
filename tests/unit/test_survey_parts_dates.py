"""Relative, deictic and periodic dates, and what a document's own date rests on."""

from __future__ import annotations

import pytest

from poju.survey.dates import find_dates
from poju.survey.extract import extract
from poju.survey.model import Document, Span, When
from poju.survey.profile import profile_of
from poju.survey.resolution import Anchor, counts_from_publication, five_year_plan, resolve
from poju.survey.text import page_of


def read(text: str, anchor: str | None) -> When | None:
    """Return the first date of ``text`` counted from ``anchor``."""
    mention = find_dates(page_of(text), Span(0, len(text)))[0]
    return resolve(mention, Anchor(anchor, None))


@pytest.mark.parametrize(
    ("text", "anchor", "value", "precision"),
    [
        ("去年11月宣布", "2022-11-08", "2021-11", "month"),
        ("今年3月宣布", "2022-11-08", "2022-03", "month"),
        ("前年宣布", "2022-11-08", "2020", "year"),
        ("上月公布", "2024-01-15", "2023-12", "month"),
        ("本月5日公布", "2024-01-15", "2024-01-05", "day"),
        ("昨日宣布", "2024-03-01", "2024-02-29", "day"),
        ("近日宣布", "2024-03-01", "2024-03", "month"),
        ("隔年2月撥款", "2019-06", "2020-02", "month"),
        ("同月底宣布", "2018-10", "2018-10", "month"),
        ("三天后公布", "2018-12-30", "2019-01-02", "day"),
        ("2023年第三季度公布", None, "2023", "quarter"),
        ("去年下半年公布", "2024-03-01", "2023", "half_year"),
        ("民国一百零八年六月公布", None, "2019-06", "month"),
        ("2019—2021年投入", None, "2019/2021", "period"),
        ("two years ago it offered money", "2020-03-09", "2018-03", "month"),
        ("last month it opened", "2020-03-09", "2020-02", "month"),
        ("on Friday it opened", "2025-02-28", "2025-02-28", "day"),
        ("in the same month it opened", "2020-02", "2020-02", "month"),
        ("in the third quarter of 2021 it opened", None, "2021", "quarter"),
        ("last November it opened", "2020-03-09", "2019-11", "month"),
    ],
)
def test_a_date_is_worked_out_from_its_anchor(text: str, anchor: str | None, value: str, precision: str) -> None:
    when = read(text, anchor)
    assert when is not None
    assert (when.value, when.precision) == (value, precision)


@pytest.mark.parametrize(
    "text", ["去年11月宣布", "昨日宣布", "三个月前宣布", "two years ago it opened", "last month it opened"]
)
def test_what_counts_from_the_publication_says_so(text: str) -> None:
    page = page_of(text)
    assert counts_from_publication(find_dates(page, Span(0, len(text)))[0])
    assert read(text, None) is None
    assert (read(text, "2022-11-08") or When()).basis == "published"


def test_a_quarter_and_a_half_have_bounds() -> None:
    quarter, half = read("2023年三季度公布", None), read("2023年上半年公布", None)
    assert quarter is not None
    assert half is not None
    assert (quarter.part, quarter.start, quarter.end) == ("Q3", "2023-07", "2023-09")
    assert (half.part, half.start, half.end) == ("H1", "2023-01", "2023-06")


@pytest.mark.parametrize(
    ("text", "value"), [("「十三五」期间", "2016/2020"), ("“十五五”规划", "2026/2030"), ("三五期间", "1966/1970")]
)
def test_a_five_year_plan_is_a_period_within_which(text: str, value: str) -> None:
    when = five_year_plan(find_dates(page_of(text), Span(0, len(text)))[0])
    assert when is not None
    assert (when.value, when.relation) == (value, "within")


def test_a_day_that_no_calendar_has_is_no_date() -> None:
    assert read("2023年2月30日公布", None) is None
    assert read("2023年13月公布", None) is None


@pytest.mark.parametrize(
    ("text", "value", "relation", "basis"),
    [
        ("某省人民政府关于促进创新的意见\n国办发〔2025〕37号\n一、支持建设园区。", "2025", None, "document_number"),
        ("某省促进创新的若干措施\n发布日期：2024-05-06\n一、支持建设园区。", "2024-05-06", "on_or_before", "published"),
        ("某省2023年政府工作报告\n一、支持建设园区。", "2023", None, "title"),
        (
            "某省促进创新办法\n第一条 支持建设园区。\n第二条 本办法自2021年8月1日起施行。",
            "2021-08-01",
            "on_or_before",
            "effective",
        ),
    ],
)
def test_a_documents_date_says_what_it_rests_on(text: str, value: str, relation: str | None, basis: str) -> None:
    date = profile_of(page_of(text)).date
    assert (date.value, date.relation, date.basis) == (value, relation, basis)
    assert date.expr is not None


def test_an_undated_act_of_the_news_is_dated_by_the_day_of_the_text() -> None:
    text = "本报讯（2022年11月8日） 柳州市公布首批18个智能制造应用场景。"
    (event,) = extract(Document("x", text)).events
    assert (event.date.value, event.date.relation, event.date.basis) == ("2022-11-08", "on_or_before", "published")


def test_an_offset_counts_from_the_named_regions_event() -> None:
    text = "2017年5月，贵阳市发布区块链十条。2017年6月，青岛市发布实施意见。在贵阳的7个月后，广州市发布区块链十条。"
    last = extract(Document("x", text)).events[-1]
    assert (last.regions[0].code, last.date.value) == ("440100", "2017-12")
