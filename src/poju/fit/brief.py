"""A brief of two pages that an official can read and print: HTML in three languages, and the answer that it tells.

``brief.zh-Hant.html``, ``brief.zh-Hans.html`` and ``brief.en.html`` stand alone: no script, nothing loaded from
elsewhere, every text escaped, and a policy that forbids the rest. Printed on A4 each is two pages. ``fit.json`` holds
the whole answer and what the brief added to it, as canonical JSON (RFC 8785), so that the same pages can be made from
it again.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from poju.errors import OperatorError
from poju.fit import brief_tables
from poju.fit.brief_choice import choice
from poju.fit.brief_facts import facts
from poju.fit.brief_voice import Json, Voice
from poju.fit.text import shortened, width
from poju.i18n import LANGUAGES, _

FIT_FILE = "fit.json"
LONG_NAME = 24
"""Columns of a region's name from which the title takes two lines."""


def write(answer: Json, out: Path) -> list[Path]:
    """Write the three briefs and ``fit.json`` for ``answer`` of :func:`poju.fit.rank` to the folder ``out``.

    Returns the paths written. An answer read back from ``fit.json`` gives the same bytes. The folder is made where it
    is missing; each file appears whole or not at all.

    Raises :class:`OperatorError` ``brief-not-written`` where the disk refuses.
    """
    told = whole(answer)
    made = {f"brief.{language}.html": page(told, language).encode() for language in LANGUAGES}
    made[FIT_FILE] = canonical(told)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in made.items():
            draft = out / f"{name}.part"
            draft.write_bytes(content)
            draft.replace(out / name)
    except OSError as error:
        raise OperatorError(
            "brief-not-written",
            _("The brief could not be written to {folder}: {reason}"),
            hint=_("Check that the folder may be written to and has space left."),
            folder=out,
            reason=error.strerror or "",
        ) from error
    return [out / name for name in made]


def whole(answer: Json) -> Json:
    """Return ``answer`` with the key ``brief``, what :func:`poju.fit.brief_facts.facts` adds; kept where it stands."""
    return answer if "brief" in answer else {**answer, "brief": facts(answer)}


def canonical(answer: Json) -> bytes:
    """Return ``answer`` as canonical JSON (RFC 8785): sorted names, no spaces, UTF-8; it holds no fractions."""
    return json.dumps(answer, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def page(answer: Json, language: str) -> str:
    """Return the brief of ``answer``, which has the key ``brief``, as one HTML page in ``language``."""
    voice = Voice(answer, answer["brief"], language)
    told = answer["brief"]["choices"]
    chosen = [choice(voice, number, one) for number, one in enumerate(told, start=1)]
    around = brief_tables.around(voice)
    style = _style()
    context = {
        "language": language,
        "region": voice.region,
        "dense": _dense(voice),
        "title": _title(voice, len(chosen)),
        "labels": {name: voice.say(text) for name, text in LABELS.items()},
        "lead": _lead(voice, [one["name"] for one in chosen]),
        "why_these": _why_these(voice),
        "choices": chosen,
        "needs": brief_tables.needs(voice),
        "around": around,
        "around_told": brief_tables.around_told(voice, None if around is None else around["year"]),
        "package": brief_tables.package(voice),
        "limits": brief_tables.limits(voice),
        # Last: the sources are numbered as the parts above name them.
        "sources": voice.listed_sources(),
        "foot": _foot(voice),
        # The stylesheet is our own file; it is put in whole, so that its digest can stand in the page's policy.
        "style": Markup(style),  # noqa: S704 - a file of this package, no input
        "style_digest": base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    }
    return _environment().get_template("brief.html.j2").render(context)


LABELS = {
    "eyebrow": _("Brief for the authority · which scenario to open"),
    "missing": _("What is missing before opening"),
    "none_missing": _("nothing known to be missing"),
    "neighbours": _("What the neighbours stress, and what they did"),
    "neighbour": _("Neighbour"),
    "stressed": _("Stressed more than elsewhere"),
    "package": _("The first package to open"),
    "limits": _("What this brief does not know"),
    "sources": _("Sources"),
    "page": _("Page"),
}
LEAD = _(
    "Opening a real problem lets providers solve it, and be paid for what is proven. For {region} these come first:"
    " {names}."
)
CHOSEN = _(
    "How they were chosen: by how far the region's own industries stand out among {compared}, in figures up to {year},"
    " leaving out what is known to lack a prerequisite. Beside each stands what most regions do anyway."
)


def _title(voice: Voice, count: int) -> str:
    if count == 1:
        return voice.say(_("{region}: one scenario to open"), region=voice.region)
    return voice.say(_("{region}: {count} scenarios to open"), region=voice.region, count=count)


def _lead(voice: Voice, names: list[str]) -> str:
    if not names:
        return voice.say(_("No scenario could be compared here: the figures given do not suffice."))
    return voice.say(LEAD, region=voice.region, names=voice.listed(names))


def _why_these(voice: Voice) -> list[str]:
    """Return the sentences that say how the three were chosen, and what was left out."""
    lines = [voice.say(CHOSEN, compared=voice.compared, year=voice.answer["year"])]
    policies = voice.answer.get("policies")
    if policies and not policies["events"]:
        lines.append(voice.say(_("The survey that was given holds nothing about this region.")))
    elif policies:
        said = _(
            "Surveyed here: {events} policy events, of which {push} push, {environment} set conditions, {pull} pull."
        )
        counts = {key: policies[key] for key in ("events", "push", "environment", "pull")}
        lines.append(voice.say(said, **counts))
    for row in voice.answer["brief"]["left_out"]:
        said = _("Left out, though it stands out: {scenario}, for lack of: {missing}.")
        name = voice.name(voice.common[row["scenario"]]["names"])
        lines.append(voice.say(said, scenario=name, missing=voice.name(row["missing"][0])))
    return lines[:3]


def _foot(voice: Voice) -> str:
    code = shortened(str(voice.answer["region"]["code"]), LONG_NAME)
    return voice.say(
        _("Made by Poju from fit.json, which holds every figure. Region {code}, seed {seed}."),
        code=code,
        seed=voice.answer["seed"],
    )


def _dense(voice: Voice) -> bool:
    """Return whether there is more to tell than usual, so that smaller letters keep it on two pages."""
    more = (voice.answer.get("policies"), voice.answer.get("assumed"), voice.answer["brief"]["left_out"])
    return any(more) or width(voice.region) > LONG_NAME


@cache
def _style() -> str:
    return (resources.files("poju.fit") / "templates" / "brief.css").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("poju.fit"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
