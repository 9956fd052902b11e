"""The console's HTTP side: GET and HEAD only, loopback names only, nothing but the pages of one report."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from poju.console import guard, page, report
from poju.console.speaker import View
from poju.i18n import LANGUAGES, choose_language

LONGEST_ACCEPT = 500


class Source:
    """The one file, read again when it changes; held by the application, used by its one process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stamp: tuple[int, int] | None = None
        self._report: dict[str, Any] = {}

    def current(self) -> dict[str, Any]:
        """Return the checked report; errors as for :func:`poju.console.report.load`."""
        try:
            status = (self.folder / report.FILE).stat()
            stamp = (status.st_mtime_ns, status.st_size)
        except OSError:
            stamp = None
        if stamp is None or stamp != self._stamp:
            self._report, self._stamp = report.load(self.folder), stamp
        return self._report


def create(folder: Path, language: str | None = None) -> FastAPI:
    """Return the console over ``folder/report.json``; ``language`` is spoken unless ``?lang=`` asks for another.

    Without ``language`` the browser's Accept-Language decides (RFC 9110 section 12.5.4). The report is read at once, so
    that a folder without one ends here: errors as for :func:`poju.console.report.load`.
    """
    source = Source(folder)
    source.current()
    app = FastAPI(title="Poju console", docs_url=None, redoc_url=None, openapi_url=None)

    def speak(request: Request) -> str:
        return ask_language(request, language)

    def show(room: str) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            view = View(
                language=speak(request),
                single=False,
                room=room,
                region=request.query_params.get("region", ""),
                instrument=request.query_params.get("instrument", ""),
            )
            return guard.html(page.room_page(source.current(), view))

        return answer

    def tell(room: str) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            found = page.twin(source.current(), room)
            if room == "landscape":
                found = _only(found, request.query_params.get("region"), request.query_params.get("instrument"))
            body = json.dumps(found, ensure_ascii=False, indent=1).encode("utf-8", errors="replace")
            return Response(body, media_type="application/json")

        return answer

    for room in page.ROOMS:
        app.add_api_route("/" if room == "index" else f"/{room}", show(room), methods=guard.METHODS, name=room)
        app.add_api_route(f"/{room}.json", tell(room), methods=guard.METHODS, name=f"{room}-json")
    app.add_api_route("/static/console.css", _style, methods=guard.METHODS)
    app.add_api_route("/static/mark.svg", _mark, methods=guard.METHODS)
    guard.install(app, speak)
    return app


def ask_language(request: Request, fixed: str | None) -> str:
    """Return the language of one answer: ``?lang=``, else ``fixed``, else the browser's, else this machine's."""
    asked = request.query_params.get("lang")
    if asked is not None:
        if asked not in LANGUAGES:
            raise HTTPException(HTTPStatus.BAD_REQUEST)
        return asked
    return fixed or accepted_language(request.headers.get("accept-language", "")) or choose_language()


def accepted_language(header: str) -> str | None:
    """Return the best of our languages for an Accept-Language ``header``, or None where it names none of ours."""
    wishes: list[tuple[float, str]] = []
    for item in header[:LONGEST_ACCEPT].split(","):
        tag, _separator, weight = item.strip().partition(";q=")
        try:
            wishes.append((float(weight or 1), tag.strip().lower()))
        except ValueError:
            continue
    for strength, tag in sorted(wishes, key=lambda wish: -wish[0]):
        if not strength > 0:
            continue
        if tag.startswith("zh"):
            return "zh-Hant" if any(part in tag for part in ("hant", "tw", "hk", "mo")) else "zh-Hans"
        if tag.startswith("en"):
            return "en"
    return None


def _only(found: dict[str, Any], region: str | None, instrument: str | None) -> dict[str, Any]:
    """Keep the cells and events of one region and one instrument, where the address names these."""
    landscape = found["landscape"]
    if landscape is None or not (region or instrument):
        return found
    cells = [
        cell
        for cell in landscape["cells"]
        if region in (None, "", cell["region"]) and instrument in (None, "", cell["instrument"])
    ]
    wanted = {name for cell in cells for name in cell["events"]}
    events = [event for event in landscape["events"] if event["id"] in wanted]
    return found | {"landscape": landscape | {"cells": cells, "events": events}}


def _style() -> Response:
    return Response(page.stylesheet(), media_type="text/css")


def _mark() -> Response:
    return Response(page.mark(), media_type="image/svg+xml")
