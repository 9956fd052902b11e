"""``POST /entries`` and ``POST /entries/batch`` in process: answers, bounds, charges, a full queue."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future

import httpx
import pytest
from fastapi import FastAPI
from support_node import LOG, World, opened

from poju.engine import embedded
from poju.errors import OperatorError
from poju.ledger import cbor, receipt, refusal
from poju.node import client as client_module
from poju.node.client import LedgerClient, Refused, Registered
from poju.node.entries import BATCH_STATEMENTS, Entries
from poju.node.ledger_api import create
from poju.node.limits import Limits, Rate
from poju.node.metrics import Metrics
from poju.node.operate import install


@pytest.fixture
def world() -> Iterator[World]:
    made = opened()
    yield made
    made.close()


def post(app: object, path: str, *bodies: bytes) -> list[httpx.Response]:
    """Post ``bodies`` at the same time."""

    async def together() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # any ASGI application
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return list(await asyncio.gather(*(client.post(path, content=body) for body in bodies)))

    return asyncio.run(together())


def pointer(world: World, number: int, issuer: str = "hospital-a") -> bytes:
    fields = {"commitment": bytes(32), "handle": "a" * 32, "class": "lab-chemistry"}
    return world.signed("pointer", issuer, f"pointer/{number:032x}", fields)


def batch(world: World, raws: list[bytes], app: object = None) -> httpx.Response:
    return post(app or create(world.engine, world.rules), "/entries/batch", cbor.encode(raws))[0]


def test_log_1_each_statement_of_a_batch_has_its_own_answer_in_order(world: World) -> None:
    good, stranger = [pointer(world, number) for number in range(3)], pointer(world, 9, "stranger")
    response = batch(world, [good[0], stranger, b"garbage", good[1], good[0], good[2]])
    assert response.status_code == 200
    answers = cbor.decode(response.content, 1 << 20)
    assert [answer[:2] for answer in answers[1:3]] == [
        ["refused", "statement.key-unknown"],
        ["failed", "cbor.malformed"],
    ]
    assert refusal.verify(answers[1][2], LOG.public).code == "statement.key-unknown"
    for raw, answer in zip([good[0], good[1], good[0], good[2]], [answers[at] for at in (0, 3, 4, 5)], strict=True):
        assert answer[0] == "registered"
        assert receipt.verify(answer[2], raw, LOG.public).index == answer[1]
        assert world.store.leaf(answer[1]) == raw
    assert answers[0][1] == answers[4][1]  # the same bytes twice: one entry


def test_single_statements_at_the_same_time_each_get_their_own_receipt(world: World) -> None:
    raws = [pointer(world, number) for number in range(40)]
    for raw, response in zip(raws, post(create(world.engine, world.rules), "/entries", *raws), strict=True):
        assert response.status_code == 201
        index = receipt.verify(response.content, raw, LOG.public).index
        assert response.headers["location"] == f"/entries/{index}"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (cbor.encode([]), 400, "http.batch"),
        (cbor.encode([b"\0"] * (BATCH_STATEMENTS + 1)), 400, "http.batch"),
        (cbor.encode([b"\0", "text"]), 400, "http.batch"),
        (cbor.encode({"statements": []}), 400, "http.batch"),
        (b"\x9f\x41\x00\xff", 400, "cbor.malformed"),
        (b"", 400, "cbor.malformed"),
        (bytes((4 << 20) + 1), 413, "http.too-large"),
    ],
)
def test_what_is_no_batch_is_refused_whole(world: World, body: bytes, status: int, code: str) -> None:
    response = post(create(world.engine, world.rules), "/entries/batch", body)[0]
    assert response.status_code == status
    assert cbor.decode(response.content)[-1] == code


def test_a_batch_is_charged_to_its_address_by_the_statement(world: World) -> None:
    app = create(world.engine, world.rules)
    install(app, Limits(address=Rate(1, 10)), Metrics([]))
    raws = [pointer(world, number) for number in range(6)]
    assert [batch(world, raws, app).status_code for _turn in range(2)] == [200, 429]


class Full:
    """An engine whose queue is full."""

    def submit(self, _raw: bytes) -> Future[embedded.Answer]:
        raise OperatorError("engine.busy", "full", hint="later")


def test_a_full_queue_answers_a_batch_429_with_a_time() -> None:
    response = post(Entries(FastAPI(), Full()), "/entries/batch", cbor.encode([b"\0"]))[0]
    assert response.status_code == 429
    assert int(response.headers["retry-after"]) >= 1


def test_the_client_sends_many_by_the_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create(world.engine, world.rules)
    sent: list[int] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append(len(cbor.decode(request.content, 1 << 22)))
        answered = post(app, str(request.url.path), request.content)[0]
        return httpx.Response(answered.status_code, content=answered.content)

    ledger = LedgerClient("http://test.example")
    monkeypatch.setattr(ledger, "_http", httpx.Client(transport=httpx.MockTransport(handler), base_url=ledger.url))
    raws = [pointer(world, number) for number in range(client_module.BATCH)]
    answers = ledger.register_all([*raws, pointer(world, 99, "stranger"), b"garbage"])
    ledger.close()
    assert sent == [client_module.BATCH, 2]
    assert all(isinstance(answer, Registered) for answer in answers[:-2])
    assert isinstance(answers[-2], Refused)
    assert answers[-1] is None
