"""Is the table of workflows closed? Every state declared, reachable and leavable; every step possible for somebody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from poju.i18n import _
from poju.scenario.kinds import CAPABILITIES, Kind
from poju.scenario.package import Package
from poju.scenario.problem import Problem
from poju.scenario.workflow import NEW, Transition, Workflow

FILE = "workflows.toml"


def problems(package: Package, kinds: Mapping[str, Kind]) -> Iterator[Problem]:
    """Yield every problem of ``workflows.toml``."""
    workflow = package.workflow
    yield from _states(workflow)
    for row in workflow.transitions:
        yield from _row(row, package, kinds)
    for subject in sorted(workflow.subjects):
        yield from _missing(subject, workflow, kinds)


def _states(workflow: Workflow) -> Iterator[Problem]:
    declared = {(state.subject, state.id): state for state in workflow.states}
    steps = [row for row in workflow.transitions if not row.refuse]
    for row in workflow.transitions:
        for name in sorted({row.source, row.target} - {NEW}):
            if (row.subject, name) not in declared:
                yield Problem(
                    FILE,
                    "state.unknown",
                    _("A transition of {subject} names the state {state}, which is not declared."),
                    _("Declare it under [[states]] with its names in three languages."),
                    {"subject": row.subject, "state": name},
                )
    for (subject, identifier), state in declared.items():
        parameters = {"subject": subject, "state": identifier}
        leaves = [
            row for row in steps if (row.subject, row.source) == (subject, identifier) and row.target != identifier
        ]
        if not leaves and not state.terminal:
            yield Problem(
                FILE,
                "state.no-way-out",
                _("Nobody can leave the state {state} of {subject}, and it is not marked as terminal."),
                _("Add a transition from it, or write terminal = true."),
                parameters,
            )
        if (subject, identifier) not in _reachable(steps):
            yield Problem(
                FILE,
                "state.no-way-in",
                _("No sequence of steps leads to the state {state} of {subject}."),
                _("Add a transition to it, or take the state out."),
                parameters,
            )


def _reachable(steps: list[Transition]) -> set[tuple[str, str]]:
    found = {(row.subject, NEW) for row in steps}
    while True:
        more = {(row.subject, row.target) for row in steps if (row.subject, row.source) in found} - found
        if not more:
            return found
        found |= more


def _row(row: Transition, package: Package, kinds: Mapping[str, Kind]) -> Iterator[Problem]:
    parameters = {"subject": row.subject, "statement": row.statement, "state": row.source or "-"}
    kind = kinds.get(row.statement)
    if kind is None or kind.subject != row.subject:
        yield Problem(
            FILE,
            "transition.kind-unknown",
            _("A transition of {subject} names the statement kind {statement}, which does not exist for it."),
            _("Correct the name, or add statements/{statement}.toml with that subject."),
            parameters,
        )
        return
    if row.refuse:
        return
    unknown = sorted(set(row.by) - set(package.roles) - set(CAPABILITIES))
    if unknown:
        yield Problem(
            FILE,
            "role.unknown",
            _("{where} names the role {role}, which the package does not have."),
            _("Declare the role in scenario.toml, or correct the name."),
            {"where": f"{row.subject}: {row.statement}", "role": unknown[0]},
        )
    if not _speakers(row.by, package) & _speakers(kind.by, package):
        yield Problem(
            FILE,
            "transition.nobody",
            _("Nobody can make the step {statement} of {subject} in state {state}: its by and the kind's do not meet."),
            _("Name a role that may issue {statement}."),
            parameters,
        )
    wrong = [name for name, value in row.when.items() if value not in _values(kind, name)]
    if wrong or (row.outcome and not kind.decides):
        yield Problem(
            FILE,
            "transition.condition",
            _("The step {statement} of {subject} depends on something that the statement does not have."),
            _("Under when, name a text-enum field and one of its values; outcome is for kinds that decide."),
            parameters,
        )


def _speakers(by: tuple[str, ...], package: Package) -> set[str]:
    """Return the roles that ``by``, a list of roles and capabilities, admits."""
    return {role.id for role in package.roles.values() if set(by) & (role.capabilities | {role.id})}


def _values(kind: Kind, name: str) -> tuple[str, ...]:
    field = kind.fields.get(name)
    return field.values if field is not None else ()


def _missing(subject: str, workflow: Workflow, kinds: Mapping[str, Kind]) -> Iterator[Problem]:
    steps = [row for row in workflow.transitions if row.subject == subject and not row.refuse]
    if not any(row.source == NEW for row in steps):
        yield Problem(
            FILE,
            "workflow.no-start",
            _("No statement can begin the workflow of {subject}."),
            _('Add a transition from [""], the state of a new subject.'),
            {"subject": subject},
        )
    named = {row.statement for row in steps}
    for kind in kinds.values():
        if kind.subject == subject and kind.id not in named:
            yield Problem(
                FILE,
                "workflow.kind-missing",
                _("The workflow of {subject} has no step for {statement}, so it could never be registered."),
                _("Add a transition for it."),
                {"subject": subject, "statement": kind.id},
            )
