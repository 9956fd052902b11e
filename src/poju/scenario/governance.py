"""Who votes on a scenario, and how many of them must agree: the table ``[governance]`` of a package.

A threshold is a ratio of integers, ``{ agree = 2, of = 3 }``: at least that share of the members that may vote when the
decision falls. It has to be more than a half, so that two contrary proposals cannot both pass, and at most the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from poju.scenario.toml import Table

CLASSES = ("members", "validators", "keys", "rules")
"""Kinds of change: who takes part; who orders the log; lost and log keys; package, runtime and the thresholds."""
DIRECT = ("member-admit", "member-suspend")
"""What a package may leave to the authority alone, without a vote."""
LARGEST = 1_000


class Threshold(NamedTuple):
    """At least ``agree`` of each ``of`` voters."""

    agree: int
    of: int

    @property
    def possible(self) -> bool:
        """Whether it is more than a half, can be reached, and is written with small numbers."""
        return 0 < self.agree <= self.of <= LARGEST and 2 * self.agree > self.of

    def needed(self, voters: int) -> int:
        """Return how many of ``voters`` have to agree; at least one, so that nobody's silence decides."""
        return max(1, -(-voters * self.agree // self.of))


@dataclass(frozen=True)
class Governance:
    """``voters``: the capabilities that give a vote; ``thresholds``: one for each class; ``direct``: without a vote."""

    voters: frozenset[str]
    thresholds: Mapping[str, Threshold]
    direct: frozenset[str]


DEFAULT = Governance(
    frozenset({"authority", "identity", "custodian", "auditor"}),
    MappingProxyType({name: Threshold(2, 3) for name in CLASSES}),
    frozenset(DIRECT),
)
"""For a package without the table: who governs, joins identities, holds records or audits; two thirds of them."""


def read(table: Table) -> Governance:
    """Read the package's table ``[governance]``, or return :data:`DEFAULT`; raise ``package.malformed``.

    Whether anybody holds a voting capability, ``poju scenario check`` says.
    """
    if "governance" not in table.values:
        return DEFAULT
    entry = table.table("governance")
    voters, direct = frozenset(entry.texts("voters")), frozenset(entry.texts("direct", []))
    found = {name: _threshold(entry.table(name)) for name in CLASSES}
    entry.close()
    if not voters:
        raise entry.fault("voters", "is empty, so that nothing could ever be decided")
    if not direct <= set(DIRECT):
        raise entry.fault("direct", "names another statement than member-admit and member-suspend")
    return Governance(voters, MappingProxyType(found), direct)


def _threshold(entry: Table) -> Threshold:
    found = Threshold(entry.integer("agree"), entry.integer("of"))
    entry.close()
    if not found.possible:
        raise entry.fault("agree", "must be more than a half of of and at most of, which is at most 1000")
    return found
