"""Make the README's pictures from demonstrations' real reports: the first screen down to the moment, in each language.

``python scripts/picture.py DIR…`` reads each DIR/report.json and writes ``docs/images/moment.<language>.png``. A
language is drawn from the folder whose run spoke it, else from the first.
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
WIDTH = 1240
FIRST_SCREEN = re.compile(r'<div class="hero">.*?<ol class="strip">.*?</ol>', re.DOTALL)
HEAD = re.compile(r"<html.*?</head>", re.DOTALL)
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
# The picture is as high as what it shows; the page tells its height in its title.
MEASURE = "<script>onload = () => { document.title = document.querySelector('main').offsetHeight }</script>"
TITLE = re.compile(r"<title>(\d+)</title>")


def page(folder: Path, language: str) -> str:
    """Return a page that holds nothing but the report's own first screen, in its own style."""
    text = report.render(report.load(folder), language).decode()
    head, screen = HEAD.search(text), FIRST_SCREEN.search(text)
    if head is None or screen is None:
        message = "the report has no first screen; run `make demo` to its end first"
        raise SystemExit(message)
    body = f'<body><main style="padding:20px">{screen[0]}</main>{MEASURE}</body>'
    return f"<!doctype html>{POLICY.sub('', head[0])}{body}</html>"


def browse(browser: str, source: Path, profile: Path, *options: str) -> str:
    """Let the browser open ``source``; return what it prints."""
    common = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"]
    command = [browser, *common, "--no-first-run", f"--user-data-dir={profile}", *options, source.as_uri()]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def draw(browser: str, html: str, target: Path) -> None:
    """Let the browser draw ``html`` into the PNG file ``target``, as high as it is."""
    with tempfile.TemporaryDirectory() as scratch:
        source, profile = Path(scratch) / "page.html", Path(scratch) / "profile"
        source.write_text(html, encoding="utf-8")
        measured = TITLE.search(browse(browser, source, profile, f"--window-size={WIDTH},900", "--dump-dom"))
        height = int(measured[1]) if measured else 1200
        browse(browser, source, profile, f"--window-size={WIDTH},{height}", f"--screenshot={target}")


def main() -> None:
    """Draw the first screen in each language."""
    browser = find_browser()
    folders = [Path(argument) for argument in sys.argv[1:]]
    if browser is None or not folders:
        message = "this needs a demonstration's folder, and Chromium: run `make test` once, which brings it"
        raise SystemExit(message)
    spoken = {report.load(folder)["language"]: folder for folder in reversed(folders)}
    IMAGES.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        draw(browser, page(spoken.get(language, folders[0]), language), IMAGES / f"moment.{language}.png")


if __name__ == "__main__":
    main()
