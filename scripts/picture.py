"""Make the README's pictures from a demonstration's real report: the strip that tells its moment, in each language.

``python scripts/picture.py DIR`` reads DIR/report.json and writes ``docs/images/moment.<language>.png``.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from components import find_browser

from poju.console import report
from poju.i18n import LANGUAGES

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
WIDTH, HEIGHT = 1280, 250
STRIP = re.compile(r'<ol class="strip">.*?</ol>', re.DOTALL)
HEAD = re.compile(r"<html.*?</head>", re.DOTALL)


def page(folder: Path, language: str) -> str:
    """Return a page that holds nothing but the report's own strip, in its own style."""
    text = report.render(report.load(folder), language).decode()
    head, strip = HEAD.search(text), STRIP.search(text)
    if head is None or strip is None:
        message = "the report has no strip; run `make demo` to its end first"
        raise SystemExit(message)
    return f'<!doctype html>{head[0]}<body><main style="padding:20px">{strip[0]}</main></body></html>'


def draw(browser: str, html: str, target: Path) -> None:
    """Let the browser draw ``html`` into the PNG file ``target``."""
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "page.html"
        source.write_text(html, encoding="utf-8")
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--hide-scrollbars",
        ]
        options += ["--no-first-run", f"--user-data-dir={scratch}/profile", f"--window-size={WIDTH},{HEIGHT}"]
        subprocess.run([browser, *options, f"--screenshot={target}", source.as_uri()], check=True, capture_output=True)


def main() -> None:
    """Draw the strip in each language."""
    browser = find_browser()
    if browser is None:
        message = "this needs Chromium: run `make test` once, which brings it"
        raise SystemExit(message)
    IMAGES.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        draw(browser, page(Path(sys.argv[1]), language), IMAGES / f"moment.{language}.png")


if __name__ == "__main__":
    main()
