"""Pointers and commitments: what the ledger knows of a record (docs/architecture.md, exchange)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

SALT_BYTES = 32
POINTER_BYTES = 16
HANDLE_BYTES = 16


def commitment(salt: bytes, record: bytes) -> bytes:
    """Return SHA-256(salt ‖ record): 32 bytes. The salt has 32 random bytes and stays with the record (PRIV-1)."""
    return hashlib.sha256(salt + record).digest()


def holds(committed: bytes, salt: bytes, record: bytes) -> bool:
    """Return whether ``record`` is what ``committed`` stands for.

    The salt's length is part of it: with another one, bytes could move between salt and record unnoticed.
    """
    return len(salt) == SALT_BYTES and commitment(salt, record) == committed


def new_salt() -> bytes:
    """Return 32 random bytes."""
    return secrets.token_bytes(SALT_BYTES)


def new_pointer() -> str:
    """Return a random pointer id: 32 hexadecimal digits."""
    return secrets.token_hex(POINTER_BYTES)


def new_handle() -> str:
    """Return a random patient name for one custodian: 32 hexadecimal digits; only the identity index joins two."""
    return secrets.token_hex(HANDLE_BYTES)


@dataclass(frozen=True)
class KeptRecord:
    """A record in its custodian's store, with what the ledger may know of it."""

    pointer: str
    record_class: str
    handle: str
    salt: bytes
    data: bytes

    @property
    def commitment(self) -> bytes:
        """What the pointer statement carries."""
        return commitment(self.salt, self.data)
