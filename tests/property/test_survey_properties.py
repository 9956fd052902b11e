"""Whatever the text, survey ends without a traceback, cites exactly, and says the same again."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from poju import survey
from poju.survey.model import Document, Json
from poju.survey.text import normal

DATES = ["2018年5月,", "同年3月", "三個月後,", "In May 2018 "]
PLACES = ["貴州省政府", "杭州市", "鼓楼区"]
ACTS = ["發布", "「鏈十條」", "場景清單", "給予最高500萬元獎勵", "百億", "基金", "EUR 5 million"]
MARKS = [
    "。",
    "，",
    "\n",
    "\r\n",
    "「",
    "」",
    "《",
    "》",
    "第一条 ",
    "如果",
    "应当",
    "說:",
    " ",
    "\u3000",
    "---\n",
    "İ",
]
PIECES = st.sampled_from([*DATES, *PLACES, *ACTS, *MARKS])
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=6)), max_size=40).map("".join)


def spans(node: object) -> list[Json]:
    if isinstance(node, dict):
        here = [node] if {"start", "end", "text"} <= node.keys() else []
        return here + [span for value in node.values() for span in spans(value)]
    return [span for value in node for span in spans(value)] if isinstance(node, list) else []


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_surv_1_any_text_is_cited_exactly_and_repeatably(text: str) -> None:
    document = Document("t.txt", text)
    result = survey.extract(document)
    told = result.to_json()
    assert all(text[span["start"] : span["end"]] == span["text"] for span in spans(told))
    assert all(event["citations"] and event["side"] in {"push", "environment", "pull"} for event in told["events"])
    assert told == survey.extract(document).to_json()
    for language in ("zh-Hant", "zh-Hans", "en"):
        assert survey.render(survey.landscape([result]), language)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_normal_form_has_the_same_length(text: str) -> None:
    assert len(normal(text)) == len(text)
