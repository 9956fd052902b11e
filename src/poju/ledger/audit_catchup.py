"""Bringing a restored ledger up to a newer copy of the same log, so that no receipt given after the backup is lost.

Whoever holds entry bundles (an auditor, another operator's copy) holds what a restored backup lacks. Each missing block
is replayed under the rules and committed as it was; the roots on both sides have to be the same before and after. It is
the only way back to the same entries at the same places: a statement that its sender merely sends again would take
another place, and the receipt that it has would then be of no log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from poju.errors import OperatorError
from poju.i18n import _
from poju.ledger import block, leaf, merkle, statement, tiles
from poju.ledger.audit import Log
from poju.ledger.replay import authenticate, replay_block
from poju.ledger.rulebook import RuleBook
from poju.ledger.store import Store


def catch_up(store: Store, rules: RuleBook, log: Log, progress: Callable[[int, int], None]) -> int:
    """Append to ``store`` what ``log`` holds beyond it; return how many leaves that was.

    ``log``: hash tiles whose root the caller compared with a signed checkpoint, and entry bundles. Raises
    ``restore.other-log`` where the ledger is not the log's beginning, ``log.divergence`` and its kin where the copy
    does not replay; whole blocks up to there are kept.
    """
    head, size = store.head(), log.tiles.size
    begun = head.size
    if begun > size or log.tiles.root_at(begun) != store.root(begun):
        raise OperatorError(
            "restore.other-log",
            _("The ledger's {found} leaves are not the beginning of that copy, which has {size}."),
            hint=_("Give a copy of the same log, newer than the backup."),
            found=begun,
            size=size,
        )
    for recorded, closing in block.blocks(_leaves(log, begun)):
        statements = [
            authenticate(rules, store, statement.decode(raw), None, (head.height + 1, index))
            for index, raw in enumerate(recorded, head.size)
            if leaf.is_statement(raw)
        ]
        outcome = replay_block(rules, store, store, head, recorded, closing, statements)
        store.commit(outcome, {})
        head = outcome.head
        progress(head.size - begun, size - begun)
    return head.size - begun


def _leaves(log: Log, start: int) -> Iterator[bytes]:
    """Yield the leaves from ``start`` on, each compared with its checked hash."""
    size = log.tiles.size
    for number in range(start // tiles.WIDTH, -(-size // tiles.WIDTH)):
        first = number * tiles.WIDTH
        width = min(tiles.WIDTH, size - first)
        hashes = log.tiles.tile(0, number)
        found = tiles.unbundle(log.bundle(number, width))
        if b"".join(map(merkle.leaf_hash, found)) != hashes:
            raise OperatorError(
                "restore.copy-altered",
                _("Entry bundle {path} is not what the log signed."),
                hint=_("Verify that copy with poju verify, and take another one."),
                path=tiles.path("entries", number, width),
            )
        yield from found[max(0, start - first) :]
