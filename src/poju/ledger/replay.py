"""Replaying a log: the same statements through the same rules must give the same leaves (LOG-4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger import block, cbor, leaf, statement
from poju.ledger.rulebook import RuleBook
from poju.ledger.statement import VerifiedStatement


class DictState:
    """State and memory in plain dicts: what replay and rebuild fold into."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.known: dict[tuple[str, bytes], tuple[int, bytes]] = {}

    def get(self, key: str) -> cbor.Value:
        """Return the value at ``key``, or None."""
        raw = self.values.get(key)
        return None if raw is None else cbor.decode_shared(raw)

    def seen(self, issuer: str, identifier: bytes) -> tuple[int, bytes] | None:
        """Return leaf index and digest of the statement registered as (issuer, cti), or None."""
        return self.known.get((issuer, identifier))

    def apply(self, outcome: block.Outcome) -> None:
        """Take over what a block wrote."""
        for key, value in outcome.writes.items():
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value
        for item, index in outcome.registered:
            pair = (item.statement.issuer, item.statement.identifier)
            self.known[pair] = (index, item.statement.digest)


def _divergence(reason: str, height: int) -> CallerError:
    return CallerError(
        "log.divergence",
        _("Block {height} does not replay: {reason}."),
        hint=_("The log was altered, or its operator broke the rules in force. Keep this copy as evidence."),
        reason=reason,
        height=height,
    )


def _verified(rules: RuleBook, state: DictState, raw: bytes, height: int) -> VerifiedStatement:
    item = statement.decode(raw)
    key = rules.key_for(state, item)
    verified = item.verify(key) if key is not None else None
    if verified is None:
        raise _divergence("a statement's signature does not hold", height)
    return verified


def replay(rules: RuleBook, leaves: Iterable[bytes]) -> Iterator[tuple[block.Outcome, DictState]]:
    """Yield each block's outcome and the state after it; raise ``log.divergence`` at the first that differs.

    For each block: (1) its statements decode and their signatures hold under the keys of the state before it; (2) the
    rules register each of them; (3) the leaves that result, decisions and block leaf with the chained state digest
    included, are byte for byte the log's.
    """
    state, head = DictState(), block.Head()
    for recorded, closing in block.blocks(leaves):
        height = head.height + 1
        # 1. signatures
        raw = [item for item in recorded if leaf.is_statement(item)]
        statements = [_verified(rules, state, item, height) for item in raw]
        # 2. rules
        outcome = block.execute(rules, state, state, head, closing.time, statements)
        if not all(isinstance(answer, block.Entered) and not answer.again for answer in outcome.answers):
            raise _divergence("the rules refuse a statement that the log holds", height)
        # 3. leaves
        if list(outcome.leaves) != [*recorded, closing.encode()]:
            raise _divergence("decisions or state digest differ", height)
        state.apply(outcome)
        head = outcome.head
        yield outcome, state
