"""The landscape's figures: shares, time, tiles, tiers, firsts, likeness against chance, gaps, and their sentences."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction
from pathlib import Path

import pytest

from poju import survey
from poju.survey.gazetteer import divisions
from poju.survey.model import Document, Json
from poju.survey.scape.alike import expected_jaccard_ppm
from poju.survey.scape.rows import SIDES, codes_of, tier_of, tiers
from poju.survey.scape.tiles import grid

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "examples" / "policies"
SHARED = ROOT.parent / "shared" / "data" / "policy"
NEWS = (
    "2017年2月,貴陽市政府發布白皮書。同年5月,貴陽市政府發布「區塊鏈十條」。廣州發布「區塊鏈10條」則是在貴陽的7個月後。\n\n"
    "2018年,杭州市政府發布白皮書。2018年3月,青島市市北區發布實施意見,建設產業園。\n\n"
    "青島市舉辦區塊鏈峰會。2018年5月,貴州省政府發布醫療應用場景開放清單。\n\n結果已有30餘家企業落戶青島。應該開放更多場景。"
)


def of_texts(*texts: str) -> Json:
    return survey.landscape([survey.extract(Document(f"{i}.txt", text, f"{i}")) for i, text in enumerate(texts)])


@pytest.fixture(scope="module")
def news() -> Json:
    return of_texts(NEWS)


@pytest.fixture(scope="module")
def digest() -> Json:
    return survey.landscape([survey.extract(document) for document in survey.read([POLICIES / "zh-Hant"])])


def ids_in(node: object) -> list[str]:
    """Return every event id that a figure names, wherever it stands."""
    if isinstance(node, dict):
        return [found for value in node.values() for found in ids_in(value)]
    if isinstance(node, list):
        return [found for value in node for found in ids_in(value)]
    return [node] if isinstance(node, str) and node.startswith("d1-e") else []


def test_records_cross_a_process_and_give_the_same_landscape() -> None:
    results = [
        survey.extract(Document(f"{i}.txt", text, f"{i}")) for i, text in enumerate((NEWS, "2018年,福建省發布白皮書。"))
    ]
    sent = [json.loads(json.dumps(survey.record(result), ensure_ascii=False)) for result in results]
    assert survey.landscape_of(iter(sent)) == survey.landscape(results)
    assert survey.landscape_of(sent) == survey.landscape_of(sent), "records are not used up or changed"


def test_surv_1_each_sentence_and_its_surroundings_stand_in_the_source(digest: Json) -> None:
    text = (POLICIES / "zh-Hant" / "blockchain-2018.txt").read_bytes().decode("utf-8")
    told = [
        sentence
        for group in ("events", "outcomes", "findings")
        for item in digest[group]
        for sentence in item["sentences"]
    ]
    assert len(told) > 20
    for sentence in told:
        assert text[sentence["start"] : sentence["end"]] == sentence["text"]
        around = sentence["before"] + sentence["text"] + sentence["after"]
        start = sentence["start"] - len(sentence["before"])
        assert text[start : start + len(around)] == around


@pytest.mark.parametrize("text", ["\ufeff\r\n" + NEWS, "𠮷🈳" * 40 + "\r" + NEWS, NEWS.replace("政府", "政府\u202e")])
def test_surv_1_holds_where_offsets_like_to_slip(text: str) -> None:
    found = of_texts(text)
    assert found["events"]
    for event in found["events"]:
        for sentence in event["sentences"]:
            assert text[sentence["start"] : sentence["end"]] == sentence["text"] != ""


def test_every_figure_names_events_that_exist_and_agrees_with_its_count(news: Json) -> None:
    known = {event["id"] for event in news["events"]}
    for part in ("cells", "shares", "timeline", "tiles", "tiers", "firsts", "told_gaps", "gaps"):
        assert set(ids_in(news[part])) <= known, part
    for share in news["shares"]["sides"]:
        assert share["count"] == len(share["events"])
    for item in (*news["tiles"], *news["tiers"], *news["timeline"]["periods"], news["timeline"]["undated"]):
        assert sum(item[side] for side in SIDES) == len(item["events"])


def test_shares_count_each_event_once_and_say_when_they_are_few(news: Json) -> None:
    shares = news["shares"]
    assert shares["few"]
    assert sum(share["count"] for share in shares["sides"]) == shares["of"] == len(news["events"])
    assert sum(share["count"] for share in shares["thrusts"]) == shares["of"]
    assert {share["side"]: share["count"] for share in shares["sides"]}["pull"] == 1


def test_timeline_fills_empty_months_and_keeps_years_and_undated_apart(news: Json) -> None:
    line = news["timeline"]
    months = [period["period"] for period in line["periods"]]
    assert line["unit"] == "month"
    assert (months[0], months[-1], len(months)) == ("2017-02", "2018-05", 16)
    assert [period["period"] for period in line["coarse"]] == ["2018"]
    assert line["undated"]["events"]
    placed = [*line["periods"], *line["coarse"], line["undated"]]
    assert sum(len(period["events"]) for period in placed) == len(news["events"]) == sum(line["precision"].values())


def test_timeline_of_many_years_goes_by_year() -> None:
    line = of_texts("2010年3月,貴州省政府發布白皮書。2020年3月,浙江省政府發布白皮書。")["timeline"]
    assert line["unit"] == "year"
    assert [period["period"] for period in line["periods"]] == [str(year) for year in range(2010, 2021)]


def test_tiles_are_the_34_units_each_on_its_own_place() -> None:
    provinces = {code for code, division in divisions().items() if division.level == "province"}
    assert set(grid()) == provinces
    assert len(set(grid().values())) == 34


def test_tiles_count_districts_and_cities_within(news: Json) -> None:
    held = {tile["code"]: tile for tile in news["tiles"]}
    assert (
        held["370000"]["events"] == [e["id"] for e in news["events"] if any(c[:2] == "37" for c in codes_of(e))] != []
    )
    assert held["520000"]["pull"] == 1
    assert held["110000"]["events"] == []


def test_tiers_hold_every_division_once_and_the_numbers_of_the_classification() -> None:
    everywhere = [code for tier in tiers() for code in tier.codes]
    assert len(everywhere) == len(set(everywhere)) == len(divisions())
    sizes = {tier.id: tier.units for tier in tiers()}
    assert (sizes["municipality"], sizes["special"], sizes["province"]) == (4, 2, 28)
    assert (sizes["sub-provincial"], sizes["capital"]) == (15, 17)
    assert [tier_of(code).id for code in ("310000", "310104", "370200", "520100", "130200", "龍灣")] == [
        "municipality", "district", "sub-provincial", "capital", "prefecture", "other"
    ]  # fmt: skip


def test_tiers_of_few_regions_support_nothing(news: Json) -> None:
    found = {tier["tier"]: tier for tier in news["tiers"]}
    assert not found["district"]["supported"]
    assert found["sub-provincial"]["supported"] == (len(found["sub-provincial"]["regions"]) >= 3)


def test_firsts_compare_months_only_and_name_who_may_be_earlier() -> None:
    found = of_texts(
        "2017年5月,貴陽市政府發布白皮書。2017年12月,廣州市政府發布白皮書。2017年,青島市政府發布白皮書。"
        "2018年,杭州市政府發布白皮書。福州市政府發布白皮書。2016年12月,国务院發布白皮書。"
    )
    (item,) = [first for first in found["firsts"] if first["instrument"] == "white_paper"]
    assert item["first"]["value"] == "2017-05"
    assert item["first"]["regions"] == ["520100"]
    assert [(one["region"], one["months_behind"]) for one in item["followers"]] == [("440100", 7)]
    assert [(one["region"], one["precision"]) for one in item["maybe_earlier"]] == [("370200", "year")]
    assert item["supported"]


def test_one_dated_region_is_no_first() -> None:
    found = of_texts("2017年5月,貴陽市政府發布白皮書。")
    assert not found["firsts"][0]["supported"]


def test_a_gap_that_the_text_tells_is_kept_with_both_of_its_events(news: Json) -> None:
    (gap,) = [gap for gap in news["told_gaps"] if not gap["same_region"]]
    assert (gap["regions"], gap["months"], gap["anchor_regions"]) == (["440100"], 7, ["520100"])
    assert (gap["anchor_value"], gap["value"]) == ("2017-05", "2017-12")


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="../shared is not here")
def test_guangzhou_is_seven_months_behind_guiyang_in_the_article() -> None:
    found = survey.landscape(survey.extract(document) for document in survey.read([SHARED / "seed.txt"]))
    gaps = [(gap["regions"], gap["anchor_regions"], gap["months"]) for gap in found["told_gaps"]]
    assert (["440100"], ["520100"], 7) in gaps
    (plan,) = [first for first in found["firsts"] if first["instrument"] == "strategy_plan"]
    assert (plan["first"]["regions"], plan["first"]["value"]) == (["520100"], "2017-02")
    assert {one["region"]: one["months_behind"] for one in plan["followers"]} == {"370200": 4, "440100": 10}


@pytest.mark.parametrize(("first", "second", "universe"), [(2, 2, 4), (1, 3, 5), (4, 5, 6), (3, 3, 3)])
def test_expected_likeness_is_the_mean_over_all_sets(first: int, second: int, universe: int) -> None:
    drawn = [set(chosen) for chosen in itertools.combinations(range(universe), second)]
    fixed = set(range(first))
    mean = sum(Fraction(len(fixed & one), len(fixed | one)) for one in drawn) / len(drawn)
    assert expected_jaccard_ppm(first, second, universe) == int(mean * 1_000_000)


def test_likeness_leaves_out_single_instruments_and_the_country() -> None:
    found = of_texts(
        "2018年5月,貴州省政府發布白皮書,舉辦區塊鏈峰會。\n\n2018年6月,國務院發布白皮書,舉辦區塊鏈峰會。\n\n2018年8月,江蘇省政府發布白皮書。"
    )["similarity"]
    assert not found["supported"]
    assert found["pairs"] == []
    assert found["left_out"] == ["320000"]


def test_gaps_do_not_call_a_short_row_a_gap() -> None:
    pulling = "".join(f"2018年{month}月,浙江省發布場景清單。\n\n" for month in range(1, 10))
    found = of_texts(pulling + "2018年5月,貴州省政府發布白皮書。")["gaps"]
    (row,) = found["push_without_pull"]
    assert row["region"] == "520000"
    assert row["chance_ppm"] == 100_000, "one event in ten does not pull"
    assert not row["telling"]
    assert "scenario_opening" not in found["unused"]
    assert set(found["unused_pull"]) < set(found["unused"])


def test_where_nothing_pulls_no_region_is_singled_out(digest: Json) -> None:
    gaps = digest["gaps"]
    assert len(gaps["unused_pull"]) == 9
    assert len(gaps["push_without_pull"]) == len(digest["regions"])
    assert not any(row["telling"] for row in gaps["push_without_pull"])


def test_sample_says_what_the_figures_rest_on(news: Json) -> None:
    sample = news["sample"]
    assert sample["documents"] == 1
    assert sample["regions_of_one_document"] == sample["regions"] == len(news["regions"])
    assert all(region["documents"] == 1 for region in news["regions"])


def test_nothing_makes_an_empty_landscape_without_an_error() -> None:
    for found in (survey.landscape([]), of_texts("今天天氣很好。")):
        assert found["shares"]["of"] == 0
        assert found["tiers"] == found["firsts"] == found["told_gaps"] == []
        assert len(found["tiles"]) == 34
        assert len(found["gaps"]["unused"]) == 32
