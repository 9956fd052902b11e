"""The one-file report and the served pages in a real Chromium; a missing browser is a failure, not a skip."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import escape
from pathlib import Path

import pytest

from poju.console import page, report, shape
from poju.console.speaker import View
from poju.i18n import LANGUAGES

pytestmark = pytest.mark.browser

SAMPLE = Path(__file__).with_name("report-sample.json")
# Reads the layout and leaves it in the document, where --dump-dom finds it.
PROBE = """<script>
addEventListener("load", function () {
  var wide = document.documentElement.clientWidth, outside = [];
  document.querySelectorAll("main *, header *, footer *").forEach(function (element) {
    if (element.closest(".scroll, .rooms, .unseen, .skip, svg, pre, caption")) { return; }
    var box = element.getBoundingClientRect();
    if (box.width && box.right > wide + 1) { outside.push(element.tagName + "." + element.className); }
  });
  var square = document.querySelector(".matrix td.marked");
  frameElement.setAttribute("data-layout", JSON.stringify({
    client: wide, scroll: document.documentElement.scrollWidth, outside: outside.slice(0, 5),
    marked: square ? getComputedStyle(square).backgroundColor : "",
    empty: document.querySelectorAll(".matrix tbody:not(.demonstration) td.pull:not(.sum) a").length,
    filled: document.querySelectorAll(".matrix tbody:not(.demonstration) td:not(.pull) a").length
  }));
});
</script>"""


def browse(tmp_path: Path, target: Path, *options: str) -> subprocess.CompletedProcess[str]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert chromium, "Chromium is not installed; install it (apt-get install chromium) and run again"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]
    flags += [
        "--no-first-run",
        "--hide-scrollbars",
        "--enable-logging=stderr",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    return subprocess.run(
        [chromium, *flags, *options, target.as_uri()], check=True, capture_output=True, text=True, timeout=120
    )


def layouts(tmp_path: Path, pages: list[str], width: int) -> list[dict[str, object]]:
    """Return the probe's reading of each page in a frame of ``width`` pixels: no window is as narrow as a phone."""
    frames = []
    for html in pages:
        without_policy = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html)
        probed = escape(without_policy.replace("</body>", PROBE + "</body>"))
        frames.append(f'<iframe width="{width}" height="1000" style="border:0" srcdoc="{probed}"></iframe>')
    target = tmp_path / "frames.html"
    target.write_text("<!doctype html><meta charset=utf-8>" + "".join(frames), encoding="utf-8")
    shown = browse(tmp_path, target, "--window-size=1600,1200", "--virtual-time-budget=8000", "--dump-dom")
    found = re.findall(r'data-layout="([^"]*)"', shown.stdout)
    assert len(found) == len(pages), shown.stderr[-2000:]
    return [json.loads(reading.replace("&quot;", '"')) for reading in found]


def checked() -> dict[str, object]:
    return shape.check(json.loads(SAMPLE.read_text(encoding="utf-8")))


def fits(reading: dict[str, object], width: int) -> bool:
    return reading["client"] == width and reading["scroll"] == width and not reading["outside"]


@pytest.mark.parametrize("width", [390, 1440])
def test_the_report_never_scrolls_sideways(tmp_path: Path, width: int) -> None:
    pages = [report.render(checked(), language).decode() for language in LANGUAGES]
    for language, reading in zip(LANGUAGES, layouts(tmp_path, pages, width), strict=True):
        assert fits(reading, width), (language, reading)


def test_the_probe_sees_a_page_that_is_too_wide(tmp_path: Path) -> None:
    wide = (
        report.render(checked(), "en").decode().replace("</h1>", "</h1><p class=w>x</p><style>.w{width:600px}</style>")
    )
    (reading,) = layouts(tmp_path, [wide], 390)
    assert not fits(reading, 390)


def test_the_matrix_is_drawn_with_pull_empty_and_the_demonstration_marked(tmp_path: Path) -> None:
    (reading,) = layouts(tmp_path, [report.render(checked(), "zh-Hant").decode()], 1440)
    assert reading["empty"] == 0
    assert int(str(reading["filled"])) > 30
    assert reading["marked"] == "rgb(0, 95, 120)", "the stylesheet is applied"


def test_long_words_do_not_widen_the_page(tmp_path: Path) -> None:
    text = SAMPLE.read_text(encoding="utf-8").replace("演示第一醫院", "W" * 300).replace("qingyan", "q" * 120)
    (reading,) = layouts(tmp_path, [report.render(shape.check(json.loads(text)), "en").decode()], 390)
    assert fits(reading, 390), reading


def test_the_page_s_own_policy_lets_its_style_through_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    report.write(json.loads(SAMPLE.read_text(encoding="utf-8")), target, "en")
    shown = browse(tmp_path, target, "--window-size=1440,1200", "--virtual-time-budget=4000", "--dump-dom")
    assert "none of them pulls" in shown.stdout
    assert "Content Security Policy" not in shown.stderr
    spoiled = tmp_path / "spoiled.html"
    spoiled.write_text(target.read_text(encoding="utf-8").replace("--ink: #1a232d", "--ink: #fafafa"), encoding="utf-8")
    shown = browse(tmp_path, spoiled, "--window-size=1440,1200", "--virtual-time-budget=4000", "--dump-dom")
    assert "Content Security Policy" in shown.stderr, "the check above can fail"


def test_each_served_page_fits_a_phone(tmp_path: Path) -> None:
    pages = []
    for room in page.ROOMS:
        html = page.room_page(checked(), View(language="en", single=False, room=room))
        inlined = html.replace(
            '<link rel="stylesheet" href="/static/console.css">', f"<style>{page.stylesheet()}</style>"
        )
        assert inlined != html
        pages.append(inlined)
    for room, reading in zip(page.ROOMS, layouts(tmp_path, pages, 390), strict=True):
        assert fits(reading, 390), (room, reading)
