"""Write ``tests/vectors/ledger-*.json``: what another implementation of the ledger's formats must answer.

    python scripts/vectors_ledger.py            write the files
    python scripts/vectors_ledger.py --check    write nothing; exit 1 where a file would change

Keys come from fixed seeds and Ed25519 signatures from no randomness: the bytes are the same on every machine.
``docs/spec/vectors.md`` describes the format.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cbor2

from poju.ledger import cbor, checkpoint, cose, leaf, merkle, receipt, refusal, statement, tiles
from poju.ledger.keys import PrivateKey
from poju.units import Seconds

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "vectors"
FORMAT = "poju-ledger-vectors-1"
ORIGIN = "vectors.example/log"
TIME = Seconds(1_700_000_000)
LOG_SEED, MEMBER_SEED = bytes(range(32)), bytes(range(32, 64))
LOG, MEMBER = PrivateKey.from_seed(LOG_SEED), PrivateKey.from_seed(MEMBER_SEED)
SIZES = (1, 2, 3, 7, 8, 255, 256, 257)
Case = dict[str, object]

VALUES: dict[str, cbor.Value] = {
    "integers at the borders of their forms": [0, 23, 24, 255, 256, 65_535, 65_536, 1 << 32, -1, -24, -25, -257],
    "the largest and the smallest integer": [(1 << 63) - 1, -(1 << 63)],
    "keys in bytewise order": {"b": 1, "aa": 2, "a": 3, 24: 4, -1: 5, 1: 6},
    "text in two scripts": ["破局", "poju"],
    "every simple value": [None, True, False, b"", "", [], {}],
}
NOT_CBOR = {
    "integer not in its shortest form": "1817",
    "length not in its shortest form": "580161",
    "indefinite array": "9f00ff",
    "float": "f93c00",
    "undefined": "f7",
    "duplicate keys": "a2616100616101",
    "unsorted keys": "a2616200616101",
    "bytes as key": "a1416100",
    "trailing byte": "0000",
    "cut off": "8200",
    "tag inside": "81c100",
    "text that is not UTF-8": "61ff",
    "seventeen arrays deep": "81" * 17 + "00",
}


def case(name: str, raw: bytes, **answer: object) -> Case:
    """Return one case: ``raw`` is what is read, ``valid`` whether it may be accepted."""
    return {"name": name, "raw": raw.hex(), **answer}


def flipped(raw: bytes, at: int) -> bytes:
    """Return ``raw`` with the lowest bit of one byte turned."""
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


def cbor_cases() -> list[Case]:
    """Return values with their one encoding, and encodings that are refused."""
    good = [case(name, cbor.encode(value), valid=True) for name, value in VALUES.items()]
    return good + [case(name, bytes.fromhex(raw), valid=False) for name, raw in NOT_CBOR.items()]


def sample() -> bytes:
    """Return the statement that the cases vary."""
    return statement.sign(
        MEMBER,
        "test-order",
        issuer="hospital-a",
        subject="order/1",
        issued_at=TIME,
        identifier=bytes(6) + b"\x70\x00\x80" + bytes(7),
        fields={"code": "4548-4", "count": 2},
    )


def statement_cases() -> list[Case]:
    """Return a statement, and the same one altered; ``digest`` is SHA-256 of the bytes."""
    raw = sample()
    header, unprotected, payload, signature = cbor2.loads(raw).value

    def sealed(tag: int, *parts: object) -> bytes:
        return cbor.encode(cbor2.CBORTag(tag, list(parts)))

    altered = {
        "tag 17": sealed(17, header, {}, payload, signature),
        "no tag": cbor.encode([header, {}, payload, signature]),
        "unprotected header not empty": sealed(18, header, {4: b"x"}, payload, signature),
        "payload detached": sealed(18, header, {}, None, signature),
        "signature cut": sealed(18, header, {}, payload, signature[:63]),
        "payload's last byte flipped": sealed(18, header, {}, flipped(payload, len(payload) - 1), signature),
        "signature's last byte flipped": flipped(raw, len(raw) - 1),
        "trailing byte": raw + b"\x00",
        "signed by another key under this kid": sealed(
            18, header, dict(unprotected), payload, LOG.sign(cbor.encode(["Signature1", header, b"", payload]))
        ),
    }
    decoded = statement.decode(raw)
    good = case("honest", raw, valid=True, digest=decoded.digest.hex(), kind=decoded.kind, issuer=decoded.issuer)
    return [good, *(case(name, item, valid=False) for name, item in altered.items())]


def log_of(size: int) -> tuple[list[bytes], merkle.NodeSource]:
    """Return the leaves "leaf 0", "leaf 1" … and their tree."""
    leaves = [f"leaf {number}".encode() for number in range(size)]
    stored = tiles.append(lambda _level, _number: b"", 0, [merkle.leaf_hash(item) for item in leaves])
    return leaves, tiles.node_source(lambda level, number: stored.get((level, number), b""))


def tree_cases() -> list[Case]:
    """Return roots, inclusion paths and consistency proofs of logs around the tile's border."""
    found: list[Case] = []
    for size in SIZES:
        _leaves, nodes = log_of(size)
        indexes, older = sorted({0, size // 2, size - 1}), sorted({1, size // 2, size} - {0})
        found.append(
            {
                "size": size,
                "root": merkle.root(size, nodes).hex(),
                "inclusion": {str(at): hexes(merkle.inclusion_proof(at, size, nodes)) for at in indexes},
                "consistency": {str(old): hexes(merkle.consistency_proof(old, size, nodes)) for old in older},
            }
        )
    return found


def hexes(path: Sequence[bytes]) -> list[str]:
    """Return hashes as text."""
    return [item.hex() for item in path]


def receipt_cases() -> list[Case]:
    """Return receipts of "leaf 3" in a log of 7 and of 257, and altered ones."""
    found = []
    for size in (7, 257):
        leaves, nodes = log_of(size)
        signed = receipt.sign_root(LOG, ORIGIN, size, merkle.root(size, nodes))
        path = merkle.inclusion_proof(3, size, nodes)
        other = cose.assemble_detached(signed.header, {396: {-1: [cbor.encode([size - 1, 3, path])]}}, signed.signature)
        kinds = {
            "honest": (signed.receipt(3, path), True),
            "another index": (signed.receipt(2, path), False),
            "another size than the signed one": (other, False),
            "path cut": (signed.receipt(3, path[:-1]), False),
            "signature flipped": (flipped(signed.receipt(3, path), -1 % len(signed.receipt(3, path))), False),
        }
        found += [
            case(f"{name}, size {size}", raw, valid=valid, leaf=leaves[3].hex()) for name, (raw, valid) in kinds.items()
        ]
    return found


def note_cases() -> list[Case]:
    """Return a checkpoint, and the same one altered; ``raw`` is the note's UTF-8."""
    _leaves, nodes = log_of(257)
    note = checkpoint.Checkpoint(ORIGIN, 257, merkle.root(257, nodes)).sign(LOG)
    altered = {
        "carriage returns": note.replace("\n", "\r\n"),
        "leading zero": note.replace("\n257\n", "\n0257\n"),
        "another size": note.replace("\n257\n", "\n258\n"),
        "second signature": note + note.split("\n")[4] + "\n",
        "no last newline": note[:-1],
    }
    good = case("honest", note.encode(), valid=True, size=257)
    return [good, *(case(name, item.encode(), valid=False) for name, item in altered.items())]


def leaf_cases() -> list[Case]:
    """Return a decision, a block, a refusal and the chained digest of known state writes."""
    digest = statement.decode(sample()).digest
    state = leaf.chain(leaf.EMPTY_STATE, {"b": cbor.encode(1), "a": None})
    return [
        case("decision", leaf.DecisionLeaf(0, digest, "granted", ("p-1", "p-2"), ("notify",)).encode(), valid=True),
        case("block", leaf.BlockLeaf(1, TIME, 2, state).encode(), valid=True, state=state.hex()),
        case("refusal", refusal.Refusal(digest, "ledger.conflict", 3, TIME).sign(LOG, ORIGIN), valid=True),
    ]


FILES: dict[str, Callable[[], list[Case]]] = {
    "cbor": cbor_cases,
    "statement": statement_cases,
    "tree": tree_cases,
    "receipt": receipt_cases,
    "checkpoint": note_cases,
    "leaf": leaf_cases,
}


def contents() -> dict[Path, bytes]:
    """Return each file with its bytes."""
    head = {
        "format": FORMAT,
        "origin": ORIGIN,
        "log": {"seed": LOG_SEED.hex(), "public": LOG.public.raw.hex(), "vkey": LOG.public.vkey(ORIGIN)},
        "member": {"seed": MEMBER_SEED.hex(), "public": MEMBER.public.raw.hex()},
    }
    return {
        FOLDER / f"ledger-{name}.json": json.dumps(
            {**head, "cases": cases()}, indent=1, ensure_ascii=False, sort_keys=True
        ).encode()
        + b"\n"
        for name, cases in FILES.items()
    }


def main() -> int:
    """Write the files, or compare them."""
    changed = [path for path, data in contents().items() if not path.is_file() or path.read_bytes() != data]
    if "--check" in sys.argv[1:]:
        for path in changed:
            print(f"{path.name} would change", file=sys.stderr)
        return 1 if changed else 0
    for path, data in contents().items():
        path.write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
