"""Handing an embedded ledger over to a consortium: same log, same origin, no receipt lost (LOG-3).

Steps: (1) the operator's node rests, and its ledger is held so that nobody starts it meanwhile; (2) it is handed over
as a backup with its final checkpoint, which the operator's key signs; (3) the genesis file carries its size and root,
the block height after its last, and the keys that spoke for it, retired at that size; (4) the operator's folder is
marked, so that the log is not continued there as well, which would be a fork. What the validators do with it
before they start, steps 5 and 6, stands in ``network_audit.py``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger import audit_backup
from poju.ledger.keys import PrivateKey, PublicKey
from poju.ledger.log_keys import LogKey
from poju.ledger.store import Store
from poju.node import log_private, network_folder, network_keys
from poju.node.ledger_service import GROWN, lock
from poju.node.network_folder import HANDOVER, PACKAGES, Network, Start
from poju.rulebook import compose
from poju.scenario import governance_state

Progress = Callable[[int, int], None]


def unusable(folder: Path, reason: str) -> CallerError:
    """Return ``network.from``: a ledger that no consortium can grow from."""
    return CallerError(
        "network.from",
        _("No consortium can grow from the ledger in {folder}: {reason}."),
        hint=_("Give the folder of an embedded ledger that has entries and rests: poju ledger serve was given it."),
        folder=folder,
        reason=reason,
    )


@dataclass(frozen=True)
class Handed:
    """A ledger at rest, as it is handed over: the log's name, where it stands, and its key."""

    origin: str
    start: Start
    key: PrivateKey


def init(folder: Path, package: Path, ledger: Path, count: int, progress: Progress) -> Network:
    """Make a network of ``count`` validators on this machine in the new ``folder``, grown from ``ledger``.

    Raises ``network.from``, ``ledger.grown``, ``store.in-use``, ``ledger.other-package``, and what
    :func:`poju.node.network_folder.init` raises. The ledger's own files are only read, and marked at the end.
    """
    network_folder.require_new(folder)
    with resting(ledger, package) as handed:
        hand_over(ledger, folder, handed, progress)
        made = network_folder.make(folder, package, handed.origin, count, handed.start)
        mark(ledger, folder, handed.start)
        made.save()
    return made


@contextmanager
def resting(ledger: Path, package: Path) -> Iterator[Handed]:
    """Step 1: hold the embedded ledger in ``ledger``; its scenario has to be the one that ``package`` opened."""
    if not (ledger / audit_backup.FILE).is_file() or not (ledger / "origin").is_file():
        raise unusable(ledger, _("there is none: it would hold ledger.sqlite and origin"))
    earlier = _grown_to(ledger)
    if earlier is not None:
        raise unusable(ledger, _("one has grown from it already"))
    held = lock(ledger)
    try:
        with closing(Store.open(ledger / audit_backup.FILE)) as store:
            key = log_private.in_force(ledger, store)
            yield Handed((ledger / "origin").read_text(encoding="utf-8"), _start(ledger, store, package, key), key)
    finally:
        held.close()


def _grown_to(ledger: Path) -> Path | None:
    """Return the network that grew from ``ledger``; a mark of one that was never finished does not count."""
    try:
        network = Path(json.loads((ledger / GROWN).read_text(encoding="utf-8"))["network"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, OSError):
        return ledger
    return network if (network / "network.json").is_file() or not network.exists() else None


def _start(ledger: Path, store: Store, package: Path, key: PrivateKey) -> Start:
    head, opened = store.head(), store.get("scenario")
    if store.chain_head() is not None:
        raise unusable(ledger, _("it is a validator's own"))
    if not head.size:
        raise unusable(ledger, _("it is empty"))
    digest = compose(package, ledger / PACKAGES).package.digest
    if opened is not None and opened["package"] != digest:
        raise CallerError(
            "ledger.other-package",
            _("This ledger's scenario was opened with package {opened}, not with {given}."),
            hint=_("Give the folder of the package as it was opened; an amended one needs a vote."),
            opened=opened["package"].hex(),
            given=digest.hex(),
        )
    return Start(head.size, store.root(head.size), head.height, _retired(ledger, store, key.public, head.size))


def _retired(ledger: Path, store: Store, key: PublicKey, size: int) -> tuple[LogKey, ...]:
    """Return the keys that the log was signed with, by the log's own record, the one in use last."""
    recorded = [] if store.get("ledger") is None else governance_state.log_keys(store)
    found = [
        LogKey(
            f"operator-{number}" if item["until"] is not None else "operator",
            PublicKey(item["key"]),
            item["from"] + 1 if item["from"] else 0,
            size if item["until"] is None else min(item["until"], size),
            item["compromised"] is not None,
        )
        for number, item in enumerate(recorded, 1)
        if item["name"] == governance_state.LOG
    ]
    if not found:
        return (LogKey("operator", key, 0, size),)
    if found[-1].key != key or found[-1].last != size:
        raise unusable(ledger, _("its log.private is not the key that the log names for its present size"))
    return tuple(found)


def hand_over(ledger: Path, folder: Path, handed: Handed, progress: Progress) -> None:
    """Step 2: copy the ledger into the network's ``folder`` as a backup, with the packages that votes put in force."""
    target = folder / HANDOVER
    signed = audit_backup.take(ledger / audit_backup.FILE, target, handed.origin, handed.key, progress)
    if (signed.size, signed.root) != (handed.start.size, handed.start.root):
        raise unusable(ledger, _("its head is not what its leaves say"))
    if (ledger / PACKAGES).is_dir():
        shutil.copytree(ledger / PACKAGES, folder / PACKAGES)


def mark(ledger: Path, folder: Path, start: Start) -> None:
    """Step 4: write down in ``ledger`` that the log goes on in ``folder``; nothing serves it any more."""
    said = {"network": str(folder.resolve()), "size": start.size, "root": start.root.hex()}
    network_keys.replace(ledger / GROWN, json.dumps(said) + "\n")
