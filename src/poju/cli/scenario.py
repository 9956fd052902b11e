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
    """Refuse a package that is not closed.

    Exit status: 0 closed, 1 not closed, 2 no package there.

    Example: poju scenario check src/poju/packages/healthcare
    """
    tongue = choose_language(language)
    problems = find_problems(folder)
    if not problems:
        package = load(folder)
        problems = strict_terms(package)
    if as_json:
        print(json.dumps({"closed": not problems, "problems": [_json(item, tongue) for item in problems]}, indent=2))
    else:
        for item in problems:
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
