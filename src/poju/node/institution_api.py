"""One institution's own HTTP service: it serves a record to who shows a granted decision, nobody else (PRIV-2)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import FastAPI, Request, Response

from poju.engine.embedded import wall_clock
from poju.errors import PojuError
from poju.exchange import custodian
from poju.exchange.custodian import AccessProof, Limits
from poju.exchange.records import RecordStore
from poju.ledger import cbor, statement
from poju.ledger.keys import PrivateKey, PublicKey
from poju.node import signatures
from poju.node.client import LedgerClient
from poju.node.ledger_api import CBOR, OK, bounded_body, problem
from poju.node.outbox import Outbox
from poju.node.replica import Replica

MAX_PROOF = 1 << 18
SYNC_SECONDS = 2.0


@dataclass
class Institution:
    """A custodian: its name, key, records, replica, and the outbox through which it registers releases."""

    member: str
    key: PrivateKey
    records: RecordStore
    replica: Replica
    client: LedgerClient
    outbox: Outbox
    limits: Limits

    def serve(self, proof: AccessProof, requester: str) -> bytes:
        """Return CBOR [record, salt] for a request that holds; raise the refusal that names the rule otherwise."""

        def handle_of(pointer: str) -> str | None:
            record = self.records.by_pointer(pointer)
            return None if record is None else record.handle

        now = wall_clock()
        pointer = custodian.check(
            proof,
            requester,
            log_key=self.replica.log_key,
            replica=self.replica,
            handle_of=handle_of,
            limits=self.limits,
            now=now,
        )
        record = self.records.by_pointer(pointer)
        if record is None:
            raise custodian.refused("access.not-held-here")
        self._release(statement.decode(proof.request).subject, record.commitment)
        return cbor.encode([record.data, record.salt])

    def _release(self, subject: str, commitment: bytes) -> None:
        """Register the release; while the ledger is down it waits in the outbox and goes out later."""

        def build() -> bytes:
            return statement.sign(
                self.key,
                "access-release",
                issuer=self.member,
                subject=subject,
                issued_at=wall_clock(),
                identifier=statement.new_identifier(),
                fields={"commitment": commitment},
            )

        self.outbox.queue(f"release/{subject}", build)

    def refresh(self) -> None:
        """Bring the replica up to date and send what waits; keep what is there while the ledger is down."""
        with contextlib.suppress(PojuError):
            self.replica.sync(self.client, wall_clock())
            self.outbox.flush()


def create(institution: Institution) -> FastAPI:
    """Return the institution's HTTP application."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async def keep_fresh() -> None:
            while True:
                await asyncio.to_thread(institution.refresh)
                await asyncio.sleep(SYNC_SECONDS)

        task = asyncio.create_task(keep_fresh())
        yield
        task.cancel()

    app = FastAPI(title="Poju institution", version="1", docs_url=None, redoc_url=None, lifespan=lifespan)

    @app.exception_handler(PojuError)
    async def explain(_request: Request, error: PojuError) -> Response:
        return problem(error)

    def find(key_id: bytes) -> PublicKey | None:
        found = institution.replica.key(key_id)
        return found[1] if found else None

    @app.post("/records")
    async def records(request: Request) -> Response:
        body = await bounded_body(request, MAX_PROOF)
        key = signatures.verify(request, body, find)
        member, _key = institution.replica.key(key.thumbprint) or ("", key)
        proof = AccessProof.decode(body)
        served = await asyncio.to_thread(institution.serve, proof, member)
        return Response(served, OK, media_type=CBOR)

    @app.post("/refresh")
    async def refresh(request: Request) -> Response:
        signatures.verify(request, await bounded_body(request, MAX_PROOF), find)
        await asyncio.to_thread(institution.refresh)
        return Response(cbor.encode([institution.replica.size, institution.replica.fetched]), OK, media_type=CBOR)

    return app
