"""Step 5, improve: two providers' versions replayed on cohorts their authors have not seen; the best goes live."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from poju.demo import cast, cohorts, draft, live
from poju.demo.session import Session
from poju.demo.words import word
from poju.evidence import attest, indicator
from poju.evidence.attest import Evidence
from poju.exchange.formats.fhir import Workload, generate
from poju.i18n import _
from poju.ledger import leaf, statement
from poju.ledger.store import Store
from poju.solution.bootstrap import bootstrap
from poju.solution.bound import lower_ppm, ratio_ppm
from poju.solution.manifest import Solution, load
from poju.solution.replay import replay
from poju.solution.rules import commitment, join_spread
from poju.solution.score import GradedRow, grade, score
from poju.solution.trace import Trace
from poju.units import PPM

DRAWN = 10
BOOTSTRAP_SEEDS = (1, 2, 3)
INDICATOR = "recognition-accuracy"


@dataclass(frozen=True)
class Version:
    """One submitted version: its folder's contents and its name in the ledger."""

    solution: Solution

    @property
    def subject(self) -> str:
        """Its subject in the ledger."""
        return f"solution/{self.solution.provider}/{self.solution.id}/{self.solution.version}"


def run(session: Session) -> None:
    """Submit, try and compare all versions; then put the best one to work."""
    voice = session.voice
    voice.step(5, "improve", _("does the next version do better?"))
    found = folders(session.options.examples)
    versions = [Version(load(folder)) for folder in found]
    session.facts["versions"] = versions
    session.facts["evidence"] = {}
    edited = draft.make(found, session.private / "draft")
    session.facts["draft"] = edited
    drafts = [Version(edited.solution)] if edited else []
    submit(session, [*drafts, *versions])
    for version in versions:
        for cohort in session.facts["cohorts"].values():
            trial(session, version, cohort)
    for version in drafts:
        trial(session, version, session.facts["cohorts"]["held-out"])
    session.facts["leaderboard"] = leaderboard(session)
    for row in session.facts["leaderboard"]:
        voice.tell(
            _("{solution} {version} on the {cohort} cohort: score {score}, lower bound {lower}, {wrong} wrong offers"),
            solution=row["solution"],
            version=row["version"],
            cohort=voice.word(word(row["cohort"])),
            score=percent(row["score_ppm"]),
            lower=percent(row["lower_ppm"]),
            wrong=row["wrong"],
        )
    best = best_version(session, versions)
    session.facts["best"] = best
    compare(session, [v for v in versions if v.solution.provider == best.solution.provider], best)
    live.run(session, best)


def percent(ppm: int | None) -> str:
    """Return ppm as a percentage with one decimal, or a dash."""
    return "–" if ppm is None else f"{ppm / PPM:.1%}"


def folders(examples: Path) -> list[Path]:
    """Return the sample providers' version folders, provider by provider, oldest version first."""
    return sorted(path.parent for path in (examples / "solutions").glob("*/*/solution.toml"))


def submit(session: Session, versions: Sequence[Version]) -> None:
    """Register each version by its digest, and admit it to trials."""
    for version in versions:
        solution = version.solution
        fields = {
            "digest": bytes.fromhex(solution.digest.removeprefix("sha256:")),
            "track": solution.track,
            "capabilities": list(solution.capabilities),
            "solves": list(solution.solves),
        }
        session.register(solution.provider, "solution-submit", version.subject, fields)
        promote(session, version, "trial")


def promote(session: Session, version: Version, stage: str) -> None:
    """Move a version one stage on."""
    session.register(
        cast.AUTHORITY, "solution-promote", version.subject, {"stage": stage}, f"{stage} {version.subject}"
    )


def trial(session: Session, version: Version, cohort: cohorts.Cohort) -> None:
    """Let two runners replay and commit before either reveals, and an auditor re-execute drawn cases."""
    runtime = session.facts["runtime"]

    def execute(_runner: str) -> Trace:
        return replay(version.solution, cohort.cases, runtime=runtime)

    with ThreadPoolExecutor(len(cast.RUNNERS)) as runners:
        traces = dict(zip(cast.RUNNERS, runners.map(execute, cast.RUNNERS), strict=True))
    query = indicator.of(session.facts["package"], INDICATOR)
    measured = {
        runner: attest.measure(query, trace, cohort.key, solution=version.subject, cohort=cohort.subject)
        for runner, trace in traces.items()
    }
    name = f"{version.solution.id}.{version.solution.version}.{cohort.name}"
    about = {"solution": version.subject, "cohort": cohort.subject}
    for runner, trace in traces.items():
        nonce = _nonce(session, runner, name)
        committed = commitment(nonce, trace.root, measured[runner].result)
        session.register(runner, "trial-commit", f"trial/{name}.{runner}", {**about, "commitment": committed})
    for runner, trace in traces.items():
        shown = {"nonce": _nonce(session, runner, name), "trace_root": trace.root, "figures": measured[runner].result}
        session.register(runner, "trial-reveal", f"trial/{name}.{runner}", {**about, **shown})
    check(session, version, cohort, traces[cast.RUNNERS[0]], about, name)
    session.facts["evidence"][version.subject, cohort.name] = measured[cast.RUNNERS[0]]


def _nonce(session: Session, runner: str, name: str) -> bytes:
    """Return the runner's 32 secret bytes for one trial: a resumed run must open the same commitment."""
    return hashlib.sha256(session.key(runner).sign(f"trial nonce {name}".encode())).digest()


