"""Pages from templates: the same rooms as linked pages on loopback or as one page in a file."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from poju.console import charts, matrix, story
from poju.console.speaker import Speaker, View
from poju.i18n import _

Record = dict[str, Any]

ROOMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "index": (
        _("Overview"),
        ("landscape", "award", "leaderboard", "tamper", "edit", "demonstration", "finished", "seed"),
    ),
    "landscape": (_("Landscape"), ("landscape",)),
    "fit": (_("Fit"), ("fit", "selection")),
    "scenario": (_("Scenario"), ("scenario", "run")),
    "leaderboard": (_("Leaderboard"), ("leaderboard",)),
    "award": (_("Award"), ("award", "indicators")),
    "patient": (_("Patient's list"), ("patient", "run")),
    "verify": (_("Verify"), ("verify", "tamper", "ledger", "files")),
}
"""Every page: its name in the navigation, and the parts of the report that its JSON twin holds."""

LANGUAGE_NAMES = {"zh-Hant": "繁體", "zh-Hans": "简体", "en": "English"}


@cache
def environment() -> Environment:
    """Return the Jinja environment: everything escaped, an unknown name in a template is an error."""
    made = Environment(
        loader=PackageLoader("poju.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["told"] = lambda value, figures: figures.words(value)
    made.globals.update(rooms=ROOMS, languages=LANGUAGE_NAMES, charts=charts, matrix=matrix, story=story)
    return made


@cache
def stylesheet() -> str:
    """Return the console's one stylesheet."""
    return (resources.files("poju.console") / "static" / "console.css").read_text(encoding="utf-8")


@cache
def mark() -> bytes:
    """Return the console's icon, an SVG."""
    return (resources.files("poju.console") / "static" / "mark.svg").read_bytes()


def twin(report: Record, room: str) -> Record:
    """Return the JSON twin of a room: ``{"schema", "room", <part>: …}`` with the report's parts, absent ones null."""
    found: Record = {"schema": report["schema"], "room": room}
    for part in ROOMS[room][1]:
        found[part] = report[part] if part in report["given"] else None
    return found


def room_page(report: Record, view: View) -> str:
    """Return one served page as HTML."""
    return environment().get_template("page.html").render(_context(report, view))


def single_page(report: Record, language: str, most: int) -> str:
    """Return all rooms as one self-contained HTML page; lists longer than ``most`` are cut and say so."""
    view = View(language=language, single=True, most=most)
    style = stylesheet()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    context = _context(report, view) | {
        # The stylesheet is our own file; it is put in whole, so that its digest can stand in the page's policy.
        "style": Markup(style),  # noqa: S704 - a file of this package, no input
        "style_digest": digest,
        "icon": "data:image/svg+xml;base64," + base64.b64encode(mark()).decode(),
    }
    return environment().get_template("report.html").render(context)


def error_page(language: str, status: int, title: str, detail: str) -> str:
    """Return a page that says what went wrong; ``title`` and ``detail`` are already in ``language``."""
    speak = Speaker(View(language=language, single=False, room=""), {})
    context = {"view": speak.view, "s": speak, "t": speak.figures.text, "status": status}
    return environment().get_template("error.html").render(context | {"title": title, "detail": detail})


def _context(report: Record, view: View) -> Record:
    speaker = Speaker(view, report)
    return {
        "report": report,
        "view": view,
        "s": speaker,
        "f": speaker.figures,
        "t": speaker.figures.text,
        "headline": story.headline(report["landscape"]),
        "moment": story.moment(report),
    }
