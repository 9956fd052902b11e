"""Pages from templates: the same rooms as linked pages on loopback or as one page in a file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from poju.console import charts, explain, matrix, story
from poju.console.figures import Figures
from poju.i18n import _
from poju.support import explain as support

Record = dict[str, Any]

ROOMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "index": (_("Overview"), ("landscape", "award", "leaderboard", "tamper", "demonstration", "finished", "seed")),
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
LONGEST_SENTENCE = 600


@dataclass(frozen=True)
class View:
    """What a page is made for: its language, whether it is the one file, what was asked, how much fits on it."""

    language: str
    single: bool
    room: str = "index"
    region: str = ""
    instrument: str = ""
    most: int = 400


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


class Speaker:
    """What templates ask: links, names of things by their identifiers, codes in plain words."""

    def __init__(self, view: View, report: Record) -> None:
        self.view = view
        self.figures = Figures(view.language)
        self.report = report
        self._names: dict[str, dict[str, object]] = {}
        if report:
            self._names = {
                "role": _names(report["scenario"]["roles"]),
                "kind": _names(report["scenario"]["kinds"]),
                "instrument": _names(report["landscape"]["instruments"]),
                "region": {r["code"]: r["name"] for r in report["landscape"]["regions"]},
                "scenario": _names(report["fit"]["common"] + report["fit"]["distinctive"], key="scenario"),
                "member": {m["id"]: m["name"] for m in report["scenario"]["members"]},
            }
            self._names["scenario"][report["scenario"]["id"]] = report["scenario"]["names"]

    def href(self, room: str, anchor: str = "", **query: str) -> str:
        """Return the link to a room; in the one file it is an anchor."""
        if self.view.single:
            return f"#{quote(anchor or room, safe='')}"
        path = "/" if room == "index" else f"/{room}"
        asked = urlencode({"lang": self.view.language, **{key: value for key, value in query.items() if value}})
        return f"{path}?{asked}" + (f"#{quote(anchor, safe='')}" if anchor else "")

    def json(self, room: str, **query: str) -> str:
        """Return the link to a room's JSON twin; the one file links to the report beside it."""
        if self.view.single:
            return "report.json"
        asked = {key: value for key, value in query.items() if value}
        return f"/{room}.json" + (f"?{urlencode(asked)}" if asked else "")

    def other(self, language: str) -> str:
        """Return the link to this same page in another language."""
        path = "/" if self.view.room in ("", "index") else f"/{self.view.room}"
        asked = {"lang": language, "region": self.view.region, "instrument": self.view.instrument}
        return f"{path}?{urlencode({key: value for key, value in asked.items() if value})}"

    def name(self, group: str, identifier: str) -> str:
        """Return the report's own name of a role, kind, instrument, region, scenario or member; else its identifier."""
        named = self._names.get(group, {}).get(identifier)
        return self.figures.words(named) if named else (identifier or "–")

    def place(self, regions: list[Record]) -> str:
        """Return the first of an event's ``regions``, as the landscape names it in the reader's language."""
        if not regions:
            return "–"
        named = self._names.get("region", {}).get(regions[0]["code"])
        return self.figures.words(named or regions[0]["name"])

    def term(self, group: str, identifier: str) -> str:
        """Return an identifier of a closed set in plain words; an unknown one as it is."""
        found = explain.message(group, identifier)
        return self.figures.text(found) if found else (identifier or "–")

    def refusal(self, code: str) -> str:
        """Return why a rule refused, in plain words."""
        found = explain.message("refusal", code.lower())
        return self.figures.text(found or _("A published rule refused it; its code is given."))

    def award_refusal(self, claim: Record) -> str:
        """Return why a claim was refused, with the figures that were needed and shown, as the support room words it."""
        if claim["code"] not in support.sentences():
            return self.refusal(claim["code"])
        programme, figures = self.report["award"]["programme"], self.figures
        terms = programme["condition"]
        line = story.trial_of(self.report["leaderboard"]["rows"], claim) or {"patients": None, "guard_ppm": None}
        shown = {
            "lower": claim["lower_ppm"],
            "needed": terms["minimum_lower_ppm"],
            "guard": line["guard_ppm"],
            "most": terms["maximum_guard_ppm"],
        }
        return support.explain(
            claim["code"],
            self.view.language,
            **{name: figures.percent(ppm).removesuffix("%").rstrip() for name, ppm in shown.items()},
            patients=figures.integer(line["patients"]),
            least=figures.integer(terms["minimum_patients"]),
            amount=figures.whole_yuan(claim["amount_fen"]),
            cap=figures.whole_yuan(programme["cap_fen"]),
            budget=figures.whole_yuan(programme["budget_fen"]),
        )

    def given(self, part: str) -> bool:
        """Return whether the report holds ``part``."""
        return part in self.report["given"]

    def sentence(self, text: str) -> str:
        """Return a cited text, cut where it is beyond what a page can show."""
        return text if len(text) <= LONGEST_SENTENCE else text[:LONGEST_SENTENCE] + "…"


def _names(items: list[Record], key: str = "id") -> dict[str, object]:
    return {item[key]: item["names"] for item in items if isinstance(item["names"], str | Mapping)}
