"""Replaying a log: the same statements through the same rules must give the same leaves (LOG-4).

:func:`replay_block` is the one judgement of a block; audit, rebuild and restore all call it. :func:`replay` folds a
whole log in memory with it. Replay alone does not say whose log it was: two statements whose writes are the same may
change places without any difference here, so that an audit binds every leaf to a signed root (``ledger/audit.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from poju.errors import OperatorError
from poju.i18n import _
from poju.ledger import block, cbor, leaf, statement
from poju.ledger.keys import PublicKey
from poju.ledger.rulebook import RuleBook, State
from poju.ledger.statement import UnverifiedStatement, VerifiedStatement


class DictState:
    """State and memory in plain dicts: what a replay of a small log folds into."""

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


def diverged(height: int, index: int, reason: str, detail: object) -> OperatorError:
    """Return ``log.divergence``: leaf ``index`` of block ``height`` is not what the rules give; ``reason`` says why."""
    return OperatorError(
        "log.divergence",
        _("Leaf {index}, in block {height}, does not replay: {reason} ({detail})."),
        hint=_("The log was altered, or its operator broke the rules in force. Keep this copy as evidence."),
        reason=reason,
        height=height,
        index=index,
        detail=detail,
    )


def authenticate(
    rules: RuleBook, state: State, item: UnverifiedStatement, checked: PublicKey | None, at: tuple[int, int]
) -> VerifiedStatement:
    """Return ``item`` as verified by the key that ``state``, the one before its block, has for it.

    ``checked``: the key under which a worker found that the signature holds, or None; it saves the second check where
    it is that very key, and means nothing otherwise. ``at``: the block's height and the leaf's index.
    """
    key = rules.key_for(state, item)
    said = f"{item.kind}, {item.issuer}"
    if key is None:
        raise diverged(*at, _("its key is not one that the log knew before this block"), said)
    verified = VerifiedStatement(item, key) if checked == key else item.verify(key)
    if verified is None:
        raise diverged(*at, _("its signature does not hold"), said)
    return verified


def replay_block(
    rules: RuleBook,
    state: State,
    known: block.Known,
    head: block.Head,
    recorded: Sequence[bytes],
    closing: leaf.BlockLeaf,
    statements: Sequence[VerifiedStatement],
) -> block.Outcome:
    """Return what executing one recorded block on ``state`` does; raise ``log.divergence`` at its first other leaf.

    ``recorded``: the block's leaves before ``closing``; ``statements``: those of them that are statements, verified.
    Steps: (1) the rules register each statement; (2) the leaves that result, decisions and block leaf with height, time
    and chained state digest included, are byte for byte the log's.
    """
    height = head.height + 1
    # 1. the rules register every statement
    outcome = block.execute(rules, state, known, head, closing.time, statements)
    refused = next((n for n, answer in enumerate(outcome.answers) if not _entered(answer)), None)
    if refused is not None:
        index = [at for at, item in enumerate(recorded, head.size) if leaf.is_statement(item)][refused]
        answer = outcome.answers[refused]
        code = answer.code if isinstance(answer, block.Declined) else "ledger.conflict"
        raise diverged(height, index, _("the rules refuse this statement"), code)
    # 2. the same leaves
    if list(outcome.leaves) != [*recorded, closing.encode()]:
        raise _other_leaf(outcome, recorded, closing, head)
    return outcome


def _entered(answer: block.Answer) -> bool:
    return isinstance(answer, block.Entered) and not answer.again


def _other_leaf(
    outcome: block.Outcome, recorded: Sequence[bytes], closing: leaf.BlockLeaf, head: block.Head
) -> OperatorError:
    """Name the first leaf of the block that is not the rules' own, and what of it differs."""
    height = head.height + 1
    if not outcome.leaves:
        return diverged(height, head.size, _("the block registers nothing"), closing.height)
    for at, (wanted, found) in enumerate(zip(outcome.leaves[:-1], recorded, strict=False), head.size):
        if wanted != found:
            said = "decision" if not leaf.is_statement(found) else "statement"
            return diverged(height, at, _("the rules put another leaf here"), said)
    index = head.size + len(recorded)
    if len(outcome.leaves) != len(recorded) + 1:
        missing = head.size + min(len(outcome.leaves) - 1, len(recorded))
        return diverged(height, missing, _("a decision is missing, or one too many"), len(recorded))
    wanted_end = leaf.decode(outcome.leaves[-1])
    assert isinstance(wanted_end, leaf.BlockLeaf)  # noqa: S101 - execute ends every block with its block leaf
    for reason, wanted_value, found_value in (
        (_("another block height"), wanted_end.height, closing.height),
        (_("the block's time lies before the last block's"), wanted_end.time, closing.time),
        (_("another number of leaves"), wanted_end.leaves, closing.leaves),
    ):
        if wanted_value != found_value:
            return diverged(height, index, reason, f"{found_value} ≠ {wanted_value}")
    shown = f"{closing.state.hex()[:16]}… ≠ {wanted_end.state.hex()[:16]}…"
    return diverged(height, index, _("another state digest"), shown)


def replay(rules: RuleBook, leaves: Iterable[bytes]) -> Iterator[tuple[block.Outcome, DictState]]:
    """Yield each block's outcome and the state after it, in memory; raise ``log.divergence`` at the first difference.

    For each block: (1) its statements decode and their signatures hold under the keys of the state before it; (2) it
    replays (:func:`replay_block`).
    """
    state, head = DictState(), block.Head()
    for recorded, closing in block.blocks(leaves):
        # 1. signatures
        statements = [
            authenticate(rules, state, statement.decode(raw), None, (head.height + 1, index))
            for index, raw in enumerate(recorded, head.size)
            if leaf.is_statement(raw)
        ]
        # 2. rules and leaves
        outcome = replay_block(rules, state, state, head, recorded, closing, statements)
        state.apply(outcome)
        head = outcome.head
        yield outcome, state
