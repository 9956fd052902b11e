"""Numbers, dates, sums and places, each by itself."""

from __future__ import annotations

import pytest

from poju.survey.amounts import find_amounts
from poju.survey.cues import instruments, lexicon
from poju.survey.dates import find_dates
from poju.survey.gazetteer import contains, divisions, full_name, row_of
from poju.survey.model import Span
from poju.survey.numbers import number
from poju.survey.places import find_places
from poju.survey.resolution import Anchor, resolve
from poju.survey.text import language_of, normal, page_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500", 500),
        ("5,000", 5000),
        ("1.5", 1.5),
        ("十二", 12),
        ("二十", 20),
        ("一百零五", 105),
        ("百亿", 10**10),
        ("三千万", 30_000_000),
        ("twelve", 12),
        ("二〇一八", 2018),
        ("鏈", None),
        ("", None),
        ("九" * 40, None),
    ],
)
def test_number(text: str, value: float | None) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    ("text", "anchor", "value"),
    [
        ("2017年5月3日", None, "2017-05-03"),
        ("2018年年初", None, "2018"),
        ("二〇一八年三月", None, "2018-03"),
        ("民國107年4月", None, "2018-04"),
        ("同年5月份", "2017-02", "2017-05"),
        ("次年4月初", "2020-05", "2021-04"),
        ("半年之後", "2019-11", "2020-05"),
        ("短短三個月後", "2017-06", "2017-09"),
        ("11個月後", "2017-06", "2018-05"),
        ("4月初", "2018", "2018-04"),
        ("the following spring", "2021-11", "2022"),
        ("three months later", "2017-06", "2017-09"),
        ("January 31, 2018", None, "2018-01-31"),
        ("14 May 2023", None, "2023-05-14"),
        ("In May of the same year", "2017-02", "2017-05"),
    ],
)
def test_date(text: str, anchor: str | None, value: str) -> None:
    page = page_of(text)
    mention = find_dates(page, Span(0, len(text)))[0]
    when = resolve(mention, Anchor(anchor, None))
    assert when is not None
    assert when.value == value


@pytest.mark.parametrize("text", ["2017年13月", "2017年2月40日"])
def test_impossible_date_is_no_date(text: str) -> None:
    mentions = find_dates(page_of(text), Span(0, len(text)))
    assert all(resolve(mention, Anchor(None, None)) is None for mention in mentions)


@pytest.mark.parametrize(
    ("text", "yuan", "semantics"),
    [
        ("給予最高一次性500萬元的獎勵", 5_000_000, {"cap", "one_off"}),
        ("補助不超过800万元", 8_000_000, {"cap"}),
        ("单个项目累计不超过800万元", 8_000_000, {"cumulative_cap"}),
        ("成立了百億規模的區塊鏈基金", 10**10, {"fund_size", "total", "approx"}),
        ("每家企业每年最高60万元", 600_000, {"cap", "annual"}),
        ("给予不低于10万元补助", 100_000, {"floor"}),
        ("按每平方米每月30元给予补贴", 30, {"exact", "per_unit"}),
    ],
)
def test_amount(text: str, yuan: int, semantics: set[str]) -> None:
    amounts = find_amounts(page_of(text), Span(0, len(text)))
    assert [(amount.value, set(amount.semantics)) for amount in amounts] == [(yuan, semantics)]


def test_threshold_is_no_sum() -> None:
    text = "年营业收入首次突破1亿元的,一次性奖励100万元"
    (amount,) = find_amounts(page_of(text), Span(0, len(text)))
    assert (amount.value, amount.threshold) == (1_000_000, 100_000_000)


def test_foreign_currency_is_not_yuan() -> None:
    text = "The city created a EUR 12 million fund."
    (amount,) = find_amounts(page_of(text), Span(0, len(text)))
    assert amount.to_json(text)["yuan"] is None
    assert (amount.currency, amount.value) == ("EUR", 12_000_000)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("結果也是大同小異", []),
        ("大同市发布规划", ["140200"]),
        ("浙江大学与宁波银行", []),
        ("長治久安,日照充足", []),
        ("浙江 杭州", ["330100"]),
        ("青島市市北區", ["370203"]),
        ("新疆伊寧", ["654002"]),
        ("杭州市余杭区", ["330110"]),
        ("南京市鼓楼区", ["320106"]),
        ("福州市鼓楼区", ["350102"]),
        ("市财政部门、教育部门", []),
        ("財政部", ["100000"]),
        ("臨川市高新區", ["361002"]),
        ("Yuhang District, Hangzhou", ["330110"]),
        ("Yining, Xinjiang", ["654002"]),
    ],
)
def test_place(text: str, codes: list[str]) -> None:
    assert [region.code for region in find_places(page_of(text), Span(0, len(text)))] == codes


def test_namesake_without_its_city_is_left_open() -> None:
    text = "鼓楼区发布规划"
    assert all(region.code is None for region in find_places(page_of(text), Span(0, len(text))))


def test_divisions_nest_and_show_under_their_city() -> None:
    assert contains("330000", "330110")
    assert contains("100000", "330110")
    assert not contains("330110", "330000")
    assert row_of("330110") == "330100"
    assert row_of("310115") == "310000"
    assert full_name("330110") == "杭州市余杭区"
    assert sum(division.level == "province" for division in divisions().values()) == 34


def test_taxonomy_has_32_instruments_push_first_pull_last() -> None:
    sides = [instrument.side for instrument in instruments().values()]
    assert (len(sides), sides.count("push"), sides.count("environment"), sides.count("pull")) == (32, 9, 14, 9)
    assert sides == sorted(sides, key=["push", "environment", "pull"].index)
    assert {pattern.instrument for pattern in lexicon()} == set(instruments())


def test_normal_form_keeps_every_offset() -> None:
    text = "臺灣「區塊鏈」,A股(Ａ)計畫 İ ﬁ"
    assert len(normal(text)) == len(text)
    assert normal("區塊鏈計畫") == "区块链计划"


@pytest.mark.parametrize(("text", "language"), [("區塊鏈發展", "zh-Hant"), ("区块链发展", "zh-Hans"), ("Ledger", "en")])
def test_language(text: str, language: str) -> None:
    assert language_of(text) == language
