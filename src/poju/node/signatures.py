"""Requests between nodes carry HTTP Message Signatures (RFC 9421) over method, target and body."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    algorithms,
)
from http_message_signatures.exceptions import HTTPMessageSignaturesException

from poju.errors import RefusedError
from poju.i18n import _
from poju.ledger.keys import PrivateKey, PublicKey

TAG = "poju"
COVERED = ("@method", "@target-uri")
MAX_AGE = dt.timedelta(seconds=60)


class Message(Protocol):
    """What the library reads of a request: httpx's and Starlette's both fit."""

    @property
    def method(self) -> str:
        """The HTTP method, upper case."""

    @property
    def url(self) -> Any:  # noqa: ANN401 - each library has a type of its own
        """The absolute target."""

    @property
    def headers(self) -> Any:  # noqa: ANN401 - as url
        """The header fields."""


class _Resolver(HTTPSignatureKeyResolver):
    def __init__(self, find: Callable[[bytes], PublicKey | None]) -> None:
        self._find = find

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey | None:
        key = self._find(bytes.fromhex(key_id))
        return None if key is None else Ed25519PublicKey.from_public_bytes(key.raw)


def sign(message: Message, key: PrivateKey, body: bytes = b"") -> None:
    """Add Content-Digest, Signature-Input and Signature to ``message``; ``keyid`` is the key's thumbprint in hex."""
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519)
    now = dt.datetime.now(dt.UTC)
    prepared = signer.prepare(
        message, key_id=key.public.fingerprint, created=now, tag=TAG, covered_component_ids=COVERED, body=body
    )
    signer.apply(message, prepared, key.sign(prepared.signature_base))


def verify(message: Message, body: bytes, find: Callable[[bytes], PublicKey | None]) -> PublicKey:
    """Return the key that signed ``message``; ``find`` maps a thumbprint to a known key or None.

    Raises ``http.signature`` where the signature is missing, older than a minute, or does not hold.
    """
    used: list[PublicKey] = []

    def remember(key_id: bytes) -> PublicKey | None:
        key = find(key_id)
        if key is not None:
            used.append(key)
        return key

    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=_Resolver(remember))
    try:
        verifier.verify(message, max_age=MAX_AGE, expect_tag=TAG, require_components=COVERED, body=body)
    except (HTTPMessageSignaturesException, ValueError) as error:
        raise RefusedError(
            "http.signature",
            _("The request's HTTP message signature does not hold."),
            hint=_("Sign method, target and body with your member key (RFC 9421), tag poju, within the last minute."),
        ) from error
    return used[0]
