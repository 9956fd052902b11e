"""The landscape, its table, the shipped digests, and the labelled texts where they are at hand."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from poju import survey
from poju.survey.gazetteer import divisions
from poju.survey.model import Document, Json
from poju.survey.render import EMPTY, FILLED
from poju.survey.scape.rows import names_of

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "examples" / "policies"
SHARED = ROOT.parent / "shared" / "data" / "policy"
LANGUAGES = ("zh-Hant", "zh-Hans", "en")


def surveyed(*paths: Path) -> Json:
    return survey.landscape([survey.extract(document) for document in survey.read(paths)])


def of_texts(*texts: str) -> Json:
    return survey.landscape([survey.extract(Document(f"{i}.txt", text, "0")) for i, text in enumerate(texts)])


def cells(found: Json) -> set[tuple[str, str, str | None, tuple[int, ...]]]:
    return {
        (region["code"], event["instrument"], event["date"]["value"], tuple(a["yuan"] for a in event["amounts"]))
        for event in found["events"]
        for region in event["regions"]
    }


def test_digests_in_three_languages_tell_the_same_facts() -> None:
    hant, hans, english = (cells(surveyed(POLICIES / language)) for language in LANGUAGES)
    assert hant == hans == english
    assert len(hant) > 30
    assert ("520100", "award_grant", "2017-05", (5_000_000,)) in hant
    assert ("330110", "guidance_fund", "2018-04", (10**10,)) in hant


@pytest.mark.parametrize("language", LANGUAGES)
def test_digests_show_push_and_no_pull(language: str) -> None:
    found = surveyed(POLICIES / language)
    assert found["counts"]["pull"] == 0
    assert found["problems_solved"] == 0
    assert [outcome["count"]["value"] for outcome in found["outcomes"]] == [30]
    codes = {code for region in found["regions"] for code in region["parts"]}
    assert "530000" not in codes
    assert {"520000", "330000", "320000", "440000", "370000", "350000", "360000", "150000"} <= codes
    assert {"500000", "510100", "650000", "330100", "520100", "370200"} <= codes


def test_districts_stand_under_their_city_and_cells_lead_to_events() -> None:
    found = surveyed(POLICIES / "zh-Hant")
    rows = {region["code"]: region for region in found["regions"]}
    assert "330110" not in rows
    assert rows["330100"]["parts"] == ["330100", "330110"]
    ids = {event["id"] for event in found["events"]}
    assert all(set(cell["events"]) <= ids for cell in found["cells"])
    assert len(found["instruments"]) == 32
    assert [item["side"] for item in found["instruments"]][-9:] == ["pull"] * 9
    json.dumps(found)


def test_sentences_carry_their_surroundings() -> None:
    text = "開頭。" * 30 + "2018年5月,貴州省政府發布醫療應用場景開放清單。結尾。"
    (sentence,) = of_texts(text)["events"][0]["sentences"]
    assert text[sentence["start"] : sentence["end"]] == sentence["text"]
    assert len(sentence["before"]) == 60
    assert sentence["after"].endswith("結尾。")


def test_mark_names_the_demonstrations_own_events_only() -> None:
    found = of_texts("2018年5月,貴州省政府發布場景清單。", "2018年6月,貴州省政府發布場景清單。")
    survey.mark(found, {"1.txt"}, "demonstration")
    assert [event["marked"] for event in found["events"]] == [None, "demonstration"]
    assert len({event["id"] for event in found["events"]}) == 2


def test_similarity_is_the_mean_jaccard_of_regions_with_two_instruments() -> None:
    found = of_texts(
        "2018年5月,貴州省政府發布白皮書,舉辦區塊鏈峰會。\n\n2018年6月,浙江省政府發布白皮書。同年7月,浙江省發布場景清單。\n\n"
        "2018年8月,江苏省政府發布白皮書。"
    )
    (pair,) = found["similarity"]["pairs"]
    assert (pair["a"], pair["b"], pair["ppm"], pair["shared"], pair["of"]) == ("520000", "330000", 333_333, 1, 3)
    assert found["similarity"]["value_ppm"] == 333_333


@pytest.mark.parametrize(("language", "pull"), [("zh-Hant", "拉動"), ("zh-Hans", "拉动"), ("en", "pull")])
@pytest.mark.parametrize("width", [100, 300])
def test_table_shows_the_empty_pull_columns_last(language: str, pull: str, width: int) -> None:
    table = survey.render(surveyed(POLICIES / "zh-Hant"), language, width=width)
    assert pull in table.splitlines()[0]
    rows = [line for line in table.splitlines() if FILLED in line or EMPTY in line]
    assert len(rows) == 19
    assert all(line.endswith(EMPTY) for line in rows)
    assert any(FILLED in line for line in rows)


@pytest.mark.parametrize("language", LANGUAGES)
def test_table_of_all_provinces_and_instruments_fits_a_hundred_columns(language: str) -> None:
    found = of_texts("今天天氣很好。")
    codes = [code for code, division in divisions().items() if division.level == "province"][:31]
    found["cells"] = [
        {"region": c, "instrument": i["id"], "events": ["e"]} for c in codes for i in found["instruments"]
    ]
    found["regions"] = [{"code": c, "name": names_of(c), "level": "province", "parts": [c]} for c in codes]
    lines = survey.render(found, language).splitlines()
    assert max(columns_of(line) for line in lines) <= 100
    assert sum(line.count(FILLED) == 32 for line in lines) == 31


def columns_of(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in line)


def test_nothing_to_tell_is_said() -> None:
    assert "No policy event was found." in survey.render(of_texts("今天天氣很好。"), "en")


def score(gold: Path, documents: Path) -> tuple[float, int]:
    """Return F1 by instrument and overlap, and the events inside traps; a small cousin of the project's scorer."""
    label = json.loads(gold.read_text(encoding="utf-8"))
    result = survey.extract(survey.read([documents])[0]).to_json()
    wanted = [e for e in label["events"] if e.get("kind") == "policy_event"]

    def touches(a: Json, b: Json) -> bool:
        allowed = {a["instrument"], *a.get("alternatives", []), *a.get("also", [])}
        near = any(x["start"] < y["end"] and y["start"] < x["end"] for x in a["citations"] for y in b["citations"])
        return b["instrument"] in allowed and near

    needed = [g for g in wanted if not g.get("optional")]
    hits = sum(any(touches(g, p) for p in result["events"]) for g in needed)
    false = [p for p in result["events"] if not any(touches(g, p) for g in wanted)]
    traps = [f["citation"] for f in label.get("findings", [])]
    trapped = sum(
        any(c["start"] < t["end"] and t["start"] < c["end"] for c in p["citations"] for t in traps) for p in false
    )
    return 2 * hits / max(1, len(needed) + hits + len(false)), trapped


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="../shared is not here")
def test_seed_is_read_whole_without_traps() -> None:
    f1, trapped = score(SHARED / "gold" / "seed.json", SHARED / "seed.txt")
    assert f1 >= 0.9
    assert trapped == 0


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="../shared is not here")
@pytest.mark.parametrize("place", ["end", "middle", "start"])
def test_seed_with_one_opened_scenario_has_exactly_one_pull_event_more(place: str) -> None:
    text = (SHARED / "seed.txt").read_text(encoding="utf-8")
    line = "2018年5月,貴州省政府發布醫療應用場景開放清單"
    middle = text.index("GIF")
    added = {
        "end": f"{text}\n{line}\n",
        "middle": f"{text[:middle]}{line}\n\n{text[middle:]}",
        "start": f"{line}\n\n{text}",
    }[place]
    before, after = (survey.extract(Document("seed.txt", t)).to_json()["events"] for t in (text, added))
    pull = [event for event in after if event["side"] == "pull"]
    assert len(after) == len(before) + 1
    assert [(e["instrument"], e["regions"][0]["code"], e["date"]["value"]) for e in pull] == [
        ("scenario_opening", "520000", "2018-05")
    ]


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="../shared is not here")
def test_labelled_texts_are_read() -> None:
    scores = [score(gold, gold.with_suffix(".txt"))[0] for gold in sorted((SHARED / "gold" / "dev").glob("*.json"))]
    assert sum(scores) / len(scores) >= 0.8
