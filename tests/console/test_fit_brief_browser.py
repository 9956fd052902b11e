"""The brief in a real Chromium: two pages of A4 in every language, nothing cut off, nothing wider than the screen."""

from __future__ import annotations

import json
import re
import subprocess
from html import escape
from pathlib import Path

import pypdf
import pytest
from support_brief import REGIONS, answer, crowded

from poju.fit import brief
from poju.i18n import LANGUAGES

pytestmark = pytest.mark.browser

SHEET = 1122.6
"""Height of A4 in CSS pixels: 297 mm at 96 pixels an inch, rounded up."""

# Reads, of each sheet, its height, the room above its page number, and what is wider than the screen.
PROBE = """<script>
addEventListener("load", function () {
  var wide = document.documentElement.clientWidth;
  var sheets = [].map.call(document.querySelectorAll(".sheet"), function (sheet) {
    var number = sheet.querySelector(".folio"), last = number.previousElementSibling;
    return [sheet.offsetHeight, number.getBoundingClientRect().top - last.getBoundingClientRect().bottom];
  });
  var outside = [].filter.call(document.querySelectorAll("main *"), function (element) {
    return element.getBoundingClientRect().right > wide + 1;
  }).length;
  frameElement.setAttribute("data-layout", JSON.stringify({ sheets: sheets, outside: outside }));
});
</script>"""


def browse(chromium: str, tmp_path: Path, target: Path, *options: str) -> str:
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    flags += ["--hide-scrollbars", f"--user-data-dir={tmp_path / 'profile'}"]
    finished = subprocess.run(
        [chromium, *flags, *options, target.as_uri()], check=True, capture_output=True, text=True, timeout=120
    )
    return finished.stdout


def layouts(chromium: str, tmp_path: Path, pages: list[str], width: int) -> list[dict[str, object]]:
    frames = []
    for html in pages:
        probed = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html)
        probed = probed.replace("</body>", PROBE + "</body>")
        frames.append(f'<iframe width="{width}" height="1200" srcdoc="{escape(probed)}"></iframe>')
    target = tmp_path / "frames.html"
    target.write_text("<!doctype html><meta charset=utf-8>" + "".join(frames), encoding="utf-8")
    shown = browse(chromium, tmp_path, target, "--window-size=1600,1200", "--virtual-time-budget=20000", "--dump-dom")
    found = re.findall(r'data-layout="([^"]*)"', shown)
    assert len(found) == len(pages)
    return [json.loads(reading.replace("&quot;", '"')) for reading in found]


@pytest.mark.parametrize("region", [*REGIONS[:5], "34013", "crowded"])
def test_each_language_prints_on_exactly_two_pages_of_a4(chromium: str, tmp_path: Path, region: str) -> None:
    brief.write(crowded("530000") if region == "crowded" else answer(region), tmp_path / "brief")
    for language in LANGUAGES:
        target = tmp_path / f"{language}.pdf"
        browse(chromium, tmp_path, tmp_path / "brief" / f"brief.{language}.html", f"--print-to-pdf={target}")
        pages = pypdf.PdfReader(target).pages
        assert len(pages) == 2, (region, language)
        for number, printed in enumerate(pages, start=1):
            assert [round(float(size)) for size in printed.mediabox[2:]] == [595, 842]
            assert f"{number} / 2" in " ".join(printed.extract_text().split())


def test_nothing_is_cut_off_in_any_region(chromium: str, tmp_path: Path) -> None:
    answers = [answer(region) for region in (*REGIONS, "34013", "34003")]
    answers += [crowded(region) for region in (*REGIONS, "34013")]
    pages = [brief.page(brief.whole(told), language) for told in answers for language in LANGUAGES]
    for html, reading in zip(pages, layouts(chromium, tmp_path, pages, 900), strict=True):
        title = re.search(r"<title>([^<]*)", html)
        for height, room in reading["sheets"]:  # type: ignore[attr-defined]  # JSON of the probe
            assert height <= SHEET + 0.5, title
            assert room >= 0, title


def test_the_probe_sees_a_page_that_holds_too_much(chromium: str, tmp_path: Path) -> None:
    html = brief.page(brief.whole(answer("520000")), "en")
    longer = html.replace('<p class="how">', '<p class="how">' + "too much " * 900, 1)
    (reading,) = layouts(chromium, tmp_path, [longer], 900)
    assert reading["sheets"][0][0] > SHEET + 1  # type: ignore[index]  # as above


def test_a_telephone_never_scrolls_sideways(chromium: str, tmp_path: Path) -> None:
    pages = [brief.page(brief.whole(answer("150000")), language) for language in LANGUAGES]
    for reading in layouts(chromium, tmp_path, pages, 390):
        assert reading["outside"] == 0
