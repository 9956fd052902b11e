"""``poju demo``: the whole loop on this machine."""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

import click

from poju.errors import CallerError
from poju.i18n import LANGUAGES, _, choose_language


def examples() -> Path:
    """Return the folder of shipped examples: beside the source in a checkout, inside the package when installed."""
    package = Path(str(resources.files("poju")))
    for folder in (package / "examples", package.parent.parent / "examples"):
        if (folder / "solutions").is_dir():
            return folder
    raise CallerError(
        "demo.no-examples",
        _("The shipped examples are missing beside {folder}."),
        hint=_("Run the demonstration from a whole checkout or a whole installation."),
        folder=package,
    )


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("poju-demo"),
    show_default=True,
    help="Everything is written into this folder.",
)
@click.option("--policies", multiple=True, type=click.Path(path_type=Path), help="Policy texts to survey instead.")
@click.option("--fhir", type=click.Path(path_type=Path), help="A folder of Synthea bundles to use as records.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same decisions and figures.")
@click.option("--lang", type=click.Choice(LANGUAGES), help="The language to speak.")
@click.option("--no-serve", is_flag=True, help="End when done, also at a terminal.")
@click.option("--resume", is_flag=True, help="Take up an interrupted demonstration; nothing acknowledged is lost.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def command(  # noqa: PLR0913, PLR0917 - click's options
    out: Path,
    policies: tuple[Path, ...],
    fhir: Path | None,
    seed: int,
    lang: str | None,
    no_serve: bool,  # noqa: FBT001 - click's flag
    resume: bool,  # noqa: FBT001 - click's flag
    as_json: bool,  # noqa: FBT001 - click's flag
) -> None:
    """Run the loop: survey, fit, open, run, improve, prove, support, open the next, verify.

    Everything lies in the folder --out afterwards: public/ for everyone, auditor/ for auditors, report.html for you.
    At a terminal a read-only console is served then; Ctrl-C ends it.

    Example: poju demo --out my-region --lang zh-Hant
    """
    from poju.console import serve  # noqa: PLC0415 - heavy parts load only when the loop runs
    from poju.demo import loop  # noqa: PLC0415 - as above
    from poju.demo.say import Voice  # noqa: PLC0415 - as above
    from poju.demo.session import Options  # noqa: PLC0415 - as above

    language = choose_language(lang)
    shipped = examples()
    options = Options(
        out=out.absolute(),
        policies=policies or (shipped / "policies" / language,),
        fhir=fhir,
        seed=seed,
        language=language,
        examples=shipped,
        package=Path(str(resources.files("poju"))) / "packages" / "healthcare",
    )
    voice = Voice(language, as_json=as_json)
    loop.play(options, voice, resume=resume)
    if sys.stdout.isatty() and not no_serve and not as_json:
        serve.serve(options.out, on_ready=lambda url: voice.tell(_("the console is at {url}; Ctrl-C ends it"), url=url))
