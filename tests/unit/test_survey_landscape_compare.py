"""Two surveys compared: a smaller sample is no withdrawn policy, and a file from anywhere is checked."""

from __future__ import annotations

import copy
import json

import pytest

from poju import survey
from poju.errors import CallerError
from poju.survey.compare import compare, render_comparison
from poju.survey.model import Document, Json

PUSH = "2018年5月,貴州省政府發布白皮書。"
PULL = "2019年6月,貴州省政府發布醫療應用場景開放清單。"
OTHER = "2018年7月,浙江省政府發布白皮書。"
FAR = "2019年3月,福建省政府發布場景清單。"


def of_texts(**texts: str) -> Json:
    return survey.landscape(survey.extract(Document(name, text, f"sha-{text}")) for name, text in texts.items())


def test_the_same_survey_twice_changes_nothing() -> None:
    found = compare(of_texts(a=PUSH, b=OTHER), of_texts(a=PUSH, b=OTHER))
    assert found["comparable"] == "same"
    assert found["new"] == found["gone"] == found["first_pull"] == []
    assert found["kept"] == 2
    assert found["shares"]["pull"]["change_ppm"] == 0


def test_a_document_left_out_is_said_to_be_left_out_not_withdrawn() -> None:
    found = compare(of_texts(a=PUSH, b=OTHER), of_texts(a=PUSH))
    (gone,) = found["gone"]
    assert (gone["region"], gone["reason"]) == ("330000", "documents")
    assert gone["cited"][0]["text"] in OTHER
    told = render_comparison(found, "en")
    assert "Only 50 % of the documents" in told
    assert "it cannot say" in told


def test_a_region_that_moves_to_pull_is_named_with_its_date() -> None:
    found = compare(of_texts(a=PUSH, b=OTHER), of_texts(a=PUSH, b=OTHER, c=PULL, d=FAR))
    assert [(item["region"], item["value"], item["seen_before"]) for item in found["first_pull"]] == [
        ("520000", "2019-06", True),
        ("350000", "2019-03", False),
    ]
    told = render_comparison(found, "en").splitlines()
    assert any(line.startswith("first pull: ") and "2019-06" in line for line in told)
    assert any(line.startswith("pulls, but was not in the earlier survey") for line in told)
    assert "first pull" not in render_comparison(found, "zh-Hant")


def test_documents_are_the_same_by_their_bytes_never_by_their_name() -> None:
    found = compare(of_texts(a=PUSH), of_texts(a=PUSH + PULL))
    assert found["documents"]["both"] == 0
    assert found["comparable"] == "apart"
    renamed = compare(of_texts(a=PUSH), of_texts(z=PUSH))
    assert renamed["comparable"] == "same"


def test_shares_of_the_common_documents_stand_beside_all() -> None:
    found = compare(of_texts(a=PUSH), of_texts(a=PUSH, b=PULL))
    assert found["shares"]["pull"]["later"] == {"count": 1, "of": 2, "ppm": 500_000}
    assert found["same_documents"]["pull"]["later"] == {"count": 0, "of": 1, "ppm": 0}


def test_an_empty_survey_has_no_share_that_changes() -> None:
    found = compare(of_texts(), of_texts(a=PUSH))
    assert found["shares"]["push"]["change_ppm"] is None
    assert render_comparison(found, "zh-Hans")


def test_a_landscape_written_before_these_figures_existed_is_compared() -> None:
    old = of_texts(a=PUSH)
    for name in ("shares", "timeline", "tiles", "tiers", "firsts", "told_gaps", "gaps", "sample"):
        del old[name]
    assert compare(json.loads(json.dumps(old)), of_texts(a=PUSH))["comparable"] == "same"


def spoiled() -> dict[str, object]:
    found: dict[str, object] = {"a list": [], "a word": "landscape", "no parts": {}, "nothing": None}
    whole = of_texts(a=PUSH)
    for name in ("documents", "events", "regions", "instruments"):
        found[f"without {name}"] = {key: value for key, value in whole.items() if key != name}
        found[f"{name} of words"] = whole | {name: ["word"]}
        found[f"{name} as a record"] = whole | {name: {}}
    for date in (
        None,
        {},
        {"value": "x", "precision": "month"},
        {"value": "2018-13", "precision": "month"},
        {"value": 5, "precision": "year"},
    ):
        event = copy.deepcopy(whole["events"][0]) | {"date": date}
        found[f"date {date}"] = whole | {"events": [event]}
    for region in ("x", {}, {"code": 5, "name": 5}, {"code": None, "name": None}):
        event = copy.deepcopy(whole["events"][0]) | {"regions": [region]}
        found[f"region {region}"] = whole | {"events": [event]}
    return found


@pytest.mark.parametrize("name", spoiled())
def test_what_is_no_landscape_is_refused_with_one_code(name: str) -> None:
    with pytest.raises(CallerError) as refused:
        compare(spoiled()[name], of_texts(a=PUSH))  # type: ignore[arg-type] # on purpose
    assert refused.value.code == "survey-not-a-landscape"
    assert refused.value.explain("zh-Hant") != refused.value.explain("en")
