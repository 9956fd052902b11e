"""What one room's rule gets and gives. Rules are pure: no clock, randomness, I/O, floats or unordered iteration.

A rule sees a :class:`Context` whose statement has already passed, in this order: its fields' schema, freshness, its
issuer's admission and role, its key, and its subject's workflow (RULE-1). It returns what else it writes, or raises
:class:`Refuse`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from poju.ledger.cbor import Value
from poju.ledger.rulebook import Block, Registered, State
from poju.ledger.statement import VerifiedStatement

if TYPE_CHECKING:  # the package's model imports this module's Rule
    from poju.scenario.package import Package


class Refuse(Exception):  # noqa: N818 - it is the rule's answer, not a fault
    """The statement is not registered; ``code`` names the rule, e.g. ``award.above-cap`` (RULE-2)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Context(NamedTuple):
    """One statement about to be registered: the state before it, its block, the package in force, its issuer."""

    state: State
    statement: VerifiedStatement
    block: Block
    package: Package
    capabilities: frozenset[str]

    @property
    def fields(self) -> Mapping[str, Value]:
        """The statement's fields, checked against the kind's schema."""
        return self.statement.fields

    def require(self, holds: bool, code: str) -> None:  # noqa: FBT001 - reads as a sentence: require(x > 0, "code")
        """Refuse with ``code`` unless ``holds``."""
        if not holds:
            raise Refuse(code)


Rule = Callable[[Context], Registered]
"""A kind's own rule, contributed by a room as ``RULES: Mapping[kind, Rule]`` in ``poju.<room>.rules``."""
