from __future__ import annotations

import csv
import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from poju.errors import BugError, CallerError, OperatorError, PojuError
from poju.fit import catalogue, rank, selection
from poju.fit.figures import load_figures, shipped_figures
from poju.fit.regions import resolve
from poju.fit.scenarios import parse_catalogue, scenarios
from poju.fit.tidy import HEADER

SHARED = Path(__file__).parents[3] / "shared" / "data" / "economy"
DATA = Path(__file__).parents[2] / "src" / "poju" / "fit" / "data"


def shipped_rows() -> list[dict[str, str]]:
    names = ("employment", "gdp", "firms", "indicators")
    rows = []
    for name in names:
        with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
            rows += list(csv.DictReader(handle))
    return rows


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, HEADER)
        writer.writeheader()
        writer.writerows(rows)
    return path


def order(fit: dict[str, Any]) -> list[str]:
    return [row["scenario"] for row in fit["distinctive"]]


def leaves(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


@pytest.mark.parametrize("name", ["貴州", "贵州", "贵州省", "520000", "52", "Guizhou", "GUI ZHOU", "Guìzhōu"])
def test_a_region_answers_to_code_and_names(name: str) -> None:
    assert resolve(name).code == "520000"


@pytest.mark.parametrize(("wrong", "near"), [("Guizou", "Guizhou"), ("99", "Zhejiang"), ("", "?"), ("\x1b[31m", "?")])
def test_an_unknown_region_lists_near_names(wrong: str, near: str) -> None:
    with pytest.raises(CallerError) as caught:
        rank(wrong)
    assert caught.value.code == "fit-region-unknown"
    assert near in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_city_names_its_province_and_says_how_to_give_its_own_figures() -> None:
    with pytest.raises(CallerError, match="lies in 520000") as caught:
        rank("520100")
    assert caught.value.code == "fit-region-within"
    assert "--economy" in str(caught.value)


def test_a_region_without_figures_says_so() -> None:
    with pytest.raises(CallerError, match="no figures for 810000"):
        rank("香港")


def test_the_answer_holds_integers_and_strings_and_every_scenario_once() -> None:
    fit = rank("貴州")
    assert all(leaf is None or isinstance(leaf, (int, str)) for leaf in leaves(fit))
    known = {entry["id"] for entry in catalogue()}
    assert len(known) == 24
    assert sorted(row["scenario"] for row in fit["common"]) == sorted(known)
    both = [*order(fit), *(row["scenario"] for row in fit["not_readable"])]
    assert sorted(both) == sorted(known)
    for ranking in ("common", "distinctive"):
        assert [row["rank"] for row in fit[ranking]] == list(range(1, len(fit[ranking]) + 1))


def test_the_same_seed_gives_the_same_bytes_and_another_moves_no_score() -> None:
    first, again, other = rank("520000"), rank("Guizhou"), rank("520000", seed=9)
    assert json.dumps(first) == json.dumps(again)
    assert [row["score_ppm"] for row in first["distinctive"]] == [row["score_ppm"] for row in other["distinctive"]]


def test_permuting_the_figures_among_regions_changes_the_ranking(tmp_path: Path) -> None:
    rows = shipped_rows()
    codes = sorted({row["region_code"] for row in rows})
    moved = dict(zip(codes, codes[1:] + codes[:1], strict=True))
    cells = {(row["region_code"], row["industry_code"]): row for row in rows}
    columns = {row["industry_code"]: row for row in rows}
    permuted = []
    for code, sample in columns.items():
        for region in codes:
            source = cells.get((region, code))
            value = source["value"] if source else "0"
            permuted.append(sample | {"region_code": moved[region], "value": value})
    shifted = rank("520000", data=write(tmp_path / "permuted.csv", permuted))
    own = rank("520000")
    assert order(shifted) != order(own)
    assert [row["score_ppm"] for row in shifted["common"]] == [row["score_ppm"] for row in own["common"]]
    donor = next(region for region, target in moved.items() if target == "520000")
    fact_free = {"cross-border-trade", "port-shipping", "marine-ranching"}
    expected = {row["scenario"]: row["score_ppm"] for row in rank(donor)["distinctive"]}
    got = {row["scenario"]: row["score_ppm"] for row in shifted["distinctive"]}
    assert {name: got[name] for name in got if name not in fact_free} == {
        name: expected[name] for name in expected if name not in fact_free
    }


def test_one_figure_raises_the_scenario_it_stands_for(tmp_path: Path) -> None:
    sample = next(row for row in shipped_rows() if row["industry_code"] == "TS066")
    row = sample | {"region_code": "520000", "value": "12", "source": "test"}
    before = {item["scenario"]: item for item in rank("520000")["distinctive"]}["smart-mine"]
    after_fit = rank("520000", data=write(tmp_path / "coal.csv", [row]))
    after = {item["scenario"]: item for item in after_fit["distinctive"]}["smart-mine"]
    assert after["score_ppm"] > before["score_ppm"]
    assert after["rank"] < before["rank"]
    assert any(part["source"] == "test" and part["value"] == 12 for part in after["reasons"][0]["parts"])
    assert "test" in after_fit["sources"]


def test_prerequisites_come_first_an_inland_province_has_no_sea_farm_above_what_it_can_open() -> None:
    inland, coastal = rank("520000"), rank("海南")
    unmet = [any(p["met"] is False for p in row["prerequisites"]) for row in inland["distinctive"]]
    assert unmet == sorted(unmet)
    assert {row["scenario"]: u for row, u in zip(inland["distinctive"], unmet, strict=True)}["marine-ranching"]
    sea = next(row for row in coastal["distinctive"] if row["scenario"] == "marine-ranching")
    assert sea["prerequisites"][0]["met"] is True
    assert sea["prerequisites"][0]["figure"]["figure"] == "COAST"


def test_every_reason_has_unit_year_and_source_and_sums_its_parts() -> None:
    for region in ("520000", "540000", "440000"):
        for row in rank(region)["distinctive"]:
            assert row["reasons"]
            low, high = row["interval"]
            assert 1 <= low <= high <= 24
            for reason in row["reasons"]:
                assert reason["unit"]
                assert reason["source"]
                assert 2000 < reason["year"] <= 2026
                if "parts" in reason:
                    assert sum(part["value"] for part in reason["parts"]) <= reason["value"]


def test_health_is_not_readable_and_an_undated_hospital_figure_never_counts_as_current() -> None:
    fit = rank("520000")
    assert "medical-system" not in order(fit)
    health = next(row for row in fit["not_readable"] if row["scenario"] == "medical-system")
    assert {figure["figure"] for figure in health["undated"]} == {"HLTBED", "HLTSTAFF"}
    assert all("year" not in figure for figure in health["undated"])
    assert len(health["needs"]) == 3
    chosen = selection(fit, "medical-system")
    assert not any(item["figure"].startswith("HLT") for item in chosen["evidence"])


def test_dated_beds_and_staff_for_all_regions_make_health_readable(tmp_path: Path) -> None:
    rows = []
    for code, unit in (("HLTBED", "beds"), ("HLTSTAFF", "persons")):
        for number, region in enumerate(shipped_figures().regions, start=1):
            value = str(10_000 * number)
            rows.append(dict(zip(HEADER, (region, "", code, "", "2024", value, unit, "yearbook"), strict=True)))
    fit = rank("520000", data=write(tmp_path / "beds.csv", rows))
    health = next(row for row in fit["distinctive"] if row["scenario"] == "medical-system")
    assert {reason["figure"] for reason in health["reasons"]} >= {"HLTBED", "HLTSTAFF", "Q"}
    partial = rank("520000", data=write(tmp_path / "one.csv", rows[:5]))
    assert "medical-system" not in order(partial)


def test_the_baseline_leaves_the_region_itself_out() -> None:
    shares = {
        region: {row["scenario"]: row["score_ppm"] for row in rank(region)["common"]} for region in ("520000", "110000")
    }
    assert shares["520000"] != shares["110000"]
    assert abs(sum(shares["520000"].values()) - 1_000_000) < 24


def test_a_selection_is_bounded_and_says_what_was_missing() -> None:
    fit = rank("520000")
    chosen = selection(fit, "medical-system")
    assert set(chosen) == {"scenario", "region", "evidence", "missing", "rank_common", "rank_distinctive"}
    assert (chosen["region"], chosen["rank_distinctive"]) == ("520000", None)
    assert any("Hospital beds" in text for text in chosen["missing"])
    assert all(len(leaf) <= 200 for leaf in leaves(chosen) if isinstance(leaf, str))
    assert all(isinstance(item["year"], int) for item in chosen["evidence"])
    ranked = selection(fit, "green-power")
    assert ranked["rank_distinctive"] == next(r["rank"] for r in fit["distinctive"] if r["scenario"] == "green-power")
    with pytest.raises(CallerError, match="medical-system"):
        selection(fit, "no-such")


GOOD = ("520000", "贵州", "TS066", "煤炭开采", "2025", "3", "A-share firms at year-end, survivors only", "yearbook")


@pytest.mark.parametrize(
    ("place", "value", "column"),
    [
        (0, "529999", "region_code"),
        (0, "810000", "region_code"),
        (2, "TS999", "industry_code"),
        (4, "", "year"),
        (4, "202５", "year"),
        (5, "-1", "value"),
        (5, "1.5", "value"),
        (5, "1e3", "value"),
        (5, "9" * 40, "value"),
        (6, "thousand firms", "unit"),
        (7, " ", "source"),
        (7, "x" * 201, "source"),
    ],
)
def test_a_wrong_cell_is_named_by_row_and_column(tmp_path: Path, place: int, value: str, column: str) -> None:
    row = [*GOOD]
    row[place] = value
    path = tmp_path / "own.csv"
    write(path, [dict(zip(HEADER, row, strict=True))])
    with pytest.raises(CallerError, match=rf"own\.csv, row 2, column {column}"):
        load_figures(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00\x01",
        b"a,b\n1,2\n",
        (",".join(HEADER) + "\n").encode(),
        (",".join(HEADER) + "\n520000,x\n").encode(),
        (",".join(HEADER) + '\n"520000').encode(),
        b"x" * 8_000_001,
    ],
)
def test_what_is_no_tidy_csv_ends_in_one_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(content)
    with pytest.raises(PojuError, match=r"own\.csv, row") as caught:
        rank("520000", data=path)
    assert caught.value.hint


