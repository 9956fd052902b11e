"""How every failure over HTTP looks: concise problem details (RFC 9290), a status for each kind of error."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from poju.errors import BugError, CallerError, OperatorError, PojuError, RefusedError
from poju.i18n import _
from poju.ledger import cbor
from poju.node.quota import ThrottledError

CBOR = "application/cbor"
OCTETS = "application/octet-stream"
PROBLEM = "application/concise-problem-details+cbor"
TITLE, DETAIL = -1, -2
OK, CREATED, BAD_REQUEST, FORBIDDEN, NOT_FOUND, TOO_SLOW, TOO_LARGE, BUSY = 200, 201, 400, 403, 404, 408, 413, 429
METHOD_NOT_ALLOWED, OUR_FAULT, UNAVAILABLE = 405, 500, 503


def problem(error: PojuError) -> Response:
    """Return ``error`` as concise problem details (RFC 9290)."""
    status = BAD_REQUEST
    if isinstance(error, ThrottledError) or error.code == "engine.busy":
        status = BUSY
    elif error.code == "http.too-slow":
        status = TOO_SLOW
    elif error.code in {"entry.unknown", "http.unknown"}:
        status = NOT_FOUND
    elif error.code == "http.too-large":
        status = TOO_LARGE
    elif isinstance(error, RefusedError):
        status = FORBIDDEN
    elif isinstance(error, OperatorError):
        status = UNAVAILABLE
    elif isinstance(error, BugError):
        status = OUR_FAULT
    headers = {"retry-after": str(getattr(error, "retry_after", 1))} if status == BUSY else {}
    body = cbor.encode({TITLE: error.code, DETAIL: str(error)})
    return Response(body, status, headers, media_type=PROBLEM)


def too_large(limit: int) -> CallerError:
    """Return ``http.too-large``: the request has more than ``limit`` bytes."""
    return CallerError(
        "http.too-large",
        _("The request has more than {limit} bytes."),
        hint=_("A statement has at most 65,535 bytes; records never travel to the ledger."),
        limit=limit,
    )


async def bounded_body(request: Request, limit: int) -> bytes:
    """Return the body, or raise ``http.too-large`` before more than ``limit`` bytes are kept."""
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > limit:
            raise too_large(limit)
    return bytes(data)


def unknown_entry(index: object, size: int) -> CallerError:
    """Return ``entry.unknown``: there is none, or the one who asks may not read it; which of both is not said."""
    return CallerError(
        "entry.unknown",
        _("The log has no entry {index}; its size is {size}."),
        hint=_("Entries are numbered from 0; take the number that the receipt names."),
        index=index,
        size=size,
    )


def nothing_here(status: int) -> Response:
    """Return ``http.unknown`` with ``status``: 404 or 405."""
    answer = problem(
        CallerError(
            "http.unknown",
            _("There is nothing at this address for this method."),
            hint=_("See docs/reference/node.md for the addresses, their methods and parameters."),
        )
    )
    answer.status_code = status
    return answer


def explain_all(app: FastAPI) -> None:
    """Give every failure of ``app`` the one envelope: our errors, unknown addresses, parameters of the wrong form."""

    @app.exception_handler(PojuError)
    async def explain(_request: Request, error: PojuError) -> Response:
        return problem(error)

    @app.exception_handler(HTTPException)
    async def unknown(_request: Request, error: HTTPException) -> Response:
        return nothing_here(error.status_code)

    @app.exception_handler(RequestValidationError)
    async def wrong(_request: Request, _error: RequestValidationError) -> Response:
        return nothing_here(NOT_FOUND)
