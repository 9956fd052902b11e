"""The brief: which three and why, each figure with source and year, nothing promised or loaded, rebuilt alike."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from support_brief import REGIONS, answer, crowded

from poju.errors import OperatorError
from poju.fit import brief, brief_facts, catalogue
from poju.fit.brief_voice import MOST_SOURCES, SOURCE_WIDTH, Voice
from poju.fit.figures import shipped_text
from poju.fit.regions import regions
from poju.fit.scenarios import report_counts, scenarios
from poju.i18n import LANGUAGES

NAMES = [f"brief.{language}.html" for language in LANGUAGES]


class Reader(HTMLParser):
    """Collects a page's text, its tags, and what it would load."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loaded += [f"{tag} {name}" for name, _value in attrs if name in {"src", "href", "style", "onload"}]

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] != ["style"]:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def read(told: dict[str, Any], language: str) -> Reader:
    return Reader(brief.page(brief.whole(told), language))


def test_four_files_are_written_and_told(tmp_path: Path) -> None:
    paths = brief.write(answer("520000"), tmp_path / "new" / "folder")
    assert sorted(path.name for path in paths) == sorted([*NAMES, "fit.json"])
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(path.name for path in paths)


@pytest.mark.parametrize("make", [answer, crowded])
@pytest.mark.parametrize("region", ["520000", "34013"])
def test_fit_json_is_canonical_and_the_same_pages_come_from_it(
    make: Callable[[str], dict[str, Any]], region: str, tmp_path: Path
) -> None:
    told = make(region)
    before = json.dumps(told)
    brief.write(told, tmp_path / "one")
    assert json.dumps(told) == before, "the answer given was changed"
    data = (tmp_path / "one" / "fit.json").read_bytes()
    again = json.loads(data)
    assert json.dumps(again, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() == data
    assert {key: again[key] for key in told} == told
    brief.write(again, tmp_path / "two")
    for name in [*NAMES, "fit.json"]:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("region", [*REGIONS, "34013", "34003"])
def test_the_three_are_the_first_without_a_missing_prerequisite(region: str) -> None:
    told = answer(region)
    chosen = [one["scenario"] for one in brief_facts.choices(told)]
    rows = {row["scenario"]: row for row in told["distinctive"]}
    allowed = [name for name, row in rows.items() if all(item["met"] is not False for item in row["prerequisites"])]
    assert chosen == allowed[:3]
    assert len(set(chosen)) == 3


def test_what_lacks_a_prerequisite_is_left_out_and_named() -> None:
    told = answer("520000")
    first = told["distinctive"][0]
    first["prerequisites"][0]["met"] = False
    names = [one["scenario"] for one in brief_facts.choices(told)]
    assert first["scenario"] not in names
    assert [row["scenario"] for row in brief_facts.left_out(told, names)] == [first["scenario"]]
    for language in LANGUAGES:
        text = read(told, language).text
        assert first["prerequisites"][0]["text"][language] in text


XIANG = {"zh-Hant": "湘", "zh-Hans": "湘", "en": "Xiang"}


def push(row: dict[str, Any], count: int, pull: int = 0) -> None:
    row["policies"] = {"push": count, "environment": 0, "pull": pull, "pushes_without_pull": count > 0 and not pull}


def with_policies(counts: dict[int, tuple[int, int]]) -> dict[str, Any]:
    """An answer whose distinctive row at each place has so many events that push and that pull."""
    told = answer("520000")
    for place, row in enumerate(told["distinctive"]):
        push(row, *counts.get(place, (0, 0)))
    for row in told["not_readable"]:
        push(row, 0)
    told["policies"] = {"source": "x", "events": 9, "push": 5, "environment": 1, "pull": 3}
    return told


def test_the_last_place_goes_to_what_is_pushed_most_without_pull() -> None:
    told = with_policies({7: (2, 0), 9: (5, 0), 4: (8, 1)})
    chosen = brief_facts.choices(told)
    names = [row["scenario"] for row in told["distinctive"]]
    assert [one["scenario"] for one in chosen] == [names[0], names[1], names[9]]
    assert [one["basis"] for one in chosen] == ["distinctive", "distinctive", "pushed"]
    assert "of the policies surveyed here 5 push this field" in read(told, "en").text
    assert "只推不拉" in read(told, "zh-Hant").text


def test_what_is_pushed_and_among_the_three_already_keeps_its_place() -> None:
    told = with_policies({1: (5, 0)})
    names = [row["scenario"] for row in told["distinctive"]]
    chosen = brief_facts.choices(told)
    assert [one["scenario"] for one in chosen] == names[:3]
    assert [one["basis"] for one in chosen] == ["distinctive", "pushed", "distinctive"]


def test_what_structure_cannot_tell_may_be_chosen_where_it_is_pushed() -> None:
    told = with_policies({})
    medical = next(row for row in told["not_readable"] if row["scenario"] == "medical-system")
    push(medical, 3)
    assert brief_facts.choices(told)[2] == {"scenario": "medical-system", "basis": "pushed"}
    text = read(told, "en").text
    assert "cannot tell this field" in text
    assert "has a finished package, healthcare" in text


def test_one_or_two_policies_that_name_a_field_take_no_place() -> None:
    told = with_policies({7: (2, 0)})
    assert {one["basis"] for one in brief_facts.choices(told)} == {"distinctive"}


def test_what_the_neighbours_did_is_counted_and_silence_is_told() -> None:
    told = answer("520000")
    assert "no survey of policies was given" in read(told, "en").text
    first = told["distinctive"][0]["scenario"]
    told = with_policies({})
    counts = {"push": 3, "environment": 2, "pull": 1}
    around = [
        {"code": "430000", "names": XIANG, "events": 9, **counts, "scenarios": {first: counts}},
        {"code": "450000", "names": XIANG, "events": 0, "push": 0, "environment": 0, "pull": 0, "scenarios": {}},
    ]
    told["policies"]["neighbours"] = around
    text = read(told, "en").text
    assert "Xiang 9, of which 1 pull" in text
    assert "5/1" in text
    assert "The survey holds nothing about: Xiang." in text
    told["policies"]["neighbours"] = around[1:]
    assert "holds nothing about the neighbours" in read(told, "en").text


def test_policies_that_pull_already_are_no_reason() -> None:
    told = with_policies({7: (9, 2), 0: (4, 1)})
    assert {one["basis"] for one in brief_facts.choices(told)} == {"distinctive"}
    text = read(told, "en").text
    assert "Surveyed policies of the field here: 4 push, 1 pull." in text
    assert ": 0 push" not in text


def test_where_too_few_are_ranked_the_common_ones_fill_up() -> None:
    told = answer("520000")
    told["distinctive"] = told["distinctive"][:1]
    told["not_readable"] = []
    chosen = brief_facts.choices(told)
    assert [one["basis"] for one in chosen] == ["distinctive", "common", "common"]
    assert "too few fields could be compared" in read(told, "en").text


def test_an_answer_with_nothing_ranked_still_gives_a_page() -> None:
    told = answer("34013")
    told["distinctive"], told["not_readable"], told["common"] = [], [], []
    for language in LANGUAGES:
        assert read(told, language).text


@pytest.mark.parametrize("region", ["520000", "34013"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_figure_shown_has_its_year_and_its_source(region: str, language: str) -> None:
    told = brief.whole(answer(region))
    voice = Voice(told, told["brief"], language)
    text = read(told, language).text
    rows = {row["scenario"]: row for row in told["distinctive"]}
    for one in told["brief"]["choices"]:
        row = rows[one["scenario"]]
        figures = [part for reason in row["reasons"] for part in reason.get("parts") or [reason]]
        shown = [figure for figure in figures if f"{figure['value']:,}" in text and str(figure["year"]) in text]
        assert shown, one
        assert any(voice.name({language: figure["source"]}, SOURCE_WIDTH) in text for figure in shown)
        low, high = row["interval"]
        assert str(low) in text
        assert str(high) in text


def test_a_figure_without_a_year_and_an_assumed_one_say_so() -> None:
    told = answer("520000")
    row = told["distinctive"][0]
    for part in row["reasons"][0]["parts"]:
        part["year"] = None
    assert "year not stated" in read(told, "en").text
    for part in row["reasons"][0]["parts"]:
        part["assumed"] = [part["figure"]]
    told["assumed"] = [
        {
            "figure": "TS082",
            "industry": row["reasons"][0]["industry"],
            "unit": "x",
            "value": 7,
            "before": 1,
            "year": 2025,
        }
    ]
    for language, said in (("en", "assumed, not measured"), ("zh-Hant", "假設")):
        assert said in read(told, language).text


def test_the_page_promises_nothing() -> None:
    for region in ("520000", "34013"):
        assert "does not say that a scenario would succeed" in read(answer(region), "en").text
        assert "不表示場景必定成功" in read(answer(region), "zh-Hant").text
        assert "不表示场景必定成功" in read(answer(region), "zh-Hans").text


def test_what_has_no_test_of_its_own_says_so() -> None:
    told = answer("520000")
    rows = {row["scenario"]: row for row in told["distinctive"]}
    text = read(told, "en").text
    chosen = [rows[one["scenario"]] for one in brief.whole(told)["brief"]["choices"]]
    assert text.count("No test has shown") == sum(not row["readable"] for row in chosen)
    for row in rows.values():
        row["readable"] = True
    assert "No test has shown" not in read(told, "en").text


def test_the_answers_older_shape_without_the_new_keys_is_told_too() -> None:
    told = answer("520000")
    for key in ("economy", "common_basis", "robustness"):
        told.pop(key)
    for row in (*told["distinctive"], *told["not_readable"]):
        row.pop("robustness", None)
        row.pop("standing_ppm", None)
        for item in row["prerequisites"]:
            for key in ("id", "kind", "shown_by"):
                item.pop(key)
    for language in LANGUAGES:
        text = read(told, language).text
        assert told["distinctive"][0]["names"][language] in text
        assert told["distinctive"][0]["prerequisites"][-1]["text"][language] in text


@pytest.mark.parametrize("region", REGIONS)
def test_neighbours_are_those_of_the_map_and_their_counts_those_of_the_reports(region: str) -> None:
    found = brief_facts.facts(answer(region))
    told = found["neighbours"]
    counts = report_counts().mentions
    for row in told["regions"]:
        for one, mentions in zip(found["choices"], row["mentions"], strict=True):
            assert counts[row["code"]][scenarios()[one["scenario"]].field] == mentions
        for item in row["stressed"]:
            assert item["times_ppm"] >= 1_300_000
            assert counts[row["code"]][item["field"]] == item["mentions"] >= 5
    text = read(answer(region), "zh-Hans").text
    assert all(row["names"]["zh-Hans"] in text for row in told["regions"])


def test_borders_are_named_once_join_known_provinces_and_leave_nobody_out() -> None:
    rows = list(csv.DictReader(shipped_text("neighbours.csv").splitlines()))
    pairs = {frozenset((row["region_code"], row["neighbour_code"])) for row in rows}
    assert len(pairs) == len(rows) == 69
    assert all(len(pair) == 2 for pair in pairs)
    assert {code for pair in pairs for code in pair} == set(report_counts().mentions)
    assert {row["border"] for row in rows} == {"land", "strait"}
    for row in rows:
        assert regions()[row["region_code"]].names["zh-Hans"] == row["region"]
        assert regions()[row["neighbour_code"]].names["zh-Hans"] == row["neighbour"]
    degree = {code: sum(code in pair for pair in pairs) for code in report_counts().mentions}
    assert (degree["150000"], degree["610000"], degree["460000"], degree["310000"]) == (8, 8, 1, 2)


def test_every_field_of_the_reports_has_names() -> None:
    for entry in catalogue():
        assert set(brief_facts.field_names(entry["field"])) == set(LANGUAGES)


def test_another_economy_has_no_neighbours_and_says_so() -> None:
    assert brief_facts.facts(answer("34013"))["neighbours"] is None
    assert "no table of neighbours" in read(answer("34013"), "en").text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_stands_alone_and_forbids_the_rest(language: str) -> None:
    html = brief.page(brief.whole(answer("520000")), language)
    reader = Reader(html)
    assert reader.loaded == []
    assert not {"script", "link", "iframe", "img", "form", "object"} & set(reader.tags)
    assert "default-src 'none'" in html
    assert re.search(r"style-src 'sha256-[A-Za-z0-9+/=]{44}'", html)
    assert "url(" not in html
    assert f'<html lang="{language}"' in html


def test_texts_of_own_data_are_escaped_and_bounded() -> None:
    hostile = '"><script>alert(1)</script>' + "x" * 100_000
    told = crowded("520000")
    told["region"] = {"code": hostile, "name": dict.fromkeys(LANGUAGES, hostile)}
    for row in told["distinctive"]:
        for reason in row["reasons"]:
            for figure in (reason, *reason.get("parts", [])):
                figure |= {"source": hostile, "unit": hostile, "industry": dict.fromkeys(LANGUAGES, hostile)}
    for language in LANGUAGES:
        html = brief.page(brief.whole(told), language)
        assert "<script" not in html
        assert "x" * 1_000 not in html


def test_sources_are_numbered_in_the_order_in_which_they_are_named_and_bounded() -> None:
    told = brief.whole(crowded("440000"))
    voice = Voice(told, told["brief"], "en")
    assert [voice.note(name) for name in ("a", "b", "a", "c", "d", "e", "f", "g", "b", "g")] == [
        1,
        2,
        1,
        3,
        4,
        5,
        6,
        MOST_SOURCES,
        2,
        MOST_SOURCES,
    ]
    assert voice.listed_sources() == ["a", "b", "c", "d", "e", "2 more sources: see fit.json"]


def test_a_folder_that_cannot_be_written_ends_in_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(OperatorError, match="could not be written") as caught:
        brief.write(answer("520000"), tmp_path / "file" / "inside")
    assert caught.value.code == "brief-not-written"


def test_a_draft_can_be_made_from_the_briefs_answer(tmp_path: Path) -> None:
    from poju.scenario import draft, draft_fit  # noqa: PLC0415 - only this test joins the two rooms

    brief.write(answer("520000"), tmp_path / "brief")
    told = draft_fit.read(tmp_path / "brief" / "fit.json")
    name = draft_fit.preferred(told)
    assert name == told["brief"]["choices"][0]["scenario"]
    entry = next(one for one in catalogue() if one["id"] == name)
    assert draft.write(draft.plan("mine", entry, draft_fit.choice(told, name)), tmp_path / "draft")
