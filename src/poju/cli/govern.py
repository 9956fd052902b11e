"""``poju govern``: propose, vote, see what is in force, rotate a member's key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poju.i18n import _, choose_language, translate

if TYPE_CHECKING:
    from poju.node.governance_client import Speaker

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
NEW_FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
FINGERPRINT_BYTES = 32
ACTIONS = (
    "member-admit",
    "member-suspend",
    "member-remove",
    "member-key",
    "validator-admit",
    "validator-suspend",
    "validator-remove",
    "log-key",
    "log-key-compromised",
    "package",
    "runtime",
    "thresholds",
)
MEMBER = click.option("--member", required=True, help="Your name as a member.")
KEY = click.option("--key", required=True, type=FILE, help="Your private key's file (member.key).")
JSON = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")


def _speaker(url: str, member: str, key: Path) -> Speaker:
    from poju.ledger.keys import PrivateKey  # noqa: PLC0415 - loads when it is called
    from poju.node.governance_client import Speaker  # noqa: PLC0415 - as above

    return Speaker(url, member, PrivateKey.load(key))


def _tell(as_json: bool, found: dict[str, Any], text: str) -> None:  # noqa: FBT001 - click's flag
    print(json.dumps(found) if as_json else translate(text, choose_language(), **found))


@click.group()
def command() -> None:
    """Decide together: propose, vote, see what is in force, rotate your own key.

    Example: poju govern status http://127.0.0.1:8600
    """


@command.command()
@click.argument("url")
@click.argument("name")
@click.argument("action", type=click.Choice(ACTIONS))
@click.argument("fields", nargs=-1)
@MEMBER
@KEY
@click.option(
    "--height", type=click.IntRange(0), default=0, help="The block it activates at; 0: the next after it passes."
)
@click.option("--days", type=click.IntRange(1, 366), default=14, show_default=True, help="How long it is open.")
@JSON
def propose(  # noqa: PLR0913, PLR0917 - click's options
    url: str,
    name: str,
    action: str,
    fields: tuple[str, ...],
    member: str,
    key: Path,
    height: int,
    days: int,
    as_json: bool,  # noqa: FBT001 - click's flag
) -> None:
    """Open the proposal NAME at the ledger at URL: do ACTION with FIELDS, each name=value.

    Keys and digests are written in hexadecimal, lists as a,b. docs/guides/govern.md lists each action's fields.

    Example: poju govern propose http://127.0.0.1:8600 p4 log-key log_key=5f0c… --member h1 --key h1.key
    """
    from poju.node import governance_client  # noqa: PLC0415 - as above

    asks = governance_client.read_fields(action, fields)
    entry = governance_client.propose(_speaker(url, member, key), name, action, asks, height=height, days=days)
    _tell(as_json, {"proposal": name, "entry": entry}, _("Proposal {proposal} is open: entry {entry}."))


@command.command()
@click.argument("url")
@click.argument("name")
@MEMBER
@KEY
@click.option("--for/--against", "approve", required=True, help="Agree, or not; until the decision you may change it.")
@click.option("--holds", type=FOLDER, help="For a package: its folder, which you attest to hold.")
@JSON
def vote(url: str, name: str, member: str, key: Path, approve: bool, holds: Path | None, as_json: bool) -> None:  # noqa: FBT001 - click's options
    """Vote on the proposal NAME at the ledger at URL.

    Example: poju govern vote http://127.0.0.1:8600 p4 --for --member h2 --key h2.key
    """
    from poju.node import governance_client  # noqa: PLC0415 - as above

    entry = governance_client.vote(_speaker(url, member, key), name, approve=approve, holds=holds)
    state = str(governance_client.status(url, name)["state"])
    found = {"proposal": name, "entry": entry, "state": state}
    _tell(as_json, found, _("Voted on {proposal}: entry {entry}. It is now: {state}."))


@command.command()
@click.argument("url")
@click.argument("name", default="")
@JSON
def status(url: str, name: str, as_json: bool) -> None:  # noqa: FBT001 - click's flag
    """Show what is in force at the ledger at URL, and what waits; or the proposal NAME with its votes.

    The answer is the ledger's word; poju verify proves it from the log.

    Example: poju govern status http://127.0.0.1:8600 p4
    """
    from poju.node import governance_client  # noqa: PLC0415 - as above

    found = governance_client.status(url, name)
    if as_json:
        print(json.dumps(found))
        return
    for label, value in found.items():
        print(f"{label}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}")


@command.command("rotate-key")
@click.argument("url")
@MEMBER
@KEY
@click.option("--new", required=True, type=NEW_FILE, help="The new private key's file; made where there is none.")
@JSON
def rotate_key(url: str, member: str, key: Path, new: Path, as_json: bool) -> None:  # noqa: FBT001 - click's flag
    """Replace your key at the ledger at URL; both keys sign. Keep both files until it is done.

    Example: poju govern rotate-key http://127.0.0.1:8600 --member h1 --key h1.key --new h1-2027.key
    """
    from poju.ledger.keys import PrivateKey  # noqa: PLC0415 - as above
    from poju.node import governance_client  # noqa: PLC0415 - as above

    made = PrivateKey.load_or_create(new)
    entry = governance_client.rotate(_speaker(url, member, key), made)
    found = {"entry": entry, "key": made.public.fingerprint}
    _tell(as_json, found, _("Your key is now {key}: entry {entry}. The old one signs nothing more."))


@command.command("prove-key")
@click.argument("url")
@MEMBER
@click.option("--old", required=True, help="The fingerprint of the key that was lost.")
@click.option("--new", required=True, type=NEW_FILE, help="The new private key's file; made where there is none.")
def prove_key(url: str, member: str, old: str, new: Path) -> None:
    """Print the two fields that another member needs to propose member-key for you, whose key is lost.

    Example: poju govern prove-key http://127.0.0.1:8600 --member h3 --old 5f0c… --new h3-2027.key
    """
    from poju.ledger.keys import PrivateKey  # noqa: PLC0415 - as above
    from poju.node import governance_client  # noqa: PLC0415 - as above

    try:
        thumbprint = bytes.fromhex(old)
    except ValueError:
        thumbprint = b""
    if len(thumbprint) != FINGERPRINT_BYTES:
        raise click.BadParameter("64 hexadecimal digits", param_hint="--old")
    fields = governance_client.takeover(url, member, thumbprint, PrivateKey.load_or_create(new))
    print(" ".join([f"member={member}", *(f"{name}={value.hex()}" for name, value in fields.items())]))
