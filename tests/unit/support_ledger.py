"""What the tests of the ledger share: fixed keys, small statements, a tiny rule book, RFC 9162 as it is written."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from poju.ledger import block, statement
from poju.ledger.cbor import Value
from poju.ledger.keys import PrivateKey, PublicKey
from poju.ledger.replay import DictState
from poju.ledger.rulebook import Block, Decision, Refused, Registered, State
from poju.ledger.statement import UnverifiedStatement, VerifiedStatement
from poju.units import Seconds

ORIGIN = "test.example/log"
TIME = Seconds(1_700_000_000)
LOG = PrivateKey.from_seed(b"l" * 32)
MEMBER = PrivateKey.from_seed(b"m" * 32)
STRANGER = PrivateKey.from_seed(b"s" * 32)


def identifier(number: int) -> bytes:
    return number.to_bytes(6, "big") + b"\x70\x00\x80" + bytes(7)


def signed(number: int, kind: str = "note", key: PrivateKey = MEMBER, **fields: Value) -> bytes:
    return statement.sign(
        key,
        kind,
        issuer="hospital-a",
        subject=f"note/{number % 5}",
        issued_at=TIME,
        identifier=identifier(number),
        fields=fields or {"number": number},
    )


def verified(raw: bytes, key: PrivateKey = MEMBER) -> VerifiedStatement:
    item = statement.decode(raw).verify(key.public)
    assert item is not None
    return item


class TinyRules:
    """``note`` writes, ``erase`` deletes, ``ask`` decides, ``forbid`` is refused, ``raise`` fails as a bug would."""

    def key_for(self, _state: State, item: UnverifiedStatement) -> PublicKey | None:
        return MEMBER.public if item.key_id == MEMBER.public.thumbprint else None

    def reads(self, item: UnverifiedStatement) -> tuple[str, ...]:
        return (item.subject, "count")

    def register(self, state: State, item: VerifiedStatement, at: Block) -> Registered | Refused:
        if item.kind == "forbid":
            return Refused("test.forbidden")
        if item.kind == "raise":
            raise ZeroDivisionError
        if item.kind == "erase":
            return Registered({item.subject: None})
        writes: dict[str, Value] = {item.subject: dict(item.fields), "count": (state.get("count") or 0) + 1}
        if item.kind == "ask":
            return Registered(writes, Decision("granted", ("b-policy", "a-policy"), ("notify",)))
        return Registered({**writes, "last": [at.height, at.time, at.index]})


def run(batches: Sequence[Sequence[bytes]]) -> tuple[list[bytes], DictState, block.Head]:
    """Fold batches of statements into leaves, state and head, a second of block time for each."""
    leaves: list[bytes] = []
    state, head = DictState(), block.Head()
    for number, batch in enumerate(batches):
        items = [verified(raw) for raw in batch]
        outcome = block.execute(TinyRules(), state, state, head, Seconds(TIME + number), items)
        leaves += outcome.leaves
        state.apply(outcome)
        head = outcome.head
    return leaves, state, head


def tree_head(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 9162 section 2.1.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = _split(len(leaves))
    return hashlib.sha256(b"\x01" + tree_head(leaves[:k]) + tree_head(leaves[k:])).digest()


def inclusion(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH of section 2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = _split(len(leaves))
    if m < k:
        return [*inclusion(m, leaves[:k]), tree_head(leaves[k:])]
    return [*inclusion(m - k, leaves[k:]), tree_head(leaves[:k])]


def consistency(m: int, leaves: Sequence[bytes], *, known: bool = True) -> list[bytes]:
    """SUBPROOF of section 2.1.4.1; PROOF is SUBPROOF with ``known``."""
    if m == len(leaves):
        return [] if known else [tree_head(leaves)]
    k = _split(len(leaves))
    if m <= k:
        return [*consistency(m, leaves[:k], known=known), tree_head(leaves[k:])]
    return [*consistency(m - k, leaves[k:], known=False), tree_head(leaves[:k])]


def _split(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)
