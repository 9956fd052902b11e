"""Workflows: one table of transitions; what is not in it is refused as ``workflow.illegal``, nothing changes (RULE-1).

A subject whose prefix (``order`` of ``order/17``) stands in the table moves by it only; other subjects have no
workflow. The documentation's diagram is drawn from the same table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from poju.ledger.cbor import Value
from poju.scenario.toml import Names, Table

NEW = ""
"""The state of a subject that nobody has spoken about yet."""

ILLEGAL = "workflow.illegal"
NOT_OPENER = "workflow.not-opener"


@dataclass(frozen=True)
class StateName:
    """One state of a subject; ``terminal``: it is meant to be where things end."""

    subject: str
    id: str
    names: Names
    terminal: bool


@dataclass(frozen=True)
class Transition:
    """One row: in state ``source`` a ``statement`` by one of ``by`` moves the subject to ``target``.

    ``by`` holds role ids or capabilities. ``when`` narrows the row to statements whose fields have these values,
    ``outcome`` to statements that the rules decided so; ``opener``: only the member that opened the subject may. A row
    with ``refuse`` gives the refusal of an illegal step a code of its own instead of a target.
    """

    subject: str
    source: str
    statement: str
    by: tuple[str, ...]
    target: str
    when: Mapping[str, str]
    outcome: str = ""
    opener: bool = False
    refuse: str = ""


@dataclass(frozen=True)
class Workflow:
    """All states and transitions of a package, indexed by (subject, state, statement)."""

    states: tuple[StateName, ...]
    transitions: tuple[Transition, ...]
    index: Mapping[tuple[str, str, str], tuple[Transition, ...]]
    subjects: frozenset[str]

    def rows(self, subject: str, state: str, statement: str) -> tuple[Transition, ...]:
        """Return the rows for ``statement`` about a subject of that prefix in ``state``; empty where it is illegal."""
        return self.index.get((subject, state, statement), ())


class Step(NamedTuple):
    """One speaker's attempt: who it is, which roles and capabilities it holds, whether it opened the subject."""

    roles: frozenset[str]
    opened: bool
    fields: Mapping[str, Value]


def allowed(rows: tuple[Transition, ...], step: Step) -> tuple[tuple[Transition, ...], str | None]:
    """Return the rows that ``step`` may take (their outcomes still open), or the code that refuses it."""
    for row in rows:
        if row.refuse:
            return (), row.refuse
    fitting = [row for row in rows if not row.when or _holds(row.when, step.fields)]
    if not fitting:
        return (), ILLEGAL
    permitted = [row for row in fitting if not step.roles.isdisjoint(row.by)]
    if not permitted:
        return (), "member.role"
    reachable = tuple(row for row in permitted if step.opened or not row.opener)
    return (reachable, None) if reachable else ((), NOT_OPENER)


def _holds(when: Mapping[str, str], fields: Mapping[str, Value]) -> bool:
    return all(fields.get(name) == value for name, value in when.items())


def target(rows: tuple[Transition, ...], outcome: str) -> str | None:
    """Return the state that the row for ``outcome`` (empty for kinds that decide nothing) leads to, or None."""
    for row in rows:
        if row.outcome in {"", outcome}:
            return row.target
    return None


def read(table: Table) -> Workflow:
    """Read ``workflows.toml``."""
    states = tuple(_state(entry) for entry in table.tables("states"))
    transitions = tuple(row for entry in table.tables("transitions") for row in _transitions(entry))
    table.close()
    index: dict[tuple[str, str, str], tuple[Transition, ...]] = {}
    for row in transitions:
        key = (row.subject, row.source, row.statement)
        index[key] = (*index.get(key, ()), row)
    subjects = frozenset(row.subject for row in transitions)
    return Workflow(states, transitions, MappingProxyType(index), subjects)


def _state(table: Table) -> StateName:
    state = StateName(
        table.text("subject"), table.identifier("id"), table.names(), table.flag("terminal", default=False)
    )
    table.close()
    return state


def _transitions(table: Table) -> list[Transition]:
    """Read one entry; its ``from`` may list several states, each of which becomes a row."""
    sources = table.texts("from")
    when = table.table("when", {})
    fields = MappingProxyType({name: when.text(name) for name in when.values})
    row = Transition(
        subject=table.text("subject"),
        source=NEW,
        statement=table.text("statement"),
        by=table.texts("by", []),
        target=table.text("to", ""),
        when=fields,
        outcome=table.text("outcome", ""),
        opener=table.flag("opener", default=False),
        refuse=table.text("refuse", ""),
    )
    table.close()
    if bool(row.target) == bool(row.refuse):
        raise table.fault("to", "each transition has either a state to go to, or a code to refuse with")
    if not sources:
        raise table.fault("from", 'names no state; write [""] for a subject that is new')
    return [Transition(**{**vars(row), "source": source}) for source in sources]


def diagram(workflow: Workflow, subject: str) -> str:
    """Return a Mermaid state diagram (text) of ``subject``, drawn from the table; refusing rows are left out."""
    lines = ["stateDiagram-v2"]
    for row in workflow.transitions:
        if row.subject == subject and not row.refuse:
            source = row.source or "[*]"
            condition = row.outcome or ", ".join(row.when.values())
            label = f"{row.statement} ({condition})" if condition else row.statement
            lines.append(f"    {source} --> {row.target}: {label}")
    lines.extend(f"    {state.id} --> [*]" for state in workflow.states if state.subject == subject and state.terminal)
    return "\n".join(lines) + "\n"
