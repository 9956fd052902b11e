from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from poju.cli.fit import command
from poju.errors import BugError
from poju.fit import catalogue, catalogue_page, check_catalogue, listing, render_catalogue
from poju.fit.concordance import CLASSIFICATIONS, divisions_of, line_of, lines, plain, section_of
from poju.fit.figures import columns
from poju.fit.policies import fields_of
from poju.fit.scenarios import KINDS, parse_catalogue, scenarios
from poju.i18n import LANGUAGES

ROOT = Path(__file__).parents[2]
DATA = ROOT / "src" / "poju" / "fit" / "data"
TEXT = (DATA / "scenarios.toml").read_text(encoding="utf-8")


def test_the_shipped_catalogue_holds_together() -> None:
    assert check_catalogue() == []


def test_every_scenario_has_four_kinds_of_prerequisite_two_tracks_and_a_source_of_its_own() -> None:
    entries = catalogue()
    assert len(entries) >= 24
    for entry in entries:
        assert {item["kind"] for item in entry["prerequisites"]} == set(KINDS)
        assert all(item["shown_by"]["en"] for item in entry["prerequisites"])
        assert len({track["id"] for track in entry["tracks"]}) >= 2
        assert len(entry["sources"]) > 4
        assert entry["isic"]
        assert entry["industries"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('kind = "law"', 'kind = "wish"', "no prerequisite of kind law"),
        ('isic = ["86"]', 'isic = ["04"]', "no column ISIC04"),
        ('isic = ["86"]', "isic = []", "no industry"),
        ('id = "green-power"', 'id = "blue-power"', "fewer than 2 tracks"),
        ('codes = ["TS066"', 'codes = ["TS966"', "has a column of another"),
        ('field = "能源"', 'field = "能"', "no field"),
        ('readability = "no"', 'readability = "maybe"', "readability maybe"),
        ('"zh-Hant" = ["礦山", "煤礦", "採礦", "礦業", "礦井"]', '"zh-Hant" = ["礦山"]', "too few keywords"),
        ("[prerequisites.coast]", "[prerequisites.beach]", "coast"),
    ],
)
def test_a_fault_in_the_catalogue_is_named(old: str, new: str, problem: str) -> None:
    assert old in TEXT
    with pytest.raises(BugError, match="does not hold together") as caught:
        parse_catalogue(TEXT.replace(old, new))
    assert problem in str(caught.value)


def test_the_check_sees_half_width_punctuation_a_shared_keyword_and_a_missing_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed = TEXT.replace("\uff0c", ",").replace('"白酒"', '"藥品"')
    changed = changed.replace('sources = ["uav-2023", ', "sources = [")
    monkeypatch.setattr(listing, "scenarios", lambda: parse_catalogue(changed))
    problems = "\n".join(check_catalogue())
    assert "half-width punctuation" in problems
    assert "keyword 藥品 belongs to drug-traceability" in problems
    assert "low-altitude: no source of its own" in problems


def test_the_page_of_the_reference_says_what_the_data_say() -> None:
    assert (ROOT / "docs" / "reference" / "scenario-catalogue.md").read_text(encoding="utf-8") == catalogue_page()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_prints_all_and_one(language: str) -> None:
    everything = render_catalogue(language)
    assert all(name in everything for name in scenarios())
    one = render_catalogue(language, "smart-mine")
    scenario = scenarios()["smart-mine"]
    for text in (scenario.names, *scenario.needs, *(track.task for track in scenario.tracks)):
        assert text[language] in one
    assert "{" not in everything + one


def test_the_command_lists_checks_and_refuses_an_unknown_scenario() -> None:
    runner = CliRunner()
    assert "24" in runner.invoke(command, ["catalogue", "--check", "--lang", "en"]).output
    assert json.loads(runner.invoke(command, ["catalogue", "--json"]).output) == json.loads(json.dumps(catalogue()))
    one = json.loads(runner.invoke(command, ["catalogue", "medical-system", "--json"]).output)
    assert [entry["package"] for entry in one] == ["healthcare"]
    refused = runner.invoke(command, ["catalogue", "no-such"])
    assert getattr(refused.exception, "code", "") == "fit-scenario-unknown"


@pytest.mark.parametrize("classification", CLASSIFICATIONS)
def test_every_line_of_a_concordance_leads_to_a_division_or_section(classification: str) -> None:
    assert all(f"ISIC{line.isic}" in columns() for line in lines(classification).values())


def test_concordances_cover_every_division_and_say_where_they_are_partial() -> None:
    assert {code for code in lines("gbt4754") if len(code) == 2} == {f"{number:02d}" for number in range(1, 98)}
    assert all(code == line.isic and line.whole for code, line in lines("nace2").items())
    reached = {line.isic for line in lines("naics2012").values()}
    assert {code for scenario in scenarios().values() for code in scenario.isic} <= reached
    partial = line_of("325", "naics2012")
    assert partial is not None
    assert not partial.whole


@pytest.mark.parametrize(
    ("code", "classification", "isic"),
    [
        ("3254", "naics2012", "21"),
        ("325411", "naics2017", "21"),
        ("3259", "naics2012", "20"),
        ("C27", "gbt4754", "21"),
        ("2710", "gbt4754", "21"),
        ("C10.1", "nace2", "10"),
        ("Q", "gbt4754", "Q"),
        ("E", "gbt4754", "F"),
        ("31-33", "naics2012", "C"),
        ("622", "naics2012", "86"),
    ],
)
def test_a_class_finds_its_division_by_the_nearest_line_above_it(code: str, classification: str, isic: str) -> None:
    found = line_of(plain(code, classification), classification)
    assert found is not None
    assert found.isic == isic


@pytest.mark.parametrize("code", ["", "0", "ZZ", "9999", "C9", "-1", "３２５", "32 5"])
def test_what_is_no_class_finds_nothing(code: str) -> None:
    assert line_of(plain(code, "naics2012"), "naics2012") is None


def test_sections_hold_their_divisions() -> None:
    assert section_of("86") == "Q"
    assert divisions_of("Q") == ("86", "87", "88")


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("支持新能源汽车产业发展", {"connected-vehicles"}),
        ("支持能源產業與汽車產業", {"green-power", "connected-vehicles"}),
        ("开放医疗场景,推进电子处方", {"medical-system"}),
        ("a platform for more stores and a submarine", set()),
        ("opens Hospitals and farms", {"medical-system", "farm-traceability"}),
        ("区块链十条", set()),
    ],
)
def test_a_sentence_names_its_fields_by_the_longest_keyword(text: str, fields: set[str]) -> None:
    assert fields_of(text) == fields
