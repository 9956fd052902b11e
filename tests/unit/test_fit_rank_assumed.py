from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from typing import Any

import pytest

from poju.errors import CallerError, PojuError
from poju.fit import rank, render, selection
from poju.fit.figures import national_figures, shipped_figures, shipped_text
from poju.fit.policy_fields import fields_of
from poju.fit.ranking import Robustness
from poju.fit.scenarios import scenarios
from poju.fit.standing import Places


def rows(fit: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["scenario"]: row for row in fit["distinctive"]}


def event(name: str, code: str, side: str, text: str) -> dict[str, Any]:
    return {
        "id": name,
        "side": side,
        "instrument": "award_grant",
        "path": "a.txt",
        "regions": [{"code": code}],
        "sentences": [{"text": text}],
    }


def landscape(path: Path, events: object) -> Path:
    path.write_text(json.dumps({"events": events}, ensure_ascii=False), encoding="utf-8")
    return path


def test_an_assumption_moves_ranks_and_is_marked_wherever_it_shows() -> None:
    plain, fit = rank("520000"), rank("520000", settings=("TS066=12",))
    assert fit["assumed"] == [
        {
            "figure": "TS066",
            "industry": {"zh-Hant": "煤炭開採", "zh-Hans": "煤炭开采", "en": "Coal mining"},
            "unit": "A-share firms at year-end, survivors only",
            "value": 12,
            "before": 1,
            "year": 2025,
        }
    ]
    mine = rows(fit)["smart-mine"]
    assert mine["rank_before"] == rows(plain)["smart-mine"]["rank"]
    assert mine["rank"] < mine["rank_before"]
    assert mine["score_before_ppm"] == rows(plain)["smart-mine"]["score_ppm"] < mine["score_ppm"]
    assert mine["reasons"][0]["assumed"] == ["TS066"]
    assert mine["prerequisites"][0]["figure"]["assumed"] == ["TS066"]
    assert "assumed" not in plain
    assert "rank_before" not in rows(plain)["smart-mine"]


def test_an_assumed_fact_opens_a_prerequisite() -> None:
    plain, fit = rank("520000"), rank("520000", settings=("COAST=1",))
    assert rows(plain)["marine-ranching"]["prerequisites"][0]["met"] is False
    assert rows(fit)["marine-ranching"]["prerequisites"][0]["met"] is True


@pytest.mark.parametrize(("setting", "value"), [("S1=+10%", 110), ("S1=-25%", 75), ("S1=-100%", 0), ("S1=7", 7)])
def test_a_relative_assumption_is_of_the_figure_that_is_there(setting: str, value: int) -> None:
    figure = shipped_figures().get("520000", "S1")
    assert figure is not None
    told = rank("520000", settings=(setting,))["assumed"][0]
    expected = 7 if "%" not in setting else figure.value * value / 100
    assert abs(told["value"] - expected) <= 0.5


@pytest.mark.parametrize(
    "setting",
    [
        "",
        "S1",
        "S1=",
        "=5",
        "S1=1.5",
        "S1=-5",
        "S1=１0",
        "S1=+5000%",
        "S1=-101%",
        "ZZ=1",
        "HLTBED=+10%",
        "S1=9999999999999999",
        "ISIC86=3",
        "S1=1;DROP",
        "\x1b[31m=1",
    ],
)
def test_a_setting_that_cannot_be_used_is_refused(setting: str) -> None:
    with pytest.raises(CallerError) as caught:
        rank("520000", settings=(setting,))
    assert caught.value.code == "fit-set"
    assert "\x1b" not in str(caught.value)
    assert caught.value.hint


def test_a_figure_set_twice_or_too_many_are_refused() -> None:
    with pytest.raises(CallerError, match="twice"):
        rank("520000", settings=("S1=1", "S1=2"))
    with pytest.raises(CallerError, match="at most 50"):
        rank("520000", settings=tuple(f"TS{number:03d}=1" for number in range(51)))


def test_beds_of_one_region_make_health_readable_beside_the_country() -> None:
    people = shipped_figures().get("520000", "POP")
    assert people is not None
    nation = national_figures()
    beds = 500_000
    health = rows(rank("520000", settings=(f"HLTBED={beds}",)))["medical-system"]
    expected = (beds / people.value) / (nation["HLTBED"].value / nation["POP"].value)
    assert health["score_ppm"] == round(expected * 1_000_000)
    assert health["rank_before"] is None
    assert health["given"] == "this region and the country"
    assert health["readable"] is False
    assert health["reasons"][0]["compared_with"]["year"] == 2023
    low, high = health["interval"]
    assert low <= health["rank"] <= high
    fewer = rows(rank("520000", settings=("HLTBED=100000",)))["medical-system"]
    assert fewer["rank"] > health["rank"]


def test_a_selection_carries_an_assumption_as_one_and_never_as_evidence() -> None:
    fit = rank("520000", settings=("HLTBED=500000", "TS066=12"))
    health, mine = selection(fit, "medical-system"), selection(fit, "smart-mine")
    for chosen in (health, mine):
        assert chosen["assumed"][0] == {"figure": "HLTBED", "value": 500_000, "unit": "beds"}
        assert "assumed, no source: HLTBED = 500000 beds" in chosen["missing"][0]
        assert not any("assumed" in item["source"] for item in chosen["evidence"])
    assert not any(item["figure"].startswith("HLT") for item in health["evidence"])
    assert not any("TS066" in item["figure"] and "density" not in item["figure"] for item in mine["evidence"])


