"""The whole loop, step by step, in a folder that can be taken up again after any interruption."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from poju.demo import cohorts, publish, report
from poju.demo.say import Voice
from poju.demo.session import Options, Session
from poju.demo.steps import fit, improve, open_next, prove, run, support, survey, verify
from poju.demo.steps import open as open_scenario
from poju.errors import CallerError
from poju.i18n import _

MARK = "poju-demo.json"


def prepare(options: Options, *, resume: bool) -> None:
    """Make the folder, take up an interrupted demonstration, or replace an earlier one; never touch anything else."""
    mark = options.out / MARK
    policies = ", ".join(str(path) for path in options.policies)
    settings = {
        "seed": options.seed,
        "language": options.language,
        "policies": policies,
        "fhir": str(options.fhir or ""),
    }
    earlier = json.loads(mark.read_text()) if mark.is_file() else None
    if earlier is None and options.out.exists() and any(options.out.iterdir()):
        raise CallerError(
            "demo.not-ours",
            _("{folder} holds something else than a demonstration."),
            hint=_("Give --out a new folder."),
            folder=options.out,
        )
    if resume:
        _check_resumable(options.out, earlier, settings)
    elif earlier is not None:
        shutil.rmtree(options.out)
    options.out.mkdir(parents=True, exist_ok=True)
    mark.write_text(json.dumps(settings))


def _check_resumable(folder: Path, earlier: object, settings: dict[str, object]) -> None:
    if earlier is None:
        raise CallerError(
            "demo.nothing-to-resume",
            _("{folder} holds no demonstration to resume."),
            hint=_("Run it once without --resume."),
            folder=folder,
        )
    if earlier != settings:
        raise CallerError(
            "demo.other-settings",
            _("The demonstration in {folder} was started with {earlier}."),
            hint=_("Resume it with the same --seed, --lang, --policies and --fhir, or start a new one."),
            folder=folder,
            earlier=json.dumps(earlier),
        )


def play(options: Options, voice: Voice, *, resume: bool = False) -> None:
    """Run all nine steps and write the report; raise what any of them raises. Nothing acknowledged is lost."""
    prepare(options, resume=resume)
    session = Session(options, voice)
    try:
        if options.fhir is not None:
            cohorts.region(session)
        survey.run(session)
        fit.run(session)
        open_scenario.run(session)
        run.run(session)
        improve.run(session)
        prove.run(session)
        support.run(session)
        open_next.run(session)
        publish.run(session)
        verify.run(session)
        report.write(session)
    finally:
        session.close()
    voice.file(session.shown(session.path("report.html")))
