"""``poju survey``: policy texts → cited policy events → the landscape."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import click

from poju.errors import CallerError, PojuError
from poju.i18n import LANGUAGES, _, choose_language, translate

_SKIPPED = _("skipped: {reason}")
_SKIPPED_IN_ALL = _("{skipped} of what was named could not be read and was skipped.")
_WRITTEN = _("{documents} documents, {events} events; written to {out}: open {page}")
_INTERRUPTED = _("interrupted; what was read is kept in {out}: the same command goes on from there")
_INTERRUPTED_STATUS = 130
_HELP = """Read policy documents into cited policy events, and tell who pushes and who pulls.

PATHS are text, HTML, PDF or DOCX files, folders of them, lists of addresses saved earlier (*.urls), or - for standard
input, in Traditional Chinese, Simplified Chinese or English. A file called like a sub-command is given as ./compare.

\b
Example: poju survey examples/policies/zh-Hant
         poju survey reports/ --out results --progress
         poju survey reports/ --out results-2027 --against results
         poju survey old.txt --encoding big5 --json
         curl -s https://example.org/plan.pdf | poju survey - --json
"""


class _ReadsByDefault(click.Group):
    """A verb with sub-verbs whose own work is to read paths: what is no sub-verb is a path."""

    allow_interspersed_args = True

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take ``args`` as a sub-verb's where the first one names it, else as this verb's own."""
        if args and args[0] in self.commands:
            ctx.params = {item.name: item.get_default(ctx) for item in self.params if item.name}
            ctx._protected_args, ctx.args = args[:1], args[1:]  # noqa: SLF001 - as click's own Group does
            return ctx.args
        return click.Command.parse_args(self, ctx, args)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        """Call the sub-verb where one was named, else read."""
        if not ctx._protected_args:  # noqa: SLF001 - as click's own Group does
            return click.Command.invoke(self, ctx)
        name, inner, args = self.resolve_command(ctx, [*ctx._protected_args, *ctx.args])  # noqa: SLF001 - as above
        assert inner is not None  # noqa: S101 - resolve_command ends in an error otherwise
        ctx.invoked_subcommand = name
        with inner.make_context(f"{ctx.info_name} {name}", args, parent=ctx.parent) as inner_context:
            return inner.invoke(inner_context)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the sub-verb; for anything else, which is a path, the verb's own reading."""
        return super().get_command(ctx, cmd_name) or click.Command(self.name, params=self.params, help=self.help)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the usage of the reading; the sub-verbs are listed below it."""
        return click.Command.collect_usage_pieces(self, ctx)


@click.group(name="survey", cls=_ReadsByDefault, invoke_without_command=True, help=_HELP)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the events of each document as JSON.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write results, tables and one page into this folder; the same command goes on where it was interrupted.",
)
@click.option("--against", type=click.Path(path_type=Path), help="Compare with the folder of an earlier --out.")
@click.option(
    "--list", "lists", multiple=True, type=click.Path(path_type=Path), help="A list: address, tab, file, [tab, day]."
)
@click.option("--encoding", help="Encoding of the texts, e.g. gb18030, big5, utf-16-le; else it is recognised.")
@click.option(
    "--data", type=click.Path(path_type=Path), help="Folder with edited copies of data files (see check-data)."
)
@click.option("--model-address", help="Let a language model read: an OpenAI-compatible address that you run or trust.")
@click.option("--model-name", help="The model's name at that address.")
@click.option("--model-key-env", help="The environment variable that holds the key, where one is needed.")
@click.option("--jobs", type=click.IntRange(1, 256), help="Worker processes; one for each core where left out.")
@click.option("--progress", is_flag=True, help="Tell the progress also where standard error is no terminal.")
@click.option("--lang", type=click.Choice(LANGUAGES), help="Language of the table, the messages and the page.")
def command(  # noqa: PLR0913 - click gives each option as an argument
    *,
    paths: tuple[Path, ...],
    as_json: bool,
    out: Path | None,
    against: Path | None,
    lists: tuple[Path, ...],
    encoding: str | None,
    data: Path | None,
    model_address: str | None,
    model_name: str | None,
    model_key_env: str | None,
    jobs: int | None,
    progress: bool,
    lang: str | None,
) -> None:
    """Read ``paths``; see the help text above."""
    from poju.survey.extractor import ModelChoice  # noqa: PLC0415 - --help starts without loading the lexicon
    from poju.survey.progress import Teller  # noqa: PLC0415 - --help starts without loading the lexicon
    from poju.survey.run import Run  # noqa: PLC0415 - as above

    language = choose_language(lang)
    _refuse_nothing(named=bool(paths or lists), against_nothing=against is not None and out is None)
    if data is not None:
        from poju.survey.datacheck import choose  # noqa: PLC0415 - as above

        choose(data)
    teller = Teller(language) if progress or sys.stderr.isatty() else None

    def report(_path: Path, error: PojuError) -> None:
        if teller is not None:
            teller.clear()
        print(translate(_SKIPPED, language, reason=error.explain(language)), file=sys.stderr)

    run = Run(paths, lists=lists, encoding=encoding, jobs=jobs, on_skip=report, on_progress=teller)
    if model_address is not None or model_name is not None:
        _let_model_read(run, ModelChoice(model_address or "", model_name or "", model_key_env), language)
    try:
        if out is None:
            _show(run.records(), run.skipped, language, as_json=as_json)
        else:
            _keep(run, out, against, language, as_json=as_json)
    except KeyboardInterrupt:
        _interrupted(out, language)
    finally:
        if teller is not None:
            teller.clear()
    if run.skipped:
        print(translate(_SKIPPED_IN_ALL, language, skipped=len(run.skipped)), file=sys.stderr)


@command.command(name="compare", epilog="Example: poju survey compare results-2026 results-2027")
@click.argument("earlier", type=click.Path(path_type=Path))
@click.argument("later", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@click.option("--lang", type=click.Choice(LANGUAGES), help="Language of the comparison.")
def compare(*, earlier: Path, later: Path, as_json: bool, lang: str | None) -> None:
    """Compare two surveys over time: the folders that --out wrote, EARLIER and LATER."""
    from poju.survey import compare as comparing  # noqa: PLC0415 - as above
    from poju.survey.earlier import landscape_at  # noqa: PLC0415 - as above

    found = comparing.compare(landscape_at(earlier), landscape_at(later))
    shown = json.dumps(found, ensure_ascii=False, indent=1) if as_json else None
    print(shown or comparing.render_comparison(found, choose_language(lang)))


@command.command(name="check-data", epilog="Example: poju survey check-data my-data")
@click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--lang", type=click.Choice(LANGUAGES), help="Language of the problems.")
def check_data(*, folder: Path | None, lang: str | None) -> None:
    """Check the data files in FOLDER, or the package's own: one line for each problem, with file and line."""
    from poju.survey.datacheck import NO_PROBLEM, check  # noqa: PLC0415 - as above

    language = choose_language(lang)
    found = check(folder)
    for problem in found:
        print(problem.explain(language))
    if found:
        sys.exit(1)
    print(translate(NO_PROBLEM, language))


