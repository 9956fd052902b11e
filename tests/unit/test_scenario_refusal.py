from __future__ import annotations

import re

import pytest
from support_rules import HEALTHCARE

from poju.i18n import LANGUAGES
from poju.scenario.refusal import explain, meanings

SOURCE = HEALTHCARE.parents[1]
ROOMS = "member|scenario|exchange|workflow|field|kind|subject|ledger|call|selection|publication"
ROOMS += "|proposal|vote|validator|log-key|misbehaviour"
CODE = re.compile(rf'"((?:{ROOMS})\.[a-z-]+)"')
FILES = ("scenario/rules.py", "scenario/rulebook.py", "scenario/workflow.py", "scenario/fields.py", "scenario/kinds.py")
FILES += ("scenario/governance_keys.py", "scenario/governance_rules.py", "scenario/governance_actions.py")
FILES += ("scenario/governance_evidence.py",)
FILES += ("exchange/rules.py", "packages/healthcare/workflows.toml")


def used() -> set[str]:
    return {code for file in FILES for code in CODE.findall((SOURCE / file).read_text(encoding="utf-8"))}


def test_every_refusal_is_explained_and_nothing_else_is() -> None:
    assert used() == set(meanings())


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_explanation_is_one_sentence_in_its_language(language: str) -> None:
    for code, names in meanings().items():
        assert set(names) == set(LANGUAGES), code
        assert names[language].endswith("." if language == "en" else "。"), code


def test_a_code_of_another_room_is_shown_as_it_is() -> None:
    assert explain("award.above-cap", "en") == "award.above-cap"
