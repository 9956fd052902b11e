from __future__ import annotations

import csv
import gzip
import json
import runpy
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from poju.errors import CallerError, OperatorError, PojuError
from poju.fit import brief, rank, render
from poju.fit.concordance import bring
from poju.fit.economy import load_economy
from poju.fit.tidy import HEADER, SHOWN

ROOT = Path(__file__).parents[2]
JERSEY = ROOT / "examples" / "economies" / "new-jersey"
QCEW = ROOT.parent / "shared" / "data" / "economy" / "us_nj_qcew_2016.csv.gz"
ABOUT = """country = "CN"
classification = "gbt4754"
source = "yearbook"
[names]
zh-Hant = "某省各市"
zh-Hans = "某省各市"
en = "the cities of a province"
"""
CITIES = [
    ("520000", "", "貴州", "贵州", "Guizhou"),
    ("520100", "520000", "貴陽", "贵阳", "Guiyang"),
    ("520200", "520000", "六盤水", "六盘水", "Liupanshui"),
    ("520300", "520000", "遵義", "遵义", "Zunyi"),
    ("520400", "520000", "安順", "安顺", "Anshun"),
]
FIGURES = [
    ("520100", "C15", 100),
    ("520100", "B06", 100),
    ("520100", "P83", 800),
    ("520200", "C15", 50),
    ("520200", "B06", 900),
    ("520200", "P83", 50),
    ("520300", "C15", 700),
    ("520300", "B06", 100),
    ("520300", "P83", 200),
]


