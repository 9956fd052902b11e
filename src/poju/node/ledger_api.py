"""The ledger over HTTP: SCRAPI (draft −11, synchronous first), tiles and checkpoint, a member's replica feed."""

from __future__ import annotations

import threading
from collections.abc import Callable

from fastapi import APIRouter, FastAPI, Request, Response

from poju.engine import embedded
from poju.ledger import cbor, merkle, tiles
from poju.ledger.keys import PublicKey
from poju.node import governance_node, log_private, signatures
from poju.node.client import COSE
from poju.node.entries import Entries
from poju.node.problems import CBOR, OCTETS, OK, explain_all, unknown_entry
from poju.node.visibility import Visibility
from poju.scenario.rulebook import ADMITTED, ScenarioRules

FEED_LIMIT = 512
TOP = 7


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
        paths = merkle.Paths(size, nodes)
        entries = [[index, store.leaf(index), paths[index]] for index in indexes]
        more = len(indexes) == FEED_LIMIT
        return cbor.encode([self._engine.checkpoint_at(size), consistency, entries, more])


def create(engine: embedded.EmbeddedEngine, rules: ScenarioRules) -> FastAPI:
    """Return the ledger's HTTP application; ``rules`` tell who may read which entries."""
    app = FastAPI(title="Poju ledger", version="1", docs_url=None, redoc_url=None)
    explain_all(app)
    app.add_middleware(Entries, engine=engine)
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
        # the one that signs comes first; what the earlier ones signed stays good (LOG-3)
        earlier = [key for key in log_private.retired(engine.store) if key != engine.log_key]
        return Response(cbor.encode([key.cose_key for key in (engine.log_key, *earlier)]), OK, media_type=CBOR)

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