def _refuse_nothing(*, named: bool, against_nothing: bool) -> None:
    """Refuse a run that reads nothing, or compares what it does not write."""
    if not named:
        raise CallerError(
            "survey-nothing-named",
            _("No document was named."),
            hint=_("Name a file, a folder, or - for standard input: poju survey PATH"),
        )
    if against_nothing:
        raise CallerError(
            "survey-against-nothing",
            _("--against compares two folders of results, and this run writes none."),
            hint=_("Add --out FOLDER."),
        )


def _let_model_read(run: Any, choice: Any, language: str) -> None:  # noqa: ANN401 - loaded late
    """Let the language model of ``choice`` read in ``run``; say which, where and how many before the first is sent."""
    from poju.survey.language_model import LanguageModelExtractor  # noqa: PLC0415 - as above

    asked = LanguageModelExtractor(choice.address, choice.model, choice.key_env)
    run.model = choice
    run.on_start = lambda documents: print(asked.notice(documents, language), file=sys.stderr)


def _show(records: Iterable[dict[str, Any]], skipped: list[dict[str, Any]], language: str, *, as_json: bool) -> None:
    """Print the records as one JSON object while they come, or the table of all of them."""
    from poju import survey  # noqa: PLC0415 - as above
    from poju.survey.kept import as_json as pieces  # noqa: PLC0415 - as above

    if not as_json:
        print(survey.render(survey.landscape_of(records), language))
        return
    for piece in pieces(_begun(iter(records)), skipped):
        sys.stdout.write(piece)


def _begun(records: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Return ``records`` with the first one read: where nothing can be read, nothing is printed."""
    first = next(records)

    def again() -> Iterator[dict[str, Any]]:
        yield first
        yield from records

    return again()


def _keep(run: Any, out: Path, against: Path | None, language: str, *, as_json: bool) -> None:  # noqa: ANN401 - loaded late
    """Read into ``out``, write the landscape beside it, and print the same as without ``--out``."""
    from poju import survey  # noqa: PLC0415 - as above
    from poju.survey.earlier import landscape_at  # noqa: PLC0415 - as above
    from poju.survey.page import write  # noqa: PLC0415 - as above
    from poju.survey.run import into  # noqa: PLC0415 - as above

    before = None if against is None else landscape_at(against)
    landscape = survey.landscape_of(into(run, out))
    write(landscape, out, against=before, language=language)
    if as_json:
        with (out / "events.json").open(encoding="utf-8") as handle:
            sys.stdout.writelines(handle)
        return
    print(survey.render(landscape, language))
    told = {"documents": len(landscape["documents"]), "events": landscape["counts"]["events"]}
    print(translate(_WRITTEN, language, **told, out=out, page=out / "landscape.html"), file=sys.stderr)


def _interrupted(out: Path | None, language: str) -> NoReturn:
    """End as an interrupted command does; say what is kept."""
    if out is None:
        raise KeyboardInterrupt
    print(translate(_INTERRUPTED, language, out=out), file=sys.stderr)
    sys.exit(_INTERRUPTED_STATUS)
