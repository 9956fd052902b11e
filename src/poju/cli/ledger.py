"""``poju ledger``: serve, export and rebuild an embedded ledger."""

from __future__ import annotations

import json
from pathlib import Path

import click

from poju.i18n import _, choose_language, translate


@click.group()
def command() -> None:
    """Serve, export and rebuild an embedded ledger; cosign one that somebody else runs.

    Example: poju ledger serve ./authority --package src/poju/packages/healthcare --origin health.example/log
    """


@command.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--package", required=True, type=click.Path(path_type=Path, exists=True), help="The scenario package.")
@click.option("--origin", required=True, help="The log's name, as checkpoints carry it: a host and path of yours.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=0, show_default=True, help="The port; 0 takes a free one.")
@click.option("--attached", is_flag=True, help="End when standard input closes.")
def serve(folder: Path, package: Path, origin: str, host: str, port: int, attached: bool) -> None:  # noqa: FBT001 - click's options
    """Serve the ledger in FOLDER over HTTP; print one JSON line when ready.

    Example: poju ledger serve ./authority --package src/poju/packages/healthcare --origin health.example/log
    """
    from poju.node import ledger_service  # noqa: PLC0415 - the web framework loads only when it serves

    ledger_service.run(folder, package, origin, host=host, port=port, attached=attached)


@command.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--package", required=True, type=click.Path(path_type=Path, exists=True), help="The scenario package.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def rebuild(folder: Path, package: Path, as_json: bool) -> None:  # noqa: FBT001 - click's flag
    """Fold the log in FOLDER again from nothing and compare its state digest (LOG-4).

    Example: poju ledger rebuild ./authority --package src/poju/packages/healthcare
    """
    from poju.node import ledger_service  # noqa: PLC0415 - as above

    head = ledger_service.rebuild(folder, package)
    if as_json:
        print(json.dumps({"size": head.size, "height": head.height, "state": head.state.hex()}))
        return
    text = _("{size} leaves in {height} blocks fold to the state digest {state}, as the ledger says.")
    print(translate(text, choose_language(), size=head.size, height=head.height, state=head.state.hex()))


@command.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--package", required=True, type=click.Path(path_type=Path, exists=True), help="The scenario package.")
def export(folder: Path, out: Path, package: Path) -> None:
    """Write the whole log in FOLDER as a tlog-tiles folder for an auditor: OUT.

    Example: poju ledger export ./authority ./auditor --package src/poju/packages/healthcare
    """
    from poju.node import ledger_service  # noqa: PLC0415 - as above

    ledger_service.export(folder, out, package)
    print(translate(_("Wrote {out}. Check it: poju verify {out} --key KEY"), choose_language(), out=out))


@command.command()
@click.argument("url")
@click.option("--log-key", required=True, type=click.Path(path_type=Path, exists=True), help="The log's vkey file.")
@click.option(
    "--to", "folder", required=True, type=click.Path(path_type=Path, file_okay=False), help="Your own folder."
)
@click.option("--name", required=True, help="Your name as a cosigner: a host and path of yours.")
@click.option("--every", type=click.IntRange(1), help="Go on, once in so many seconds, until Ctrl-C.")
def cosign(url: str, log_key: Path, folder: Path, name: str, every: int | None) -> None:
    """Sign the checkpoint of the log at URL if it only grew since the last time; keep the proof if it forked.

    Example: poju ledger cosign http://127.0.0.1:8600 --log-key log.vkey --to ./cosigner --name university.example
    """
    from poju.node import cosigner  # noqa: PLC0415 - as above

    signed = cosigner.follow(url, log_key.read_text(), folder, name, every)
    text = _("Cosigned {size} leaves at {time}: {path}")
    for found in signed:
        print(
            translate(
                text, choose_language(), size=found.checkpoint.size, time=found.times[name], path=folder / "cosigned"
            ),
            flush=True,
        )
