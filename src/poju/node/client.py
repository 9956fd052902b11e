"""A ledger's client over SCRAPI (draft −11, synchronous): what a member's software calls."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import httpx

from poju.errors import CallerError, OperatorError, RefusedError
from poju.i18n import _
from poju.ledger import cbor
from poju.ledger.keys import PrivateKey
from poju.node import signatures
from poju.node.items import few_items

COSE, CBOR = "application/cose", "application/cbor"
REFUSAL_KEY = "urn:poju:refusal"
ADDRESS = re.compile(
    r"https?://([A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9a-f:]{2,39}\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?"
)
LOCATION = re.compile(r".*/entries/([0-9]{1,18})")
DECISION = re.compile(r"([0-9a-f]{2})*")
TIMEOUT_SECONDS = 30.0
BUSY = 429
CREATED = 201
OK = 200
TRIES = 5
BATCH = 50
"""Statements sent at once: 50 of the largest fit a request of 4 MiB."""
BATCH_ANSWER_BYTES = 1 << 24
ITEMS_OF_AN_ANSWER = 5
PACKING = frozenset({"content-encoding", "content-length", "transfer-encoding"})
MOST_BYTES = 33 << 20
"""Of an answer to a question that names no smaller bound: above a page of the feed and a record."""
PATIENCE_SECONDS = 10.0

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


def _answer(response: httpx.Response) -> Answer | None:
    """Return the answer in ``response``, or None where it is neither a receipt nor a signed refusal."""
    if response.status_code == CREATED:
        found = LOCATION.fullmatch(response.headers.get("location", ""))
        decision = DECISION.fullmatch(response.headers.get("poju-decision", ""))
        if found is None or decision is None:
            return None
        return Registered(int(found[1]), response.content, bytes.fromhex(decision[0]) or None)
    try:
        details = cbor.decode(response.content, 1 << 17)
    except CallerError:  # another program answers at this address
        return None
    match details.get(REFUSAL_KEY) if isinstance(details, dict) else None:
        case {"code": str(code), "raw": bytes(raw)}:
            return Refused(code, raw)
    return None


def _answers(response: httpx.Response, count: int) -> list[Answer | None] | None:
    """Return the ``count`` answers in a batch's ``response``, or None where it holds something else."""
    if response.status_code != OK or not few_items(response.content, 1 + ITEMS_OF_AN_ANSWER * count):
        return None
    try:
        found = cbor.decode(response.content, BATCH_ANSWER_BYTES)
    except CallerError:  # another program answers at this address
        return None
    if not isinstance(found, list) or len(found) != count:
        return None
    answers: list[Answer | None] = []
    for item in found:
        match item:
            case ["registered", int(index), bytes(receipt), bytes() | None as decision]:
                answers.append(Registered(index, receipt, decision))
            case ["refused", str(code), bytes(raw)]:
                answers.append(Refused(code, raw))
            case ["failed", str(), str()]:
                answers.append(None)
            case _:
                return None
    return answers


class LedgerClient:
    """Talks to one ledger; safe to share between threads."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        limits = httpx.Limits(max_connections=32, max_keepalive_connections=32)
        if not ADDRESS.fullmatch(self.url):
            raise CallerError(
                "ledger.address",
                _("{url} is no address of a ledger."),
                hint=_("Give it as http://HOST:PORT or https://HOST."),
                url=url[:200],
            )
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
            response = self._send("/entries", raw, COSE)
            if response.status_code != BUSY:
                break
            time.sleep(_wait(response))
        answer = _answer(response)
        if answer is None:
            raise self._strange(response.status_code)
        return answer

    def _send(self, path: str, body: bytes, content: str) -> httpx.Response:
        request = self._http.build_request("POST", path, content=body, headers={"content-type": content})
        return self._call(lambda: self._bounded(request))

    def register_all(self, raws: Sequence[bytes]) -> list[Answer | None]:
        """Register statements by the batch (``POST /entries/batch``); return their answers in order.

        None stands for one that was neither registered nor refused: the queue was full, a limit was reached, the disk
        failed. Send it again, as :meth:`register` does. Raises ``ledger.unreachable`` or ``ledger.answer``.
        """
        answers: list[Answer | None] = []
        for start in range(0, len(raws), BATCH):
            batch = list(raws[start : start + BATCH])
            sent = cbor.encode(batch)
            for _attempt in range(TRIES):
                response = self._send("/entries/batch", sent, CBOR)
                if response.status_code != BUSY:
                    break
                time.sleep(_wait(response))
            found = _answers(response, len(batch))
            if found is None:
                raise self._strange(response.status_code)
            answers += found
        return answers

    def _strange(self, status: int) -> RefusedError:
        return RefusedError(
            "ledger.answer",
            _("The ledger at {url} answered with status {status}."),
            hint=_("See the node's log for the reason."),
            url=self.url,
            status=status,
        )

    def get(self, path: str, key: PrivateKey | None = None) -> bytes:
        """Return the body at ``path``, the request signed by ``key`` where one is given."""
        request = self._http.build_request("GET", path)
        if key is not None:
            signatures.sign(request, key)
        response = self._call(lambda: self._bounded(request))
        if response.status_code != OK:
            raise self._strange(response.status_code)
        return response.content

    def post(self, path: str, body: bytes, key: PrivateKey) -> httpx.Response:
        """Return the response to a signed POST of ``body``."""
        request = self._http.build_request("POST", path, content=body)
        signatures.sign(request, key, body)
        return self._call(lambda: self._bounded(request))

    def _bounded(self, request: httpx.Request) -> httpx.Response:
        """Return status and body; raise ``ledger.answer`` before more than 33 MiB of the body are kept."""
        response = self._http.send(request, stream=True)
        data = bytearray()
        try:
            for part in response.iter_bytes():
                data += part
                if len(data) > MOST_BYTES:
                    raise self._strange(response.status_code)
        finally:
            response.close()
        # the body is decoded already: what said how it was packed is about other bytes
        kept = {name: value for name, value in response.headers.items() if name not in PACKING}
        return httpx.Response(response.status_code, headers=kept, content=bytes(data))

    def proof(self, index: int, key: PrivateKey | None = None) -> tuple[bytes, bytes | None, bytes | None]:
        """Return (receipt, decision leaf, decision's receipt) of entry ``index`` under one checkpoint.

        An entry that is not for everyone is proved to its readers only: ``key`` signs the request.
        """
        match cbor.decode(self.get(f"/entries/{index}/proof", key), 1 << 18):
            case [bytes(receipt), None, None]:
                return receipt, None, None
            case [bytes(receipt), bytes(decision), bytes(decision_receipt)]:
                return receipt, decision, decision_receipt
        raise self._strange(OK)


def _wait(response: httpx.Response) -> float:
    """Return how many seconds ``Retry-After`` asks for, bounded by our own patience."""
    asked = response.headers.get("retry-after", "1")
    return min(float(asked), PATIENCE_SECONDS) if asked.isascii() and asked.isdecimal() else 1.0


def _title(body: bytes) -> str:
    """Return the title of concise problem details, or a dash."""
    try:
        details = cbor.decode(body, 1 << 17)
    except CallerError:
        return "–"
    return str(details.get(-1, "–")) if isinstance(details, dict) else "–"
