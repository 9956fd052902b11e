"""``poju scenario``: check and show scenario packages."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from poju.errors import CallerError
from poju.evidence import indicator
from poju.i18n import LANGUAGES, _, choose_language, translate
from poju.scenario import check_draft, draft, draft_fit
from poju.scenario.check import check as find_problems
from poju.scenario.package import Package, load
from poju.scenario.problem import Problem
from poju.scenario.summary import describe, readable
from poju.support import programme

FOLDER = click.argument("folder", type=click.Path(path_type=Path))
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
LANGUAGE = click.option("--lang", "language", type=click.Choice(LANGUAGES), help="The language to speak.")


@click.group(name="scenario")
def command() -> None:
    """Check and show scenario packages.

    Example: poju scenario check src/poju/packages/healthcare
    """


@command.command()
@FOLDER
@AS_JSON
@LANGUAGE
def check(folder: Path, *, as_json: bool, language: str | None) -> None:
    """Refuse a package that is not closed; say what a draft leaves to be decided.

    Exit status: 0 closed, 1 not closed, 2 no package there. What is still to be decided does not change it.

    Example: poju scenario check src/poju/packages/healthcare
    """
    tongue = choose_language(language)
    problems = find_problems(folder)
    notes: list[Problem] = []
    if not problems:
        package = load(folder)
        problems = strict_terms(package)
        notes = check_draft.notes(package.files)
    if as_json:
        told = {"closed": not problems, "problems": [_json(item, tongue) for item in problems]}
        print(json.dumps(told | ({"notes": [_json(item, tongue) for item in notes]} if notes else {}), indent=2))
    else:
        for item in [*problems, *notes]:
            message, hint = item.explain(tongue)
            print(f"{item.file}: {message}\n    {hint} [{item.code}]")
        if not problems:
            said = _("{name} is closed. Digest: {digest}")
            print(translate(said, tongue, name=package.names[tongue], digest=package.digest.hex()))
    sys.exit(1 if problems else 0)


@command.command()
@FOLDER
@AS_JSON
@LANGUAGE
def show(folder: Path, *, as_json: bool, language: str | None) -> None:
    """Show what a package opens: roles, tracks, workflows, windows, indicators.

    Example: poju scenario show src/poju/packages/healthcare --lang zh-Hant
    """
    package = load(folder)
    if as_json:
        print(json.dumps(describe(package), ensure_ascii=False, indent=2))
        return
    for line in readable(package, choose_language(language)):
        print(line)


@command.command()
@click.argument("name")
@click.option(
    "--from", "source", type=click.Path(path_type=Path), help="The fit's answer: fit.json, or what --json printed."
)
@click.option("--scenario", help="Which scenario of the fit; without it, the first of the brief.")
@click.option("--out", type=click.Path(path_type=Path), help="The new folder; without it, ./NAME.")
@AS_JSON
@LANGUAGE
def new(
    name: str,
    *,
    source: Path | None,
    scenario: str | None,
    out: Path | None,
    as_json: bool,
    language: str | None,
) -> None:
    """Write the draft of a scenario package under the id NAME.

    The draft passes the check at once. Its tracks are declared only, so nothing can be submitted or paid; what people
    have to decide is marked, and the check lists it.

    Example: poju scenario new port-calls --from brief/fit.json --scenario port-shipping
    """
    if scenario is not None and source is None:
        raise CallerError(
            "draft-without-fit",
            _("--scenario chooses from a fit's answer, but none was given."),
            hint=_("Add --from fit.json; poju fit REGION --out FOLDER writes it."),
        )
    tongue = choose_language(language)
    planned = draft.empty(name) if source is None else _planned(name, source, scenario)
    folder = out or Path(name)
    written = draft.write(planned, folder)
    notes = check_draft.notes(load(folder).files)
    if as_json:
        paths = [path.relative_to(folder).as_posix() for path in written]
        told = {"id": planned.id, "scenario": planned.choice.scenario if planned.choice else None}
        copied = {"copied_from": planned.package, "folder": str(folder), "files": paths}
        print(json.dumps(told | copied | {"notes": [_json(item, tongue) for item in notes]}, indent=2))
        return
    said = _("{folder}: {files} files of the draft {name}. It is closed; {notes} things are still to be decided:")
    print(translate(said, tongue, folder=folder, files=len(written), name=planned.names[tongue], notes=len(notes)))
    for item in notes:
        print(f"  {item.file}: {item.explain(tongue)[0]}")
    print(translate(_("Next: poju scenario check {folder}"), tongue, folder=folder))


def _planned(name: str, source: Path, scenario: str | None) -> draft.Plan:
    """Return the plan of a draft for a scenario of the fit in ``source``, by the catalogue of this version."""
    from poju.fit import catalogue  # noqa: PLC0415 - numpy loads only where a fit is read

    answer = draft_fit.read(source)
    wanted = scenario or draft_fit.preferred(answer)
    choice = draft_fit.choice(answer, wanted)
    entry = next((entry for entry in catalogue() if entry["id"] == wanted), None)
    if entry is None:
        raise CallerError(
            "draft-scenario-not-listed",
            _("The catalogue of this version has no scenario “{scenario}”."),
            hint=_("poju fit catalogue lists what it has; or make the fit again with this version."),
            scenario=wanted[:64],
        )
    return draft.plan(name, entry, choice)


def strict_terms(package: Package) -> list[Problem]:
    """Return what the rooms that read the programme and the indicators find wrong in them; they lie above this room."""
    readers: list[Callable[[], object]] = [partial(programme.load, package.files["programme.toml"])]
    readers.extend(partial(indicator.from_header, one.id, one.header, one.query) for one in package.indicators.values())
    problems = []
    for reader in readers:
        try:
            reader()
        except CallerError as error:
            file = str(error.parameters.get("file", ""))
            problems.append(Problem(file, error.code, error.message, error.hint, error.parameters))
    return problems


def _json(problem: Problem, language: str) -> dict[str, str]:
    message, hint = problem.explain(language)
    return {"file": problem.file, "code": problem.code, "message": message, "do": hint}
