"""What a validator does with the log that it was handed, before it starts: it audits it whole, then cosigns it.

Steps 5 and 6 of growing into a consortium (steps 1 to 4: ``network_from.py``): (5) each validator audits its own copy
from the first leaf: pages, hashes, signatures, rules, state, memory, refusals; (6) it cosigns the operator's final
checkpoint (C2SP tlog-cosignature) and only then starts. What does not hold is named, and that validator does not start.

A node keeps what it started from in ``final.checkpoint``, and beside it ``final.cosigned`` once step 6 is done.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from poju.engine.cometbft import genesis as genesis_file
from poju.engine.cometbft.genesis import Genesis
from poju.errors import CallerError, OperatorError, PojuError
from poju.i18n import _
from poju.ledger import audit_backup, audit_store, cosignature
from poju.ledger.audit import Plan
from poju.ledger.checkpoint import Checkpoint, open_note
from poju.ledger.keys import PrivateKey, PublicKey
from poju.node import network_keys
from poju.node.ledger_service import lock
from poju.node.network_folder import HANDOVER, PACKAGES, Network, Validator
from poju.rulebook import compose
from poju.units import Seconds

FINAL, COSIGNED, RETIRED_KEYS = "final.checkpoint", "final.cosigned", "retired.vkey"
NOTE_BYTES = 16_384
SMALL_LOG, MOST_WORKERS = 30_000, 8
"""Leaves below which processes that check signatures cost more than they save, and how many there are above."""
Progress = Callable[[int, int], None]


def genesis_of(network: Network) -> tuple[Genesis, int]:
    """Return what all nodes of ``network`` start from, and the first height; raise ``network.genesis``."""
    try:
        whole = json.loads((network.folder / "genesis.json").read_text(encoding="utf-8"))
        return genesis_file.read(json.dumps(whole["app_state"]).encode()), int(whole["initial_height"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise genesis_file.refused("genesis.json cannot be read") from error


def unaudited(network: Network) -> list[Validator]:
    """Return the nodes on this machine that have not audited the log that they start from."""
    if not (network.folder / "genesis.json").is_file():
        return []
    genesis, _first = genesis_of(network)
    return [item for item in network.here if not _is_audited(network.home(item), genesis, item.log_key)]


def _is_audited(home: Path, genesis: Genesis, key: PublicKey) -> bool:
    try:
        require_audited(home, genesis, key)
    except PojuError:
        return False
    return not genesis.size or (home / audit_backup.FILE).is_file()


def require_audited(home: Path, genesis: Genesis, key: PublicKey) -> None:
    """Raise ``network.not-audited`` unless the node in ``home`` cosigned the final checkpoint that genesis names."""
    if not genesis.size:
        return
    try:
        note = _read(home / COSIGNED)
        name = _cosigner(genesis.origin, home.name)
        found = cosignature.open_cosigned(note, genesis.origin, genesis.operator.key, {name: key})
        if name in found.times and (found.checkpoint.size, found.checkpoint.root) == (genesis.size, genesis.root):
            return
    except CallerError:
        pass
    raise OperatorError(
        "network.not-audited",
        _("The node {name} has not audited the log that it starts from."),
        hint=_("Start it with poju network up, which audits first."),
        name=home.name,
    )


def audit(network: Network, validator: Validator, progress: Progress) -> Checkpoint:
    """Let ``validator`` audit its copy of the handed log, then cosign; return the final checkpoint.

    Where it has no copy yet, or its copy was wiped, it takes the one beside the network. Raises ``network.genesis``,
    ``network.handover``, ``backup.*``, and what :func:`poju.ledger.audit_store.check` raises.
    """
    genesis, first = genesis_of(network)
    home, operator = network.home(validator), genesis.operator
    held = lock(home)
    try:
        if not (home / audit_backup.FILE).is_file():
            _place(network, home, operator.key)
        note = _read(home / FINAL)
        signed = open_note(note, genesis.origin, operator.key)
        if (signed.size, signed.root) != (genesis.size, genesis.root):
            raise genesis_file.refused("the operator's final checkpoint is of another log than genesis names")
        rules = compose(network.package, network.folder / PACKAGES)
        if rules.package.digest != genesis.package:
            raise genesis_file.refused("the package beside it is another one")
        workers = 0 if genesis.size < SMALL_LOG else min(os.cpu_count() or 1, MOST_WORKERS)
        plan = Plan(workers=workers, progress=progress)
        key = PrivateKey.load(home / network_keys.LOG)
        retired = [item.key for item in genesis.retired]
        path = home / audit_backup.FILE
        own = (genesis.origin, key.public)
        # 5. the whole copy; a node that ran before has blocks of the consortium behind it
        head = audit_store.check(path, rules, plan, key=own, retired=retired, signed=signed)
        if head.size == genesis.size and head.height + 1 != first:
            raise genesis_file.refused("the log that was handed over has another number of blocks than genesis says")
        # 6. the cosignature
        named, now = _cosigner(genesis.origin, home.name), Seconds(int(time.time()))
        network_keys.replace(home / COSIGNED, cosignature.cosign(note, named, key, now))
    finally:
        held.close()
    return signed


def _place(network: Network, home: Path, operator: PublicKey) -> None:
    """Put the handed copy into ``home``, compared with its final checkpoint page by page (LOG-2)."""
    source, fresh = network.folder / HANDOVER, home / "handed"
    if not source.is_file():
        raise OperatorError(
            "network.handover",
            _("The log that this network grew from is not at {path}."),
            hint=_("Copy the folder handover, whole, from the organisation that handed the log over."),
            path=source,
        )
    backup = audit_backup.read(source, operator.fingerprint)
    shutil.rmtree(fresh, ignore_errors=True)
    audit_backup.place(backup, fresh, None)
    for ending in ("-wal", "-shm"):
        (home / f"{audit_backup.FILE}{ending}").unlink(missing_ok=True)
    note = source.with_name(f"{source.name}.checkpoint").read_text(encoding="utf-8")
    network_keys.replace(home / FINAL, note)
    genesis, _first = genesis_of(network)
    keys = "".join(f"{item.key.vkey(genesis.origin)}\n" for item in genesis.retired)
    network_keys.replace(home / RETIRED_KEYS, keys)
    (home / COSIGNED).unlink(missing_ok=True)
    (fresh / audit_backup.FILE).replace(home / audit_backup.FILE)
    shutil.rmtree(fresh)


def final(network: Network) -> str:
    """Return the operator's final checkpoint with the cosignature of every node on this machine that audited it."""
    note, lines = "", []
    for validator in network.here:
        home = network.home(validator)
        if (home / COSIGNED).is_file():
            operator, _separator, line = _read(home / COSIGNED).removesuffix("\n").rpartition("\n")
            note = f"{operator}\n"
            lines.append(f"{line}\n")
    return note + "".join(lines)


def cosigners(network: Network) -> dict[str, PublicKey]:
    """Return the names and keys under which the nodes of ``network`` cosign the final checkpoint."""
    return {_cosigner(network.origin, item.name): item.log_key for item in network.nodes}


def _cosigner(origin: str, name: str) -> str:
    return f"{origin}/{name}"


def _read(path: Path) -> str:
    try:
        with path.open("rb") as handle:
            return handle.read(NOTE_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise CallerError(
            "file.not-text", _("{path} is not text in UTF-8."), hint=_("Give the file as it was published."), path=path
        ) from error