def economy(
    folder: Path,
    *,
    about: str = ABOUT,
    regions: list[tuple[str, ...]] | None = None,
    figures: list[tuple[Any, ...]] | None = None,
) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "economy.toml").write_text(about, encoding="utf-8")
    with (folder / "regions.csv").open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([("code", "parent", "zh-Hant", "zh-Hans", "en"), *(regions or CITIES)])
    with (folder / "figures.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(HEADER)
        for row in FIGURES if figures is None else figures:
            region, code, value, *rest = row
            year, unit, source = rest or ("2024", "persons", "yearbook")
            writer.writerow((region, "", code, "", year, value, unit, source))
    return folder


def scores(fit: dict[str, Any]) -> dict[str, int]:
    return {row["scenario"]: row["rank"] for row in fit["distinctive"]}


def test_the_second_country_works_from_its_shipped_sample() -> None:
    fit = rank("Essex County", economy=JERSEY)
    assert fit["region"] == {
        "code": "34013",
        "name": {"zh-Hant": "埃塞克斯縣", "zh-Hans": "埃塞克斯县", "en": "Essex County"},
    }
    assert (fit["common_basis"], fit["economy"]["compared"], fit["year"]) == ("size", 21, 2016)
    assert fit["distinctive"][0]["scenario"] == "low-altitude"
    assert not any(row["readable"] for row in fit["distinctive"])
    assert "medical-system" in scores(fit)
    assert json.dumps(fit) == json.dumps(rank("34013", economy=JERSEY))


def test_a_quotient_of_the_sample_is_the_one_that_its_figures_give() -> None:
    with (JERSEY / "figures.csv").open(encoding="utf-8", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if len(row["industry_code"]) == 3]
    whole = sum(int(row["value"]) for row in rows)
    here = sum(int(row["value"]) for row in rows if row["region_code"] == "34013")
    air = sum(int(row["value"]) for row in rows if row["industry_code"] == "481")
    own = next(int(row["value"]) for row in rows if (row["region_code"], row["industry_code"]) == ("34013", "481"))
    expected = (own / here) / (air / whole)
    reason = rank("34013", economy=JERSEY)["distinctive"][0]["reasons"][0]
    part = next(part for part in reason["parts"] if part["figure"] == "ISIC51")
    assert part["value"] == own
    assert part["location_quotient_ppm"] / 1e6 == pytest.approx(expected, rel=0.01)


def test_bringing_to_isic_counts_no_person_twice_and_loses_none() -> None:
    with (JERSEY / "figures.csv").open(encoding="utf-8", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["region_code"] == "34013"]
    values = {row["industry_code"]: int(row["value"]) for row in rows}
    brought = bring(values, "naics2012")
    subsectors = sum(value for code, value in values.items() if len(code) == 3)
    assert not brought.exceeding
    assert abs(sum(brought.values.values()) - subsectors) <= len(values)


def test_a_suppressed_class_stays_in_the_class_above_it() -> None:
    brought = bring({"325": 1000, "3254": 400}, "naics2012")
    assert brought.values == {"ISIC20": 600, "ISIC21": 400}
    assert brought.partial == {"ISIC20"}
    assert bring({"325": 100, "3254": 400}, "naics2012").exceeding == ("325",)
    assert bring({"C": 500, "15": 200}, "gbt4754").values == {"ISICC": 300, "ISIC11": 200}


@pytest.mark.shared
def test_the_sample_is_what_its_script_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not QCEW.exists():
        pytest.skip("../shared is not here")
    module = runpy.run_path(str(JERSEY / "build.py"))
    monkeypatch.setitem(module["main"].__globals__, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["build.py", str(QCEW)])
    module["main"]()
    assert (tmp_path / "figures.csv").read_bytes() == (JERSEY / "figures.csv").read_bytes()
    assert (JERSEY / "figures.csv").stat().st_size <= 300_000
    with gzip.open(QCEW, "rt", encoding="utf-8-sig") as handle:
        source = {(row["region_code"], row["industry_code"]): row["value"] for row in csv.DictReader(handle)}
    with (JERSEY / "figures.csv").open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            value = Decimal(source[row["region_code"], row["industry_code"]])
            assert abs(Decimal(row["value"]) - value) <= Decimal("0.5")


def test_cities_are_ranked_among_their_own_province_with_the_other_provinces_as_baseline(tmp_path: Path) -> None:
    folder = economy(tmp_path / "cities")
    coal, spirits = rank("六盤水", economy=folder), rank("Zunyi", economy=folder)
    assert scores(coal)["smart-mine"] == 1
    assert scores(spirits)["food-origin"] == 1
    assert coal["common_basis"] == "reports"
    baseline = {row["scenario"]: row["score_ppm"] for row in coal["common"]}
    assert baseline == {row["scenario"]: row["score_ppm"] for row in rank("520000")["common"]}


def test_beds_and_staff_of_every_city_count_for_health_per_resident(tmp_path: Path) -> None:
    given = [
        (region, code, value, "2024", unit, "yearbook")
        for region, beds in (("520100", 9_000), ("520200", 1_000), ("520300", 1_000))
        for code, value, unit in (
            ("POP", 1_000_000, "persons, year-end"),
            ("HLTBED", beds, "beds"),
            ("HLTSTAFF", beds, "persons"),
        )
    ]
    fit = rank("520100", economy=economy(tmp_path / "cities", figures=[*FIGURES, *given]))
    health = next(row for row in fit["distinctive"] if row["scenario"] == "medical-system")
    assert {reason["figure"] for reason in health["reasons"]} == {"HLTBED", "HLTSTAFF"}
    assert health["score_ppm"] == pytest.approx(9_000 / 3_667 * 1_000_000, rel=0.01)


def test_a_city_without_figures_says_so_and_names_what_has_some(tmp_path: Path) -> None:
    folder = economy(tmp_path / "cities")
    with pytest.raises(CallerError, match="no figures for 520400") as caught:
        rank("520400", economy=folder)
    assert caught.value.code == "fit-region-without-figures"
    own = [("520000", "C15", 850), ("520000", "B06", 1100), *FIGURES]
    with pytest.raises(CallerError, match="Rank 520000"):
        rank("520400", economy=economy(tmp_path / "both", figures=own))
    with pytest.raises(CallerError, match="no other region beside it") as alone:
        rank("520000", economy=tmp_path / "both")
    assert alone.value.code == "fit-region-alone"


def test_sections_alone_tell_only_fields_that_are_most_of_a_section(tmp_path: Path) -> None:
    rows = [(region, code, value) for (region, _code, value), code in zip(FIGURES, "CBPCBPCBP", strict=True)]
    fit = rank("520200", economy=economy(tmp_path / "sections", figures=rows))
    assert {"smart-mine", "credential-recognition"} <= set(scores(fit))
    assert not {"food-origin", "chip-validation"} & set(scores(fit))
    unread = {row["scenario"]: row for row in fit["not_readable"]}
    assert "None of the figures" in unread["food-origin"]["why"]["en"]


def test_all_problems_of_a_file_are_told_at_once_up_to_twenty(tmp_path: Path) -> None:
    wrong: list[tuple[Any, ...]] = [("529999", "C15", 1), ("520100", "Z9", 1), ("520100", "C15", -1), *FIGURES]
    with pytest.raises(CallerError) as caught:
        load_economy(economy(tmp_path / "wrong", figures=wrong))
    told = str(caught.value)
    assert caught.value.code == "fit-data-row"
    assert "figures.csv, row 2, column region_code" in told
    assert "figures.csv, row 3, column industry_code: Z9 is no class of gbt4754" in told
    assert "figures.csv, row 4, column value" in told
    many: list[tuple[Any, ...]] = [("529999", "C15", number) for number in range(50)]
    with pytest.raises(CallerError) as listed:
        load_economy(economy(tmp_path / "many", figures=many))
    lines = str(listed.value).splitlines()
    assert sum("column region_code" in line for line in lines) == SHOWN
    assert "… and 30 more." in lines
    assert "第 2 列" in listed.value.explain("zh-Hant")


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (("520100", "C15", 5), "industry_code"),
        (("520100", "C17", 5, "2024", "firms", "yearbook"), "unit"),
        (("520100", "C17", 5, "24", "persons", "yearbook"), "year"),
        (("520100", "C17", "1e3"), "value"),
        (("520100", "C17", 5, "2024", "persons", ""), "source"),
    ],
)
def test_a_wrong_row_of_an_economy_is_named(tmp_path: Path, row: tuple[Any, ...], column: str) -> None:
    with pytest.raises(CallerError, match=rf"figures\.csv, row 11, column {column}"):
        load_economy(economy(tmp_path / "wrong", figures=[*FIGURES, row]))


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ("country = ", "no well-formed TOML"),
        (ABOUT.replace("CN", "China"), "two capital letters"),
        (ABOUT.replace("gbt4754", "sic"), "classification is one of"),
        (ABOUT.replace('en = "the cities of a province"', ""), "names needs"),
        (ABOUT.replace("yearbook", "x" * 201), "one line of at most"),
        ("more = 1\n" + ABOUT, "nothing else"),
        (ABOUT.replace('"yearbook"', "7"), "one line of at most"),
    ],
)
def test_a_wrong_economy_file_is_one_clear_error(tmp_path: Path, about: str, said: str) -> None:
    with pytest.raises(CallerError, match=said) as caught:
        load_economy(economy(tmp_path / "wrong", about=about))
    assert caught.value.code == "fit-economy"
    assert caught.value.explain("zh-Hans") != caught.value.explain("en")


