"""One institution's own HTTP service: it serves a record to who shows a granted decision, nobody else (PRIV-2)."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from fastapi import APIRouter, FastAPI, Request, Response

from poju.engine.embedded import wall_clock
from poju.errors import CallerError, OperatorError, PojuError
from poju.exchange import custodian, pointer
from poju.exchange.custodian import AccessProof, Limits
from poju.exchange.records import RecordStore
from poju.i18n import _
from poju.ledger import cbor, leaf, statement
from poju.ledger.keys import PrivateKey, PublicKey
from poju.node import signatures
from poju.node.client import LedgerClient, Refused
from poju.node.items import few_items
from poju.node.outbox import Build, Outbox
from poju.node.problems import CBOR, OK, bounded_body, explain_all
from poju.node.replica import Replica

MAX_PROOF = 1 << 18
MAX_RECORD = 1 << 24
RECORD_ITEMS = 3
SYNC_SECONDS = 2.0
UNTIL_THE_OTHER_END = frozenset({"exchange.not-released"})
"""An acknowledgement waits for the custodian's release, which may reach the log later."""


@dataclass(frozen=True)
class AccessWanted:
    """What the institution's own staff asks for: a new access subject, whose record, why, and the index's assertion."""

    subject: str
    pointer: str
    purpose: str
    basis: str
    assertion: bytes

    @classmethod
    def decode(cls, data: bytes) -> AccessWanted:
        """Read the CBOR array of the five; raise ``node.malformed``."""
        match cbor.decode(data, MAX_PROOF):
            case [str(subject), str(record), str(purpose), str(basis), bytes(assertion)]:
                return cls(subject, record, purpose, basis, assertion)
        raise malformed()


def malformed() -> CallerError:
    """Return the error for a body that is not the address's array."""
    return CallerError(
        "node.malformed",
        _("The request's body is not the CBOR array of this address."),
        hint=_("See docs/reference/node.md for the addresses, their methods and parameters."),
    )


