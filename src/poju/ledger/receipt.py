"""Receipts: COSE Receipts (RFC 9942) with RFC9162_SHA256 inclusion or consistency proofs.

One signature serves every receipt of a tree size: the protected header names the size, not the leaf.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger import cbor, cose, merkle
from poju.ledger.keys import PrivateKey, PublicKey

DATA_STRUCTURE, PROOFS = 395, 396
RFC9162_SHA256 = 1
INCLUSION, CONSISTENCY = -1, -2
TREE_SIZE = -65537
MAX_BYTES = 8_192
MAX_PATH = 63
HASH_BYTES = 32


@dataclass(frozen=True)
class SignedRoot:
    """The signature that all receipts of one size share."""

    size: int
    root: bytes
    header: bytes
    signature: bytes

    def receipt(self, index: int, path: Sequence[bytes]) -> bytes:
        """Return the receipt of the leaf at ``index``."""
        before, size, after = self._around
        return before + cbor.byte_string(size + cbor.integer(index) + cbor.hashes(path)) + after

    def consistency(self, old: int, path: Sequence[bytes]) -> bytes:
        """Return the receipt that the tree of ``old`` leaves is a prefix of this one (RFC 9942, consistency proofs)."""
        proof = cbor.encode([old, self.size, list(path)])
        return cose.assemble_detached(self.header, {PROOFS: {CONSISTENCY: [proof]}}, self.signature)

    @cached_property
    def _around(self) -> tuple[bytes, bytes, bytes]:
        """What stands before the proof, how the proof begins, what stands after it: the same in all of this size."""
        proof = cbor.byte_string(b"proof")
        receipt = cose.assemble_detached(self.header, {PROOFS: {INCLUSION: [b"proof"]}}, self.signature)
        before, _proof, after = receipt.rpartition(proof + cbor.encode(None))
        # an array of three: size, index, path
        begins = cbor.encode([self.size, 0, 0])[: -len(cbor.encode(0) * 2)]
        return before, begins, cbor.encode(None) + after


def sign_root(key: PrivateKey, origin: str, size: int, root: bytes) -> SignedRoot:
    """Sign the tree head of ``size`` leaves as a receipt's detached payload."""
    protected = {DATA_STRUCTURE: RFC9162_SHA256, TREE_SIZE: size, cose.CWT_CLAIMS: {1: origin}}
    header, signature = cose.sign_detached(key, protected, root)
    return SignedRoot(size, root, header, signature)


@dataclass(frozen=True)
class VerifiedReceipt:
    """What a receipt proved: the leaf stands at ``index`` of the first ``size`` leaves, whose root is ``root``."""

    index: int
    size: int
    root: bytes


def _refused(reason: str) -> CallerError:
    return CallerError(
        "receipt.refused",
        _("This receipt does not hold: {reason}."),
        hint=_("Ask the log for the receipt again, and check that statement, receipt and key belong together."),
        reason=reason,
    )


def verify(receipt: bytes, leaf: bytes, key: PublicKey) -> VerifiedReceipt:
    """Verify ``receipt`` for ``leaf`` under the log's ``key``, or raise ``receipt.refused``.

    Steps: (1) strict decoding; (2) data structure 1, payload detached; (3) one inclusion proof whose tree size equals
    the signed one; (4) the path leads from the leaf to a root; (5) the log key signed that root.
    """
    # 1. strict decoding, 2. data structure and detached payload
    envelope = _envelope(receipt)
    # 3. one inclusion proof, of the signed size
    size, index, path = _proof(envelope, INCLUSION)
    _signed_size(envelope, size)
    # 4. from the leaf to the root
    root = merkle.root_from_inclusion(merkle.leaf_hash(leaf), index, size, path)
    if root is None:
        raise _refused("the path does not lead to a root")
    # 5. the signature over that root
    _signed_root(envelope, key, root)
    return VerifiedReceipt(index, size, root)


@dataclass(frozen=True)
class VerifiedGrowth:
    """What a receipt of consistency proved: the first ``old`` leaves of the ``size`` under ``root`` did not change."""

    old: int
    size: int
    root: bytes


def verify_consistency(receipt: bytes, old: int, old_root: bytes, key: PublicKey) -> VerifiedGrowth:
    """Verify that the log whose first ``old`` leaves have ``old_root`` only grew, or raise ``receipt.refused``.

    The same five steps as :func:`verify`, the proof leading from the old root to the new one.
    """
    envelope = _envelope(receipt)
    proved, size, path = _proof(envelope, CONSISTENCY)
    _signed_size(envelope, size)
    if proved != old:
        raise _refused("it starts from another size")
    root = merkle.root_from_consistency(old, size, old_root, path)
    if root is None:
        raise _refused("the path does not lead from the old root to a new one")
    _signed_root(envelope, key, root)
    return VerifiedGrowth(old, size, root)


def _envelope(receipt: bytes) -> cose.Sign1:
    envelope = cose.decode(receipt, MAX_BYTES)
    if envelope.protected.get(DATA_STRUCTURE) != RFC9162_SHA256 or envelope.payload is not None:
        raise _refused("not RFC9162_SHA256 with a detached payload")
    return envelope


def _signed_size(envelope: cose.Sign1, size: int) -> None:
    if envelope.protected.get(TREE_SIZE) != size:
        raise _refused("the proof's tree size is not the signed one")


def _signed_root(envelope: cose.Sign1, key: PublicKey, root: bytes) -> None:
    if not envelope.verifies(key, root):
        raise _refused("the signature is not the log key's over the root that the proof leads to")


def _proof(envelope: cose.Sign1, kind: int) -> tuple[int, int, list[bytes]]:
    """Return the two numbers and the path of the only proof, which is of ``kind``."""
    proofs = envelope.unprotected.get(PROOFS)
    if set(envelope.unprotected) != {PROOFS} or not isinstance(proofs, dict) or set(proofs) != {kind}:
        raise _refused("no such proof in header 396")
    blobs = proofs[kind]
    if not isinstance(blobs, list) or len(blobs) != 1 or not isinstance(blobs[0], bytes):
        raise _refused("not exactly one proof")
    match cbor.decode(blobs[0], MAX_BYTES):
        case [int(first), int(second), list(path)] if (
            # to Python true is 1 and false is 0: accepted, the unsigned index would have two forms
            not isinstance(first, bool)
            and not isinstance(second, bool)
            and len(path) <= MAX_PATH
            and all(isinstance(item, bytes) and len(item) == HASH_BYTES for item in path)
        ):
            return first, second, path
    raise _refused("a proof is two numbers and a path of hashes")
