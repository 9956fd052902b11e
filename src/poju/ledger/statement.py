"""Signed statements (RFC 9943): one member's claim about one subject.

Protected header: alg −8, content type ``application/vnd.poju.KIND+cbor``, ``kid``, CWT claims ``iss`` (member),
``sub`` (subject), ``iat`` (seconds), ``cti`` (UUIDv7, 16 bytes). Unprotected header: empty. Payload: a CBOR map of the
kind's fields. The received bytes are hashed and kept; nothing is re-encoded to be hashed.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

import uuid_utils

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger import cbor, cose
from poju.ledger.keys import PrivateKey, PublicKey
from poju.units import Seconds

ISSUER, SUBJECT, ISSUED_AT, IDENTIFIER = 1, 2, 6, 7
CLAIMS = {ISSUER, SUBJECT, ISSUED_AT, IDENTIFIER}
LABELS = {cose.ALGORITHM, cose.CONTENT_TYPE, cose.KEY_ID, cose.CWT_CLAIMS}
TEXTS = frozenset({str})
MAX_BYTES = 65_535
IDENTIFIER_BYTES = 16
UUID_VERSION = 7
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
SUBJECT_NAME = re.compile(r"[a-z0-9][a-zA-Z0-9._/-]{0,127}")
CONTENT = re.compile(r"application/vnd\.poju\.([a-z][a-z0-9-]{0,63})\+cbor")


class UnverifiedStatement(NamedTuple):
    """A strictly decoded statement whose signature nobody has checked yet; ``digest``: SHA-256 of ``raw``, as received.

    A named tuple, as it is made once for each statement: a frozen dataclass of nine fields costs 3 µs more.
    """

    raw: bytes
    digest: bytes
    envelope: cose.Sign1
    kind: str
    issuer: str
    subject: str
    issued_at: Seconds
    identifier: bytes
    fields: dict[str, cbor.Value]

    @property
    def key_id(self) -> bytes:
        """The thumbprint of the key that claims to have signed."""
        return self.envelope.key_id

    def verify(self, key: PublicKey) -> VerifiedStatement | None:
        """Return the statement as verified by ``key``, or None where its signature does not hold."""
        return VerifiedStatement(self, key) if self.envelope.verifies(key) else None


class VerifiedStatement(NamedTuple):
    """A statement whose signature holds under ``key``. Whether that key may speak for the issuer, the rules decide.

    ``enclosed``: what of the envelopes in its fields is known to hold, each with its key, so that no rule checks it
    again; often nothing.
    """

    statement: UnverifiedStatement
    key: PublicKey
    enclosed: tuple[tuple[PublicKey, cose.Sign1], ...] = ()

    def encloses(self, key: PublicKey, envelope: cose.Sign1) -> bool:
        """Return whether ``key`` signed ``envelope``, a part of the statement."""
        return (key, envelope) in self.enclosed or envelope.verifies(key)

    @property
    def kind(self) -> str:
        """The statement kind's id."""
        return self.statement.kind

    @property
    def issuer(self) -> str:
        """The member that speaks."""
        return self.statement.issuer

    @property
    def subject(self) -> str:
        """What it speaks about."""
        return self.statement.subject

    @property
    def fields(self) -> dict[str, cbor.Value]:
        """The payload, field by field."""
        return self.statement.fields


def _malformed(reason: str) -> CallerError:
    return CallerError(
        "statement.malformed",
        _("This is not a statement: {reason}."),
        hint=_("See docs/spec/statements.md for the header, the claims and the payload."),
        reason=reason,
    )


def new_identifier() -> bytes:
    """Return a fresh ``cti``: a UUIDv7 (RFC 9562 §5.7), 16 bytes."""
    return uuid_utils.uuid7().bytes


def sign(
    key: PrivateKey,
    kind: str,
    *,
    issuer: str,
    subject: str,
    issued_at: Seconds,
    identifier: bytes,
    fields: dict[str, cbor.Value],
) -> bytes:
    """Return the bytes of a signed statement."""
    claims = {ISSUER: issuer, SUBJECT: subject, ISSUED_AT: issued_at, IDENTIFIER: identifier}
    protected = {cose.CONTENT_TYPE: f"application/vnd.poju.{kind}+cbor", cose.CWT_CLAIMS: claims}
    return cose.sign(key, protected, cbor.encode(fields))


def decode(raw: bytes) -> UnverifiedStatement:
    """Decode strictly and within bounds; raise ``cbor.malformed``, ``cose.malformed`` or ``statement.malformed``."""
    envelope = cose.decode(raw, MAX_BYTES)
    if envelope.unprotected:
        raise _malformed("the unprotected header is not empty")
    if envelope.payload is None:
        raise _malformed("the payload is detached")
    if envelope.protected.keys() != LABELS:
        raise _malformed("the protected header has other labels than 1, 3, 4 and 15")
    content = envelope.protected[cose.CONTENT_TYPE]
    kind = CONTENT.fullmatch(content) if isinstance(content, str) else None
    if kind is None:
        raise _malformed("the content type names no statement kind")
    issuer, subject, issued_at, identifier = _claims(envelope.protected[cose.CWT_CLAIMS])
    fields = cbor.decode(envelope.payload)
    if not isinstance(fields, dict) or not TEXTS.issuperset(map(type, fields)):
        raise _malformed("the payload is not a map of named fields")
    digest = hashlib.sha256(raw).digest()
    return UnverifiedStatement(raw, digest, envelope, kind[1], issuer, subject, issued_at, identifier, fields)


def _claims(claims: cbor.Value) -> tuple[str, str, Seconds, bytes]:
    if not isinstance(claims, dict) or claims.keys() != CLAIMS:
        raise _malformed("the CWT claims are not exactly iss, sub, iat and cti")
    issuer, subject = claims[ISSUER], claims[SUBJECT]
    issued_at, identifier = claims[ISSUED_AT], claims[IDENTIFIER]
    if not isinstance(issuer, str) or not NAME.fullmatch(issuer):
        raise _malformed("iss is not a member's name")
    if not isinstance(subject, str) or not SUBJECT_NAME.fullmatch(subject):
        raise _malformed("sub is not a subject's name")
    if not isinstance(issued_at, int) or isinstance(issued_at, bool) or issued_at < 0:
        raise _malformed("iat is not a time in seconds")
    if not isinstance(identifier, bytes) or len(identifier) != IDENTIFIER_BYTES or identifier[6] >> 4 != UUID_VERSION:
        raise _malformed("cti is not a UUIDv7 in 16 bytes")
    return issuer, subject, Seconds(issued_at), identifier
