"""The rule book's interface: rules are a pure function of (state, statement, block time) → writes | refusal.

No clock, randomness, I/O, floats or unordered iteration may stand behind it; replaying the log calls it again and must
get the same answers (LOG-4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, Protocol

from poju.ledger.cbor import Value
from poju.ledger.cose import Sign1
from poju.ledger.keys import PublicKey
from poju.ledger.statement import UnverifiedStatement, VerifiedStatement
from poju.units import Seconds


class State(Protocol):
    """The fold of the log: text keys to CBOR values."""

    def get(self, key: str) -> Value:
        """Return the value at ``key``, or None."""


class Block(NamedTuple):
    """The block that a statement would enter, and the leaf index that it would take."""

    height: int
    time: Seconds
    index: int  # type: ignore[assignment] # a leaf's, in the place of tuple.index


@dataclass(frozen=True)
class Decision:
    """The rules' answer where a kind declares one: an outcome code, the policies that led to it, duties."""

    outcome: str
    policies: tuple[str, ...] = ()
    duties: tuple[str, ...] = ()


NO_WRITES: Mapping[str, Value] = MappingProxyType({})


class Registered(NamedTuple):
    """The statement enters the log; ``writes`` change the state (None deletes)."""

    writes: Mapping[str, Value] = NO_WRITES
    decision: Decision | None = None


@dataclass(frozen=True)
class Refused:
    """The statement does not enter; nothing changes (RULE-2). ``code`` names the rule."""

    code: str


class RuleBook(Protocol):
    """What the engine asks. The composed one stands in ``poju.node``."""

    def key_for(self, state: State, statement: UnverifiedStatement) -> PublicKey | None:
        """Return the key that ``kid`` names, or None where it is unknown.

        It is a member's registered key, or the one that a self-certified kind carries.
        """

    def reads(self, statement: UnverifiedStatement) -> Iterable[str]:
        """Return the state keys that deciding on ``statement`` will probably read: a hint, so that one query does."""

    def register(self, state: State, statement: VerifiedStatement, block: Block) -> Registered | Refused:
        """Decide on one statement. Pure."""


class EnclosingRules(RuleBook, Protocol):
    """A rule book that says which other signatures its rules will ask for, so that they are checked ahead."""

    def encloses(self, state: State, statement: UnverifiedStatement) -> tuple[PublicKey, Sign1] | None:
        """Return an envelope among the statement's fields, and the key that its ``kid`` names; a hint."""


class GovernedRules(RuleBook, Protocol):
    """A rule book that changes by the log itself; :func:`poju.ledger.block.execute` asks it before each block."""

    def begin(self, state: State, block: Block) -> tuple[RuleBook, Mapping[str, Value]]:
        """Return the rules that judge ``block``, and the writes that come before its first statement. Pure."""