@pytest.mark.parametrize(
    ("regions", "said"),
    [
        ([("1", "", "甲", "甲")], "five cells"),
        ([("1", "", "甲", "甲", "A"), ("1", "", "乙", "乙", "B")], "given once"),
        ([("1", "1", "甲", "甲", "A")], "own parent"),
        ([("1", "999999", "甲", "甲", "A")], "no region of this file"),
        ([("1", "", "", "甲", "A")], "name in each"),
        ([("1\x1b", "", "甲", "甲", "A")], "five cells"),
    ],
)
def test_a_wrong_list_of_regions_is_one_clear_error(tmp_path: Path, regions: list[tuple[str, ...]], said: str) -> None:
    with pytest.raises(CallerError, match=said):
        load_economy(economy(tmp_path / "wrong", regions=regions))


def test_hostile_files_end_in_an_error_of_ours(tmp_path: Path) -> None:
    for name in ("economy.toml", "regions.csv", "figures.csv"):
        for content in (b"\xff\xfe\x00", b"", b'"' * 1000, b"x" * 8_000_001, b"a,b\n\x00"):
            folder = economy(tmp_path / "hostile")
            (folder / name).write_bytes(content)
            with pytest.raises(PojuError):
                rank("520100", economy=folder)
    with pytest.raises(OperatorError):
        load_economy(tmp_path / "absent")


