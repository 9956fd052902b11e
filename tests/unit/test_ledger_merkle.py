"""Proofs against RFC 9162 as it is written: every size up to 70, random larger ones, every mutation refused."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
import support_ledger as support

from poju.ledger import merkle, tiles

ALL_SIZES = range(1, 71)
LARGE = 700
LEAVES = [f"leaf {number}".encode() for number in range(LARGE)]
STORED = tiles.append(lambda _level, _number: b"", 0, [merkle.leaf_hash(item) for item in LEAVES])
NODES = tiles.node_source(lambda level, number: STORED.get((level, number), b""))
Path = list[bytes]


def flipped(item: bytes) -> bytes:
    return bytes([item[0] ^ 1]) + item[1:]


MUTATIONS: list[Callable[[Path], Path]] = [
    lambda path: [*path, bytes(32)],
    lambda path: [bytes(32), *path],
    lambda path: path[1:] if path else [bytes(32)],
    lambda path: path[:-1] if path else [bytes(32)],
    lambda path: [*path, path[-1]] if path else [bytes(32)],
    lambda path: [flipped(path[0]), *path[1:]] if path else [bytes(32)],
    lambda path: [*path[:-1], flipped(path[-1])] if path else [bytes(32)],
]


def root_by(index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    return merkle.root_from_inclusion(merkle.leaf_hash(LEAVES[index]), index, size, path)


def test_roots_are_those_of_the_rfc() -> None:
    assert merkle.root(0, NODES) == support.tree_head([])
    for size in ALL_SIZES:
        assert merkle.root(size, NODES) == support.tree_head(LEAVES[:size])


def test_log_3_inclusion_proofs_are_those_of_the_rfc_and_hold() -> None:
    for size in ALL_SIZES:
        root = support.tree_head(LEAVES[:size])
        for index in range(size):
            path = merkle.inclusion_proof(index, size, NODES)
            assert path == support.inclusion(index, LEAVES[:size])
            assert root_by(index, size, path) == root


def test_log_1_consistency_proofs_are_those_of_the_rfc_and_hold() -> None:
    roots = {size: support.tree_head(LEAVES[:size]) for size in ALL_SIZES}
    for new in ALL_SIZES:
        for old in range(1, new + 1):
            path = merkle.consistency_proof(old, new, NODES)
            assert path == support.consistency(old, LEAVES[:new])
            assert merkle.consistent(old, new, roots[old], roots[new], path)


@pytest.mark.parametrize("seed", range(12))
def test_random_larger_sizes_are_those_of_the_rfc(seed: int) -> None:
    source = random.Random(seed)  # noqa: S311 a repeatable choice of sizes
    new = source.randrange(71, LARGE + 1)
    old, index = source.randrange(1, new + 1), source.randrange(new)
    root = support.tree_head(LEAVES[:new])
    assert merkle.root(new, NODES) == root
    path = merkle.inclusion_proof(index, new, NODES)
    assert path == support.inclusion(index, LEAVES[:new])
    assert root_by(index, new, path) == root
    proof = merkle.consistency_proof(old, new, NODES)
    assert proof == support.consistency(old, LEAVES[:new])
    assert merkle.consistent(old, new, support.tree_head(LEAVES[:old]), root, proof)


@pytest.mark.parametrize("mutate", MUTATIONS)
def test_log_3_mutated_inclusion_proofs_do_not_hold(mutate: Callable[[Path], Path]) -> None:
    for size in range(1, 34):
        root = support.tree_head(LEAVES[:size])
        for index in range(size):
            assert root_by(index, size, mutate(support.inclusion(index, LEAVES[:size]))) != root


@pytest.mark.parametrize("mutate", MUTATIONS)
def test_log_1_mutated_consistency_proofs_do_not_hold(mutate: Callable[[Path], Path]) -> None:
    roots = {size: support.tree_head(LEAVES[:size]) for size in range(1, 34)}
    for new in range(1, 34):
        for old in range(1, new + 1):
            path = mutate(support.consistency(old, LEAVES[:new]))
            assert not merkle.consistent(old, new, roots[old], roots[new], path)


def test_log_3_a_proof_holds_for_its_own_index_only() -> None:
    for size in range(2, 34):
        root = support.tree_head(LEAVES[:size])
        for index in range(size):
            path = support.inclusion(index, LEAVES[:size])
            others = [other for other in range(-1, size + 2) if other != index]
            leaf = merkle.leaf_hash(LEAVES[index])
            assert all(merkle.root_from_inclusion(leaf, other, size, path) != root for other in others)


def test_log_1_consistency_refuses_other_roots_and_impossible_sizes() -> None:
    old, new = 11, 29
    roots = {size: support.tree_head(LEAVES[:size]) for size in range(1, 34)}
    path = support.consistency(old, LEAVES[:new])
    for size in range(1, 34):
        assert merkle.consistent(old, new, roots[size], roots[new], path) == (size == old)
        assert merkle.consistent(old, new, roots[old], roots[size], path) == (size == new)
    for sizes in [(0, new), (-1, new), (new, old), (0, 0), (new + 1, new)]:
        assert not merkle.consistent(*sizes, roots[old], roots[new], path)
    assert not merkle.consistent(old, old, roots[old], roots[new], [])
    assert not merkle.consistent(old, old, roots[old], roots[old], path)


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (0, 0), (6, 5)])
def test_no_proof_is_made_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(IndexError):
        merkle.inclusion_proof(index, size, NODES)
    assert merkle.root_from_inclusion(bytes(32), index, size, []) is None


@pytest.mark.parametrize(("old", "new"), [(0, 5), (6, 5), (-1, 5)])
def test_no_consistency_proof_is_made_outside_the_tree(old: int, new: int) -> None:
    with pytest.raises(IndexError):
        merkle.consistency_proof(old, new, NODES)


def test_a_leaf_never_passes_as_a_node() -> None:
    left, right = merkle.leaf_hash(b"a"), merkle.leaf_hash(b"b")
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)


def test_the_shared_paths_of_a_tree_are_the_paths_of_each_leaf() -> None:
    for size in (0, 1, 2, 15, 16, 17, 31, 33, 64, 65, 100):
        paths = merkle.Paths(size, NODES)
        assert paths.root == merkle.root(size, NODES)
        for index in range(size):
            found = merkle.root_from_inclusion(NODES(0, index), index, size, paths[index])
            assert found == paths.root
        for outside in (-1, size):
            with pytest.raises(IndexError):
                paths[outside]
