"""What a drafted package leaves open: marks in its files, told as notes. A note does not keep a package from closing.

A mark is the word TODO in any of the package's files; ``TODO draft.<topic>`` names one of the topics below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from poju.i18n import _
from poju.scenario.problem import Problem

MARK = re.compile(r"\bTODO\b(?: (draft\.[a-z]{1,24})\b)?")
TRACKS = "draft.tracks"
SCENARIO = "scenario.toml"


def notes(files: Mapping[str, bytes]) -> list[Problem]:
    """Return what is still to be decided in ``files`` ({path: bytes}), file by file, line by line."""
    return list(_notes(files))


def waits_for_tracks(files: Mapping[str, bytes]) -> bool:
    """Return whether ``scenario.toml`` says of itself that its tracks are still to be opened."""
    own = {name: content for name, content in files.items() if name == SCENARIO}
    return any(mark == TRACKS for _file, _line, mark in _marks(own))


def _marks(files: Mapping[str, bytes]) -> Iterator[tuple[str, int, str]]:
    for file, content in files.items():
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
            for found in MARK.finditer(line):
                yield file, number, found[1] or ""


def _notes(files: Mapping[str, bytes]) -> Iterator[Problem]:
    for file, line, mark in _marks(files):
        known = {problem.code: problem for problem in (*_scenario(file, line), *_others(file, line))}
        yield known.get(mark) or Problem(
            file,
            "draft.open-mark",
            _("Draft, line {line}: somebody left a mark here."),
            _("Decide it, then take the word TODO out."),
            {"line": line},
        )


def _scenario(file: str, line: int) -> tuple[Problem, ...]:
    """Return the topics of ``scenario.toml``."""
    where = {"line": line}
    return (
        Problem(
            file,
            "draft.tracks",
            _("Draft, line {line}: the tracks are announced only; no solution can be submitted, nothing be paid."),
            _("Make one track's cohort, answer key and indicator ready, write open, and take the mark out."),
            where,
        ),
        Problem(
            file,
            "draft.roles",
            _("Draft, line {line}: which institutions take part, and which of them keep data, is to be decided."),
            _("Compare the roles with the institutions that have agreed; take the others out."),
            where,
        ),
        Problem(
            file,
            "draft.classes",
            _("Draft, line {line}: which data are opened, and in which classes, is to be decided."),
            _("Agree on at most twelve broad classes; a class is all that the log tells about a record."),
            where,
        ),
        Problem(
            file,
            "draft.reasons",
            _("Draft, line {line}: the lists of reason codes are to be decided."),
            _("Let the staff who will choose them agree on the codes; there is no field for words."),
            where,
        ),
        Problem(
            file,
            "draft.thresholds",
            _("Draft, line {line}: how many members must agree is to be decided."),
            _("Keep at least 2 for attestations and for runners."),
            where,
        ),
        Problem(
            file,
            "draft.windows",
            _("Draft, line {line}: the time windows are to be decided."),
            _("Agree on them with the institutions; docs/concepts/packages.md says what each bounds."),
            where,
        ),
        Problem(
            file,
            "draft.sectors",
            _("Draft, line {line}: the industries that the scenario serves are to be named."),
            _("Write their codes of GB/T 4754-2017."),
            where,
        ),
        Problem(
            file,
            "draft.formats",
            _("Draft, line {line}: the format of the records is to be decided."),
            _("Name a record format that the product has, or have one added; until then the data travel as files."),
            where,
        ),
    )


def _others(file: str, line: int) -> tuple[Problem, ...]:
    """Return the topics of the other files."""
    where = {"line": line}
    return (
        Problem(
            file,
            "draft.workflow",
            _("Draft, line {line}: the steps are a skeleton and are to be compared with how the work is done."),
            _("Walk one real case through the table; add or take out states and steps."),
            where,
        ),
        Problem(
            file,
            "draft.data",
            _("Draft, line {line}: what a description of opened data must say is to be decided."),
            _("Publish a form for it: fields, codes, units, how often it changes, who answers for it."),
            where,
        ),
        Problem(
            file,
            "draft.case",
            _("Draft, line {line}: when a case begins, and whom or what its handle stands for, is to be decided."),
            _("Write it down for the staff who open cases."),
            where,
        ),
        Problem(
            file,
            "draft.access",
            _("Draft, line {line}: only consent is a basis for reading; statutory bases are to be written."),
            _("Have a lawyer write one policy for each statutory basis, or decide that there is none."),
            where,
        ),
        Problem(
            file,
            "draft.indicator",
            _("Draft, line {line}: the indicator is a skeleton."),
            _("Replace it by a query that measures the real problem; the award's condition reads it."),
            where,
        ),
        Problem(
            file,
            "draft.money",
            _("Draft, line {line}: cap and budget are to be decided; the draft's own amounts are no proposal."),
            _("Have the finance department set both, in fen."),
            where,
        ),
        Problem(
            file,
            "draft.condition",
            _("Draft, line {line}: the award's condition is to be decided."),
            _("Set it before the call opens; afterwards the rules refuse a change."),
            where,
        ),
        Problem(
            file,
            "draft.evidence",
            _("Draft, line {line}: the evidence of the choice is to be read and signed for."),
            _("Register the selection with this evidence, then write the page that you sign."),
            where,
        ),
    )
