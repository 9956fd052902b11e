"""Write a landscape for people: JSON, tables for a spreadsheet, and one page that needs nothing but a browser.

The page is one file without a program, a network address or an outside resource: its policy (CSP) allows only its own
style, named by its digest. It holds three languages; two of them are hidden by the style.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from poju.errors import CallerError
from poju.i18n import LANGUAGES, _
from poju.survey import sheet, speech
from poju.survey.compare import compare, name_in
from poju.survey.model import Json
from poju.survey.tables import tables

LARGEST_PAGE = 3_000_000
"""Bytes of a page; a larger landscape shows fewer sentences of each square and says so."""
MOST_EVENTS = (4000, 2000, 1000, 400, 100)
_MINUS = str.maketrans("-", "−")


def write(landscape: Json, out: Path, *, against: Json | None = None, language: str = "zh-Hant") -> list[Path]:
    """Write ``landscape`` into the folder ``out`` and return the files, in the order in which they were written.

    landscape.json, the tables of :func:`poju.survey.tables.tables`, landscape.html; with ``against``, an earlier
    landscape, also comparison.json and comparison.html. ``language`` is the one that a page shows at first. The same
    landscape gives the same bytes. A file appears whole or not at all.

    Raises :class:`~poju.errors.CallerError` ``survey-cannot-write`` where the folder refuses and
    ``survey-not-a-landscape`` where ``against`` is none.
    """
    compared = None if against is None else compare(against, landscape)
    try:
        out.mkdir(parents=True, exist_ok=True)
        return [_put(out / name, content) for name, content in _files(landscape, compared, language)]
    except OSError as error:
        raise CallerError(
            "survey-cannot-write",
            _("{path} cannot be written: {reason}."),
            hint=_("Name a folder that you may write to."),
            path=out,
            reason=error.strerror or "unknown",
        ) from error


def page(landscape: Json, language: str = "zh-Hant") -> bytes:
    """Return the page of ``landscape``, with as many sentences as fit below :data:`LARGEST_PAGE`."""
    for most in MOST_EVENTS:
        data = _page(landscape, language, most)
        if len(data) <= LARGEST_PAGE:
            break
    return data


def comparison_page(compared: Json, language: str = "zh-Hant") -> bytes:
    """Return the page of what :func:`poju.survey.compare.compare` found."""
    kinds = {item["id"]: item["names"] for item in compared["instruments"]}

    def row_names(code: str) -> dict[str, str]:
        return {tag: name_in(compared, code, tag) for tag in LANGUAGES}

    return _draw("comparison.html", language, "", compared=compared, kinds=kinds, row_names=row_names)


def _files(landscape: Json, compared: Json | None, language: str) -> Iterator[tuple[str, Iterable[bytes]]]:
    yield "landscape.json", _json(landscape)
    for name, content in tables(landscape):
        yield name, [content]
    yield "landscape.html", [page(landscape, language)]
    if compared is not None:
        yield "comparison.json", _json(compared)
        yield "comparison.html", [comparison_page(compared, language)]


def _json(content: Json) -> Iterator[bytes]:
    """Yield ``content`` piece by piece, one line for each name and each item: a large one is never whole in memory."""
    for position, (name, value) in enumerate(content.items()):
        yield _encoded(f"{',' if position else '{'}\n{_compact(name)}: ")
        if not isinstance(value, list):
            yield _encoded(_compact(value))
            continue
        for place, item in enumerate(value):
            yield _encoded(f"{',' if place else '['}\n {_compact(item)}")
        yield b"\n]" if value else b"[]"
    yield b"\n}\n"


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", errors="replace")


def _put(path: Path, content: Iterable[bytes]) -> Path:
    draft = path.with_name(path.name + ".part")
    with draft.open("wb") as handle:
        handle.writelines(content)
    draft.replace(path)
    return path


def _page(landscape: Json, language: str, most: int) -> bytes:
    drawn = sheet.Sheet(landscape, most)
    return _draw("landscape.html", language, drawn.evidence.style(), s=drawn, land=landscape, sheet=sheet)


def _draw(template: str, language: str, rules: str, **content: object) -> bytes:
    style = _stylesheet() + rules
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    html = (
        _environment()
        .get_template(template)
        .render(
            language=language,
            style=Markup(style),  # noqa: S704 - our own file, and anchors that are a letter and a number
            policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
            **content,
        )
    )
    return html.encode("utf-8", errors="replace")


@cache
def _stylesheet() -> str:
    return (resources.files("poju.survey") / "templates" / "page.css").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("poju.survey", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals.update(
        t=speech.speak,
        say=speech.say,
        amount=speech.amount,
        around=speech.own_paragraph,
        web=speech.web_address,
        file_name=sheet.file_name,
        statuses=speech.STATUS,
        findings=speech.FINDINGS,
        outcomes=speech.OUTCOMES,
        languages=LANGUAGES,
    )
    found.filters.update(shown=speech.shown, percent=_percent, ratio=_ratio, number=_number, points=_points)
    return found


def _percent(ppm: int) -> str:
    return f"{ppm / 10_000:.1f} %"


def _points(ppm: int) -> str:
    return f"{ppm / 10_000:+.1f}".translate(_MINUS)


def _ratio(ppm: int) -> str:
    return f"{ppm / 1_000_000:.2f}"


def _number(value: int) -> str:
    return f"{value:,}"
