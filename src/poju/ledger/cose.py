"""COSE_Sign1 (RFC 9052 §4.2), the one envelope for statements, receipts, refusals and assertions.

Tag 18 only, EdDSA only, strict deterministic CBOR throughout.
"""

from __future__ import annotations

from typing import NamedTuple

import cbor2

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger import cbor
from poju.ledger.keys import SIGNATURE_BYTES, PrivateKey, PublicKey

TAG_SIGN1 = 18
FIRST_BYTE = 0xD2
ALGORITHM, CONTENT_TYPE, KEY_ID, CWT_CLAIMS = 1, 3, 4, 15
EDDSA = -8
PARTS = 4
CONTEXT, NOTHING = cbor.encode("Signature1"), cbor.encode(b"")


class Sign1(NamedTuple):
    """A decoded COSE_Sign1 whose signature nobody has checked yet; ``payload`` is None where it is detached.

    ``key_id``: the ``kid`` header, a COSE key thumbprint of 32 bytes.
    """

    protected_bytes: bytes
    protected: dict[int, cbor.Value]
    unprotected: dict[int, cbor.Value]
    payload: bytes | None
    signature: bytes
    key_id: bytes

    def signed_bytes(self, payload: bytes | None = None) -> bytes:
        """Return the Sig_structure (RFC 9052 §4.4); ``payload`` stands in for a detached one."""
        return signature_input(self.protected_bytes, self.payload if payload is None else payload)

    def verifies(self, key: PublicKey, payload: bytes | None = None) -> bool:
        """Return whether ``key`` made the signature and is the one that ``kid`` names."""
        return self.key_id == key.thumbprint and key.verifies(self.signature, self.signed_bytes(payload))


def signature_input(protected: bytes, payload: bytes | None) -> bytes:
    """Return the encoding of ["Signature1", protected, external data (none), payload]."""
    return cbor.array([CONTEXT, cbor.byte_string(protected), NOTHING, cbor.byte_string(payload or b"")])


def _malformed(reason: str) -> CallerError:
    return CallerError(
        "cose.malformed",
        _("This is not a COSE_Sign1 as Poju accepts it: {reason}."),
        hint=_("Sign with tag 18, algorithm -8 (EdDSA) and kid = the key's thumbprint in the protected header."),
        reason=reason,
    )


def sign(key: PrivateKey, protected: dict[int, cbor.Value], payload: bytes) -> bytes:
    """Return a tagged COSE_Sign1 over ``payload`` with an empty unprotected header; adds ``alg`` and ``kid``."""
    header = cbor.encode({**protected, ALGORITHM: EDDSA, KEY_ID: key.public.thumbprint})
    signature = key.sign(signature_input(header, payload))
    return cbor.encode(cbor2.CBORTag(TAG_SIGN1, [header, {}, payload, signature]))


def sign_detached(key: PrivateKey, protected: dict[int, cbor.Value], payload: bytes) -> tuple[bytes, bytes]:
    """Return the protected header's bytes and the signature of a COSE_Sign1 whose payload travels apart."""
    header = cbor.encode({**protected, ALGORITHM: EDDSA, KEY_ID: key.public.thumbprint})
    return header, key.sign(signature_input(header, payload))


def assemble_detached(header: bytes, unprotected: dict[int, cbor.Value], signature: bytes) -> bytes:
    """Return the tagged COSE_Sign1 with payload nil."""
    return cbor.encode(cbor2.CBORTag(TAG_SIGN1, [header, unprotected, None, signature]))


def decode(data: bytes, limit: int = 65_535) -> Sign1:
    """Decode strictly; raise ``cose.malformed`` or ``cbor.malformed``. The signature is not checked here."""
    value = cbor.decode(data, limit)
    if not isinstance(value, cbor2.CBORTag) or value.tag != TAG_SIGN1:
        raise _malformed("no tag 18")
    parts = value.value
    if not isinstance(parts, list) or len(parts) != PARTS:
        raise _malformed("not four parts")
    header, unprotected, payload, signature = parts
    if not isinstance(header, bytes) or not isinstance(unprotected, dict):
        raise _malformed("headers of the wrong type")
    if not (payload is None or isinstance(payload, bytes)):
        raise _malformed("payload of the wrong type")
    if not isinstance(signature, bytes) or len(signature) != SIGNATURE_BYTES:
        raise _malformed("signature is not 64 bytes")
    protected = cbor.decode(header, limit)
    if not isinstance(protected, dict) or protected.get(ALGORITHM) != EDDSA:
        raise _malformed("algorithm is not -8")
    key_id = protected.get(KEY_ID)
    if not isinstance(key_id, bytes):
        raise _malformed("no kid")
    return Sign1(header, protected, unprotected, payload, signature, key_id)
