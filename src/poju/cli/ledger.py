"""``poju ledger``: serve, export, back up, restore and rebuild an embedded ledger."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from poju.cli.verify import Progress
from poju.i18n import _, choose_language, translate

EXISTING = click.Path(path_type=Path, exists=True, file_okay=False)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
SHOWN = 20


def _say(text: str, **parameters: object) -> None:
    print(translate(text, choose_language(), **parameters))


@click.group()
def command() -> None:
    """Serve, export, back up, restore and rebuild an embedded ledger; cosign one that somebody else runs.

    Example: poju ledger serve ./authority --package src/poju/packages/healthcare --origin health.example/log
    """


@command.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--package", required=True, type=click.Path(path_type=Path, exists=True), help="The scenario package.")
@click.option("--origin", required=True, help="The log's name, as checkpoints carry it: a host and path of yours.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=0, show_default=True, help="The port; 0 takes a free one.")
@click.option("--attached", is_flag=True, help="End when standard input closes.")
@click.option("--limits", type=FILE, help="A file of limits, TOML: docs/reference/limits.md.")
def serve(
    folder: Path,
    package: Path,
    origin: str,
    host: str,
    port: int,
    attached: bool,  # noqa: FBT001 - click's flag
    limits: Path | None,
) -> None:
    """Serve the ledger in FOLDER over HTTP; print one JSON line when ready.

    Example: poju ledger serve ./authority --package src/poju/packages/healthcare --origin health.example/log
    """
    from poju.node import ledger_service  # noqa: PLC0415 - the web framework loads only when it serves
    from poju.node import limits as limit_files  # noqa: PLC0415 - as above

    taken = limit_files.load(limits) if limits else limit_files.DEFAULT
    ledger_service.run(folder, package, origin, host=host, port=port, attached=attached, limits=taken)


@command.command()
@click.argument("folder", type=EXISTING)
@click.option("--package", required=True, type=click.Path(path_type=Path, exists=True), help="The scenario package.")
@click.option("--checkpoint", type=FILE, help="A signed checkpoint that the ledger has to lead to.")
@click.option("--replace", is_flag=True, help="Write state and memory anew from the leaves; the node has to rest.")
@click.option("--jobs", type=click.IntRange(0, 64), default=0, help="Processes that check signatures beside this one.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def rebuild(
    folder: Path,
    package: Path,
    checkpoint: Path | None,
    replace: bool,  # noqa: FBT001 - click's flag
    jobs: int,
    as_json: bool,  # noqa: FBT001 - click's flag
) -> None:
    """Fold the log in FOLDER again from nothing and compare every row of the ledger with it (LOG-4).

    Leaves, hash tiles, state, memory and refusals: the first row that differs is named, and the exit status is 1.

    Example: poju ledger rebuild ./authority --package src/poju/packages/healthcare
    """
    from poju.ledger.audit import Plan  # noqa: PLC0415 - as above
    from poju.node import ledger_care  # noqa: PLC0415 - as above

    plan = Plan(workers=jobs, progress=Progress(choose_language()))
    head = ledger_care.rebuild(folder, package, plan, checkpoint=checkpoint, replace=replace)
    if as_json:
        print(json.dumps({"size": head.size, "height": head.height, "state": head.state.hex()}))
        return
    _say(
        _("{size} leaves in {height} blocks fold to the state digest {state}, as the ledger says."),
        size=head.size,
        height=head.height,
        state=head.state.hex(),
    )


@command.command()
@click.argument("folder", type=EXISTING)
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The backup's file.")
def backup(folder: Path, out: Path) -> None:
    """Back up the ledger in FOLDER while its node runs: one consistent file, with its signed checkpoint beside it.

    The log's private key is not in it: keep log.private apart, since a new key is another signer.

    Example: poju ledger backup ./authority --out ./backup/authority-2026-11-23.sqlite
    """
    from poju.node import ledger_care  # noqa: PLC0415 - as above

    found = ledger_care.backup(folder, out, Progress(choose_language()))
    _say(
        _("Backed up {size} leaves to {out}, with its checkpoint, key and SHA-256 beside it."), size=found.size, out=out
    )
    _say(_("The log's private key is not in it: keep {key} apart from the backup."), key=folder / "log.private")


@command.command()
@click.argument("file", type=FILE)
@click.option("--to", "folder", required=True, type=click.Path(path_type=Path, file_okay=False), help="A new folder.")
@click.option("--key", required=True, help="The log key to trust: its fingerprint, or a file that holds it.")
@click.option("--log-private", type=FILE, help="The log's private key, to be put into the folder.")
@click.option("--log", "copy", type=EXISTING, help="A newer copy of the log (auditor's folder): take the rest from it.")
@click.option("--latest", type=FILE, help="The newest signed checkpoint that you know of.")
@click.option("--receipts", type=EXISTING, help="A folder of receipts: which of them the ledger no longer holds.")
def restore(
    file: Path,
    folder: Path,
    key: str,
    log_private: Path | None,
    copy: Path | None,
    latest: Path | None,
    receipts: Path | None,
) -> None:
    """Put the backup FILE into a new folder, checked against its signed checkpoint, and say what it lacks.

    Exit status 0: nothing that is known to be acknowledged is missing. 1: something is, or the backup does not hold.

    Example: poju ledger restore authority.sqlite --to ./restored --key log.key --log ./auditor
    """
    from poju.ledger.audit_backup import read  # noqa: PLC0415 - as above
    from poju.node import ledger_care  # noqa: PLC0415 - as above
    from poju.verify.command import fingerprint_of, log_to_copy  # noqa: PLC0415 - as above

    found = read(file, str(fingerprint_of(key)))
    newer = None if copy is None else log_to_copy(copy, found.key.fingerprint)
    backed, more = ledger_care.restore(
        found,
        folder,
        private=log_private,
        copy=newer,
        package=None if copy is None else copy / "package",
        progress=Progress(choose_language()),
    )
    size = backed + more
    known, lost = ledger_care.missing(found, size, latest, receipts)
    _say(
        _("Restored {size} leaves to {folder}: {backed} of the backup, {more} of the newer copy."),
        size=size,
        folder=folder,
        backed=backed,
        more=more,
    )
    if log_private is None:
        _say(_("Put the log's private key there as log.private before you serve it: a new key is another signer."))
    if known > size or lost:
        _say(
            _(
                "Missing: leaves {size} to {last} were signed after this copy. Do not serve it yet: every receipt for "
                "them would be of no log. Take them from a newer copy of the log with --log: an auditor's folder, or "
                "another node's."
            ),
            size=size,
            last=known - 1,
        )
        if lost:
            _say(_("Receipts exist for the leaves {leaves}."), leaves=", ".join(map(str, lost[:SHOWN])))
        _say(
            _(
                "What no copy holds, its senders have in their outboxes: they send the same bytes again, which take "
                "new places, and what was acknowledged before is then to be announced as lost."
            )
        )
        sys.exit(1)
    if latest is None and receipts is None and copy is None:
        _say(
            _(
                "Whether anything was acknowledged after the backup is not known: compare with the newest checkpoint "
                "(--latest), receipts (--receipts) or an auditor's copy (--log)."
            )
        )


@command.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--package", required=True, type=click.Path(path_type=Path, exists=True), help="The scenario package.")
def export(folder: Path, out: Path, package: Path) -> None:
    """Write the whole log in FOLDER as a tlog-tiles folder for an auditor: OUT.

    Example: poju ledger export ./authority ./auditor --package src/poju/packages/healthcare
    """
    from poju.node import ledger_service  # noqa: PLC0415 - as above

    first = ledger_service.export(folder, out, package)
    print(translate(_("Wrote {out}. Check it: poju verify {out} --key KEY"), choose_language(), out=out))
    if first:
        _say(_("Its first statement is {digest}: what a policy's genesis names."), digest=first.hex())


@command.command("new-key")
@click.argument("folder", type=EXISTING)
@click.option("--json", "as_json", is_flag=True, help="Print the key as JSON.")
def new_key(folder: Path, as_json: bool) -> None:  # noqa: FBT001 - click's flag
    """Make another key for the log in FOLDER. It signs nothing until a vote gives it its turn, in the block it names.

    Example: poju ledger new-key ./authority
    """
    from poju.node import log_private  # noqa: PLC0415 - as above

    made = log_private.add(folder).public
    if as_json:
        print(json.dumps({"log_key": made.raw.hex(), "fingerprint": made.fingerprint}))
        return
    _say(_("Made the log key {fingerprint}. Back it up, then let members decide:"), fingerprint=made.fingerprint)
    print(f"  poju govern propose URL NAME log-key log_key={made.raw.hex()} --member … --key …")
    _say(_("The node changes over by itself when the vote takes effect; what the old key signed stays valid."))


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
