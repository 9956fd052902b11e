"""Attacks on receipts: another leaf, index, size, key, path or byte never verifies (LOG-3)."""

from __future__ import annotations

import cbor2
import pytest
import support_ledger as support

from poju.errors import PojuError
from poju.ledger import cbor, cose, merkle, receipt, tiles

LEAVES = [f"leaf {number}".encode() for number in range(520)]
STORED = tiles.append(lambda _level, _number: b"", 0, [merkle.leaf_hash(item) for item in LEAVES])
NODES = tiles.node_source(lambda level, number: STORED.get((level, number), b""))


def signed_root(size: int) -> receipt.SignedRoot:
    return receipt.sign_root(support.LOG, support.ORIGIN, size, merkle.root(size, NODES))


def issued(index: int, size: int) -> bytes:
    return signed_root(size).receipt(index, merkle.inclusion_proof(index, size, NODES))


def refused(raw: bytes, leaf: bytes) -> str:
    with pytest.raises(PojuError) as caught:
        receipt.verify(raw, leaf, support.LOG.public)
    assert caught.value.hint
    return caught.value.code


def with_proof(size: int, proof: cbor.Value, *, signed: receipt.SignedRoot | None = None) -> bytes:
    root = signed or signed_root(size)
    return cose.assemble_detached(root.header, {396: {-1: [cbor.encode(proof)]}}, root.signature)


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 511, 512, 513])
def test_log_3_every_index_verifies(size: int) -> None:
    root = signed_root(size)
    for index in range(size):
        raw = root.receipt(index, merkle.inclusion_proof(index, size, NODES))
        assert receipt.verify(raw, LEAVES[index], support.LOG.public) == receipt.VerifiedReceipt(index, size, root.root)


def test_one_signature_serves_every_receipt_of_a_size() -> None:
    raws = [cbor2.loads(issued(index, 300)).value for index in range(0, 300, 37)]
    assert len({(parts[0], parts[3]) for parts in raws}) == 1


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 2), (1, 2), (4, 7)])
def test_log_3_no_byte_is_idle(index: int, size: int) -> None:
    raw, leaf = issued(index, size), LEAVES[index]
    for at in range(len(raw)):
        for value in {0x00, 0x01, 0x20, 0xF4, 0xF5, 0xF6, 0xFF, raw[at] ^ 1, raw[at] ^ 0x80} - {raw[at]}:
            assert refused(raw[:at] + bytes([value]) + raw[at + 1 :], leaf)


def test_log_3_no_byte_can_be_cut_or_added() -> None:
    raw, leaf = issued(3, 7), LEAVES[3]
    for end in range(len(raw)):
        assert refused(raw[:end], leaf)
    assert refused(raw + b"\x00", leaf)


def test_log_3_another_leaf_is_refused() -> None:
    for other in range(7):
        if other != 3:
            assert refused(issued(3, 7), LEAVES[other]) == "receipt.refused"
    assert refused(issued(3, 7), LEAVES[3] + b"\x00") == "receipt.refused"


def test_log_3_another_key_is_refused() -> None:
    with pytest.raises(PojuError) as caught:
        receipt.verify(issued(3, 7), LEAVES[3], support.STRANGER.public)
    assert caught.value.code == "receipt.refused"


def test_log_3_the_signed_size_is_the_proofs_own() -> None:
    """The path of 3 in 7 leads to the root of 7: only the signed size tells that 6 is not what was signed."""
    path = merkle.inclusion_proof(3, 7, NODES)
    for size in (5, 6, 8):
        assert refused(with_proof(7, [size, 3, path]), LEAVES[3]) == "receipt.refused"


def test_log_3_a_root_signed_without_its_size_is_refused() -> None:
    header, signature = cose.sign_detached(support.LOG, {395: 1, 15: {1: support.ORIGIN}}, merkle.root(7, NODES))
    bare = receipt.SignedRoot(7, merkle.root(7, NODES), header, signature)
    assert refused(bare.receipt(3, merkle.inclusion_proof(3, 7, NODES)), LEAVES[3]) == "receipt.refused"


@pytest.mark.parametrize("structure", [None, 0, 2, "RFC9162_SHA256"])
def test_another_data_structure_is_refused(structure: cbor.Value) -> None:
    protected: dict[int, cbor.Value] = {-65537: 7} if structure is None else {395: structure, -65537: 7}
    header, signature = cose.sign_detached(support.LOG, protected, merkle.root(7, NODES))
    other = receipt.SignedRoot(7, merkle.root(7, NODES), header, signature)
    assert refused(other.receipt(3, merkle.inclusion_proof(3, 7, NODES)), LEAVES[3]) == "receipt.refused"


