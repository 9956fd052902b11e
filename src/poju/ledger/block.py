"""One block: statements in order → leaves, state writes, answers. Pure; engines, replay and rebuild all call it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger import cbor, leaf
from poju.ledger.rulebook import Block, Registered, RuleBook, State
from poju.ledger.statement import VerifiedStatement
from poju.units import Seconds


class Known(Protocol):
    """Remembers which (issuer, cti) the log holds."""

    def seen(self, issuer: str, identifier: bytes) -> tuple[int, bytes] | None:
        """Return leaf index and digest of the statement registered under that pair, or None."""


START = Seconds(0)


@dataclass(frozen=True)
class Head:
    """Where the log stands: leaves, last block's height and time, chained state digest."""

    size: int = 0
    height: int = 0
    time: Seconds = START
    state: bytes = leaf.EMPTY_STATE


class Entered(NamedTuple):
    """The statement's own leaf, and its decision's where the kind declares one; ``again``: it was there before."""

    index: int  # type: ignore[assignment] # a leaf's, in the place of tuple.index
    decision: int | None = None
    again: bool = False


class Declined(NamedTuple):
    """The rule that refused."""

    code: str


Answer = Entered | Declined


@dataclass
class Overlay:
    """The state as this block has changed it so far, over the committed one."""

    base: State
    writes: dict[str, cbor.Value] = field(default_factory=dict)

    def get(self, key: str) -> cbor.Value:
        """Return the value at ``key`` as of now."""
        return self.writes[key] if key in self.writes else self.base.get(key)


@dataclass(frozen=True)
class Outcome:
    """What a block did. ``leaves`` ends with the block leaf, or is empty where nothing was registered."""

    head: Head
    leaves: tuple[bytes, ...]
    writes: dict[str, bytes | None]
    answers: tuple[Answer, ...]
    registered: tuple[tuple[VerifiedStatement, int], ...]


def execute(
    rules: RuleBook, state: State, known: Known, head: Head, time: Seconds, statements: Sequence[VerifiedStatement]
) -> Outcome:
    """Apply ``statements`` in order at block time ``time`` (never before the last block's) on top of ``head``."""
    overlay = Overlay(state)
    leaves: list[bytes] = []
    answers: list[Answer] = []
    registered: list[tuple[VerifiedStatement, int]] = []
    here: dict[tuple[str, bytes], tuple[int, bytes]] = {}
    height, time = head.height + 1, Seconds(max(time, head.time))
    # what is due before the first statement, and the rules in force from here on, where the rule book knows of votes
    begin = getattr(rules, "begin", None)
    if begin is not None:
        rules, due = begin(state, Block(height, time, head.size))
        overlay.writes.update(due)
    for item in statements:
        statement = item.statement
        pair = (statement.issuer, statement.identifier)
        earlier = here.get(pair) or known.seen(*pair)
        if earlier is not None:
            same = earlier[1] == statement.digest
            answers.append(Entered(earlier[0], again=True) if same else Declined("ledger.conflict"))
            continue
        index = head.size + len(leaves)
        answer = rules.register(overlay, item, Block(height, time, index))
        if not isinstance(answer, Registered):
            answers.append(Declined(answer.code))
            continue
        overlay.writes.update(answer.writes)
        leaves.append(statement.raw)
        here[pair] = (index, statement.digest)
        registered.append((item, index))
        decision = None
        if answer.decision is not None:
            decision = head.size + len(leaves)
            leaves.append(_decision(index, statement.digest, answer).encode())
        answers.append(Entered(index, decision))
    if not leaves:
        return Outcome(head, (), {}, tuple(answers), ())
    writes = _encoded(overlay.writes)
    digest = leaf.chain(head.state, writes)
    leaves.append(leaf.BlockLeaf(height, time, len(leaves), digest).encode())
    after = Head(head.size + len(leaves), height, time, digest)
    return Outcome(after, tuple(leaves), writes, tuple(answers), tuple(registered))


def _decision(index: int, digest: bytes, answer: Registered) -> leaf.DecisionLeaf:
    decision = answer.decision
    if decision is None:
        raise ValueError(index)
    return leaf.DecisionLeaf(index, digest, decision.outcome, tuple(sorted(decision.policies)), decision.duties)


def _encoded(writes: dict[str, cbor.Value]) -> dict[str, bytes | None]:
    return {key: None if value is None else cbor.encode(value) for key, value in writes.items()}


def blocks(leaves: Iterable[bytes]) -> Iterator[tuple[list[bytes], leaf.BlockLeaf]]:
    """Group a log's leaves into blocks: what stands before each block leaf, and that block leaf."""
    pending: list[bytes] = []
    for item in leaves:
        decoded = None if leaf.is_statement(item) else leaf.decode(item)
        if isinstance(decoded, leaf.BlockLeaf):
            yield pending, decoded
            pending = []
        else:
            pending.append(item)
    if pending:
        raise CallerError(
            "log.unclosed",
            _("The log ends inside a block: {count} leaves have no block leaf after them."),
            hint=_("Fetch the log again up to a checkpoint; a checkpoint always stands behind a block leaf."),
            count=len(pending),
        )
