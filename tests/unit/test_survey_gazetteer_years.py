import csv
from pathlib import Path

import pytest

from poju import survey
from poju.survey.datafiles import data_text
from poju.survey.gazetteer import (
    aliases,
    code_of,
    contains,
    divisions,
    every_division,
    history,
    of_year,
    present,
    row_of,
    same_division,
)

NEWEST = 2024


@pytest.mark.parametrize(
    ("name", "year", "code"),
    [
        ("襄樊市", 2009, "420600"), ("襄阳市", 2010, "420600"), ("巢湖市", 2010, "341400"), ("巢湖市", 2012, "340181"),
        ("莱芜市", 2018, "371200"), ("莱芜区", 2019, "370116"), ("璧山县", 2013, "500227"), ("璧山区", 2014, "500120"),
        ("思茅市", 2006, "530800"), ("普洱市", 2007, "530800"), ("静海县", 2014, "120223"), ("静海区", 2015, "120118"),
        ("即墨市", 2016, "370282"), ("即墨区", 2017, "370215"), ("宣武区", 2009, "110104"), ("崇文区", 2010, "110103"),
        ("闸北区", 2014, "310108"), ("南汇区", 2008, "310119"), ("卢湾区", 2010, "310103"), ("临平区", 2021, "330113"),
        ("钱塘区", 2022, "330114"), ("拱墅区", 2020, "330105"), ("拱墅区", 2023, "330105"), ("江干区", 2020, "330104"),
        ("台湾省", 2005, "710000"), ("滨海新区", 2009, "120116"), ("东乡区", 2017, "361003"),
        ("临川区", 2017, "361002"),
    ],
)  # fmt: skip
def test_a_name_has_the_code_of_its_year(name: str, year: int, code: str) -> None:
    assert code_of(name, year) == (code,)


@pytest.mark.parametrize(("name", "year"), [("临平区", 2020), ("崇文区", 2011), ("璧山区", 2013), ("襄樊市", 2011)])
def test_a_name_that_was_not_in_force_has_no_code_of_that_year(name: str, year: int) -> None:
    assert code_of(name, year) == ()


@pytest.mark.parametrize(
    ("code", "now", "row"),
    [
        ("110103", ("110101",), "110000"),
        ("371200", ("370100",), "370100"),
        ("371202", ("370116",), "370100"),
        ("500227", ("500120",), "500000"),
        ("330103", ("330105",), "330100"),
        ("341400", ("340100", "340200", "340500"), "341400"),
        ("330100", ("330100",), "330100"),
        ("999999", (), "999999"),
    ],
)
def test_a_ceased_code_leads_to_the_codes_of_today(code: str, now: tuple[str, ...], row: str) -> None:
    assert present(code) == now
    assert row_of(code) == row


def test_the_same_division_keeps_its_identity_through_its_codes() -> None:
    assert same_division("500227") == ("500120", "500227")
    assert same_division("340181") == ("340181", "341402")
    assert of_year("500120", 2009).hans == "璧山县"
    assert of_year("340281", 2005).code == "341422"
    assert of_year("340281", 2015).code == "340225"


def test_a_namesake_of_the_year_is_meant_only_where_the_name_was_written_in_full() -> None:
    assert of_year("340181", 2009).code == "341400"
    assert of_year("340181", 2009, in_full=False).code == "341402"


def test_a_year_outside_the_table_takes_the_nearest_list() -> None:
    assert divisions(1995) == divisions(2000)
    assert divisions(2100) == divisions()
    assert of_year("330113", 2018).code == "330113"
    assert of_year("110103", 2020).code == "110103"


def test_an_unknown_code_is_an_error_and_never_a_guess() -> None:
    with pytest.raises(KeyError):
        of_year("123456", 2020)


def test_a_division_stands_in_one_stay_of_a_code_at_a_time() -> None:
    for year in range(2000, NEWEST + 1):
        told = [stay.division.code for stay in history() if stay.holds(year)]
        assert len(told) == len(set(told)), year


