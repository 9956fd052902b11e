"""What templates ask: links, names, codes in plain words, texts of other rooms in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from poju.console import explain, story
from poju.console.figures import Figures
from poju.console.restate import restate
from poju.i18n import _
from poju.support import explain as support

Record = dict[str, Any]

LONGEST_SENTENCE = 600
LONGEST_PART = 40
SENTENCE_ENDS = "。；！？.;!?"


@dataclass(frozen=True)
class View:
    """What a page is made for: its language, whether it is the one file, what was asked, how much fits on it."""

    language: str
    single: bool
    room: str = "index"
    region: str = ""
    instrument: str = ""
    most: int = 400


class Speaker:
    """What templates ask: links, names of things by their identifiers, codes in plain words."""

    def __init__(self, view: View, report: Record) -> None:
        self.view = view
        self.figures = Figures(view.language)
        self.report = report
        self._names: dict[str, dict[str, object]] = {}
        self._lines: dict[str, Record] = {}
        self._pairs: dict[object, object] = {}
        self._industries: dict[str, object] = {}
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
            self._names["class"] = _names(report["scenario"]["classes"])
            self._lines = {region["code"]: region for region in report["landscape"]["regions"]}
            self._pairs = _pairs(report["fit"])
            self._industries = _industries(report["fit"])

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
        return self.said(named) if named else (identifier or "–")

    def place(self, region: Record) -> str:
        """Return an event's ``region`` as the landscape names it in the reader's language.

        A district or a zone, for which the landscape has no line of its own, is named in its source's words.
        """
        line = self._lines.get(region["code"])
        if line and region.get("level") in (None, "", line["level"]):
            return self.figures.words(line["name"])
        return self.figures.words(spanned(region) or region["name"])

    def places(self, event: Record) -> list[str]:
        """Return the places of ``event``, each once."""
        return list(dict.fromkeys(self.place(region) for region in event["regions"]))

    def issuers(self, event: Record) -> list[str]:
        """Return who issued ``event``, without those that only repeat its places."""
        regions = event["regions"]
        known = set(self.places(event)) | {self.figures.words(region["name"]) for region in regions}
        known |= {spanned(region) for region in regions}
        named = dict.fromkeys(self.figures.words(issuer["name"]) for issuer in event["issuers"])
        return [name for name in named if name not in known]

    def quote(self, sentence: Record) -> tuple[str, str, str]:
        """Return a citation with what stands around it in its own paragraph; an ellipsis where that is cut."""
        before, after = sentence["before"], sentence["after"]
        lead, trail = before.rpartition("\n")[2], after.partition("\n")[0]
        if lead and lead == before and (sentence["start"] or 0) > len(before):
            first, space, rest = lead.partition(" ")
            lead = "…" + (rest if space and first.isascii() else lead)
        if trail and trail == after and trail[-1] not in SENTENCE_ENDS:
            rest, space, last = trail.rpartition(" ")
            trail = (rest if space and last.isascii() else trail) + "…"
        return self.sentence(lead), self.sentence(sentence["text"]), self.sentence(trail)

    def file(self, path: str) -> str:
        """Return a path with the long digests in it cut; the whole path stands in the title and in the data."""
        parts = [part if len(part) <= LONGEST_PART else part[:8] + "…" for part in path.split("/")]
        return "/".join(parts)

    def said(self, value: object) -> str:
        """Return what another room wrote, in the reader's language where it is known there."""
        return restate(value, self.view.language) if isinstance(value, str) and value else self.figures.words(value)

    def missing(self, value: object) -> str:
        """Return a piece of missing evidence; one that was signed in two languages at once is told in the reader's."""
        known = self._pairs.get(value) if isinstance(value, str) else None
        return self.figures.words(known) if known else self.said(value)

    def outcome(self, item: Record) -> str:
        """Return what came of the policies, as counted; where it is not counted, in the source's words."""
        more = explain.message("result", f"{item['subtype']}.{item['relation']}") if item["relation"] else None
        message = more or explain.message("result", item["subtype"])
        if message and item["count"] is not None:
            return self.figures.text(message, count=self.figures.integer(item["count"]))
        cited = item["sentences"][0]["text"] if item["sentences"] else ""
        return self.sentence(self.figures.words(item["text"] or cited))

    def finding(self, item: object) -> str:
        """Return what a text says about policies: its kind in plain words and the words it says it in."""
        if not isinstance(item, dict):
            return self.sentence(self.figures.words(item))
        kind, citation = item.get("type"), item.get("citation")
        if not isinstance(kind, str) or not isinstance(citation, dict):
            return self.sentence(self.figures.words(item))
        return f"{self.term('finding', kind)}: {self.sentence(self.figures.words(citation.get('text')))}"

    def record(self, row: Record) -> str:
        """Return what was read: the broad class of the record and who keeps it."""
        if not row["record_class"]:
            return self.figures.words(row["what"])
        kind = self.name("class", row["record_class"])
        named = self.term("record", kind) if kind == row["record_class"] else kind
        return f"{named} · {self.name('member', row['custodian'])}" if row["custodian"] else named

    def roles(self, identifiers: list[object]) -> str:
        """Return several roles by their names."""
        named = [self.name("role", str(identifier).strip()) for identifier in identifiers[:12]]
        return self.figures.text(_(", ")).join(named)

    def quantity(self, value: object, unit: object) -> str:
        """Return a figure with its unit; parts per million of a measure as a share."""
        written = unit if isinstance(unit, str) else ""
        if written.startswith("ppm, ") and isinstance(value, int):
            return f"{self.figures.ratio(value)} ({self.said(written.removeprefix('ppm, '))})"
        number = value if isinstance(value, int | float | str) else None
        return f"{self.figures.integer(number)} {self.said(unit) if unit else ''}".strip()

    def figure(self, name: object) -> str:
        """Return what a figure of the fit counts, by its industries; else the first part of its code in words."""
        if not isinstance(name, str):
            return self.figures.words(name)
        code = name.removeprefix("density:")
        industry = self._industries.get(code)
        if industry is not None:
            return self.figures.words(industry)
        found = explain.message("figure", name.partition(":")[0])
        return self.figures.text(found) if found else self.said(name)

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
        told = support.explain(
            claim["code"],
            self.view.language,
            **{name: figures.percent(ppm).removesuffix("%").rstrip() for name, ppm in shown.items()},
            patients=figures.integer(line["patients"]),
            least=figures.integer(terms["minimum_patients"]),
            amount=figures.whole_yuan(claim["amount_fen"]),
            cap=figures.whole_yuan(programme["cap_fen"]),
            budget=figures.whole_yuan(programme["budget_fen"]),
        )
        return told.replace(" %", "\N{NO-BREAK SPACE}%")

    def given(self, part: str) -> bool:
        """Return whether the report holds ``part``."""
        return part in self.report["given"]

    def sentence(self, text: str) -> str:
        """Return a cited text, cut where it is beyond what a page can show."""
        return text if len(text) <= LONGEST_SENTENCE else text[:LONGEST_SENTENCE] + "…"


