"""How each instrument is said: in a report, in news of Taiwan, in English; and words that only look like it.

The sentences are written for these tests; their facts are invented.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from poju.survey.extract import extract
from poju.survey.model import Document

HEAD = "——2026年1月20日在浙江省第十四届人民代表大会第四次会议上\n省长 某某\n"
CASES = json.loads((Path(__file__).parents[1] / "vectors" / "survey-instruments.json").read_text(encoding="utf-8"))


def cases(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Return ``(sentence, instrument)`` for each sentence of ``table``."""
    return [(words, instrument) for instrument, sentences in table.items() for words in sentences]


def told(text: str, start: int = 0) -> set[str]:
    """Return the instruments of the acts of ``text`` whose words stand at ``start`` or later."""
    return {event.instrument for event in extract(Document("x", text)).events if event.cue.start >= start}


@pytest.mark.parametrize(("words", "instrument"), cases(CASES["report"]))
def test_a_report_says_an_instrument(words: str, instrument: str) -> None:
    assert instrument in told(f"{HEAD}{words}。", len(HEAD))


@pytest.mark.parametrize(("words", "instrument"), cases(CASES["taiwan"]))
def test_news_of_taiwan_says_an_instrument(words: str, instrument: str) -> None:
    assert instrument in told(f"2024年5月6日，{words}。")


@pytest.mark.parametrize(("words", "instrument"), cases(CASES["english"]))
def test_english_news_says_an_instrument(words: str, instrument: str) -> None:
    assert instrument in told(f"On 6 May 2024 {words}")


@pytest.mark.parametrize("words", CASES["false_friends"])
def test_a_false_friend_is_no_act(words: str) -> None:
    assert told(f"{HEAD}{words}。", len(HEAD)) == set()


LAW = (
    "某省数据条例\n2024年3月1日浙江省第十四届人民代表大会常务委员会第八次会议通过\n第一条 为了促进发展，制定本条例。\n"
)


@pytest.mark.parametrize(
    "words",
    [
        "有关部门在制定产业规划时，应当听取意见。",
        "编制航道规划应当征求有关部门的意见。",
        "本市制定的地方标准由主管部门公布。",
        "经批准设立的工业集聚区应当建成污水处理设施。",
        "对作出突出贡献的单位和个人给予表彰和奖励。",
        "科技主管部门负责人才政策落实和实验室建设。",
        "2010年市人民政府发布的《河道管理办法》同时废止。",
        "未按照规定编制保护规划的，责令改正。",
        "监测结果作为编制发展规划的依据。",
        "数据交易平台，是指经批准建设的公共服务平台。",
        "享受财政补贴的项目应当公开账目。",
        "组织编制重点监管产品目录。",
    ],
)
def test_a_clause_of_a_law_that_names_what_there_is_is_no_act(words: str) -> None:
    assert told(f"{LAW}第二条 {words}\n", len(LAW)) == set()


@pytest.mark.parametrize(
    ("words", "instrument"),
    [
        ("省人民政府应当编制数字经济发展规划。", "strategy_plan"),
        ("市人民政府应当建立大数据发展统筹协调机制。", "governance_body"),
        ("对引进的高层次人才，给予安家补贴。", "talent_incentive"),
        ("对主导制定国家标准的企业，给予五十万元奖励。", "standards"),
        ("本市推行住宅工程质量潜在缺陷保险制度。", "credit_guarantee"),
        ("支持企业建设公共研究开发平台。", "infrastructure_platform"),
    ],
)
def test_a_clause_of_a_law_that_binds_or_grants_is_an_act(words: str, instrument: str) -> None:
    assert instrument in told(f"{LAW}第二条 {words}\n", len(LAW))


def test_words_in_quotation_marks_make_an_act_less_sure() -> None:
    text = f"{HEAD}建设产业园区。\n建设“创新港”产业园区。\n"
    events = extract(Document("x", text)).events
    sure = [event.confidence_ppm or 0 for event in events if event.instrument == "industrial_park"]
    assert len(sure) == 2
    assert sure[0] > sure[1]
