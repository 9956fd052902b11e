"""Whole texts of many genres, all written for these tests: their facts are invented."""

from __future__ import annotations

import pytest

from poju.survey.extract import extract
from poju.survey.model import Document, DocumentEvents, Json


def read(text: str) -> DocumentEvents:
    """Return what is read in ``text``."""
    return extract(Document("x", text))


def told(text: str) -> set[str]:
    """Return the instruments that ``text`` tells."""
    return {event.instrument for event in read(text).events}


HEAD = "——2026年1月20日在浙江省第十四届人民代表大会第四次会议上\n省长 某某\n"


@pytest.mark.parametrize(
    ("clause", "instrument"),
    [
        ("支持丽水数据标注基地发展", "industrial_park"),
        ("建设一批概念验证和中试平台", "infrastructure_platform"),
        ("高标准建设深海领域科技设施", "infrastructure_platform"),
        ("建强用好省实验室", "research_centre"),
        ("加大应用场景建设和开放力度", "scenario_opening"),
        ("推动公共数据归集共享、授权运营", "data_opening"),
        ("引导金融机构开发研发贷、人才贷等产品", "credit_guarantee"),
        ("推动实施民间投资专项担保计划", "credit_guarantee"),
        ("充分发挥母基金放大效应", "guidance_fund"),
        ("扩大零关税商品范围", "tax_incentive"),
        ("发放消费券3亿元", "user_voucher"),
        ("办好第十届数博会", "alliance_event"),
        ("推进国家碳达峰试点城市建设", "demonstration"),
        ("通过揭榜挂帅等方式开展攻关", "challenge_bounty"),
        ("完善首台（套）支持政策", "first_unit"),
        ("组织产业链供需对接活动100场", "market_promotion"),
        ("编制实施青年发展规划", "strategy_plan"),
        ("制定民营经济促进条例", "regulation"),
        ("推出新一批先行先试改革举措", "regulatory_sandbox"),
        ("健全跨部门联席会议", "governance_body"),
    ],
)
def test_a_clause_of_a_report_is_an_act(clause: str, instrument: str) -> None:
    assert instrument in told(HEAD + clause + "。")


@pytest.mark.parametrize(
    "clause",
    [
        "打造一批消费新场景",
        "拓展绿电应用场景",
        "规范税收优惠政策",
        "深入治理政府采购领域突出问题",
        "加快构建高标准防洪体系",
        "精心筹办世界田径锦标赛等国际赛事",
        "170家融资平台有序退出",
        "扩大免税购物规模",
        "坚持改革创新、先行先试的原则",
        "培育一百个行业级、场景级大模型",
        "下达育儿补贴资金2亿元",
        "优化世博园区环境",
    ],
)
def test_a_false_friend_of_a_report_is_no_act(clause: str) -> None:
    assert told(HEAD + clause + "。") <= {"strategy_plan"}


@pytest.mark.parametrize(
    "sentence",
    [
        "综合评价为D类的企业不得享受政府有关奖励政策。",
        "同一项目获得不同级别奖项的，按最高级别奖励。",
        "享受过本政策补贴的企业，五年内不得迁出，如有违反，追回资助。",
        "具体实施细则由区科技局另行制定。",
        "本条例适用于本市范围内的科技创新活动。",
        "专利资助申请需在授权公告之日起一年内提出。",
    ],
)
def test_terms_and_exclusions_are_no_acts(sentence: str) -> None:
    text = "某某区促进创新办法\n2021年5月1日 温州市鹿城区人民政府批准\n第一条 " + sentence
    assert told(text) <= {"regulation"}


def test_the_place_that_an_act_is_for_stands_before_the_issuers() -> None:
    events = read(HEAD + "支持丽水国家数据标注基地发展。").events
    (park,) = [event for event in events if event.instrument == "industrial_park"]
    assert [region.code for region in park.regions] == ["331100", "330000"]


def test_a_brochure_without_a_head_is_official_and_its_place_is_found_in_it() -> None:
    text = (
        "获得发明专利授权的，每件给予资助1万元；\n对在温州市鹿城区注册的企业，给予一次性奖励20万元。\n"
        "企业在境外上市的，成功后一次性奖励500万元。\n"
    )
    result = read(text)
    assert result.genre == "official"
    assert {event.regions[0].code for event in result.events} == {"330302"}
    assert {event.instrument for event in result.events} == {"ip_support", "award_grant", "listing_award"}