def test_own_figures_and_another_economy_do_not_mix(tmp_path: Path) -> None:
    with pytest.raises(CallerError) as caught:
        rank("34013", economy=JERSEY, data=tmp_path / "own.csv")
    assert caught.value.code == "fit-data-economy"


def test_a_fact_of_an_economy_decides_a_prerequisite_and_a_missing_row_decides_none() -> None:
    fit = rank("34013", economy=JERSEY, settings=("COAST=0", "BORDER=0"))
    rows = {row["scenario"]: row for row in fit["distinctive"]}
    assert rows["marine-ranching"]["prerequisites"][0]["met"] is False
    assert rows["marine-ranching"]["rank"] > rows["building-quality"]["rank"]
    ports = rank("34041", economy=JERSEY)
    port = next(row for row in ports["distinctive"] if row["scenario"] == "port-shipping")
    assert all(item["met"] is not False for item in port["prerequisites"])


def test_another_country_is_never_said_to_have_reports() -> None:
    fit = rank("34013", economy=JERSEY)
    assert not any("reports" in str(reason["unit"]) for row in fit["common"] for reason in row["reasons"])
    assert not any("government work reports" in source for source in fit["sources"])
    shares = [row["score_ppm"] for row in fit["common"]]
    assert shares == sorted(shares, reverse=True)


def test_invented_cities_pass_through_every_part_of_an_answer(tmp_path: Path) -> None:
    """The figures are invented; what is tested is that a city is answered as a province is."""
    told = {
        "id": "1",
        "side": "push",
        "instrument": "award_grant",
        "regions": [{"code": "520303"}],
        "sentences": [{"text": "獎勵白酒企業"}],
    }
    landscape = tmp_path / "landscape.json"
    landscape.write_text(json.dumps({"events": [told]}, ensure_ascii=False), encoding="utf-8")
    cities = economy(tmp_path / "cities")
    fit = rank("遵義", economy=cities, landscape=landscape, settings=("HLTBED=5000",))
    assert fit["policies"]["scenarios"]["food-origin"]["push"] == 1
    assert fit["policies"]["neighbours"] == []
    text = render(fit, "zh-Hant")
    assert "log₂" in text
    assert "σ" not in text
    for path in brief.write(fit, tmp_path / "out"):
        assert path.stat().st_size
    elsewhere = rank("520200", economy=cities, landscape=landscape)
    assert "holds nothing about this region" in render(elsewhere, "en")
    page = brief.page(brief.whole(elsewhere), "en")
    assert "holds nothing about this region" in page


def test_a_scenario_of_which_no_other_region_has_a_figure_has_no_share(tmp_path: Path) -> None:
    fit = rank("520300", economy=economy(tmp_path / "cities", about=ABOUT.replace("CN", "XX")))
    bare = [row for row in fit["common"] if not row["reasons"]]
    assert bare
    assert all(row["score_ppm"] == 0 for row in bare)
    lines = render(fit, "en").splitlines()
    assert all(any(row["scenario"] in line and "  –" in line for line in lines) for row in bare)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="nowhere"):
        rank("1", economy=tmp_path / "nowhere")
