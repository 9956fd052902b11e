"""From sentences to events: what is an act, whose, when, how much; and what is none."""

from __future__ import annotations

from typing import Any

import pytest

from poju import survey
from poju.survey.model import Document

Json = dict[str, Any]


def told(text: str) -> Json:
    return survey.extract(Document(path="t.txt", text=text)).to_json()


def rows(text: str) -> list[tuple[str, list[str | None], str | None]]:
    return [
        (event["instrument"], [region["code"] for region in event["regions"]], event["date"]["value"])
        for event in told(text)["events"]
    ]


@pytest.mark.parametrize(
    "text",
    [
        "2018年5月,貴州省政府發布醫療應用場景開放清單",
        "2018年5月，贵州省政府发布医疗应用场景开放清单。",
        "2018年5月,貴州省衛生健康委員會發布醫療應用場景開放公告,面向服務商徵集四個賽道的解決方案。",
        "In May 2018 Guizhou published a list of application scenarios open to service providers.",
    ],
)
def test_opened_scenario_is_one_pull_event(text: str) -> None:
    assert rows(text) == [("scenario_opening", ["520000"], "2018-05")]


@pytest.mark.parametrize(
    "text",
    [
        "假設貴州省政府開放醫療場景,情況會如何?",
        "如果杭州市公布場景清單,企業就會來。",
        "貴州省能不能把醫療場景開放給企業?",
        "专家建议,贵阳市应该尽快发布应用场景清单。",
        "贵阳市应当开放更多的场景,让企业去尝试。",
        "「杭州市發布了場景清單,但沒有用。」一位業內人士說。",
        "一旦落到应用场景,杭州市的相关引导政策仍处于空白状态。",
        "杭州市消费场景丰富,新场景不断涌现。",
        "各地政策大同小异:建立产业园,设立奖励措施。",
        "在此之前几乎没有城市在《政府工作报告》中提及过区块链。",
        "If Hangzhou published a list of scenarios, firms would come.",
        "Experts say Guizhou should open its hospitals to vendors.",
        '"Hangzhou published a list of scenarios, and nobody came," a founder said.',
    ],
)
def test_talk_is_no_event(text: str) -> None:
    assert rows(text) == []


def test_wish_is_kept_as_a_finding_with_its_span() -> None:
    text = "贵阳市应该开放更多的应用场景。"
    (finding,) = told(text)["findings"]
    assert finding["type"] == "recommendation"
    assert finding["instruments"] == ["scenario_opening"]
    assert text[finding["citation"]["start"] : finding["citation"]["end"]] == finding["citation"]["text"]


def test_relative_dates_count_from_the_event_before_or_of_the_named_region() -> None:
    text = (
        "2017年2月,贵阳市发布区块链规划。同年5月份,贵阳高新区发布“区块链十条”。\n\n"
        "2017年6月,青岛市发布实施意见。短短三个月后,青岛发布白皮书,计划成立区块链研究中心。\n\n"
        "广州发布“区块链10条”则是在贵阳的7个月后。"
    )
    assert rows(text) == [
        ("strategy_plan", ["520100"], "2017-02"),
        ("strategy_plan", ["520100"], "2017-05"),
        ("strategy_plan", ["370200"], "2017-06"),
        ("white_paper", ["370200"], "2017-09"),
        ("research_centre", ["370200"], "2017-09"),
        ("strategy_plan", ["440100"], "2017-12"),
    ]


def test_clause_that_only_anchors_a_date_is_not_told_twice() -> None:
    text = "2017年5月,贵阳市发布“区块链十条”。贵阳发布十条的7个月后,广州也发布“区块链10条”。"
    assert rows(text) == [("strategy_plan", ["520100"], "2017-05"), ("strategy_plan", ["440100"], "2017-12")]


def test_many_regions_are_one_aggregate() -> None:
    (event,) = told("贵州、浙江、江苏等十余个省就区块链发布了指导意见。")["events"]
    assert event["aggregate"] is True
    assert [region["code"] for region in event["regions"]] == ["520000", "330000", "320000"]


def test_place_inside_a_company_or_title_does_not_act() -> None:
    text = "2018年4月,余杭区政府与杭州云山投资管理有限公司共同出资设立百亿区块链基金。"
    (event,) = told(text)["events"]
    assert [region["code"] for region in event["regions"]] == ["330110"]
    assert [firm["text"] for firm in event["enterprises"]] == ["杭州云山投资管理有限公司"]
    assert rows("2019年3月,北京市发布《上海模式白皮书》。") == [("white_paper", ["110000"], "2019-03")]