def _names(items: list[Record], key: str = "id") -> dict[str, object]:
    return {item[key]: item["names"] for item in items if isinstance(item["names"], str | Mapping)}


def spanned(region: Record) -> str:
    """Return the words of the source that name ``region``; "" where the report does not hold them."""
    span = region.get("span")
    text = span.get("text") if isinstance(span, dict) else ""
    return text if isinstance(text, str) else ""


def _pairs(fit: Record) -> dict[object, object]:
    """Return ``{"繁體 / English": names}`` for what scenarios need: so a selection names it when it is signed."""
    needs = [need for item in fit["not_readable"] for need in item["needs"]]
    for item in fit["distinctive"] + fit["not_readable"]:
        wanted = item.get("prerequisites")
        needs += [need.get("text") for need in wanted if isinstance(need, dict)] if isinstance(wanted, list) else []
    named = [need for need in needs if isinstance(need, Mapping)]
    return {f"{need.get('zh-Hant')} / {need.get('en')}": need for need in named}


def _industries(fit: Record) -> dict[str, object]:
    """Return ``{code of a figure: the industries' names}`` from every reason of a fit."""
    found: dict[str, object] = {}
    for item in fit["distinctive"] + fit["not_readable"]:
        reasons = item.get("reasons")
        for reason in reasons if isinstance(reasons, list) else []:
            if isinstance(reason, dict) and isinstance(reason.get("figure"), str) and reason.get("industry"):
                found.setdefault(reason["figure"].removeprefix("density:"), reason["industry"])
    return found
