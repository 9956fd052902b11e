"""The ledger over HTTP: SCRAPI (draft −11, synchronous first), tiles and checkpoint, a member's replica feed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from poju.engine import embedded
from poju.errors import BugError, CallerError, OperatorError, PojuError, RefusedError
from poju.i18n import _
from poju.ledger import cbor, merkle, tiles
from poju.ledger.keys import PublicKey
from poju.ledger.statement import MAX_BYTES
from poju.node import governance_node, signatures
from poju.node.client import COSE, REFUSAL_KEY
from poju.node.quota import ThrottledError
from poju.node.visibility import Visibility
from poju.scenario.rulebook import ADMITTED, ScenarioRules

CBOR = "application/cbor"
OCTETS = "application/octet-stream"
PROBLEM = "application/concise-problem-details+cbor"
TITLE, DETAIL = -1, -2
FEED_LIMIT = 512
TOP = 7
OK, CREATED, BAD_REQUEST, FORBIDDEN, NOT_FOUND, TOO_SLOW, TOO_LARGE, BUSY = 200, 201, 400, 403, 404, 408, 413, 429
OUR_FAULT, UNAVAILABLE = 500, 503


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


def refused(answer: embedded.Refusal) -> Response:
    """Return the node's signed refusal in concise problem details."""
    body = {TITLE: answer.code, REFUSAL_KEY: {"code": answer.code, "raw": answer.raw}}
    return Response(cbor.encode(body), FORBIDDEN, media_type=PROBLEM)


async def bounded_body(request: Request, limit: int) -> bytes:
    """Return the body, or raise ``http.too-large`` before more than ``limit`` bytes are kept."""
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > limit:
            raise CallerError(
                "http.too-large",
                _("The request has more than {limit} bytes."),
                hint=_("A statement has at most 65,535 bytes; records never travel to the ledger."),
                limit=limit,
            )
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


def explain_all(app: FastAPI) -> None:
    """Give every failure of ``app`` the one envelope: our errors, unknown addresses, parameters of the wrong form."""

    @app.exception_handler(PojuError)
    async def explain(_request: Request, error: PojuError) -> Response:
        return problem(error)

    @app.exception_handler(HTTPException)
    async def unknown(_request: Request, error: HTTPException) -> Response:
        found = CallerError(
            "http.unknown",
            _("There is nothing at this address for this method."),
            hint=_("See docs/reference/node.md for the addresses, their methods and parameters."),
        )
        answer = problem(found)
        answer.status_code = error.status_code
        return answer

    @app.exception_handler(RequestValidationError)
    async def wrong(_request: Request, _error: RequestValidationError) -> Response:
        return await unknown(_request, HTTPException(NOT_FOUND))


class Feed:
    """What a member's replica fetches: checkpoint, consistency proof, the entries it may read with receipts.

    Requests come on several threads; who may read what is folded by one at a time, each entry once.
    """

    def __init__(self, engine: embedded.EmbeddedEngine, is_public: Callable[[str], bool]) -> None:
        self._engine = engine
        self._visibility = Visibility(is_public)
        self._lock = threading.Lock()

    def _folded(self, size: int) -> Visibility:
        with self._lock:
            if self._visibility.size < size:
                self._visibility.extend(self._engine.store.leaves(self._visibility.size, size))
        return self._visibility

    def may_read(self, member: str | None, index: int) -> bool:
        """Return whether ``member``, or anyone where it is None, may read the decision on entry ``index``."""
        found = self._folded(self._engine.store.head().size)
        return found.is_public(index) or (member is not None and index in found.readers.get(member, ()))

    def page(self, member: str, start: int, old_size: int) -> bytes:
        """Return one page from entry ``start`` on, for a replica whose verified size is ``old_size``."""
        store = self._engine.store
        size = store.head().size
        visible = self._folded(size).visible(member, start)
        indexes = [index for index in visible if index < size][:FEED_LIMIT]
        nodes = tiles.node_source(store.tile)
        consistency = merkle.consistency_proof(old_size, size, nodes) if 0 < old_size <= size else []
        entries = [[index, store.leaf(index), merkle.inclusion_proof(index, size, nodes)] for index in indexes]
        more = len(indexes) == FEED_LIMIT
        return cbor.encode([self._engine.checkpoint_at(size), consistency, entries, more])


