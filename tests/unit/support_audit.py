"""What the tests of the audit share: logs of tiny statements as tiles and bundles in memory, audited in one call."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import support_ledger as support

from poju.ledger import block, merkle, tiles
from poju.ledger.audit import Audit, Found, Log, Plan
from poju.ledger.audit_state import FoldState
from poju.ledger.audit_tiles import CheckedTiles, altered
from poju.ledger.rulebook import RuleBook

Leaves = Sequence[bytes]


def tiles_of(leaves: Leaves) -> dict[tuple[int, int], bytes]:
    """Return the hash tiles of a log of ``leaves``."""
    return tiles.append(lambda _level, _number: b"", 0, [merkle.leaf_hash(item) for item in leaves])


@dataclass
class Copy:
    """Somebody's copy of a log: tiles and bundles, as they were served; a test may alter either."""

    size: int
    root: bytes
    hashes: dict[tuple[int, int], bytes]
    bundles: dict[int, bytes]

    @classmethod
    def of(cls, leaves: Leaves, hashed: Leaves | None = None) -> Copy:
        """Return the copy of ``leaves``; ``hashed``: the leaves that the tiles are of, where they are others."""
        starts = range(0, len(leaves), tiles.WIDTH)
        bundles = {start // tiles.WIDTH: tiles.bundle(leaves[start : start + tiles.WIDTH]) for start in starts}
        hashes = tiles_of(leaves if hashed is None else hashed)
        signed = CheckedTiles(len(leaves), lambda level, number: hashes.get((level, number), b"")).root
        return cls(len(leaves), signed, hashes, bundles)

    def log(self) -> Log:
        """Return the log, its tiles followed to the signed root, as a verifier does before it audits."""
        checked = CheckedTiles(self.size, lambda level, number: self.hashes.get((level, number), b""))
        if checked.root != self.root:
            raise altered("tile.root", "The hash tiles do not lead to the signed root.", path="tile")
        return Log(checked, lambda number, _width: self.bundles[number])


@dataclass
class Result:
    found: Found
    head: block.Head
    state: list[tuple[str, bytes]]
    memory: list[tuple[str, bytes, int]]


def audited(log: Log, plan: Plan | None = None, folder: Path | None = None, rules: RuleBook | None = None) -> Result:
    """Audit ``log`` to its end; ``folder`` keeps the audit's place."""
    with closing(FoldState(folder)) as state:
        audit = Audit(rules or support.TinyRules(), log, state, plan or Plan())
        found = audit.run()
        return Result(found, audit.head, list(state.contents()), list(state.memory()))


def batches(count: int, each: int = 40) -> list[list[bytes]]:
    """Return ``count`` statements in batches: one in nine decided, one in eleven deleting what it is about."""
    kinds = ["ask" if n % 9 == 0 else "erase" if n % 11 == 0 else "note" for n in range(count)]
    raws = [support.signed(n, kind) for n, kind in enumerate(kinds)]
    return [raws[start : start + each] for start in range(0, count, each)]
