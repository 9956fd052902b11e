"""What stands before every page: this machine's names only, GET and HEAD only, strict headers, worded failures."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from poju.console import page
from poju.errors import PojuError
from poju.i18n import _, choose_language, translate

LONGEST_QUERY = 500
METHODS = ["GET", "HEAD"]
HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cache-Control": "no-store",
}
STATUS_WORDS = {
    400: _("This address cannot be read."),
    404: _("There is no such page."),
    405: _("This console only shows; it takes no changes."),
    421: _("This console answers only under the name of this machine itself."),
}


Speak = Callable[[Request], str]


def html(text: str, status: int = HTTPStatus.OK) -> Response:
    """Return ``text`` as an HTML answer; a lone surrogate from a report becomes a question mark."""
    return Response(text.encode("utf-8", errors="replace"), status_code=status, media_type="text/html")


def install(app: FastAPI, speak: Speak) -> None:
    """Put the guard before every page of ``app``; ``speak`` tells an answer's language."""
    worded = Worded(speak)

    async def outermost(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        # A foreign name in Host is how another site's page would reach a loopback service (DNS rebinding).
        if host_name(request.headers.get("host", "")) not in HOSTS:
            answer = worded.status(request, HTTPStatus.MISDIRECTED_REQUEST)
        elif len(request.url.query) > LONGEST_QUERY:
            answer = worded.status(request, HTTPStatus.BAD_REQUEST)
        else:
            answer = await call_next(request)
        answer.headers.update(HEADERS)
        return answer

    app.add_exception_handler(HTTPException, worded.on_status)
    app.add_exception_handler(PojuError, worded.on_report)
    app.middleware("http")(outermost)


class Worded:
    """Failures in the reader's language: a page, or for a JSON address a problem document (RFC 9457)."""

    def __init__(self, speak: Speak) -> None:
        self._speak = speak

    def status(self, request: Request, status: int) -> Response:
        """Return the answer for an HTTP ``status``."""
        words = STATUS_WORDS.get(status, HTTPStatus(status).phrase)
        return self._failure(request, status, translate(words, self._language(request)), "")

    async def on_status(self, request: Request, error: Exception) -> Response:
        """Answer what the framework refuses: no such page, no such method, a language that there is not."""
        status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
        answer = self.status(request, status)
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            answer.headers["Allow"] = ", ".join(METHODS)
        return answer

    async def on_report(self, request: Request, error: Exception) -> Response:
        """Answer while the report cannot be read: it was readable at the start, so it is rewritten or was damaged."""
        told = error.explain(self._language(request)) if isinstance(error, PojuError) else str(error)
        title, _newline, detail = told.partition("\n")
        return self._failure(request, HTTPStatus.SERVICE_UNAVAILABLE, title, detail)

    def _language(self, request: Request) -> str:
        try:
            return self._speak(request)
        except HTTPException:
            return choose_language()

    def _failure(self, request: Request, status: int, title: str, detail: str) -> Response:
        if request.url.path.endswith(".json"):
            problem = {"type": "about:blank", "status": status, "title": title, "detail": detail}
            return Response(json.dumps(problem, ensure_ascii=False), status, media_type="application/problem+json")
        return html(page.error_page(self._language(request), status, title, detail), status)


def host_name(header: str) -> str:
    """Return a Host header's name without its port (RFC 9110 section 7.2), in lower case."""
    name, separator, port = header.rpartition(":")
    return (name if separator and port.isdigit() else header).lower()
