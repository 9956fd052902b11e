"""``poju node``: run one institution's node."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def command() -> None:
    """Run one institution's node beside the system it has.

    Example: poju node run ./hospital --member h1 --ledger http://127.0.0.1:8600 --log-key log.vkey --package P
    """


@command.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--member", required=True, help="The institution's name as a member.")
@click.option("--ledger", required=True, help="The ledger's address.")
@click.option("--log-key", required=True, type=click.Path(path_type=Path, exists=True), help="The ledger's log.vkey.")
@click.option("--package", required=True, type=click.Path(path_type=Path, exists=True), help="The scenario package.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=0, show_default=True, help="The port; 0 takes a free one.")
@click.option("--attached", is_flag=True, help="End when standard input closes.")
def run(  # noqa: PLR0913, PLR0917 - click's options
    folder: Path,
    member: str,
    ledger: str,
    log_key: Path,
    package: Path,
    host: str,
    port: int,
    attached: bool,  # noqa: FBT001 - click's flag
) -> None:
    """Serve the records in FOLDER to who shows a granted decision; print one JSON line when ready.

    FOLDER holds the member's key, its record store and its outbox, and is made on first use.

    Example: poju node run ./hospital --member h1 --ledger http://127.0.0.1:8600 --log-key log.vkey --package P
    """
    from poju.node import institution_service  # noqa: PLC0415 - the web framework loads only when it serves

    institution_service.run(
        folder, member, ledger, log_key=log_key, package=package, host=host, port=port, attached=attached
    )
