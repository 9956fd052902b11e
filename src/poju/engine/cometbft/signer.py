"""Receipts and checkpoints of one validator: the embedded engine's formats, over what the validators have agreed on.

A root is agreed when the next block was decided, since that block's header carries it. Nothing beyond the agreed size
is signed: a signature over a root that no quorum stands behind could never be taken back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger import block, leaf, merkle, receipt, tiles
from poju.ledger.checkpoint import Checkpoint
from poju.ledger.keys import PrivateKey, PublicKey
from poju.ledger.store import Store

NODE_CACHE = 65_536


def unknown_entry(index: int, size: int) -> CallerError:
    """Return ``entry.unknown``."""
    return CallerError(
        "entry.unknown",
        _("The log has no entry {index}; its size is {size}."),
        hint=_("Entries are numbered from 0; take the number that the receipt names."),
        index=index,
        size=size,
    )


class AgreedStore:
    """The store as far as the validators have agreed on it: its head is the agreed one, not the last durable one."""

    def __init__(self, store: Store, agreed: Callable[[], int]) -> None:
        self._store = store
        self._agreed = agreed
        self.get = store.get
        self.leaf = store.leaf
        self.leaves = store.leaves
        self.tile = store.tile
        self.root = store.root
        self.refusal = store.refusal

    @property
    def size(self) -> int:
        """How many leaves are agreed."""
        return self._agreed()

    def head(self) -> block.Head:
        """Return where the agreed log stands: what its last block leaf says."""
        return self.head_at(self.size) or block.Head()

    def head_at(self, size: int) -> block.Head | None:
        """Return the head of the first ``size`` leaves, or None where no block ends there."""
        last = self._store.leaf(size - 1) if 0 < size <= self.size else None
        closing = leaf.decode(last) if last is not None and not leaf.is_statement(last) else None
        if not isinstance(closing, leaf.BlockLeaf):
            return None
        return block.Head(size, closing.height, closing.time, closing.state)


class Signer:
    """Signs for one validator; safe to share between threads."""

    def __init__(self, store: AgreedStore, key: PrivateKey, origin: str) -> None:
        self.store = store
        self.origin = origin
        self._key = key
        self._signed: tuple[receipt.SignedRoot, merkle.Paths] | None = None
        self._lock = threading.Lock()
        self._nodes = lru_cache(NODE_CACHE)(self._node)
        self._hashes = tiles.hash_source(store.tile)

    @property
    def log_key(self) -> PublicKey:
        """This validator's log key."""
        return self._key.public

    def checkpoint_at(self, size: int) -> str:
        """Return the checkpoint of the first ``size`` leaves, signed; ``entry.unknown`` where no agreed block ends."""
        if self.store.head_at(size) is None:
            raise unknown_entry(size, self.store.size)
        return Checkpoint(self.origin, size, self._sign(size)[0].root).sign(self._key)

    def receipt_for(self, index: int, size: int | None = None) -> bytes:
        """Return a receipt of the leaf at ``index`` under the log of ``size``, by default all that is agreed."""
        agreed = self.store.size
        size = agreed if size is None else size
        if not 0 <= index < size <= agreed:
            raise unknown_entry(index, agreed)
        signed, paths = self._sign(size)
        return signed.receipt(index, paths[index])

    def growth_since(self, old: int) -> bytes:
        """Return a receipt that the log of ``old`` leaves is a prefix of the agreed one; ``entry.unknown`` past it."""
        size = self.store.size
        if not 0 < old <= size:
            raise unknown_entry(old, size)
        return self._sign(size)[0].consistency(old, merkle.consistency_proof(old, size, self._nodes))

    def proof(self, index: int) -> tuple[bytes, bytes | None, bytes | None]:
        """Return (receipt, decision leaf, decision's receipt) of the statement at ``index`` under one checkpoint."""
        size = self.store.size
        decision = self.decision_index(index)
        if decision is None or decision >= size:
            return self.receipt_for(index, size), None, None
        return self.receipt_for(index, size), self.store.leaf(decision), self.receipt_for(decision, size)

    def decision_index(self, index: int) -> int | None:
        """Return the leaf index of the decision on the statement at ``index``: always the next leaf, or None."""
        following = self.store.leaf(index + 1)
        if following is None or leaf.is_statement(following):
            return None
        return index + 1 if isinstance(leaf.decode(following), leaf.DecisionLeaf) else None

    def _node(self, level: int, index: int) -> bytes:
        """Return a node from its two children where a tile does not hold it: they are asked for too, and kept."""
        if level % tiles.HEIGHT:
            return merkle.node_hash(self._nodes(level - 1, 2 * index), self._nodes(level - 1, 2 * index + 1))
        return self._hashes(level, index)

    def _sign(self, size: int) -> tuple[receipt.SignedRoot, merkle.Paths]:
        """Return the signature that all receipts of ``size`` share, and their paths."""
        with self._lock:
            signed = self._signed
            if signed is None or signed[0].size != size:
                paths = merkle.Paths(size, self._nodes)
                signed = self._signed = receipt.sign_root(self._key, self.origin, size, paths.root), paths
            return signed
