"""A trial: one version over one cohort, each patient in a fresh instance (EXEC-2)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from poju.errors import CallerError
from poju.i18n import _
from poju.solution.advice import RECOGNITION_REASONS, InvalidAdviceError, decode_advice
from poju.solution.cohort import by_patient, check_cases
from poju.solution.runner import Runner
from poju.solution.runtime import runtime_description
from poju.solution.trace import Header, Row, Trace, foreign_trace, make_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from poju.solution.cohort import Case
    from poju.solution.manifest import Solution
    from poju.solution.runtime import Runtime

Answered = tuple[Row, "Mapping[str, Any] | None"]


def replay(  # noqa: PLR0913 - each is one choice of a trial; all but three have defaults and names
    solution: Solution,
    cases: Iterable[Mapping[str, Any]],
    *,
    runtime: Runtime,
    disabled: Sequence[str] = (),
    reasons: Sequence[str] = RECOGNITION_REASONS,
    resume: Trace | None = None,
    workers: int = 1,
    seen: Callable[[Sequence[Row], Mapping[str, Mapping[str, Any]]], None] | None = None,
) -> Trace:
    """Ask ``solution`` about every case and return the trace.

    ``cases`` are dicts in format ``recognition/1``, without truth; a shard passes whole patients and the shards' traces
    are put together by :func:`poju.solution.trace.merge`. ``disabled`` are capabilities to switch off. ``reasons`` is
    the package's list. ``resume`` is the trace of an interrupted trial: its complete patients are not asked again.
    ``workers`` processes share the patients. ``seen`` is called after each patient, one call at a time, with its rows
    and its failures' details; an exception from it ends the trial.

    Raises :class:`CallerError` for malformed cases, an unknown capability, a trace of something else;
    :class:`OperatorError` where the sandbox cannot start. What the solution does wrong is a row, never an exception.
    """
    unknown = sorted(set(disabled) - set(solution.capabilities))
    if unknown:
        raise CallerError(
            "solution.capability",
            _("{solution} has no capability {name}; it has {names}."),
            hint=_("Name one that stands in capabilities of its solution.toml."),
            solution=solution.name,
            name=unknown[0],
            names=", ".join(solution.capabilities) or "-",
        )
    header = Header(solution.name, solution.digest, tuple(sorted(disabled)), runtime_description(runtime))
    patients = by_patient(check_cases(cases))
    rows = resumable(header, resume, patients)
    done = {row.patient for row in rows}
    waiting = [group for patient, group in patients.items() if patient not in done]
    lock, details = threading.Lock(), dict[str, Any]()

    def run_shard(groups: Sequence[Sequence[Case]]) -> None:
        with Runner(runtime, solution, disabled=disabled) as runner:
            for group in groups:
                if stop.is_set():
                    return
                try:
                    answered = ask(runner, group, reasons)
                    failures = {row.case: detail for row, detail in answered if detail is not None}
                    with lock:
                        rows.extend(row for row, _detail in answered)
                        details.update(failures)
                        if seen is not None:
                            seen([row for row, _detail in answered], failures)
                except BaseException:
                    stop.set()
                    raise

    stop = threading.Event()
    shards = [waiting[start::workers] for start in range(min(workers, len(waiting)))]
    if len(shards) == 1:
        run_shard(shards[0])
    elif shards:
        with ThreadPoolExecutor(len(shards)) as pool:
            for future in [pool.submit(run_shard, shard) for shard in shards]:
                future.result()
    return make_trace(header, rows, details)


def resumable(header: Header, resume: Trace | None, patients: Mapping[str, Sequence[Case]]) -> list[Row]:
    """Return the rows of ``resume`` that can be kept: those of patients all of whose cases it answered."""
    if resume is None:
        return []
    if resume.header != header:
        raise foreign_trace()
    answered: dict[str, set[str]] = {}
    for row in resume.rows:
        answered.setdefault(row.patient, set()).add(row.case)
    whole = {
        patient for patient, group in patients.items() if answered.get(patient) == {case["case"] for case in group}
    }
    return [row for row in resume.rows if row.patient in whole]


def ask(runner: Runner, group: Sequence[Case], reasons: Sequence[str]) -> list[Answered]:
    """Return each case's row and, where it failed, the details for the provider."""
    answers = runner.patient([case["input"] for case in group])
    return [judge(case, answer, reasons) for case, answer in zip(group, answers, strict=True)]


def judge(case: Case, answer: Mapping[str, Any], reasons: Sequence[str]) -> Answered:
    """Turn the worker's answer to ``case`` into a row."""
    failure = answer.get("failure")
    if failure is None:
        offered = {earlier["id"] for earlier in case["input"]["earlier"]}
        try:
            advice = decode_advice(answer["advice"], offered, reasons)
        except InvalidAdviceError as error:
            failure = {"code": "invalid", "message": str(error)}
        else:
            state = "none" if advice.offer is None else "offered"
            return Row(case["case"], case["patient"], advice.offer, advice.reason, state), None
    return Row(case["case"], case["patient"], None, None, failure["code"]), failure
