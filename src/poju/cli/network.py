"""``poju network``: a consortium of validators on CometBFT, on one machine."""

from __future__ import annotations

from pathlib import Path

import click

from poju.i18n import _, choose_language, translate

HEALTHCARE = Path(__file__).resolve().parents[1] / "packages" / "healthcare"
FOLDER = click.option("--dir", "folder", required=True, type=click.Path(path_type=Path), help="The network's folder.")


@click.group()
def command() -> None:
    """Run a consortium of validators that need not trust one operator.

    Example: poju network init --validators 4 --dir ./consortium
    """


def _say(text: str, **parameters: object) -> None:
    print(translate(text, choose_language(), **parameters))


@command.command("install-engine")
def install_engine() -> None:
    """Install CometBFT with Go, once for this user.

    Example: poju network install-engine
    """
    from poju.node import network_install  # noqa: PLC0415 - each verb loads only what it needs

    _say(
        _("The engine CometBFT {version} is at {path}."),
        version=network_install.VERSION,
        path=network_install.install(),
    )


@command.command()
@FOLDER
@click.option("--validators", default=4, show_default=True, help="How many validators.")
@click.option(
    "--package", default=HEALTHCARE, type=click.Path(path_type=Path, exists=True), help="The scenario package."
)
@click.option("--origin", default="consortium.example/log", show_default=True, help="The log's name.")
def init(folder: Path, validators: int, package: Path, origin: str) -> None:
    """Make the keys, the genesis file and the settings of a new network.

    Example: poju network init --validators 4 --dir ./consortium
    """
    from poju.node import network_folder  # noqa: PLC0415 - as above

    made = network_folder.init(folder, package, origin, validators)
    text = _("Made {count} validators in {folder}; {acknowledge} signatures acknowledge a statement.")
    _say(text, count=len(made.validators), folder=folder, acknowledge=made.acknowledge)
    for validator in made.validators:
        print(f"{validator.name}  {validator.url}  {validator.log_key.fingerprint}")


@command.command()
@FOLDER
@click.option("--foreground", is_flag=True, help="Stay, and end the network with Ctrl-C.")
def up(folder: Path, foreground: bool) -> None:  # noqa: FBT001 - click's flag
    """Start every validator: its application first, then its engine.

    Example: poju network up --dir ./consortium
    """
    from poju.node import network_service  # noqa: PLC0415 - as above

    network_service.up(folder, foreground=foreground)
    if not foreground:
        _say(_("The network runs; every validator has decided a block."))


@command.command()
@FOLDER
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def status(folder: Path, as_json: bool) -> None:  # noqa: FBT001 - click's flag
    """Say where each validator stands, also with some of them down.

    Example: poju network status --dir ./consortium --json
    """
    from poju.node import network_service  # noqa: PLC0415 - as above

    found = network_service.status(folder)
    if as_json:
        print(network_service.as_json(found))
        return
    for item in found:
        text = _("{name}: {state}, height {height}, {size} leaves, root {root}, {peers} peers")
        _say(text, **{**vars(item), "state": translate(item.state, choose_language()), "root": item.root[:16] or "–"})


@command.command()
@FOLDER
def down(folder: Path) -> None:
    """End every validator: its engine first, then its application.

    Example: poju network down --dir ./consortium
    """
    from poju.node import network_service  # noqa: PLC0415 - as above

    ran = network_service.down(folder)
    _say(_("The network has ended.") if ran else _("The network did not run."))


@command.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@FOLDER
@click.option("--validator", default="v0", show_default=True, help="The validator that answers.")
@click.option("--receipt", type=click.Path(path_type=Path), help="Where to write the receipt.")
def submit(file: Path, folder: Path, validator: str, receipt: Path | None) -> None:
    """Register the signed statement in FILE and wait until k validators have signed a root over it.

    Example: poju network submit statement.cose --dir ./consortium --receipt receipt.cose
    """
    from poju.node import network_submit  # noqa: PLC0415 - as above

    registered = network_submit.submit(folder, validator, file.read_bytes())
    if receipt is not None:
        receipt.write_bytes(registered.receipt)
    _say(_("Registered as entry {index}."), index=registered.index)


@command.command()
@FOLDER
@click.option("--validator", default="v0", show_default=True, help="The validator that is asked for headers.")
@click.option("--size", type=click.IntRange(min=1), help="The checkpoint's size in leaves; by default the newest.")
@click.option("--from", "start", type=click.IntRange(min=1), help="The trusted height; by default the chain's first.")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="Where to write the file.")
def light(folder: Path, validator: str, size: int | None, start: int | None, out: Path) -> None:
    """Write the one file from which a light client arrives at a checkpoint's root by itself.

    Example: poju network light --dir ./consortium --out light.json
    """
    from poju.node import network_light  # noqa: PLC0415 - as above

    made = network_light.write(folder, validator, size, start, out)
    text = _("Wrote {out}: {size} leaves, root {root}, from height {first} to {last}.")
    root, heights = made.checkpoint.root.hex(), made.heights
    _say(text, out=out, size=made.checkpoint.size, root=root, first=heights[0], last=heights[-1])
