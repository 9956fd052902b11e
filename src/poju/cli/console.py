"""``poju console``: the pages of a demonstration's folder, on this machine only."""

from __future__ import annotations

from pathlib import Path

import click

from poju.i18n import LANGUAGES, _, choose_language, translate


@click.command(
    name="console",
    help=_(
        "Serve the read-only console over DIR, a folder that poju demo wrote.\n\nExample: poju console DIR --lang en"
    ),
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), default=0, help=_("Port on 127.0.0.1; 0 takes any free one."))
@click.option(
    "--lang", "language", type=click.Choice(LANGUAGES), help=_("Language of the pages; else the browser decides.")
)
def command(folder: Path, port: int, language: str | None) -> None:
    """Serve until Ctrl-C; errors as for :func:`poju.console.serve.serve`."""
    from poju.console.serve import serve  # noqa: PLC0415 - the web framework loads only when it is needed

    def tell(url: str) -> None:
        message = _("The console answers at {url} (read only; Ctrl-C ends it).")
        click.echo(translate(message, choose_language(language), url=url))

    serve(folder, port=port, on_ready=tell, language=language)
