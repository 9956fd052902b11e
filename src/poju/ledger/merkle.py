"""The Merkle tree of RFC 9162 §2.1 as pure functions over a source of node hashes.

A node is named (level, index): level 0 holds leaf hashes, and node (l, i) covers leaves [i·2^l, (i+1)·2^l).
Only complete nodes have names; the ragged right edge is folded from them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

NodeSource = Callable[[int, int], bytes]
"""(level, index) → 32-byte hash of that complete node."""

SHARED = 4
"""Levels below which neighbours' paths differ."""
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """Return SHA-256(0x00 ‖ leaf) (RFC 9162 §2.1.1)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 ‖ left ‖ right) (RFC 9162 §2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def _complete_nodes(start: int, end: int) -> list[tuple[int, int]]:
    """Return the maximal complete nodes that cover leaves [start, end), left to right."""
    nodes = []
    while start < end:
        level = (start & -start).bit_length() - 1 if start else end.bit_length() - 1
        while start + (1 << level) > end:
            level -= 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def range_root(start: int, end: int, nodes: NodeSource) -> bytes:
    """Return the hash of the subtree over leaves [start, end), where that subtree occurs in RFC 9162's tree."""
    hashes = [nodes(level, index) for level, index in _complete_nodes(start, end)]
    root = hashes.pop()
    while hashes:
        root = node_hash(hashes.pop(), root)
    return root


def root(size: int, nodes: NodeSource) -> bytes:
    """Return the tree head of ``size`` leaves."""
    return range_root(0, size, nodes) if size else EMPTY_ROOT


def right_edge(size: int, nodes: NodeSource) -> list[bytes]:
    """Return, level by level, the hash of the last node of a tree of ``size`` leaves; it ends with the tree head.

    A last node without a sibling is its own parent.
    """
    if not size:
        return [EMPTY_ROOT]
    last = size - 1
    edge = [nodes(0, last)]
    level = 0
    while last:
        edge.append(node_hash(nodes(level, last - 1), edge[-1]) if last & 1 else edge[-1])
        last, level = last >> 1, level + 1
    return edge


def inclusion_proof(index: int, size: int, nodes: NodeSource) -> list[bytes]:
    """Return PATH(index, D_size) of RFC 9162 §2.1.3.1, sibling of the leaf first."""
    if not 0 <= index < size:
        raise IndexError(index)
    return Paths(size, nodes)[index]


class Paths:
    """Inclusion proofs of one tree of ``size`` leaves; sixteen neighbours share what lies above them.

    A batch asks for hundreds of neighbours' paths: so each costs four levels, however high the tree.
    """

    def __init__(self, size: int, nodes: NodeSource) -> None:
        self.size = size
        self.edge = right_edge(size, nodes)
        self._nodes = nodes
        self._above: dict[int, list[bytes]] = {}

    @property
    def root(self) -> bytes:
        """The tree head."""
        return self.edge[-1]

    def __getitem__(self, index: int) -> list[bytes]:
        """Return what :func:`inclusion_proof` returns for the leaf at ``index``."""
        if not 0 <= index < self.size:
            raise IndexError(index)
        group = index >> SHARED
        above = self._above.get(group)
        if above is None:
            above = self._above[group] = self._climb(group, SHARED, len(self.edge))
        return self._climb(index, 0, SHARED) + above

    def _climb(self, index: int, low: int, high: int) -> list[bytes]:
        """Return the siblings on the way from node ``index`` of level ``low`` up to level ``high``."""
        path = []
        last = (self.size - 1) >> low
        for level in range(low, high):
            if not last:
                break
            sibling = index ^ 1
            if sibling < last:
                path.append(self._nodes(level, sibling))
            elif sibling == last:
                path.append(self.edge[level])
            index, last = index >> 1, last >> 1
        return path


def _split(size: int) -> int:
    """Return the largest power of two smaller than ``size`` (size ≥ 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that ``path`` proves for the leaf hash at ``index``, or None (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        return None
    position, last, current = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if position & 1 or position == last:
            current = node_hash(sibling, current)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            current = node_hash(current, sibling)
        position >>= 1
        last >>= 1
    return current if last == 0 else None


def consistency_proof(old: int, new: int, nodes: NodeSource) -> list[bytes]:
    """Return PROOF(old, D_new) of RFC 9162 §2.1.4.1 for 0 < old ≤ new."""
    if not 0 < old <= new:
        raise IndexError(old)
    path: list[bytes] = []
    start, end, known = 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(range_root(middle, end, nodes))
            end = middle
        else:
            path.append(range_root(start, middle, nodes))
            start, known = middle, False
    if not known:
        path.append(range_root(start, end, nodes))
    return path[::-1]


def root_from_consistency(old: int, new: int, old_root: bytes, path: Sequence[bytes]) -> bytes | None:
    """Return the root of ``new`` leaves of which ``path`` proves the tree of ``old`` leaves a prefix, or None.

    RFC 9162 §2.1.4.2; sizes 0 < ``old`` ≤ ``new``.
    """
    if not 0 < old <= new:
        return None
    if old == new:
        return None if path else old_root
    proof = list(path)
    if old & (old - 1) == 0:
        proof.insert(0, old_root)
    if not proof:
        return None
    position, last = old - 1, new - 1
    while position & 1:
        position >>= 1
        last >>= 1
    first = second = proof[0]
    for sibling in proof[1:]:
        if last == 0:
            return None
        if position & 1 or position == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            second = node_hash(second, sibling)
        position >>= 1
        last >>= 1
    return second if first == old_root and last == 0 else None


def consistent(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Return whether ``path`` proves that the tree of ``old`` leaves is a prefix of the new one."""
    return root_from_consistency(old, new, old_root, path) == new_root
