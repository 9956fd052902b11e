"""From a trial's trace and the answer key to an attestation: graded rows, the query's result, the evidence's id.

Runners use the same function for the figures that they reveal, and attesters for what they attest, each on their own
machine from the trace and the key; whoever gets another integer has a different trace, key or query.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from poju.errors import CallerError
from poju.evidence.indicator import Indicator
from poju.evidence.query import Cell, Table, compute
from poju.evidence.rules import PREFIX, evidence_id
from poju.evidence.tables import read_csv, write_csv
from poju.i18n import _
from poju.ledger import cbor
from poju.solution.rules import FIGURES
from poju.solution.trace import FAILED, Row, Trace

GRADED = "graded"
"""The one table that a cohort indicator reads."""

COLUMNS = ("number", "patient", "eligible", "offered", "valid", "invalid")
"""All integers: numbers of case and patient in the order of their ids (the ids themselves stay with the cohort), then
four marks of 0 or 1."""


@dataclass(frozen=True)
class Evidence:
    """One result of one query over one version's trial on one cohort.

    ``query`` is the query file's bytes, ``rows`` the canonical CSV of the table :data:`GRADED`; ``solution`` and
    ``cohort`` are subjects; ``result`` holds the integers of :data:`poju.solution.rules.FIGURES`.
    """

    query: bytes
    rows: bytes
    solution: str
    cohort: str
    result: Mapping[str, int]

    @property
    def id(self) -> str:
        """The evidence's id: 64 hexadecimal digits."""
        return evidence_id(self.query_digest, self.solution, self.cohort, self.result)

    @property
    def subject(self) -> str:
        """The subject of its attestations."""
        return PREFIX + self.id

    @property
    def query_digest(self) -> bytes:
        """SHA-256 of the query file."""
        return hashlib.sha256(self.query).digest()

    @property
    def rows_digest(self) -> bytes:
        """SHA-256 of the rows."""
        return hashlib.sha256(self.rows).digest()

    def fields(self, size: int) -> dict[str, cbor.Value]:
        """Return the fields of an ``attestation`` that rests on the log's first ``size`` leaves."""
        return {
            "query": self.query_digest,
            "size": size,
            "solution": self.solution,
            "cohort": self.cohort,
            "result": dict(self.result),
            "rows": self.rows_digest,
        }


def graded_table(trace: Trace, key: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return the trace's rows joined with the answer key ``{case: {"valid": [ids], "must_repeat": code | None}}``.

    Raises ``evidence.key`` where trace and key are not about exactly the same cases.
    """
    if sorted(row.case for row in trace.rows) != sorted(key):
        raise CallerError(
            "evidence.key",
            _("The trace has {rows} cases and the answer key {keys}, or they are not the same ones."),
            hint=_("Finish the trial over the whole cohort, and take that cohort's key."),
            rows=len(trace.rows),
            keys=len(key),
        )
    ordered = sorted(trace.rows, key=lambda row: row.case)
    patients = {patient: number for number, patient in enumerate(sorted({row.patient for row in ordered}))}
    rows = [[number, patients[row.patient], *_marks(row, key[row.case])] for number, row in enumerate(ordered)]
    return Table(dict.fromkeys(COLUMNS, "int"), rows)


def _marks(row: Row, truth: Mapping[str, Any]) -> list[Cell]:
    offered = row.offer is not None
    marks = (
        bool(truth["valid"]),
        offered,
        offered and row.offer in truth["valid"],
        row.state in FAILED,
    )
    return [int(mark) for mark in marks]


def result_of(query: bytes, rows: bytes) -> dict[str, int]:
    """Return the figures that ``query`` gives over the canonical CSV ``rows``: one row, exactly the figures' names.

    Raises ``evidence.result`` for another shape, ``evidence.rows``, ``indicator.query``.
    """
    answer = compute(query.decode("utf-8", errors="replace"), {GRADED: read_csv(rows)})
    figures = {name: value for name, value in answer[0].items() if isinstance(value, int)} if len(answer) == 1 else {}
    if set(figures) != set(FIGURES):
        raise CallerError(
            "evidence.result",
            _("The query gives no single row of the figures {figures}."),
            hint=_("Use the published query of a cohort indicator, such as indicators/recognition-accuracy.sql."),
            figures=", ".join(FIGURES),
        )
    return figures


def measure(indicator: Indicator, trace: Trace, key: Mapping[str, Any], *, solution: str, cohort: str) -> Evidence:
    """Return the evidence of ``indicator`` over ``trace`` and ``key``; ``solution`` and ``cohort`` are the subjects."""
    rows = write_csv(graded_table(trace, key))
    return Evidence(indicator.query, rows, solution, cohort, result_of(indicator.query, rows))