def test_no_interval_leaves_the_ranking_when_a_given_field_stands_between() -> None:
    fit = rank("520000", settings=("HLTBED=500000",))
    count = len(fit["distinctive"])
    assert all(1 <= low <= high <= count for low, high in (row["interval"] for row in fit["distinctive"]))


def test_what_surely_stands_above_pushes_both_ends_down() -> None:
    places = Places({}, {}, {}, set(), {})
    noise = Robustness(weights={}, data={}, both={"a": (2, 4)}, kendall_ppm={})
    assert places.shaken(noise).interval == {"a": (2, 4)}


def test_policies_push_without_pull_by_field(tmp_path: Path) -> None:
    events = [
        event("1", "520100", "push", "獎勵醫院上鏈"),
        event("2", "520000", "environment", "对医疗企业免税"),
        event("3", "520000", "pull", "采购农产品溯源服务"),
        event("4", "520000", "push", "补贴农业大棚"),
        event("5", "520000", "push", "建設產業園"),
        event("6", "440000", "pull", "開放醫療場景"),
        event("7", "100000", "pull", "开放医疗场景"),
    ]
    fit = rank("520000", landscape=landscape(tmp_path / "landscape.json", events))
    told = fit["policies"]
    assert {key: told[key] for key in ("events", "push", "environment", "pull", "without_field")} == {
        "events": 5,
        "push": 3,
        "environment": 1,
        "pull": 1,
        "without_field": 1,
    }
    health, farms = told["scenarios"]["medical-system"], told["scenarios"]["farm-traceability"]
    assert (health["push"], health["environment"], health["pull"]) == (1, 1, 0)
    assert health["pushes_without_pull"] is True
    assert farms["pushes_without_pull"] is False
    assert [item["id"] for item in health["events"]] == ["1", "2"]
    assert rows(fit)["farm-traceability"]["policies"]["pull"] == 1
    unread = {row["scenario"]: row for row in fit["not_readable"]}
    assert unread["medical-system"]["policies"]["pushes_without_pull"] is True


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"events": {}}',
        b'{"events": [1]}',
        b'{"events": [{"id": "1"}]}',
        b'{"events": [{"id": 1, "side": "push", "instrument": "x", "regions": [], "sentences": []}]}',
        b'{"events": [{"id": "1", "side": "shove", "instrument": "x", "regions": [], "sentences": []}]}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_landscape_ends_in_one_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "landscape.json"
    path.write_bytes(content)
    with pytest.raises(PojuError) as caught:
        rank("520000", landscape=path)
    assert caught.value.code == "fit-policies"
    assert "poju survey" in str(caught.value)


def test_the_neighbours_are_counted_as_the_region_is_and_the_silent_ones_are_told(tmp_path: Path) -> None:
    events = [
        event("1", "430100", "push", "補貼農業大棚"),
        event("1", "430000", "pull", "采购农产品溯源服务"),
        event("2", "440000", "pull", "開放醫療場景"),
        event("3", "100000", "pull", "开放医疗场景"),
    ]
    path = landscape(tmp_path / "landscape.json", events)
    fit = rank("520000", landscape=path)
    around = {row["code"]: row for row in fit["policies"]["neighbours"]}
    assert set(around) == {"430000", "450000", "500000", "510000", "530000"}
    assert (around["430000"]["events"], around["430000"]["push"], around["430000"]["pull"]) == (2, 1, 1)
    assert around["430000"]["scenarios"] == {"farm-traceability": {"push": 1, "environment": 0, "pull": 1}}
    assert around["450000"]["events"] == 0
    text = render(fit, "en")
    assert "Hunan: 2 events, pushes 1, pulls 1" in text
    assert "The survey holds nothing about: Guangxi, Chongqing, Sichuan, Yunnan." in text
    assert fit["policies"]["events"] == 0


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("推进标准化工作", set()),
        ("開展信息化工程，建設標準化工地", {"building-quality"}),
        ("建设化工园区", {"chemical-park-safety"}),
        ("發展煤化工產業", {"chemical-park-safety"}),
        ("会同教育、卫生健康、金融等有关部门建立机制", set()),
        ("市教育局负责", set()),
        ("補貼職業教育", {"credential-recognition"}),
        ("代繳社會保險，貸款貼息", {"supply-chain-finance"}),
        ("购买新能源汽车", {"connected-vehicles"}),
        ("It is important that the firms accredited take part", set()),
        ("support of exports", {"cross-border-trade"}),
        ("推进Energy项目", {"green-power"}),
        ("中央金融管理部门和交通、农业等部门支持平台", set()),
    ],
)
def test_a_field_is_what_is_named_and_not_what_its_letters_make_by_chance(text: str, fields: set[str]) -> None:
    assert fields_of(text) == fields


def test_each_word_of_no_field_holds_a_keyword_of_the_scenario_it_is_kept_from() -> None:
    for row in csv.DictReader(shipped_text("no_field.csv").splitlines()):
        for language in ("zh-Hant", "zh-Hans"):
            keywords = scenarios()[row["scenario"]].keywords[language]
            assert any(word in row[language] for word in keywords), row


@pytest.mark.parametrize(
    "text", ["金融" * 100_000, "支持、" * 60_000, "等部門" * 60_000, "a" * 200_000, "化工作" * 60_000]
)
def test_fields_of_a_hostile_text_take_time_in_proportion_to_its_length(text: str) -> None:
    began = time.process_time()
    fields_of(text)
    assert time.process_time() - began < 10
