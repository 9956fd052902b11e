"""``poju solution``: test a provider's solution on this machine."""

from __future__ import annotations

import json
import sys
from importlib import resources
from pathlib import Path

import click

from poju import solution as room
from poju.exchange.formats.fhir import generate
from poju.i18n import LANGUAGES, choose_language, translate
from poju.solution.report import Report, Watch

OPEN_SEED = 1
OPEN_PATIENTS = 100
MAXIMUM_PATIENTS = 2_000
WORKERS = 2


@click.group()
def command() -> None:
    """Test a provider's solution in the sandbox.

    Example: poju solution test examples/solutions/qingyan/v3
    """


def programme_condition() -> room.Condition:
    """Return the condition of the built-in package's programme."""
    programme = resources.files("poju.packages") / "healthcare" / "programme.toml"
    return room.read_condition(programme.read_bytes())


@command.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, ratios in parts per million.")
@click.option("--seed", type=click.IntRange(0), default=OPEN_SEED, show_default=True, help="Seed of the open cohort.")
@click.option(
    "--patients",
    type=click.IntRange(1, MAXIMUM_PATIENTS),
    default=OPEN_PATIENTS,
    show_default=True,
    help="Patients of the open cohort.",
)
@click.option("--without", "disabled", multiple=True, help="Switch this capability off; may be given several times.")
@click.option("--lang", type=click.Choice(LANGUAGES), help="Language to answer in.")
def test(folder: Path, *, as_json: bool, seed: int, patients: int, disabled: tuple[str, ...], lang: str | None) -> None:
    """Replay FOLDER over the open cohort and say what the programme would answer.

    FOLDER holds solution.toml and Python modules. The first test on a machine builds the sandbox (about 15 s).

    Example: poju solution test examples/solutions/qingyan/v3 --without trend
    """
    language = choose_language(lang)
    solution = room.load(folder)
    runtime = room.default_runtime(progress=lambda sentence: print(translate(sentence, language), file=sys.stderr))
    workload = generate(seed, patients=patients)
    trace = room.replay(
        solution,
        workload.cases(),
        runtime=runtime,
        disabled=disabled,
        workers=WORKERS,
        seen=Watch(runtime.limits),
    )
    figures = room.score(room.grade(trace, workload.answer_key()))
    cohort: dict[str, int | str] = {"use": "open", "seed": seed, "patients": patients}
    report = Report(solution, trace, figures, programme_condition(), cohort, runtime)
    if as_json:
        print(json.dumps(report.as_json(), ensure_ascii=False, indent=2))
    else:
        print(report.render(language), end="")