def check(
    session: Session, version: Version, cohort: cohorts.Cohort, trace: Trace, about: dict[str, Any], name: str
) -> None:
    """Re-execute drawn patients as the auditor, and register whether every row is the same."""
    drawn = {case["patient"] for case in cohort.cases[-DRAWN:]}
    again = replay(
        version.solution, [case for case in cohort.cases if case["patient"] in drawn], runtime=session.facts["runtime"]
    )
    same = set(again.rows) <= set(trace.rows)
    fields = {**about, "drawn": len(again.rows), "agreed": same}
    session.register(cast.AUDITOR, "trial-check", f"trial/{name}.{cast.AUDITOR}", fields)


def leaderboard(session: Session) -> list[dict[str, Any]]:
    """Return the board's rows, read from the log's own trial-reveal statements."""
    store = Store.open(session.private / "authority" / "ledger.sqlite")
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for entry, raw in enumerate(store.stream(store.head().size)):
        if leaf.is_statement(raw):
            item = statement.decode(raw)
            if item.kind == "trial-reveal":
                rows[item.fields["solution"], item.fields["cohort"]] = _row(item, entry)
    store.close()
    return [rows[key] for key in sorted(rows)]


def _row(item: statement.UnverifiedStatement, entry: int) -> dict[str, Any]:
    _prefix, provider, name, number = item.fields["solution"].split("/")
    figures = item.fields["figures"]
    spread = join_spread(figures["spread_high"], figures["spread_low"])
    shown = {key: value for key, value in figures.items() if not key.startswith("spread")}
    guard = PPM * figures["must_repeat_offers"] // figures["must_repeat"] if figures["must_repeat"] else 0
    return {
        **shown,
        "subject": item.fields["solution"],
        "provider": provider,
        "solution": name.removesuffix(draft.SUFFIX),
        "version": version_label(name, number),
        "cohort": item.fields["cohort"].removeprefix("cohort/"),
        "score_ppm": ratio_ppm(figures["numerator"], figures["denominator"]),
        "lower_ppm": lower_ppm(figures["numerator"], figures["denominator"], figures["patients"], spread),
        "guard_ppm": guard,
        "entry": entry,
        "trace_root": item.fields["trace_root"].hex(),
    }


def version_label(name: str, number: int | str) -> str:
    """Return how a version is shown: ``v3``, or ``v3-draft`` for the draft that differs from it in one rule."""
    return f"v{number}{draft.SUFFIX if name.endswith(draft.SUFFIX) else ''}"


def best_version(session: Session, versions: Sequence[Version]) -> Version:
    """Return the version with the highest lower bound on the held-out cohort."""
    bounds = {
        row["subject"]: row["lower_ppm"] or 0 for row in session.facts["leaderboard"] if row["cohort"] == "held-out"
    }
    return max(versions, key=lambda version: bounds[version.subject])


def compare(session: Session, versions: Sequence[Version], best: Version) -> None:
    """Tell each version's gain from luck on three further seeds, and what each capability of the best is worth."""
    found, ablation = [], []
    for seed in BOOTSTRAP_SEEDS:
        workload = generate(cohorts.secret(session.options.seed, f"comparison {seed}"), patients=cohorts.PATIENTS)
        capabilities = best.solution.capabilities if seed == BOOTSTRAP_SEEDS[0] else ()
        whole = [(version, ()) for version in versions]
        runs = [*whole, *((best, (capability,)) for capability in capabilities)]
        graded = _replay_all(session, workload, runs)
        for earlier, later in pairwise(versions):
            pair = (earlier.solution.version, later.solution.version)
            found.append(_difference(seed, pair, bootstrap(graded[earlier, ()], graded[later, ()], seed=seed)))
        reached = score(graded[best, ()]).score_ppm or 0
        ablation += [_loss(best, c, score(graded[best, (c,)]).score_ppm or 0, reached) for c in capabilities]
    session.facts["bootstrap"], session.facts["ablation"] = found, ablation
    certain = sum(item["excludes_zero"] for item in found)
    session.voice.tell(
        _("of {count} steps between versions on three further seeds, {certain} exclude zero (paired bootstrap)"),
        count=len(found),
        certain=certain,
    )
    for item in ablation:
        session.voice.tell(
            _("without {capability} the best version loses {loss}"),
            capability=item["without"],
            loss=percent(item["loss_ppm"]),
        )


Run = tuple[Version, tuple[str, ...]]
"""A version and the capabilities that are switched off."""


def _replay_all(session: Session, workload: Workload, runs: Sequence[Run]) -> dict[Run, list[GradedRow]]:
    """Replay every run over one workload, two at a time, and grade it."""
    cases, key = workload.cases(), workload.answer_key()

    def one(run: Run) -> list[GradedRow]:
        version, disabled = run
        return grade(replay(version.solution, cases, runtime=session.facts["runtime"], disabled=disabled), key)

    with ThreadPoolExecutor(len(cast.RUNNERS)) as pool:
        return dict(zip(runs, pool.map(one, runs), strict=True))


def _difference(seed: int, pair: tuple[int, int], found: Any) -> dict[str, Any]:  # noqa: ANN401 - bootstrap.Difference
    return {
        "seed": seed,
        "a": f"v{pair[0]}",
        "b": f"v{pair[1]}",
        "low_ppm": found.low_ppm,
        "high_ppm": found.high_ppm,
        "excludes_zero": found.excludes_zero,
    }


def _loss(best: Version, capability: str, without: int, whole: int) -> dict[str, Any]:
    return {
        "solution": best.solution.id,
        "version": version_label(best.solution.id, best.solution.version),
        "without": capability,
        "score_ppm": without,
        "loss_ppm": whole - without,
    }


def evidence_of(session: Session, version: Version) -> Evidence:
    """Return the evidence of a version's held-out trial."""
    found: Evidence = session.facts["evidence"][version.subject, "held-out"]
    return found