PATH = merkle.inclusion_proof(1, 2, NODES)
PROOFS: dict[str, cbor.Value] = {
    "index true": [2, True, PATH],
    "index negative": [2, -1, PATH],
    "index past the end": [2, 2, PATH],
    "size null": [None, 1, PATH],
    "no path": [2, 1],
    "path empty": [2, 1, []],
    "path longer": [2, 1, [*PATH, bytes(32)]],
    "path of 64": [2, 1, [bytes(32)] * 64],
    "path of short hashes": [2, 1, [PATH[0][:31]]],
    "path of text": [2, 1, ["x" * 32]],
    "a fourth part": [2, 1, PATH, 0],
    "a map": {0: 2, 1: 1, 2: PATH},
}


@pytest.mark.parametrize("name", PROOFS)
def test_log_3_other_proofs_are_refused(name: str) -> None:
    assert refused(with_proof(2, PROOFS[name]), LEAVES[1]) == "receipt.refused"


def test_log_3_a_size_of_true_is_not_one() -> None:
    header, signature = cose.sign_detached(support.LOG, {395: 1, -65537: True}, merkle.root(1, NODES))
    forged = receipt.SignedRoot(1, merkle.root(1, NODES), header, signature)
    for proof in ([True, 0, []], [1, False, []]):
        assert refused(with_proof(1, proof, signed=forged), LEAVES[0]) == "receipt.refused"


GOOD = cbor.encode([7, 3, merkle.inclusion_proof(3, 7, NODES)])
HEADERS: dict[str, dict[int, cbor.Value]] = {
    "empty": {},
    "two proofs": {396: {-1: [GOOD, GOOD]}},
    "no proof": {396: {-1: []}},
    "consistency beside": {396: {-1: [GOOD], -2: [GOOD]}},
    "another label beside": {396: {-1: [GOOD]}, 4: b"kid"},
    "an array": {396: [GOOD]},
    "proof not wrapped": {396: {-1: GOOD}},
}


@pytest.mark.parametrize("name", HEADERS)
def test_log_3_other_unprotected_headers_are_refused(name: str) -> None:
    root = signed_root(7)
    assert refused(cose.assemble_detached(root.header, HEADERS[name], root.signature), LEAVES[3]) == "receipt.refused"


def test_an_attached_root_is_refused() -> None:
    root = signed_root(7)
    parts = [root.header, {396: {-1: [GOOD]}}, root.root, root.signature]
    assert refused(cbor.encode(cbor2.CBORTag(18, parts)), LEAVES[3]) == "receipt.refused"


def test_an_oversized_receipt_is_refused_unread() -> None:
    assert refused(bytes(receipt.MAX_BYTES + 1), LEAVES[3]) == "cbor.malformed"


# --- growth: receipts of consistency --------------------------------------------------------------------------------


def grown(old: int, size: int) -> bytes:
    return signed_root(size).consistency(old, merkle.consistency_proof(old, size, NODES))


@pytest.mark.parametrize("size", [1, 2, 5, 8, 255, 256, 257, 513])
def test_log_3_every_earlier_size_is_proved_a_prefix(size: int) -> None:
    for old in {1, 2, 3, 4, size // 2, size - 1, size} & set(range(1, size + 1)):
        proved = receipt.verify_consistency(grown(old, size), old, merkle.root(old, NODES), support.LOG.public)
        assert (proved.old, proved.size, proved.root) == (old, size, merkle.root(size, NODES))


def fork_refused(raw: bytes, old: int, old_root: bytes) -> str:
    with pytest.raises(PojuError) as caught:
        receipt.verify_consistency(raw, old, old_root, support.LOG.public)
    return caught.value.code


def test_log_3_a_fork_is_no_growth() -> None:
    forged = merkle.leaf_hash(b"another history")
    assert fork_refused(grown(200, 513), 200, forged) == "receipt.refused"
    assert fork_refused(grown(200, 513), 201, merkle.root(201, NODES)) == "receipt.refused"


@pytest.mark.parametrize(("old", "size"), [(1, 2), (4, 7), (100, 513), (513, 513)])
def test_log_3_no_byte_of_a_growth_is_idle(old: int, size: int) -> None:
    raw, root = grown(old, size), merkle.root(old, NODES)
    for position in range(len(raw)):
        altered = raw[:position] + bytes([raw[position] ^ 1]) + raw[position + 1 :]
        assert fork_refused(altered, old, root)


def test_log_3_growth_is_no_inclusion_and_inclusion_no_growth() -> None:
    assert refused(grown(3, 5), LEAVES[3]) == "receipt.refused"
    assert fork_refused(issued(3, 5), 3, merkle.root(3, NODES)) == "receipt.refused"