def test_one_fund_told_twice_is_one_event_with_two_citations() -> None:
    text = "前段时间,杭州市政府成立了百亿规模的区块链基金。\n\n2018年4月,杭州市余杭区政府设立了百亿区块链创新基金。"
    (event,) = told(text)["events"]
    assert event["date"]["value"] == "2018-04"
    assert [region["code"] for region in event["regions"]] == ["330110"]
    assert len(event["citations"]) == 2


def test_outcomes_stand_apart() -> None:
    found = told("目前,已有布比网络、众签科技等30余家区块链企业落户青岛。此后解决了3个实际问题。")
    assert found["events"] == []
    assert [(o["subtype"], o["count"]["value"], o["count"]["relation"]) for o in found["outcomes"]] == [
        ("settled", 30, "more_than"),
        ("problems_solved", 3, "exact"),
    ]
    assert [firm["text"] for firm in found["outcomes"][0]["enterprises"]] == ["布比网络", "众签科技"]


LAW = """# 临江市数字经济促进条例

2020年12月24日 浙江省第十三届人民代表大会常务委员会第二十六次会议通过
第一条 为了促进数字经济发展，根据有关法律，制定本条例。
第二条 县级以上人民政府应当开放医疗、交通等领域的应用场景。
第三条 本条例所称场景开放，是指公布场景清单。
第四条 不得设立政府引导基金。
第五条 对首台（套）装备给予最高300万元奖励。
第六条 违反本条例规定，骗取奖励的，责令退回奖励10万元。
第七条 本条例自2021年3月1日起施行。
"""


def test_statute_clauses_are_events_at_the_adoption_date() -> None:
    found = told(LAW)
    assert found["genre"] == "official"
    assert [event["instrument"] for event in found["events"]] == ["regulation", "scenario_opening", "first_unit"]
    assert {event["date"]["value"] for event in found["events"]} == {"2020-12-24"}
    assert found["events"][1]["effective"]["value"] == "2021-03-01"
    assert found["events"][1]["part_of"] == found["events"][0]["id"]
    assert [amount["yuan"] for amount in found["events"][2]["amounts"]] == [3_000_000]


def test_tiers_over_a_semicolon_are_one_event() -> None:
    text = (
        "若干措施\n一、营业收入首次突破1亿元的，一次性奖励100万元；突破5亿元的，一次性奖励300万元。\n"
        "二、给予杭州市企业房租补贴。"
    )
    award = told(text)["events"][0]
    assert [amount["yuan"] for amount in award["amounts"]] == [1_000_000, 3_000_000]
    assert all("tiered" in amount["semantics"] for amount in award["amounts"])


def test_what_a_report_looks_back_on_is_no_plan() -> None:
    text = (
        "2026年政府工作报告\n——2026年1月27日在山东省第十四届人民代表大会第四次会议上\n"
        "一、2025年工作回顾\n发布应用场景清单。\n二、2026年重点工作\n开放医疗应用场景。\n"
    )
    assert [row[0] for row in rows(text)] == ["strategy_plan", "scenario_opening"]


def spans(node: object) -> list[Json]:
    if isinstance(node, dict):
        here = [node] if {"start", "end", "text"} <= node.keys() else []
        return here + [span for value in node.values() for span in spans(value)]
    if isinstance(node, list):
        return [span for value in node for span in spans(value)]
    return []


@pytest.mark.parametrize("text", [LAW, LAW.replace("\n", "\r\n"), "\ufeff" + LAW])
def test_surv_1_every_span_says_what_it_cites(text: str) -> None:
    found = told(text)
    cited = spans(found)
    assert cited
    assert all(text[span["start"] : span["end"]] == span["text"] for span in cited)
    for event in found["events"]:
        assert event["citations"]
        assert all("span" in region for region in event["regions"])
        assert all("span" in amount for amount in event["amounts"])
        assert event["date"]["value"] is None or event["date"]["expr"]["text"]


def test_surv_1_a_notice_in_official_form_is_one_event() -> None:
    text = (
        "贵州省卫生健康委员会关于开放医疗应用场景的公告\n\n现将有关事项公告如下：\n"
        "一、开放全省医疗机构的应用场景。\n\n贵州省卫生健康委员会\n2026年11月23日\n"
    )
    assert rows(text) == [("scenario_opening", ["520000"], "2026-11-23")]
