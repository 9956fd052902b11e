"""The ledger's HTTP application in process: whole requests, from one line of method and path and a body."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import unquote

from fuzz_run import Decoder
from starlette.types import Message
from support_node import World, custodian, opened

from poju.exchange.custodian import AccessProof
from poju.ledger import cbor
from poju.node.ledger_api import create

FAULT = 500


def server_part() -> Iterator[Decoder]:
    """Yield the one decoder ``http``: ``METHOD path`` in its first line, one header in its second, then the body."""
    world = opened()
    app, loop = create(world.engine, world.rules), asyncio.new_event_loop()

    def ask(data: bytes) -> int:
        line, _end, rest = data.partition(b"\n")
        header, _end, body = rest.partition(b"\n")
        method, _space, path = line.partition(b" ")
        name, _colon, value = header.partition(b":")
        # uvicorn answers 400 to a target with anything but printable ASCII, before an application hears of it
        path, _mark, query = bytes(byte for byte in path if 0x20 < byte < 0x7F).partition(b"?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method.decode("latin-1"),
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "scheme": "http",
            "server": ("127.0.0.1", 8600),
            "client": ("127.0.0.1", 1),
            "headers": [(b"host", b"127.0.0.1"), (name.lower(), value)] if name else [(b"host", b"127.0.0.1")],
        }
        return loop.run_until_complete(_answered(app, scope, body))

    def close() -> None:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        world.close()

    yield Decoder("http", ask, tuple(_requests(world)), factor=3, close=close)


def custodian_part() -> Iterator[Decoder]:
    """Yield ``custodian``: what a requester shows, judged whole; no other bytes open anything (PRIV-2)."""
    world = opened()
    world.consent()
    proof = world.request().encode()
    judge = custodian(world)

    def ask(data: bytes) -> str:
        held = judge.check(AccessProof.decode(data))
        if data != proof:
            raise AssertionError("a record was opened by other bytes than the proof")
        return held

    yield Decoder("custodian", ask, (proof,), close=world.close)


async def _answered(app: object, scope: dict[str, object], body: bytes) -> int:
    parts, status = [body[:1000], body[1000:]], 0

    async def receive() -> Message:
        if parts:
            return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]

    await app(scope, receive, send)  # type: ignore[operator]  # an ASGI application
    if not 0 < status < FAULT:
        raise AssertionError(f"answered {status}")
    return status


def _requests(world: World) -> Iterator[bytes]:
    raw = world.signed("member-apply", "hospital-a", "member/hospital-a", {"key": bytes(32)})
    yield b"POST /entries\ncontent-type: application/cose\n" + raw
    yield b"POST /entries/batch\ncontent-type: application/cbor\n" + cbor.encode([raw, raw[:-1], b""])
    paths = (
        "/entries/0", "/entries/1/proof", "/growth/3", "/checkpoint", "/tile/0/000.p/3", "/tile/entries/000.p/3",
        "/.well-known/scitt-keys", "/governance", "/governance/x", "/feed/0/0", "/openapi.json",
    )  # fmt: skip
    for path in paths:
        yield f"GET {path}\naccept: */*\n".encode()
    yield b'GET /feed/0/0\nsignature-input: poju=("@method" "@target-uri");created=1;keyid="00";alg="ed25519"\n'
