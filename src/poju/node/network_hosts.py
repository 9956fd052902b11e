"""A network whose nodes run on their organisations' own machines: keys are made there, the genesis is one for all.

Keys never travel. What travels is one small file from each organisation, ``NAME.json``, with the public halves and
where the node is reached. The same files, package, name and time give every organisation the same ``genesis.json``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger.keys import PublicKey
from poju.node import network_folder, network_keys
from poju.node.network_folder import Network, Start, Validator
from poju.scenario.fields import ORIGIN

P2P, RPC, HTTP = 26_656, 26_657, 8_600
NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252})")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
PORTS = range(1, 1 << 16)
MAX_BYTES = 4_096


def _refused(path: Path, reason: str) -> CallerError:
    return CallerError(
        "network.node-file",
        _("{path} does not describe a node: {reason}."),
        hint=_("Take it as `poju network keys` wrote it on the other organisation's machine."),
        path=path,
        reason=reason,
    )


def make_keys(folder: Path, name: str, origin: str, host: str) -> Path:
    """Make the keys of the node ``name`` in ``folder`` and return the file for the others.

    Raises ``network.node-name`` for a name or host that cannot be one, ``ledger.out-not-empty`` where it has keys.
    """
    if not NAME.fullmatch(name) or not HOST.fullmatch(host) or not ORIGIN.fullmatch(origin):
        raise CallerError(
            "network.node-name",
            _("A node needs a short name in small letters, a host or address, and the log's name."),
            hint=_("For example: --name hospital-a --host 10.0.0.5 --origin health.example/log"),
        )
    network_folder.require_new(folder / name)
    made = network_folder.create(folder / name, origin, p2p=P2P, rpc=RPC, http=HTTP, host=host)
    path = folder / f"{name}.json"
    network_keys.replace(path, json.dumps(asdict(made), indent=2) + "\n")
    return path


def read_node(path: Path) -> Validator:
    """Return the node that ``path`` describes; raise ``network.node-file``."""
    try:
        found = json.loads(path.read_bytes()[:MAX_BYTES])
        made = Validator(**found)
        for key in (made.key, made.consensus, made.network):
            PublicKey(bytes.fromhex(key))
    except (ValueError, TypeError, RecursionError, CallerError) as error:
        raise (
            error if isinstance(error, CallerError) else _refused(path, _("it is no JSON of the right form"))
        ) from error
    ports = {made.p2p, made.rpc, made.http}
    if len(ports) < len(("p2p", "rpc", "http")) or not all(type(port) is int and port in PORTS for port in ports):
        raise _refused(path, _("its ports are not three numbers from 1 to 65535"))
    if not NAME.fullmatch(made.name) or not HOST.fullmatch(made.host):
        raise _refused(path, _("its name or host cannot be one"))
    return made


def found(folder: Path, package: Path, origin: str, time: str, nodes: Sequence[Path]) -> tuple[Network, str]:
    """Write ``network.json``, ``genesis.json`` and the settings of the node here; return them and genesis' SHA-256.

    The same ``nodes`` in any order, ``package``, ``origin`` and ``time`` (RFC 3339, UTC) give the same bytes.
    Raises ``network.node-file``, ``network.node-name``, ``network.genesis-time``, ``package.*``.
    """
    if not TIME.fullmatch(time):
        raise CallerError(
            "network.genesis-time",
            _("{time} is no time of a genesis file."),
            hint=_("All organisations give the same one, for example 2026-12-01T00:00:00Z."),
            time=time[:64],
        )
    validators = sorted((read_node(path) for path in nodes), key=lambda item: item.name)
    names, keys = {item.name for item in validators}, {item.consensus for item in validators}
    if len(names) < len(validators) or len(keys) < len(validators):
        raise _refused(nodes[-1], _("two of them have one name or one key"))
    made = network_folder.found(folder, package, origin, validators, Start(), time)
    genesis = (folder / "genesis.json").read_text(encoding="utf-8")
    for item in made.here:
        files = {"config/genesis.json": genesis, "config/config.toml": made.settings(item)}
        network_keys.write(made.home(item), files)
    made.save()
    return made, hashlib.sha256(genesis.encode()).hexdigest()