@pytest.mark.parametrize(
    ("year", "count"),
    [(2005, 3229), (2010, 3223), (2014, 3221), (2018, 3218), (2020, 3211), (2021, 3210), (2024, 3213)],
)
def test_the_lists_are_as_long_as_those_published(year: int, count: int) -> None:
    assert len(divisions(year)) - 1 == count  # the country is our own row


def test_a_parent_of_an_earlier_year_still_contains() -> None:
    assert contains("371200", "370116")
    assert contains("341400", "340281")
    assert not contains("330100", "320500")


def test_a_ceased_name_never_takes_a_present_one_away() -> None:
    strong = {alias.text: alias for found in aliases().values() for alias in found if not alias.weak}
    for division in divisions().values():
        alias = strong.get(division.hans)
        if alias is not None and division.level == "city":
            assert division.code in alias.codes


def _regions(text: str) -> list[dict[str, object]]:
    document = survey.Document(path="t", text=text)
    return [region for event in survey.extract(document).to_json()["events"] for region in event["regions"]]


@pytest.mark.parametrize(
    ("text", "code", "name", "now"),
    [
        ("2009年5月,襄樊市出台《关于加快软件产业发展的若干意见》。", "420600", "襄樊市", None),
        ("2013年5月,重庆市璧山县成立软件产业园。", "500227", "重庆市璧山县", ["500120"]),
        ("2018年5月,重慶市璧山區成立軟件產業園。", "500120", "重庆市璧山区", None),
        ("2009年3月,北京市宣武区成立软件产业园。", "110104", "北京市宣武区", ["110102"]),
        ("2004年3月,广州市东山区成立软件产业园。", "440102", "广州市东山区", ["440104"]),
        ("2009年3月,巢湖市成立软件产业园。", "341400", "巢湖市", ["340100", "340200", "340500"]),
        ("2019年3月,杭州市江干区成立软件产业园。", "330104", "杭州市江干区", ["330102", "330114"]),
        ("2023年3月,杭州市临平区成立软件产业园。", "330113", "杭州市临平区", None),
    ],
)
def test_surv_1_a_region_has_the_code_of_its_events_year(
    text: str, code: str, name: str, now: list[str] | None
) -> None:
    regions = _regions(text)
    assert [(r["code"], r["name"], r.get("now")) for r in regions] == [(code, name, now)]


def test_the_landscape_shows_a_ceased_district_in_its_citys_row_of_today() -> None:
    texts = ["2009年3月,北京市宣武区成立软件产业园。", "2019年3月,北京市西城区成立软件产业园。"]
    found = survey.landscape([survey.extract(survey.Document(path=str(i), text=t)) for i, t in enumerate(texts)])
    assert [row["code"] for row in found["regions"]] == ["110000"]
    assert found["regions"][0]["parts"] == ["110104", "110102"]


def test_the_landscape_names_a_ceased_city_that_several_took_over() -> None:
    found = survey.landscape([survey.extract(survey.Document(path="t", text="2009年3月,巢湖市成立软件产业园。"))])
    assert found["regions"][0]["name"]["zh-Hans"] == "巢湖市"


def test_english_names_follow_the_readings_of_place_names() -> None:
    english = {
        d.hans: d.english for d in every_division().values() if d.code in {"110105", "340100", "522701", "360824"}
    }
    assert english["朝阳区"] == "Chaoyang District"
    assert english["都匀市"] == "Duyun City"


def test_each_change_names_codes_that_exist() -> None:
    rows = list(csv.DictReader(line for line in data_text("gazetteer_changes.csv").splitlines() if line[0] != "#"))
    assert len(rows) > 200
    for row in rows:
        for code in (row["becomes"], *row["joined"].split(";")):
            assert not code or code in every_division(), row
    assert Path("src/poju/survey/data/build_gazetteer.py").exists()
