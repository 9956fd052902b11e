"""A trace: what a version answered to each case, before anyone looks at the truth. Its root commits to every row."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger import merkle
from poju.solution.cohort import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ANSWERED = frozenset({"offered", "none"})
FAILED = frozenset({"invalid", "raised", "fuel", "memory", "stack", "denied", "trap", "timeout", "crashed"})
CLOCK_BOUND = frozenset({"timeout", "crashed"})
MAXIMUM_TRACE_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Row:
    """One case's answer.

    | name | type | meaning |
    |---|---|---|
    | case, patient | text | as in the cohort |
    | offer | text or null | the earlier result offered |
    | reason | text or null | the reason's code; null where ``state`` is a failure |
    | state | ``offered``, ``none`` or one of :data:`FAILED` | what came out of the sandbox, before truth |
    """

    case: str
    patient: str
    offer: str | None
    reason: str | None
    state: str


@dataclass(frozen=True)
class Header:
    """What a trace is of: the version and its digest, the capabilities switched off, the runtime."""

    solution: str
    digest: str
    disabled: tuple[str, ...]
    runtime: Mapping[str, str]


@dataclass(frozen=True)
class Trace:
    """A header and its rows, by case.

    ``details`` explain failures to the provider; they stand outside the root, and are neither registered nor sent,
    since an exception may quote its input (PRIV-1).
    """

    header: Header
    rows: tuple[Row, ...]
    details: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, compare=False)

    @property
    def root(self) -> bytes:
        """Return the RFC 9162 §2.1 tree head over the header and the rows in canonical JSON, by case; 32 bytes."""
        hashes = [merkle.leaf_hash(canonical(asdict(self.header)))]
        hashes += [merkle.leaf_hash(canonical(asdict(row))) for row in self.rows]
        while len(hashes) > 1:
            paired = [merkle.node_hash(*hashes[index : index + 2]) for index in range(0, len(hashes) - 1, 2)]
            # An odd node rises as it is: the same tree as RFC 9162's split at the largest power of two.
            hashes = paired + hashes[len(hashes) - len(hashes) % 2 :]
        return hashes[0]

    @property
    def repeatable(self) -> bool:
        """Return whether no row hung on this machine's clock or health; others may not be registered (EXEC-2)."""
        return all(row.state not in CLOCK_BOUND for row in self.rows)


def make_trace(header: Header, rows: Iterable[Row], details: Mapping[str, Mapping[str, Any]] | None = None) -> Trace:
    """Return the trace of ``rows`` in the order of their cases, whatever the order in which they came."""
    return Trace(header, tuple(sorted(rows, key=lambda row: row.case)), dict(details or {}))


def merge(traces: Sequence[Trace]) -> Trace:
    """Return one trace of several shards' (EXEC-2). Raises :class:`CallerError` where they do not belong together."""
    headers = {canonical(asdict(trace.header)) for trace in traces}
    rows = [row for trace in traces for row in trace.rows]
    if len(headers) != 1 or len({row.case for row in rows}) != len(rows):
        raise foreign_trace()
    details = {case: detail for trace in traces for case, detail in trace.details.items()}
    return make_trace(traces[0].header, rows, details)


def foreign_trace() -> CallerError:
    """Return the error for a trace of something else."""
    return CallerError(
        "solution.trace-foreign",
        _("The traces are of different versions, runtimes or capabilities, or hold a case twice."),
        hint=_("Begin the trial again without the earlier trace."),
    )


def encode_trace(trace: Trace) -> bytes:
    """Return the trace as canonical JSON ``{"header": …, "rows": […]}``, without details."""
    return canonical({"header": asdict(trace.header), "rows": [asdict(row) for row in trace.rows]})


def decode_trace(content: bytes) -> Trace:
    """Return the trace in ``content``; only the exact bytes that :func:`encode_trace` writes are accepted.

    Raises :class:`CallerError` (``solution.trace``).
    """
    try:
        if len(content) > MAXIMUM_TRACE_BYTES:
            raise ValueError(len(content))  # noqa: TRY301 - one way out for all that is malformed
        value = json.loads(content)
        header = Header(**{**value["header"], "disabled": tuple(value["header"]["disabled"])})
        trace = Trace(header, tuple(Row(**row) for row in value["rows"]))
        ordered = [row.case for row in trace.rows]
        known = all(row.state in ANSWERED | FAILED for row in trace.rows)
        if not known or ordered != sorted(set(ordered)) or encode_trace(trace) != content:
            raise ValueError(len(content))  # noqa: TRY301 - as above
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CallerError(
            "solution.trace",
            _("This is no trace of a trial."),
            hint=_("Name a file that a trial wrote, unaltered; or begin the trial again."),
        ) from error
    return trace
