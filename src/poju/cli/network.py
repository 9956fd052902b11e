"""``poju network``: a consortium of validators on CometBFT, on one machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from poju.cli.verify import Progress
from poju.i18n import _, choose_language, translate

if TYPE_CHECKING:
    from poju.ledger.checkpoint import Checkpoint
    from poju.node.network_folder import Validator

HEALTHCARE = Path(__file__).resolve().parents[1] / "packages" / "healthcare"
ORIGIN = "consortium.example/log"
LEDGER = click.Path(path_type=Path, exists=True, file_okay=False)
LIMITS = click.option(
    "--limits",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file of limits for each node here, TOML: docs/reference/limits.md.",
)
FOLDER = click.option("--dir", "folder", required=True, type=click.Path(path_type=Path), help="The network's folder.")


@click.group()
def command() -> None:
    """Run a consortium of validators that need not trust one operator.

    Example: poju network init --validators 4 --dir ./consortium
    """


def _say(text: str, **parameters: object) -> None:
    print(translate(text, choose_language(), **parameters), flush=True)


def audited(validator: Validator, found: Checkpoint) -> None:
    """Say that a node audited the log that an operator handed over."""
    text = _("{name} audited {size} leaves and cosigned the operator's final checkpoint.")
    _say(text, name=validator.name, size=found.size)


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
@click.option("--origin", help=f"The log's name.  [default: {ORIGIN}, or the ledger's own]")
@click.option("--from", "ledger", type=LEDGER, help="The folder of an embedded ledger at rest, which goes on here.")
def init(folder: Path, validators: int, package: Path, origin: str | None, ledger: Path | None) -> None:
    """Make the keys, the genesis file and the settings of a new network.

    With --from the network continues an embedded ledger: same name, same entries, receipts given before hold (LOG-3).

    Example: poju network init --validators 4 --dir ./consortium --from ./authority
    """
    from poju.node import network_audit, network_folder, network_from  # noqa: PLC0415 - as above

    if ledger is None:
        made = network_folder.init(folder, package, origin or ORIGIN, validators)
    elif origin is not None:
        raise click.UsageError("--origin with --from: a log keeps its name")
    else:
        made = network_from.init(folder, package, ledger, validators, Progress(choose_language()))
        genesis, _first = network_audit.genesis_of(made)
        _say(_("The network continues the log of {ledger}: {size} leaves."), ledger=ledger, size=genesis.size)
    text = _("Made {count} validators in {folder}; {acknowledge} signatures acknowledge a statement.")
    _say(text, count=len(made.validators), folder=folder, acknowledge=made.acknowledge)
    for validator in made.validators:
        print(f"{validator.name}  {validator.url}  {validator.log_key.fingerprint}")


@command.command()
@FOLDER
@click.option("--name", required=True, help="The node's name: small letters, digits and hyphens.")
@click.option("--host", required=True, help="Where the other organisations reach this machine: a name or an address.")
@click.option("--origin", required=True, help="The log's name, the same for all.")
def keys(folder: Path, name: str, host: str, origin: str) -> None:
    """Make one organisation's keys on its own machine, and the file about them that the others need.

    Example: poju network keys --dir /var/lib/poju --name hospital-a --host 10.0.0.5 --origin health.example/log
    """
    from poju.node import network_hosts  # noqa: PLC0415 - as above

    path = network_hosts.make_keys(folder, name, origin, host)
    _say(_("The keys are in {folder}; send {path} to the other organisations."), folder=folder / name, path=path)


@command.command()
@click.argument("nodes", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@FOLDER
@click.option("--package", default=HEALTHCARE, type=click.Path(path_type=Path, exists=True), help="The package.")
@click.option("--origin", required=True, help="The log's name, the same for all.")
@click.option("--time", required=True, help="The chain's first moment, UTC, the same for all: 2026-12-01T00:00:00Z.")
def genesis(nodes: tuple[Path, ...], folder: Path, package: Path, origin: str, time: str) -> None:
    """Make the genesis file from every organisation's file NODES, and the settings of the node on this machine.

    Everybody runs it on the same files; compare the digest that it prints before you start.

    Example: poju network genesis a.json b.json c.json d.json --dir /var/lib/poju --origin … --time 2026-12-01T00:00:00Z
    """
    from poju.node import network_hosts  # noqa: PLC0415 - as above

    made, digest = network_hosts.found(folder, package, origin, time, nodes)
    text = _("Genesis of {count} validators: {digest}. {acknowledge} signatures acknowledge a statement.")
    _say(text, count=len(made.validators), digest=digest, acknowledge=made.acknowledge)


@command.command()
@FOLDER
@click.option("--name", required=True, help="The node's name: small letters, digits and hyphens.")
def join(folder: Path, name: str) -> None:
    """Add a node that was not there at the start; it replays the log while the others go on.

    On a machine of its own: first keys, then genesis with the validators' files, then this.

    Example: poju network join --dir ./consortium --name v4
    """
    from poju.node import network_join  # noqa: PLC0415 - as above

    made = network_join.join(folder, name, Progress(choose_language()))
    _say(_("{name} joins at {url}; see how far it is with poju network status."), name=made.name, url=made.url)


@command.command()
@FOLDER
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="Where to write the file.")
@click.option("--genesis", "first", help="SHA-256 of the log's first statement: follow the votes from there.")
def policy(folder: Path, out: Path, first: str | None) -> None:
    """Write the keys of the genesis file as a policy for poju verify: more than two thirds of those in force.

    With --genesis (poju govern status shows it) the policy follows the log's votes, and need not be written again.

    Example: poju network policy --dir ./consortium --out policy.toml
    """
    from poju.ledger.log_keys import LogKey, LogKeys  # noqa: PLC0415 - as above
    from poju.node import network_audit, network_folder  # noqa: PLC0415 - as above
    from poju.verify import policy as policies  # noqa: PLC0415 - as above

    network = network_folder.load(folder)
    genesis, _first = network_audit.genesis_of(network)
    begins = genesis.size + 1 if genesis.size else 0
    keys = [LogKey(name, key, begins) for name, key in genesis.keys.items()]
    made = policies.Policy(LogKeys(genesis.origin, [*genesis.retired, *keys], None), policies.digest(out, first))
    policies.save(made, out)
    _say(_("Wrote {out}: {count} keys."), out=out, count=len(made.keys.keys))


@command.command()
@click.argument("node", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@FOLDER
def introduce(node: Path, folder: Path) -> None:
    """Tell the node on this machine where a node that joined answers: NODE, the file that its keys were made with.

    Its signature counts towards an acknowledgement from the vote on that admits it.

    Example: poju network introduce auditor.json --dir /var/lib/poju
    """
    from poju.node import network_join  # noqa: PLC0415 - as above

    found = network_join.introduce(folder, node)
    _say(_("{name} answers at {url}; its signature counts once a vote admits it."), name=found.name, url=found.url)


@command.command()
@FOLDER
@click.option("--foreground", is_flag=True, help="Stay, and end the network with Ctrl-C.")
@LIMITS
def up(folder: Path, foreground: bool, limits: Path | None) -> None:  # noqa: FBT001 - click's flag
    """Start every validator: its application first, then its engine. One that was handed a log audits it before.

    Example: poju network up --dir ./consortium
    """
    from poju.node import network_service  # noqa: PLC0415 - as above

    progress = Progress(choose_language())
    network_service.up(folder, foreground=foreground, limits=limits, progress=progress, told=audited)
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
    for error in network_service.explain(folder, found):
        click.echo(f"{error.code}: {error.explain(choose_language())}", err=True)


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
