"""What ``poju solution test`` says, for a person and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from poju.errors import ProviderError
from poju.i18n import _, translate
from poju.solution.condition import Condition, Verdict, percent, verdict
from poju.solution.runtime import runtime_description
from poju.solution.worker import MEBIBYTE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from poju.solution.manifest import Solution
    from poju.solution.runtime import Limits, Runtime
    from poju.solution.score import Score
    from poju.solution.trace import Row, Trace

EXPLAINED = 3
HOPELESS_PATIENTS = 3
"""So many patients without a single answer end a test early: the rest would fail likewise and take their time."""

EXPLANATIONS: Mapping[str, str] = {
    "invalid": _("invalid advice: {said}"),
    "raised": _("{type} in {file}, line {line}: {said}"),
    "fuel": _("its fuel is exhausted ({fuel} units a case); look for a loop that does not end"),
    "memory": _("it needs more than {memory} MiB of memory; look for data that grows without end"),
    "stack": _("it calls itself too deeply; look for a recursion that does not end"),
    "denied": _("it reached outside the sandbox ({said}); everything it may know stands in the case"),
    "trap": _("the sandbox stopped it: {said}"),
    "timeout": _("it did not answer in time"),
    "crashed": _("its process ended unexpectedly"),
}
"""One sentence for each state in :data:`poju.solution.trace.FAILED`."""


@dataclass(frozen=True)
class Report:
    """One test of one version over one cohort; ``cohort`` says which, as the caller wants it shown."""

    solution: Solution
    trace: Trace
    figures: Score
    condition: Condition
    cohort: Mapping[str, int | str]
    runtime: Runtime

    @property
    def verdict(self) -> Verdict:
        """Return what the programme would answer."""
        return verdict(self.figures, self.condition)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain data; ratios in ppm, digests as text."""
        answer = self.verdict
        return {
            "solution": {
                "name": self.solution.name,
                "provider": self.solution.provider,
                "digest": self.solution.digest,
                "capabilities": list(self.solution.capabilities),
                "disabled": list(self.trace.header.disabled),
                "solves": list(self.solution.solves),
            },
            "cohort": dict(self.cohort),
            "runtime": runtime_description(self.runtime),
            "trace_root": self.trace.root.hex(),
            "figures": self.figures.figures(),
            "score_ppm": self.figures.score_ppm,
            "lower_ppm": self.figures.lower_ppm,
            "guard_ppm": self.figures.guard_ppm,
            "failures": [{"case": case, **self.trace.details[case]} for case in failed_cases(self.trace)],
            "award": {
                "released": answer.released,
                "condition": asdict(self.condition),
                "reasons": [
                    {"code": reason.code, "text": translate(reason.text, "en", **reason.parameters)}
                    for reason in answer.reasons
                ],
            },
        }

    def render(self, language: str) -> str:
        """Return the report as text in ``language``."""

        def say(text: str, **parameters: object) -> str:
            return translate(text, language, **parameters)

        figures, condition = self.figures, self.condition
        lines = [say(_("{name} by {provider}"), name=self.solution.name, provider=self.solution.provider)]
        if self.trace.header.disabled:
            lines.append(say(_("without: {names}"), names=", ".join(self.trace.header.disabled)))
        lines.append(say(_("{patients} patients, {orders} orders"), patients=figures.patients, orders=figures.orders))
        lines.append("")
        rows = [
            (_("score"), ratio(figures.score_ppm), say(_("correct − 3 × wrong, ÷ orders that have a valid result"))),
            (
                _("lower 95 % bound"),
                ratio(figures.lower_ppm),
                say(_("condition: at least {least}"), least=percent(condition.minimum_lower_ppm)),
            ),
            (_("repeats recognised"), f"{figures.correct} / {figures.eligible}", ""),
            (_("repeats missed"), str(figures.missed), ""),
            (_("wrong offers"), str(figures.wrong), ""),
            (
                _("offers on orders that must be repeated"),
                f"{figures.must_repeat_offers} / {figures.must_repeat} = {percent(figures.guard_ppm)}",
                say(_("condition: at most {most}"), most=percent(condition.maximum_guard_ppm)),
            ),
            (_("answers that failed (each counts as a wrong offer)"), str(figures.invalid), ""),
        ]
        lines += [f"  {say(label)}: {value}" + (f"  ({note})" if note else "") for label, value, note in rows]
        lines += [f"    {case}: {text}" for case, text in self.explained(language)]
        lines.append("")
        lines += self.award_lines(language)
        return "\n".join(lines) + "\n"

    def award_lines(self, language: str) -> list[str]:
        """Return what the programme would answer, and on what it really rests."""
        answer = self.verdict
        reasons = "; ".join(translate(reason.text, language, **reason.parameters) for reason in answer.reasons)
        text = _("award: released, because {reasons}.") if answer.released else _("award: refused, because {reasons}.")
        note = _("This is the open cohort; the programme decides on one that no provider has seen.")
        return [translate(text, language, reasons=reasons), translate(note, language)]

    def explained(self, language: str) -> list[tuple[str, str]]:
        """Return the first failures, each with its sentence."""
        limits = self.runtime.limits
        return [
            (case, translate(EXPLANATIONS[detail["code"]], language, **parameters(detail, limits)))
            for case in failed_cases(self.trace)[:EXPLAINED]
            for detail in (self.trace.details[case],)
        ]


def ratio(ppm: int | None) -> str:
    """Return ``ppm`` as a percentage, or a dash where there is none."""
    return "–" if ppm is None else percent(ppm)


def failed_cases(trace: Trace) -> list[str]:
    """Return the cases with details, in order."""
    return [row.case for row in trace.rows if row.case in trace.details]


def parameters(detail: Mapping[str, Any], limits: Limits) -> dict[str, object]:
    """Return what the sentences of :data:`EXPLANATIONS` may name."""
    return {
        "type": detail.get("type") or "-",
        "said": detail.get("message") or "-",
        "file": detail.get("file") or "-",
        "line": detail.get("line") or "-",
        "fuel": limits.case_fuel,
        "memory": limits.memory_bytes // MEBIBYTE,
    }


class Watch:
    """Ends a test whose solution answers nothing: pass it as ``seen`` to :func:`poju.solution.replay`."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.answered = False
        self.hopeless = 0

    def __call__(self, rows: Sequence[Row], details: Mapping[str, Mapping[str, Any]]) -> None:
        """Note one patient's rows. Raises :class:`ProviderError` after ``HOPELESS_PATIENTS`` without any answer."""
        self.answered = self.answered or len(details) < len(rows)
        self.hopeless += not self.answered
        if not self.answered and self.hopeless >= HOPELESS_PATIENTS:
            raise provider_error(details[rows[0].case], self.limits)


def provider_error(detail: Mapping[str, Any], limits: Limits) -> ProviderError:
    """Return the error for a solution that answered no case; its code is ``solution.`` and the failure's."""
    return ProviderError(
        f"solution.{detail['code']}",
        EXPLANATIONS[detail["code"]],
        hint=_("No case was answered. Mend it and test again; docs/guides/provider.md lists what a solution may use."),
        **parameters(detail, limits),
    )
