"""``poju survey``: policy texts → cited policy events → the landscape."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from poju.errors import CallerError, PojuError
from poju.i18n import LANGUAGES, _, choose_language, translate

_SKIPPED = _("skipped: {reason}")


@click.command(name="survey", epilog="Example: poju survey examples/policies/zh-Hant")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the events of each document as JSON.")
@click.option("--out", type=click.Path(path_type=Path), help="Write events.json and landscape.json into this folder.")
@click.option("--lang", type=click.Choice(LANGUAGES), help="Language of the table.")
def command(paths: tuple[Path, ...], as_json: bool, out: Path | None, lang: str | None) -> None:  # noqa: FBT001 - click's way
    """Read policy documents (.txt in UTF-8, folders, or - for standard input) into cited policy events."""
    from poju import survey  # noqa: PLC0415 - --help starts without loading the lexicon

    language = choose_language(lang)

    def report(_path: Path, error: PojuError) -> None:
        print(translate(_SKIPPED, language, reason=error.explain(language)), file=sys.stderr)

    if not paths:
        raise CallerError(
            "survey-nothing-named",
            _("No document was named."),
            hint=_("Name a .txt file, a folder, or - for standard input: poju survey PATH"),
        )
    results = [survey.extract(document) for document in survey.read(paths, on_skip=report)]
    told = {"documents": [result.to_json() for result in results]}
    found = survey.landscape(results) if out is not None or not as_json else {}
    if out is not None:
        _write(out, told, found)
    print(json.dumps(told, ensure_ascii=False, indent=1) if as_json else survey.render(found, language))


def _write(out: Path, told: Mapping[str, object], found: Mapping[str, object]) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in (("events.json", told), ("landscape.json", found)):
            (out / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise CallerError(
            "survey-cannot-write",
            _("{path} cannot be written: {reason}."),
            hint=_("Name a folder that you may write to."),
            path=out,
            reason=error.strerror or "unknown",
        ) from error