def create(engine: embedded.EmbeddedEngine, rules: ScenarioRules) -> FastAPI:
    """Return the ledger's HTTP application; ``rules`` tell who may read which entries."""
    app = FastAPI(title="Poju ledger", version="1", docs_url=None, redoc_url=None)
    explain_all(app)

    @app.post("/entries", status_code=CREATED)
    async def register(request: Request) -> Response:
        raw = await bounded_body(request, MAX_BYTES)
        answer = await asyncio.wrap_future(engine.submit(raw))
        if isinstance(answer, embedded.Refusal):
            return refused(answer)
        headers = {"location": f"/entries/{answer.index}"}
        if answer.decision is not None:
            headers["poju-decision"] = answer.decision.hex()
        return Response(answer.receipt, CREATED, headers, media_type=COSE)

    app.include_router(_members(engine, rules))
    app.include_router(_public(engine))
    app.include_router(governance_node.router(engine.store, rules))
    return app


def _requester(engine: embedded.EmbeddedEngine, request: Request) -> str:
    """Return the admitted member that signed ``request``; applicants and suspended members read nothing."""

    def find(key_id: bytes) -> PublicKey | None:
        entry = engine.store.get(f"key/{key_id.hex()}")
        member = engine.store.get(f"member/{entry['member']}") if entry else None
        # a key that was rotated away stays in the state, and opens nothing any more
        speaks = member and member["state"] == ADMITTED and key_id in member["keys"]
        return PublicKey(entry["raw"]) if speaks else None

    key = signatures.verify(request, b"", find)
    return str(engine.store.get(f"key/{key.fingerprint}")["member"])


def _members(engine: embedded.EmbeddedEngine, rules: ScenarioRules) -> APIRouter:
    """Return what members read, each what it may: replica feed, proofs with decisions, an auditor's entry bundles."""
    router, feed = APIRouter(), Feed(engine, rules.is_public)

    @router.get("/feed/{start}/{old_size}")
    def replica_feed(request: Request, start: int, old_size: int) -> Response:
        return Response(feed.page(_requester(engine, request), start, old_size), OK, media_type=CBOR)

    @router.get("/entries/{index}/proof")
    def proof(request: Request, index: int) -> Response:
        member = _requester(engine, request) if "signature" in request.headers else None
        if not feed.may_read(member, index):
            raise unknown_entry(index, engine.store.head().size)
        return Response(cbor.encode(list(engine.proof(index))), OK, media_type=CBOR)

    @router.get("/tile/entries/{path:path}")
    def entries(request: Request, path: str) -> Response:
        size = engine.store.head().size
        if not rules.reads_everything(engine.store, _requester(engine, request)):
            raise unknown_entry(path, size)
        number, width = _tile(path, size)
        start = number * tiles.WIDTH
        return Response(tiles.bundle(engine.store.leaves(start, start + width)), OK, media_type=OCTETS)

    return router


def _public(engine: embedded.EmbeddedEngine) -> APIRouter:
    """Return what anyone may read: receipts by number, keys, checkpoint, hash tiles."""
    router = APIRouter()

    @router.get("/entries/{index}")
    def receipt(index: int) -> Response:
        return Response(engine.receipt_for(index), OK, media_type=COSE)

    @router.get("/growth/{old}")
    def growth(old: int) -> Response:
        return Response(engine.growth_since(old), OK, media_type=COSE)

    @router.get("/.well-known/scitt-keys")
    def keys() -> Response:
        return Response(cbor.encode([engine.log_key.cose_key]), OK, media_type=CBOR)

    @router.get("/checkpoint")
    def checkpoint() -> Response:
        return Response(engine.checkpoint_at(engine.store.head().size), OK, media_type="text/plain; charset=utf-8")

    @router.get("/tile/{level}/{path:path}")
    def tile(level: int, path: str) -> Response:
        number, width = _tile(path, engine.store.head().size >> (tiles.HEIGHT * level) if 0 <= level <= TOP else 0)
        data = engine.store.tile(level, number)[: width * tiles.HASH_BYTES]
        return Response(data, OK, media_type=OCTETS)

    return router


def _tile(path: str, hashes: int) -> tuple[int, int]:
    """Return number and width of the tile at ``path`` of a level of ``hashes``, or raise ``entry.unknown``.

    A partial tile is served for every width that the log has passed (C2SP tlog-tiles).
    """
    found = tiles.parse_path(path)
    if found is None or found[0] * tiles.WIDTH + found[1] > hashes:
        raise unknown_entry(path, hashes)
    return found