def test_a_repeated_cell_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    row = dict(zip(HEADER, GOOD, strict=True))
    with pytest.raises(CallerError, match="already"):
        load_figures(write(tmp_path / "twice.csv", [row, row]))
    with pytest.raises(OperatorError, match=r"absent\.csv"):
        load_figures(tmp_path / "absent.csv")
    with pytest.raises(OperatorError):
        load_figures(tmp_path)


def test_a_broken_catalogue_names_the_scenario() -> None:
    text = (DATA / "scenarios.toml").read_text(encoding="utf-8")
    for wrong in (
        text.replace('codes = ["TS075"', 'codes = ["TS999"', 1),
        text.replace('field = "矿业"', 'field = "矿"'),
        text.replace('readability = "yes"', 'readability = "perhaps"', 1),
        text.replace('id = "smart-mine"', 'id = "green-power"'),
    ):
        assert wrong != text
        with pytest.raises(BugError, match="does not hold together"):
            parse_catalogue(wrong)


def test_every_catalogue_text_is_in_three_languages_and_one_package_is_ready() -> None:
    for entry in catalogue():
        for text in (entry["names"], *entry["needs"], *(item["text"] for item in entry["prerequisites"])):
            assert set(text) == {"zh-Hant", "zh-Hans", "en"}
            assert all(text.values())
            assert text["en"].isascii()
        assert entry["needs"]
        assert entry["prerequisites"]
        assert entry["industries"]
        assert entry["sources"]
    assert [entry["id"] for entry in catalogue() if entry["package"]] == ["medical-system"]
    assert sum(item.readability == "no" for item in scenarios().values()) == 4


@pytest.mark.shared
def test_shipped_figures_are_those_of_their_source() -> None:
    if not SHARED.exists():
        pytest.skip("../shared is not here")
    found = shipped_figures()
    with (SHARED / "cn_province_employment_8.csv").open(encoding="utf-8-sig", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["year"] == "2023"]
    with (SHARED / "cn_province_gdp_strata.csv").open(encoding="utf-8-sig", newline="") as handle:
        strata = [row for row in csv.DictReader(handle) if row["year"] == "2024" and row["industry_code"] != "T"]
    with gzip.open(SHARED / "cn_province_listed_firms.csv.gz", "rt", encoding="utf-8-sig") as handle:
        firms = [row for row in csv.DictReader(handle) if row["year"] == "2025"]
    assert (len(rows), len(strata), len(firms)) == (248, 93, 1374)
    for factor, table in ((1, rows), (100, strata), (1, firms)):
        for row in table:
            figure = found.get(row["region_code"], row["industry_code"])
            assert figure is not None
            assert figure.value == Decimal(row["value"]) * factor
            assert (figure.year, figure.source) == (int(row["year"]), row["source"])