def strange(url: str) -> OperatorError:
    """Return the error for a custodian's answer that is neither record nor refusal."""
    return OperatorError(
        "node.answer",
        _("The custodian at {url} answered with neither a record nor a refusal."),
        hint=_("Check the address; ask the custodian for its node's log."),
        url=url[:200],
    )


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
    _proofs: dict[str, AccessProof] = field(default_factory=dict)
    _flushing: threading.Lock = field(default_factory=threading.Lock)

    def serve(self, proof: AccessProof, requester: str) -> bytes:
        """Return CBOR [record, salt] for a request that holds; raise the refusal that names the rule otherwise."""

        def handle_of(name: str) -> str | None:
            record = self.records.by_pointer(name)
            return None if record is None else record.handle

        now = wall_clock()
        held = custodian.check(
            proof,
            requester,
            log_key=self.replica.log_key,
            replica=self.replica,
            handle_of=handle_of,
            limits=self.limits,
            now=now,
        )
        record = self.records.by_pointer(held)
        if record is None:
            raise custodian.refused("access.not-held-here")
        self._release(statement.decode(proof.request).subject, record.commitment)
        return cbor.encode([record.data, record.salt])

    def _release(self, subject: str, commitment: bytes) -> None:
        """Register the release; while the ledger is down it waits in the outbox and goes out later."""
        self.outbox.queue(f"release/{subject}", self._signed("access-release", subject, {"commitment": commitment}))

    def request(self, wanted: AccessWanted) -> dict[str, cbor.Value]:
        """Register an access request for our own staff; keep its proof for :meth:`collect`; return what was decided."""
        fields: dict[str, cbor.Value] = {"pointer": wanted.pointer, "purpose": wanted.purpose, "basis": wanted.basis}
        fields["assertion"] = wanted.assertion
        answer = self.outbox.send(f"request/{wanted.subject}", self._signed("access-request", wanted.subject, fields))
        if isinstance(answer, Refused):
            return {"outcome": "refused", "code": answer.code}
        receipt, decision, decision_receipt = self.client.proof(answer.index, self.key)
        raw = self.outbox.raw(f"request/{wanted.subject}")
        self._proofs[wanted.subject] = AccessProof(raw, receipt, decision or b"", decision_receipt or b"")
        decided = leaf.decode(decision or b"")
        policies = list(decided.policies) if isinstance(decided, leaf.DecisionLeaf) else []
        outcome = decided.outcome if isinstance(decided, leaf.DecisionLeaf) else "none"
        return {"outcome": outcome, "entry": answer.index, "policies": policies}

    def collect(self, subject: str, custodian_url: str, commitment: bytes) -> dict[str, cbor.Value]:
        """Show the proof to the custodian; check what it serves against the pointer's commitment; acknowledge it."""
        proof = self._proofs.get(subject)
        if proof is None:
            raise custodian.refused("access.not-granted")
        other = LedgerClient(custodian_url)
        response = other.post("/records", proof.encode(), self.key)
        other.close()
        if response.status_code != OK:
            match cbor.decode(response.content, MAX_PROOF):
                case {-1: str(code)}:
                    return {"served": False, "code": code}
            raise strange(custodian_url)
        if not few_items(response.content, RECORD_ITEMS):
            raise strange(custodian_url)
        match cbor.decode(response.content, MAX_RECORD):
            case [bytes(record), bytes(salt)]:
                holds = pointer.holds(commitment, salt, record)
            case _:
                raise strange(custodian_url)
        fields = {"commitment": commitment, "holds": holds}
        self.outbox.queue(f"acknowledge/{subject}", self._signed("access-acknowledge", subject, fields))
        return {"served": True, "holds": holds, "bytes": len(record)}

    def _signed(self, kind: str, subject: str, fields: dict[str, cbor.Value]) -> Build:
        def build() -> bytes:
            return statement.sign(
                self.key,
                kind,
                issuer=self.member,
                subject=subject,
                issued_at=wall_clock(),
                identifier=statement.new_identifier(),
                fields=fields,
            )

        return build

    def renew(self, raw: bytes) -> bytes:
        """Return what an earlier run wrote down, signed again with today's time."""
        item = statement.decode(raw)
        return self._signed(item.kind, item.subject, item.fields)()

    def refresh(self) -> None:
        """Bring the replica up to date and send what waits; keep what is there while the ledger is down.

        A feed that does not hold must not keep a release from the log (PRIV-3): what waits is sent in any case.
        """
        with contextlib.suppress(PojuError):
            self.replica.sync(self.client, wall_clock())
        with contextlib.suppress(PojuError), self._flushing:
            self.outbox.flush(self.renew, UNTIL_THE_OTHER_END)


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

    explain_all(app)

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

    app.include_router(_staff(institution))
    return app


def _staff(institution: Institution) -> APIRouter:
    """Return what the institution's own staff's systems call, signed by its own key."""
    router = APIRouter()

    def own(key_id: bytes) -> PublicKey | None:
        """Return our own key: what follows is for our own staff's systems only."""
        return institution.key.public if key_id == institution.key.public.thumbprint else None

    @router.post("/request")
    async def request_access(request: Request) -> Response:
        body = await bounded_body(request, MAX_PROOF)
        signatures.verify(request, body, own)
        wanted = AccessWanted.decode(body)
        return Response(cbor.encode(await asyncio.to_thread(institution.request, wanted)), OK, media_type=CBOR)

    @router.post("/collect")
    async def collect(request: Request) -> Response:
        body = await bounded_body(request, MAX_PROOF)
        signatures.verify(request, body, own)
        match cbor.decode(body, MAX_PROOF):
            case [str(subject), str(url), bytes(commitment)]:
                found = await asyncio.to_thread(institution.collect, subject, url, commitment)
            case _:
                raise malformed()
        return Response(cbor.encode(found), OK, media_type=CBOR)

    @router.post("/refresh")
    async def refresh(request: Request) -> Response:
        signatures.verify(request, await bounded_body(request, MAX_PROOF), own)
        await asyncio.to_thread(institution.refresh)
        return Response(cbor.encode([institution.replica.size, institution.replica.fetched]), OK, media_type=CBOR)

    return router