def test_a_policy_address_counts_in_its_own_dollars() -> None:
    text = (
        "The Chief Executive's 2023 Policy Address\nWe will set up a HK$10 billion fund. We will open up more datasets."
    )
    events = read(text).events
    assert {event.regions[0].code for event in events} == {"810000"}
    (fund,) = [event for event in events if event.instrument == "guidance_fund"]
    assert (fund.amounts[0].currency, fund.amounts[0].value) == ("HKD", 10_000_000_000)


def test_a_statute_of_taiwan_is_dated_by_its_promulgation() -> None:
    text = (
        "資料創新條例\n中華民國113年8月7日總統華總一義字第11300000001號令制定公布全文30條\n"
        "第三條 各級政府機關應開放資料供公眾使用。\n第四條 主管機關得辦理監理沙盒。\n"
    )
    events = read(text).events
    assert {event.instrument for event in events} == {"regulation", "data_opening", "regulatory_sandbox"}
    assert {(event.date.value, event.date.calendar) for event in events} == {("2024-08-07", "minguo")}
    assert {event.regions[0].code for event in events} == {"710000"}


def test_english_measures_tell_what_shall_be_done() -> None:
    text = (
        "Measures of Chengdu on Promoting the Metaverse Industry\n"
        "Article 1 A fund of RMB 10 billion shall be established.\n"
        "Article 2 The bureau shall publish a list of application scenarios every year.\n"
        "Article 3 These measures take effect on 1 January 2023.\n"
    )
    result = read(text)
    assert {event.instrument for event in result.events} == {"strategy_plan", "guidance_fund", "scenario_opening"}
    assert all(event.effective is not None and event.effective["value"] == "2023-01-01" for event in result.events)


def test_news_keeps_wishes_denials_and_rumours_apart() -> None:
    text = (
        "Zhuhai, 9 March 2020 - Last month the city's eleven hospitals had to share images. "
        "A rumoured CNY 10 billion fund was never set up. Analysts had urged a tax holiday.\n"
    )
    result = read(text)
    assert not {event.instrument for event in result.events} & {"guidance_fund", "tax_incentive"}
    assert {finding.type for finding in result.findings} >= {"recommendation"}


def test_an_organ_without_a_name_acts_for_the_place_told_before() -> None:
    text = "2018年10月，合肥市印发声谷链计划。同月底，省里又宣布参股一支总规模20亿元的创投基金。"
    fund = read(text).events[-1]
    assert (fund.instrument, fund.regions[0].code, fund.date.value) == ("guidance_fund", "340000", "2018-10")


@pytest.mark.parametrize(
    ("name", "code"), [("前海", "440305"), ("横琴", "440402"), ("张江", "310115"), ("雄安新区", "130600")]
)
def test_a_development_zone_is_a_place(name: str, code: str) -> None:
    (event,) = read(f"2021年3月，{name}管委会发布实施意见。").events
    assert (event.regions[0].code, event.regions[0].level) == (code, "zone")


def test_surv_1_every_field_of_every_genre_cites_its_words() -> None:
    texts = [
        HEAD + "支持丽水数据标注基地发展，发放消费券3亿元以上。",
        "本报讯（2022年11月8日） 今年3月，贵港市出台办法，对购置重卡的企业每辆补助3万元。",
        "The Chief Executive's 2023 Policy Address\nWe will set up a HK$10 billion fund.",
    ]
    for text in texts:
        found = read(text).to_json()["events"]
        assert found
        for cited in _cited(found):
            assert text[cited["start"] : cited["end"]] == cited["text"]


def _cited(value: object) -> list[Json]:
    if isinstance(value, dict):
        own = [value] if value.keys() >= {"start", "end", "text"} else []
        return own + [cited for item in value.values() for cited in _cited(item)]
    return [cited for item in value for cited in _cited(item)] if isinstance(value, list) else []


def test_each_event_says_how_sure_it_is() -> None:
    events = read(HEAD + "支持丽水数据标注基地发展，发放消费券3亿元以上。").events
    assert all(event.confidence_ppm is not None and 0 < event.confidence_ppm < 1_000_000 for event in events)


def test_a_long_title_is_cut_at_a_boundary_and_says_so() -> None:
    text = "杭州的算盘打到哪了，" * 12 + "\n2021年3月，杭州市发布实施意见。"
    title = read(text).title
    assert title.endswith("打到哪了…")
    assert len(title) <= 81


def test_a_report_looks_back_only_until_it_says_what_is_to_be_done() -> None:
    text = (
        "浙江省政府工作报告\n" + HEAD + "一、2025年工作回顾\n建设了一批重点实验室。\n"
        "二、“十五五”时期主要目标任务\n打造产业园区。\n三、2026年主要工作\n建设一批概念验证和中试平台。\n"
    )
    assert told(text) == {"strategy_plan", "industrial_park", "infrastructure_platform"}
