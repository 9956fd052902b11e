"""``poju node``: run one organisation's part on its own machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poju.cli.network import LIMITS, audited
from poju.cli.verify import Progress
from poju.i18n import choose_language

if TYPE_CHECKING:
    from poju.node.network_service import Status

FILE = click.Path(path_type=Path, exists=True)
DIRECTORY = click.Path(path_type=Path, file_okay=False)


@click.group()
def command() -> None:
    """Run one organisation's part on its own machine: its node of a consortium, or an institution's node.

    Example: poju node run --dir /var/lib/poju
    """


@command.command()
@click.argument("folder", required=False, type=DIRECTORY)
@click.option("--dir", "network", type=DIRECTORY, help="A consortium's folder on this machine, in the place of FOLDER.")
@LIMITS
@click.option("--member", help="The institution's name as a member.")
@click.option("--ledger", help="The ledger's address.")
@click.option("--log-key", type=FILE, help="The ledger's log.vkey.")
@click.option("--package", type=FILE, help="The scenario package.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The institution's address to listen on.")
@click.option("--port", default=0, show_default=True, help="The institution's port; 0 takes a free one.")
@click.option("--attached", is_flag=True, help="End the institution's node when standard input closes.")
def run(  # noqa: PLR0913, PLR0917 - click's options
    folder: Path | None,
    network: Path | None,
    limits: Path | None,
    member: str | None,
    ledger: str | None,
    log_key: Path | None,
    package: Path | None,
    host: str,
    port: int,
    attached: bool,  # noqa: FBT001 - click's flag
) -> None:
    """Run the node in FOLDER until Ctrl-C; print one JSON line when ready.

    A consortium's folder, made by poju network keys and genesis (or init), runs this organisation's validator: its
    application and its engine, kept running. Its line is {NAME: {"url", "height"}}. Any other FOLDER is an
    institution's: it serves the records there to who shows a granted decision, holds the member's key, its record store
    and its outbox, and is made on first use.

    Example: poju node run ./hospital --member h1 --ledger http://127.0.0.1:8600 --log-key log.vkey --package P
    """
    place = folder or network
    if place is None or (folder is not None and network is not None):
        raise click.UsageError("give FOLDER, or --dir with a consortium's folder")
    institution = {"--member": member, "--ledger": ledger, "--log-key": log_key, "--package": package}
    if network is not None or (place / "network.json").is_file():
        if given := sorted(name for name, value in institution.items() if value is not None):
            raise click.UsageError(f"{', '.join(given)}: these are an institution's; a consortium's folder has its own")
        _validate(place, limits)
    else:
        if limits is not None:
            raise click.UsageError("--limits is for a node of a consortium")
        if member is None or ledger is None or log_key is None or package is None:
            missing = ", ".join(name for name, value in institution.items() if value is None)
            raise click.UsageError(f"missing {missing} (or a consortium's folder, which holds network.json)")
        from poju.node import institution_service  # noqa: PLC0415 - the web framework loads only when it serves

        institution_service.run(
            place, member, ledger, log_key=log_key, package=package, host=host, port=port, attached=attached
        )


def _validate(folder: Path, limits: Path | None) -> None:
    from poju.node import network_service  # noqa: PLC0415 - as above

    def ready(found: Sequence[Status]) -> None:
        print(json.dumps({item.name: {"url": item.url, "height": item.height} for item in found}), flush=True)

    progress = Progress(choose_language())
    network_service.up(folder, foreground=True, limits=limits, ready=ready, progress=progress, told=audited)
