"""The survey's page in a real Chromium: it fits, a square opens its sentences, its policy lets its style through."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import escape
from pathlib import Path

import pytest

from poju import survey
from poju.survey import page, sheet
from poju.survey.model import Document, Json

pytestmark = pytest.mark.browser

POLICIES = Path(__file__).parents[2] / "examples" / "policies"
# Reads the layout after the address has changed, and leaves it in the document, where --dump-dom finds it.
PROBE = """<script>
addEventListener("load", function () {
  location.hash = "%s";
  if ("%s") { document.getElementById("in-%s").checked = true; }
  setTimeout(function () {
    var wide = document.documentElement.clientWidth, outside = [];
    var box = function (element) { return element.getBoundingClientRect(); };
    document.querySelectorAll("main *, header *, footer *").forEach(function (element) {
      if (element.closest(".scroll, .unseen, .skip, .tiles span, svg, caption")) { return; }
      if (box(element).width && box(element).right > wide + 1) { outside.push(element.outerHTML.slice(0, 60)); }
    });
    var panel = document.getElementById("evidence");
    var items = Array.from(document.querySelectorAll(".events > li"));
    frameElement.setAttribute("data-layout", JSON.stringify({
      client: wide, scroll: document.documentElement.scrollWidth, outside: outside.slice(0, 5),
      shown: items.filter(function (item) { return box(item).height > 0; }).map(function (item) { return item.id; }),
      fixed: getComputedStyle(panel).position, moved: scrollY, heading: document.querySelector("h1").innerText,
      sticky: getComputedStyle(document.querySelector(".matrix thead") || document.body).position
    }));
  }, 200);
});
</script>"""


def browse(tmp_path: Path, target: str, *options: str) -> subprocess.CompletedProcess[str]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert chromium, "Chromium is not installed; install it (apt-get install chromium) and run again"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]
    flags += [
        "--no-first-run",
        "--hide-scrollbars",
        "--enable-logging=stderr",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    return subprocess.run([chromium, *flags, *options, target], check=True, capture_output=True, text=True, timeout=120)


def layout(tmp_path: Path, html: str, width: int, opened: str = "", language: str = "") -> Json:
    without_policy = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html)
    probed = escape(without_policy.replace("</body>", PROBE % (opened, language, language) + "</body>"))
    target = tmp_path / "frame.html"
    frame = f'<iframe width="{width}" height="900" style="border:0" srcdoc="{probed}"></iframe>'
    target.write_text("<!doctype html><meta charset=utf-8>" + frame, encoding="utf-8")
    done = browse(tmp_path, target.as_uri(), "--window-size=1600,1200", "--virtual-time-budget=8000", "--dump-dom")
    (found,) = re.findall(r'data-layout="([^"]*)"', done.stdout)
    reading: Json = json.loads(found.replace("&quot;", '"').replace("&amp;", "&"))
    return reading


@pytest.fixture(scope="module")
def digest() -> Json:
    return survey.landscape([survey.extract(document) for document in survey.read([POLICIES / "zh-Hant"])])


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("language", ["zh-Hant", "en"])
def test_the_page_never_scrolls_sideways(tmp_path: Path, digest: Json, width: int, language: str) -> None:
    reading = layout(tmp_path, page.page(digest, language).decode(), width)
    assert reading["client"] == reading["scroll"] == width
    assert not reading["outside"]
    assert reading["sticky"] == "sticky"
    assert reading["shown"] == [], "sentences are shown when asked for"


def test_long_words_do_not_widen_the_page(tmp_path: Path) -> None:
    text = "W" * 300 + "。" + "區塊鏈" * 60 + "。2018年5月,貴州省政府發布白皮書" + "w" * 300 + "。"
    found = survey.landscape([survey.extract(Document("n" * 200 + ".txt", text, "0"))])
    reading = layout(tmp_path, page.page(found).decode(), 390, opened="all")
    assert reading["client"] == reading["scroll"] == 390
    assert len(reading["shown"]) == 1


def test_a_square_opens_its_sentences_beside_the_matrix_without_a_program(tmp_path: Path, digest: Json) -> None:
    drawn = sheet.Sheet(digest, 1000)
    key = drawn.evidence.key("cell", "520100", "strategy_plan")
    assert key is not None
    reading = layout(tmp_path, page.page(digest).decode(), 1440, opened=key.anchor)
    assert reading["shown"] == [f"e-{event}" for event in key.events]
    assert len(reading["shown"]) == 2
    assert reading["fixed"] == "fixed"
    assert reading["moved"] == 0, "the reader stays at the matrix"


def test_every_kind_of_figure_opens_its_own(tmp_path: Path, digest: Json) -> None:
    drawn = sheet.Sheet(digest, 1000)
    html = page.page(digest).decode()
    for name in (("side", "push"), ("row", "370200"), ("column", "white_paper"), ("tile", "330000"), ("undated",)):
        key = drawn.evidence.key(*name)
        assert key is not None, name
        assert layout(tmp_path, html, 1440, opened=key.anchor)["shown"] == [f"e-{event}" for event in key.events], name


def test_the_language_is_chosen_in_the_page(tmp_path: Path, digest: Json) -> None:
    html = page.page(digest, "zh-Hant").decode()
    headings = {tag: layout(tmp_path, html, 1440, language=tag)["heading"] for tag in ("zh-Hant", "zh-Hans", "en")}
    assert headings == {
        "zh-Hant": "19 項政策事件，沒有一項拉動",
        "zh-Hans": "19 项政策事件，没有一项拉动",
        "en": "Of 19 policy events, none pulls",
    }


def test_the_page_s_own_policy_lets_its_style_through_and_nothing_else(tmp_path: Path, digest: Json) -> None:
    page.write(digest, tmp_path / "out", against=digest)
    for name in ("landscape.html", "comparison.html"):
        target = tmp_path / "out" / name
        done = browse(tmp_path, target.as_uri(), "--virtual-time-budget=4000", "--dump-dom")
        assert "Content Security Policy" not in done.stderr
        spoiled = tmp_path / "spoiled.html"
        spoiled.write_text(
            target.read_text(encoding="utf-8").replace("--ink: #1a232d", "--ink: #fafafa"), encoding="utf-8"
        )
        done = browse(tmp_path, spoiled.as_uri(), "--virtual-time-budget=4000", "--dump-dom")
        assert "Content Security Policy" in done.stderr, "the check above can fail"
