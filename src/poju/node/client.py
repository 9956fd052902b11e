"""A ledger's client over SCRAPI (draft −11, synchronous): what a member's software calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import httpx

from poju.errors import OperatorError, RefusedError
from poju.i18n import _
from poju.ledger import cbor
from poju.ledger.keys import PrivateKey
from poju.node import signatures

COSE = "application/cose"
REFUSAL_KEY = "urn:poju:refusal"
TIMEOUT_SECONDS = 30.0
BUSY = 429
CREATED = 201
OK = 200
TRIES = 5

T = TypeVar("T")


@dataclass(frozen=True)
class Registered:
    """The statement's leaf index, its receipt, and its decision leaf where its kind declares one."""

    index: int
    receipt: bytes
    decision: bytes | None

    def encode(self) -> bytes:
        """Return the answer as CBOR, for an outbox."""
        return cbor.encode(["registered", self.index, self.receipt, self.decision])


@dataclass(frozen=True)
class Refused:
    """The rule's code and the node's signed refusal."""

    code: str
    raw: bytes

    def encode(self) -> bytes:
        """Return the answer as CBOR, for an outbox."""
        return cbor.encode(["refused", self.code, self.raw])


Answer = Registered | Refused


class LedgerClient:
    """Talks to one ledger; safe to share between threads."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        limits = httpx.Limits(max_connections=32, max_keepalive_connections=32)
        self._http = httpx.Client(base_url=self.url, timeout=TIMEOUT_SECONDS, limits=limits, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _call(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except httpx.HTTPError as error:
            raise OperatorError(
                "ledger.unreachable",
                _("The ledger at {url} does not answer: {reason}."),
                hint=_("Check that its node runs; what was acknowledged is safe, and sending again does no harm."),
                url=self.url,
                reason=type(error).__name__,
            ) from error

    def register(self, raw: bytes) -> Answer:
        """Register one statement and wait until it is durable; raise ``ledger.unreachable`` or ``ledger.answer``."""
        for _attempt in range(TRIES):
            response = self._call(lambda: self._http.post("/entries", content=raw, headers={"content-type": COSE}))
            if response.status_code != BUSY:
                break
        if response.status_code == CREATED:
            index = int(response.headers["location"].rsplit("/", 1)[1])
            decision = response.headers.get("poju-decision")
            return Registered(index, response.content, bytes.fromhex(decision) if decision else None)
        details = cbor.decode(response.content, 1 << 17) if response.content else {}
        signed = details.get(REFUSAL_KEY) if isinstance(details, dict) else None
        if signed is None:
            raise self._unexpected(response)
        return Refused(str(signed["code"]), bytes(signed["raw"]))

    def _unexpected(self, response: httpx.Response) -> RefusedError:
        return RefusedError(
            "ledger.answer",
            _("The ledger at {url} answered with status {status}."),
            hint=_("See the node's log for the reason."),
            url=self.url,
            status=response.status_code,
        )

    def get(self, path: str, key: PrivateKey | None = None) -> bytes:
        """Return the body at ``path``, the request signed by ``key`` where one is given."""
        request = self._http.build_request("GET", path)
        if key is not None:
            signatures.sign(request, key)
        response = self._call(lambda: self._http.send(request))
        if response.status_code != OK:
            raise self._unexpected(response)
        return response.content

    def post(self, path: str, body: bytes, key: PrivateKey) -> httpx.Response:
        """Return the response to a signed POST of ``body``."""
        request = self._http.build_request("POST", path, content=body)
        signatures.sign(request, key, body)
        return self._call(lambda: self._http.send(request))

    def proof(self, index: int) -> tuple[bytes, bytes | None, bytes | None]:
        """Return (receipt, decision leaf, decision's receipt) of entry ``index`` under one checkpoint."""
        receipt, decision, decision_receipt = cbor.decode(self.get(f"/entries/{index}/proof"), 1 << 18)
        return receipt, decision, decision_receipt
