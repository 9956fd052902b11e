"""Dense and odd texts cost little: the work on a text grows with its length."""

from __future__ import annotations

import time

import pytest

from poju.survey.extract import extract
from poju.survey.model import Document

CUES = "建设产业园区实验室平台基金人才标准试点示范场景清单给予奖励500万元税收优惠"
SECONDS = 4.0


@pytest.mark.parametrize(
    "text",
    [
        CUES * 2500,
        (CUES + "，") * 2400,
        "杭州市条例\n第一条 " + (CUES + "，") * 2400,
        "100万、" * 22000,
        ("100、" * 30 + "万元") * 600,
        "建设" * 45000,
        "杭州市余杭区、" * 12000,
        "《关于印发意见的通知》\n" * 5000,
        "「" * 45000,
        "establish open launch fund park platform award scenario list " * 1400,
    ],
    ids=[
        "one sentence",
        "clauses",
        "official",
        "list",
        "shared unit",
        "verbs",
        "places",
        "titles",
        "quotes",
        "english",
    ],
)
def test_ninety_kilobytes_of_cue_words_take_little_time(text: str) -> None:
    extract(Document("x", "2021年3月，杭州市发布实施意见。"))  # the word lists are read once
    start = time.process_time()
    extract(Document("x", text))
    assert time.process_time() - start < SECONDS
