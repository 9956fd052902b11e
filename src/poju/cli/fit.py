"""``poju fit``: rank scenarios for a region, show the catalogue, evaluate the ranking."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from poju.errors import CallerError
from poju.i18n import LANGUAGES, _, choose_language, translate

MAXIMUM_SEED = 2**63 - 1
FILE = click.Path(path_type=Path)
SEED = click.option(
    "--seed", type=click.IntRange(0, MAXIMUM_SEED), default=1, show_default=True, help="Seed of the noise."
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, ratios in parts per million.")
LANGUAGE = click.option("--lang", type=click.Choice(LANGUAGES), help="Language to answer in.")


class RegionFirst(click.Group):
    """A group whose first word may be a region: ``poju fit 貴州`` is ``poju fit rank 貴州``."""

    default = "rank"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default verb before what is no verb of this group and no call for help."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the verb, or the default one where ``cmd_name`` is a region."""
        return super().get_command(ctx, cmd_name) or super().get_command(ctx, self.default)


EXAMPLES = """\b
Examples:
  poju fit 貴州                              both rankings, reasons, what cannot be read
  poju fit Guizhou --set TS066=+50%          what if: ranks before and after
  poju fit 520000 --policies landscape.json  where it pushes without pull
  poju fit 520000 --out brief                a brief of two pages, three languages
  poju fit 34013 --economy examples/economies/new-jersey
  poju fit catalogue                         the scenarios and what each asks for
  poju fit evaluate                          how far the ranking can be trusted
"""


@click.group(cls=RegionFirst, epilog=EXAMPLES)
def command() -> None:
    """Rank the scenarios for a region: what most regions do, beside what is distinctive here.

    `poju fit REGION` is short for `poju fit rank REGION`, whose --help has all options.
    """


@command.command()
@click.argument("region")
@AS_JSON
@click.option("--data", type=FILE, help="CSV in the tidy format; its figures replace shipped ones.")
@click.option("--economy", type=FILE, help="Folder of another economy: economy.toml, regions.csv, figures.csv.")
@click.option("--set", "settings", multiple=True, help="Assume CODE=VALUE or CODE=+10% here; may be given many times.")
@click.option("--policies", type=FILE, help="The landscape.json of `poju survey --out`: pushes and pulls by field.")
@click.option("--out", type=FILE, help="Write the brief, and a signed selection, into this folder.")
@click.option("--choose", metavar="SCENARIO", help="Choose a scenario: with --key and --out, sign the selection.")
@click.option("--key", type=FILE, help="The authority's private key, a file of 32 bytes.")
@click.option("--issuer", default="authority", show_default=True, help="The authority's name as a member.")
@SEED
@LANGUAGE
def rank(  # noqa: PLR0913, PLR0917 - click's options
    region: str,
    as_json: bool,  # noqa: FBT001 - click's flag
    data: Path | None,
    economy: Path | None,
    settings: tuple[str, ...],
    policies: Path | None,
    out: Path | None,
    choose: str | None,
    key: Path | None,
    issuer: str,
    seed: int,
    lang: str | None,
) -> None:
    """Rank the scenarios for REGION, each reason down to its figure.

    REGION is a code or a name of a province, in either Chinese script or in Latin letters; with --economy, of one of
    that economy's regions.

    Example: poju fit 貴州 --set HLTBED=300000
    """
    from poju import fit  # noqa: PLC0415 - --help starts without loading the figures

    if (choose is None) != (key is None) or (choose is not None and out is None):
        raise CallerError(
            "fit-choose",
            _("--choose, --key and --out go together."),
            hint=_("Write: poju fit REGION --choose SCENARIO --key FILE --out FOLDER"),
        )
    language = choose_language(lang)
    answer = fit.rank(region, data=data, economy=economy, settings=settings, landscape=policies, seed=seed)
    told = ""
    if choose is not None and key is not None and out is not None:
        from poju.cli.fit_selection import sign  # noqa: PLC0415 - keys and statements load only to sign

        path, fingerprint = sign(answer, choose, key, issuer, out)
        said = _("Signed: {path}, by the key {fingerprint}. It counts once a ledger has registered it.")
        told = translate(said, language, path=path, fingerprint=fingerprint) + "\n"
    print(_json(answer) if as_json else fit.render(answer, language), end="")
    if out is not None:
        _write(answer, out, language, quiet=as_json)
    print("" if as_json else told, end="")


def _write(answer: dict[str, Any], out: Path, language: str, *, quiet: bool) -> None:
    """Write the brief into ``out`` and name the files."""
    from poju.fit import brief  # noqa: PLC0415 - templates load only when a brief is written

    for path in brief.write(answer, out):
        if not quiet:
            print(translate(_("Wrote {path}."), language, path=path))


def _json(answer: object) -> str:
    return json.dumps(answer, ensure_ascii=False, indent=2) + "\n"


@command.command()
@click.argument("scenario", required=False)
@AS_JSON
@click.option("--check", is_flag=True, help="Check that the catalogue holds together; exit status 1 where not.")
@click.option("--page", is_flag=True, help="Print the catalogue's page of the reference.")
@LANGUAGE
def catalogue(scenario: str | None, as_json: bool, check: bool, page: bool, lang: str | None) -> None:  # noqa: FBT001 - click's flags
    """List the scenarios, or show all about SCENARIO: industries, prerequisites, tracks, sources.

    Example: poju fit catalogue medical-system
    """
    from poju import fit  # noqa: PLC0415 - as above

    language = choose_language(lang)
    entries = fit.catalogue()
    if check:
        _checked(fit.check_catalogue(), len(entries), language)
        return
    if page:
        print(fit.catalogue_page(), end="")
        return
    known = [entry["id"] for entry in entries]
    if scenario is not None and scenario not in known:
        raise CallerError(
            "fit-scenario-unknown",
            _("There is no scenario “{scenario}” in the catalogue."),
            hint=_("Choose one of: {known}."),
            scenario=scenario[:60],
            known=", ".join(known),
        )
    chosen = [entry for entry in entries if scenario in {None, entry["id"]}]
    print(_json(chosen) if as_json else fit.render_catalogue(language, scenario), end="")


def _checked(problems: list[str], count: int, language: str) -> None:
    for problem in problems:
        print(problem)
    if problems:
        raise click.exceptions.Exit(1)
    print(translate(_("The catalogue of {count} scenarios holds together."), language, count=count))


@command.command()
@AS_JSON
@click.option("--out", type=FILE, help="Write the evaluation as one page into this folder.")
@SEED
@LANGUAGE
def evaluate(as_json: bool, out: Path | None, seed: int, lang: str | None) -> None:  # noqa: FBT001 - click's flag
    """Say how far the ranking can be trusted: each province left out, with permutation and bootstrap.

    Example: poju fit evaluate --out evaluation
    """
    from poju.fit import evaluation  # noqa: PLC0415 - as above

    language = choose_language(lang)
    found = evaluation.evaluate(seed=seed)
    print(_json(found) if as_json else evaluation.render_evaluation(found, language), end="")
    if out is not None:
        path = evaluation.write_page(found, out)
        if not as_json:
            print(translate(_("Wrote {path}."), language, path=path))
