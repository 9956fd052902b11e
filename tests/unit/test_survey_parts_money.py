"""Sums of money in many phrasings: value, currency, meaning, condition, rate."""

from __future__ import annotations

import pytest

from poju.survey.amounts import find_amounts
from poju.survey.model import Amount, Span
from poju.survey.text import page_of


def read(text: str) -> list[Amount]:
    """Return the sums of one sentence."""
    return find_amounts(page_of(text), Span(0, len(text)))


@pytest.mark.parametrize(
    ("text", "yuan", "semantics"),
    [
        ("给予最高不超过500万元奖励", [5_000_000], {"cap"}),
        ("最高可一次性獎勵500萬元", [5_000_000], {"cap", "one_off"}),
        ("奖励额度不高于50万元", [500_000], {"cap"}),
        ("每个项目50万元封顶", [500_000], {"cap"}),
        ("单个项目累计不超过800万元", [8_000_000], {"cumulative_cap"}),
        ("全年合计不超过5万元", [50_000], {"cap", "annual"}),
        ("年度补贴总额不超过60万元", [600_000], {"cap", "annual"}),
        ("给予不低于1000万元的支持", [10_000_000], {"floor"}),
        ("发放消费券8亿元以上", [800_000_000], {"floor", "total"}),
        ("给予100万、50万、30万元奖励", [1_000_000, 500_000, 300_000], {"exact", "tiered"}),
        ("分别给予30、20、10万元的一次性奖励", [300_000, 200_000, 100_000], {"exact", "one_off", "tiered"}),
        ("分别给予最高1000万元、500万元奖励", [10_000_000, 5_000_000], {"cap", "tiered"}),
        ("给予100—300万元资助", [1_000_000, 3_000_000], {"range"}),
        ("给予100万元至300万元的补助", [1_000_000, 3_000_000], {"range"}),
        ("给予10万元的装修补贴", [100_000], {"exact"}),
        ("五百萬元獎勵", [5_000_000], {"exact"}),
        ("投入1亿5000万元", [150_000_000], {"total"}),
        ("投入上亿元", [100_000_000], {"total", "approx"}),
        ("百亿规模的基金", [10_000_000_000], {"fund_size", "total", "approx"}),
        ("设立总规模100亿元的产业基金", [10_000_000_000], {"fund_size", "total"}),
        ("给予每人每月1000元租房补贴", [1000], {"exact", "per_unit"}),
        ("人民币５００万元", [5_000_000], {"exact"}),
        ("a grant of RMB 5 million", [5_000_000], {"exact"}),
        ("up to ¥5m per project", [5_000_000], {"cap"}),
        ("subsidies of 500,000 yuan to 2 million yuan", [500_000, 2_000_000], {"range"}),
    ],
)
def test_a_sum_has_its_value_and_meaning(text: str, yuan: list[int], semantics: set[str]) -> None:
    found = read(text)
    assert [amount.value for amount in found] == yuan
    assert {name for amount in found for name in amount.semantics} == semantics
    assert all(amount.currency == "CNY" for amount in found)


@pytest.mark.parametrize(
    ("text", "value", "currency"),
    [
        ("撥款港幣5億元設立基金", 500_000_000, "HKD"),
        ("a HK$10 billion fund", 10_000_000_000, "HKD"),
        ("補助新臺幣500萬元", 5_000_000, "TWD"),
        ("NT$30 million a year", 30_000_000, "TWD"),
        ("US$2 million", 2_000_000, "USD"),
        ("EUR 250,000 each", 250_000, "EUR"),
    ],
)
def test_another_currency_is_no_yuan(text: str, value: int, currency: str) -> None:
    (amount,) = read(text)
    assert (amount.value, amount.currency) == (value, currency)
    assert amount.to_json(text)["yuan"] is None


def test_a_bare_yuan_is_of_the_place_whose_money_the_text_counts_in() -> None:
    text = "政府預算為新臺幣3億元，其中5000萬元補助業者"
    assert [amount.currency for amount in read(text)] == ["TWD", "TWD"]
    assert read("预算5000万元")[0].currency == "CNY"


def test_an_unclear_sum_has_no_value() -> None:
    (amount,) = read("获得数千万元补贴")
    assert amount.value is None
    assert "approx" in amount.semantics


@pytest.mark.parametrize(
    ("text", "award", "threshold"),
    [
        ("年营业收入首次突破1亿元的，一次性奖励100万元", [1_000_000], [100_000_000]),
        ("对投资5000万元以上的项目，给予200万元补助", [2_000_000], [50_000_000]),
        (
            "首次认定为5000万元、8000万元税收楼，分别给予20万元、50万元的一次性奖励",
            [200_000, 500_000],
            [50_000_000, 80_000_000],
        ),
        ("firms with annual revenue above RMB 100 million receive RMB 1 million", [1_000_000], [100_000_000]),
    ],
)
def test_a_condition_stands_apart_from_the_award(text: str, award: list[int], threshold: list[int]) -> None:
    found = read(text)
    assert [amount.value for amount in found] == award
    assert [amount.threshold for amount in found] == threshold


def test_surv_1_a_rate_says_of_what_and_where() -> None:
    text = "按实际研发投入的30%给予补助，单个项目累计不超过800万元"
    (amount,) = read(text)
    told = amount.to_json(text)
    assert told["percent"] == 30
    assert told["percent_of"]["text"] == "实际研发投入"
    assert text[told["percent_of"]["start"] : told["percent_of"]["end"]] == "实际研发投入"


@pytest.mark.parametrize("text", ["覆盖100万人", "超过5000元部分抵用50%", "生产1.2万台", "GDP达到1.2万亿元"])
def test_what_nobody_gives_is_no_sum(text: str) -> None:
    assert read(text) == []
