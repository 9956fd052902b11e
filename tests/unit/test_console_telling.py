"""What a reader is told: each event once, every square's sentence within reach, other rooms' words in one language."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jinja2
import pytest
from jinja2 import nodes

from poju import console
from poju.console import charts, matrix, page, report, shape
from poju.console.restate import LONGEST, fill, restate
from poju.console.speaker import Speaker, View
from poju.i18n import LANGUAGES, catalogue

SAMPLE = Path(__file__).parents[1] / "console" / "report-sample.json"
TEMPLATES = Path(console.__file__).parent / "templates"
AGGREGATE = {
    "id": "together",
    "path": "digest.txt",
    "instrument": "strategy_plan",
    "regions": [
        {"code": "520000", "name": "贵州省", "level": "province", "span": {"text": "貴州"}},
        {"code": "330100", "name": "杭州市高新区", "level": "zone", "span": {"text": "杭州高新區"}},
    ],
    "issuers": [{"name": "貴州"}, {"name": "杭州高新區"}, {"name": "聯合小組"}],
    "date": {"value": None, "precision": "none"},
    "sentences": [
        {
            "path": "digest.txt",
            "start": 90,
            "end": 99,
            "text": "先後出台意見",
            "before": "前段。\n各地",
            "after": "。後\n段",
        }
    ],
}


@pytest.fixture
def sample() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SAMPLE.read_text(encoding="utf-8"))
    land = found["landscape"]
    land["events"].append(AGGREGATE)
    for code in ("520000", "330000"):
        cell = next((c for c in land["cells"] if (c["region"], c["instrument"]) == (code, "strategy_plan")), None)
        if cell is None:
            land["cells"].append(cell := {"region": code, "instrument": "strategy_plan", "events": []})
        cell["events"].append("together")
    return found


def speaker(raw: dict[str, Any], language: str = "zh-Hant") -> Speaker:
    return Speaker(View(language=language, single=False), shape.check(raw))


def test_an_event_of_many_regions_is_told_once(sample: dict[str, Any]) -> None:
    picture = matrix.build(shape.check(sample)["landscape"], merge=False)
    told = [event["id"] for telling in matrix.tellings(picture) for event in telling.events]
    assert len(told) == len(set(told))
    assert set(told) == {
        event["id"] for row in (*picture.rows, *picture.demonstration) for c in row.cells for event in c.events
    }
    (together,) = [t for t in matrix.tellings(picture) if any(e["id"] == "together" for e in t.events)]
    assert {region["code"] for region in together.regions} == {"520000", "330000"}


def test_each_square_has_one_place_and_all_its_events_within_reach(sample: dict[str, Any]) -> None:
    picture = matrix.build(shape.check(sample)["landscape"], merge=False)
    tellings = matrix.tellings(picture)
    anchors = [name for telling in tellings for name in telling.anchors]
    assert len(anchors) == len(set(anchors))
    for row in (*picture.rows, *picture.demonstration):
        for cell in row.cells:
            name = matrix.anchor(cell.code, cell.instrument["id"])
            for event in cell.events:
                (place,) = [telling for telling in tellings if name in telling.anchors]
                assert event["id"] in {e["id"] for e in (*place.events, *place.others)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_link_within_the_one_file_leads_somewhere(sample: dict[str, Any], language: str) -> None:
    html = report.render(shape.check(sample), language).decode()
    places = re.findall(r' id="([^"]+)"', html)
    assert len(places) == len(set(places))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(places)


def test_a_filtered_page_tells_only_its_square(sample: dict[str, Any]) -> None:
    view = View(language="zh-Hant", single=False, room="landscape", region="520000", instrument="strategy_plan")
    html = page.room_page(shape.check(sample), view)
    assert html.count("先後出台意見") == 1
    assert "浙江" in html, "all regions of the event are named"


def test_places_are_named_in_the_reader_s_language_and_zones_in_their_source_s(sample: dict[str, Any]) -> None:
    event = shape.check(sample)["landscape"]["events"][-1]
    for line in sample["landscape"]["regions"]:
        line["level"] = "city" if line["code"] == "330100" else "province"
    assert speaker(sample, "en").places(event) == ["Guizhou", "杭州高新區"]
    assert speaker(sample).issuers(event) == ["聯合小組"], "an issuer that only repeats a place is left out"


def test_an_outcome_is_counted_as_its_source_counts_it(sample: dict[str, Any]) -> None:
    (item,) = shape.check(sample)["landscape"]["outcomes"][:1]
    told = item | {"subtype": "settled", "count": 30}
    assert speaker(sample, "en").outcome(told) == "30 firms settled"
    assert speaker(sample, "en").outcome(told | {"relation": "more_than"}) == "more than 30 firms settled"
    assert speaker(sample, "en").outcome(told | {"subtype": "unheard-of"}) == item["text"]["en"]


def test_a_citation_stands_in_its_own_paragraph(sample: dict[str, Any]) -> None:
    spoken = speaker(sample)
    assert spoken.quote(AGGREGATE["sentences"][0]) == ("各地", "先後出台意見", "。後")
    cut = {"start": 50, "text": "x", "before": "mited words stand before ", "after": " and words go o"}
    assert spoken.quote(cut) == ("…words stand before ", "x", " and words go…")


def test_what_other_rooms_wrote_is_told_again_in_the_reader_s_language() -> None:
    hant = "成員的簽名"
    assert restate("members' signatures", "zh-Hant") == hant
    assert restate(hant, "en") == "members' signatures"
    pattern = "{count} receipts hold"
    written = catalogue("zh-Hans")[pattern].format(count=126)
    assert restate(written, "en") == "126 receipts hold"
    assert restate("126 receipts hold\nmembers' signatures", "zh-Hant").split("\n")[1] == hant
    assert restate("Nobody ever wrote this.", "zh-Hant") == "Nobody ever wrote this."


@pytest.mark.parametrize("text", ["{", "{}", "{0}{1}", "a" * LONGEST, ": " * 300, "\x00", "，" * LONGEST, "x" * 10_000])
def test_hostile_sentences_stay_as_they_are(text: str) -> None:
    assert restate(text, "zh-Hant") == text


def test_a_pattern_is_read_from_its_first_to_its_last_character() -> None:
    pieces = (("from ", "a"), (" to ", "b"), (".", None))
    assert fill(pieces, "from x to y.") == {"a": "x", "b": "y"}
    assert fill(pieces, "from x to y.z.") == {"a": "x", "b": "y.z"}
    assert fill(pieces, "from x to y") is None
    assert fill(pieces, " from x to y.") is None
    assert fill(pieces, "from  to .") is None


def test_a_draft_stands_before_the_version_it_became(sample: dict[str, Any]) -> None:
    labels = ["v10", "v3", "v3-draft", "v2", "latest"]
    assert sorted(labels, key=charts.version_order) == ["latest", "v2", "v3-draft", "v3", "v10"]
    rows = shape.check(sample)["leaderboard"]["rows"]
    rows.append(rows[1] | {"version": "v2-draft"})
    chart = charts.scores(rows, rows[1]["cohort"], None)
    assert chart is not None
    assert [label for label, _x in chart.versions][:3] == ["v1", "v2-draft", "v2"]
    assert all(list(s.points) == sorted(s.points, key=lambda point: point.x) for s in chart.series)


def test_priv_4_a_suppressed_indicator_says_so_and_shows_no_figure(sample: dict[str, Any]) -> None:
    for item in sample["indicators"]:
        item.update(value_ppm=None, numerator=None, denominator=None, patients=None)
    html = page.room_page(shape.check(sample), View(language="en", single=False, room="award"))
    assert html.count("suppressed") == len(sample["indicators"])
    assert "– / –" not in html


def test_the_strip_names_both_versions_the_rule_and_the_figures(sample: dict[str, Any]) -> None:
    html = page.room_page(shape.check(sample), View(language="en", single=False))
    strip = html[html.index('class="strip"') : html.index("</ol>")]
    for told in (
        "WINDOW_PERCENT = 300",
        "WINDOW_PERCENT = 100",
        "v2: proven at least",
        "v3: proven at least",
        "needed: 80%",
    ):
        assert told in strip


def test_every_string_of_every_template_is_translated() -> None:
    found: set[str] = set()
    for path in TEMPLATES.rglob("*.html"):
        tree = jinja2.Environment(autoescape=True).parse(path.read_text(encoding="utf-8"))
        for call in tree.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "t" and isinstance(call.args[0], nodes.Const):
                found.add(call.args[0].value)
    assert len(found) > 100
    for language in ("zh-Hant", "zh-Hans"):
        assert not found - set(catalogue(language))
