"""Ed25519 keys in the forms that others read: COSE_Key, thumbprint, C2SP vkey."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from poju.errors import CallerError, OperatorError
from poju.i18n import _
from poju.ledger import cbor

KEY_BYTES = 32
SIGNATURE_BYTES = 64
NOTE_ALGORITHM_ED25519 = 1
KEYS_KEPT = 16_384


@dataclass(frozen=True)
class PublicKey:
    """An Ed25519 public key: ``raw`` is 32 bytes."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != KEY_BYTES:
            raise CallerError(
                "key.malformed",
                _("An Ed25519 public key has 32 bytes, this one has {count}."),
                hint=_("Give the key as its owner published it."),
                count=len(self.raw),
            )

    @classmethod
    @lru_cache(KEYS_KEPT)
    def known(cls, raw: bytes) -> PublicKey:
        """Return the key of ``raw``, the same object for the same bytes, so that its thumbprint is made once."""
        return cls(raw)

    @cached_property
    def thumbprint(self) -> bytes:
        """SHA-256 COSE Key Thumbprint (RFC 9679 §4): 32 bytes, used as ``kid`` and as fingerprint."""
        return hashlib.sha256(cbor.encode({1: 1, -1: 6, -2: self.raw})).digest()

    @property
    def fingerprint(self) -> str:
        """The thumbprint as 64 lower-case hexadecimal digits: what a person compares."""
        return self.thumbprint.hex()

    @property
    def cose_key(self) -> dict[int, object]:
        """COSE_Key (RFC 9052 §7): OKP, Ed25519, EdDSA, with ``kid``."""
        return {1: 1, 2: self.thumbprint, 3: -8, -1: 6, -2: self.raw}

    @cached_property
    def _verify_key(self) -> VerifyKey:
        return VerifyKey(self.raw)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Return whether ``signature`` (64 bytes) over ``message`` is this key's."""
        if len(signature) != SIGNATURE_BYTES:
            return False
        try:
            self._verify_key.verify(message, signature)
        except (BadSignatureError, ValueError):
            return False
        return True

    def note_key_id(self, name: str) -> bytes:
        """Return the four-byte key id of a C2SP signed note for key name ``name``."""
        return hashlib.sha256(name.encode() + b"\n" + bytes([NOTE_ALGORITHM_ED25519]) + self.raw).digest()[:4]

    def vkey(self, name: str) -> str:
        """Return the C2SP verifier key ``name+id+base64``."""
        material = base64.b64encode(bytes([NOTE_ALGORITHM_ED25519]) + self.raw).decode()
        return f"{name}+{self.note_key_id(name).hex()}+{material}"


def parse_vkey(text: str) -> tuple[str, PublicKey]:
    """Return name and key of a C2SP vkey (one line, at most one newline after it), or raise ``key.malformed``."""
    line = text.removesuffix("\n")
    name, _key_id, material = (*line.split("+", 2), "", "", "")[:3]
    try:
        raw = base64.b64decode(material, validate=True)
    except ValueError:
        raw = b""
    # C2SP signed notes: a key's name is not empty and has neither space nor plus
    named = bool(name) and not any(character.isspace() for character in name)
    key = PublicKey(raw[1:]) if named and len(raw) == KEY_BYTES + 1 else None
    if key is None or key.vkey(name) != line:
        raise CallerError(
            "key.malformed",
            _("This is not a C2SP verifier key."),
            hint=_("A verifier key is one line: name+key id+base64; take log.vkey as the log's operator published it."),
        )
    return name, key


@dataclass(frozen=True)
class PrivateKey:
    """An Ed25519 private key; never logged, never in an error."""

    _signing_key: SigningKey

    @classmethod
    def generate(cls) -> PrivateKey:
        """Return a new key from the system's randomness."""
        return cls(SigningKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> PrivateKey:
        """Return the key of a 32-byte seed."""
        return cls(SigningKey(seed))

    @classmethod
    def load(cls, path: Path) -> PrivateKey:
        """Read the 32-byte seed at ``path``, or raise ``key.unusable``."""
        seed = path.read_bytes() if path.is_file() else b""
        if len(seed) != KEY_BYTES:
            raise OperatorError(
                "key.unusable",
                _("The private key at {path} is missing or damaged."),
                hint=_("Restore it from a backup: a new key is another signer."),
                path=path,
            )
        return cls(SigningKey(seed))

    @classmethod
    def load_or_create(cls, path: Path) -> PrivateKey:
        """Read the key at ``path``, or make one there, readable by its owner only."""
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            scratch = path.with_suffix(".new")
            scratch.unlink(missing_ok=True)
            descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(bytes(SigningKey.generate()))
                handle.flush()
                os.fsync(handle.fileno())
            scratch.rename(path)
        return cls.load(path)

    @cached_property
    def public(self) -> PublicKey:
        """The public half."""
        return PublicKey(bytes(self._signing_key.verify_key))

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature over ``message``."""
        return self._signing_key.sign(message).signature

    def __repr__(self) -> str:
        return f"PrivateKey(public={self.public.fingerprint})"
