"""A consortium's folder: ``network.json``, ``genesis.json``, the package, and one folder for each node on this machine.

``network.json`` names every node with its public keys, host and ports; on another organisation's machine the same file
stands beside another node's folder. A node's folder holds its engine's ``config`` and ``data``, ``ledger.sqlite`` (log
and state), ``log.private`` (what it signs receipts with), and while it runs ``abci.sock``, two pid files, two logs.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from poju.engine.cometbft import home
from poju.engine.cometbft.genesis import Genesis
from poju.errors import CallerError, OperatorError
from poju.i18n import _
from poju.ledger.keys import PublicKey
from poju.ledger.log_keys import LogKey
from poju.ledger.merkle import EMPTY_ROOT
from poju.node import network_keys
from poju.rulebook import compose
from poju.scenario.fields import ORIGIN

MOST_VALIDATORS = 16
FAULTS_FROM = 3
HOST = home.LOOPBACK
HANDOVER, PACKAGES = "handover/ledger.sqlite", "packages"
"""In the network's folder: the log that it grew from, as a backup; the packages that votes put into force."""
FIRST_PORT, PORTS = 20_000, 12_000
"""Below the ports that the system hands to outgoing connections, so that a recorded one stays free."""


@dataclass(frozen=True)
class Validator:
    """One node: its name, the public half of its log key (hexadecimal), its ports, and where the others reach it.

    ``consensus``, ``network``: the public halves of its engine's keys, in hexadecimal; ``host``: a name or an IPv4
    address. ``rpc`` is on its own loopback.
    """

    name: str
    key: str
    p2p: int
    rpc: int
    http: int
    host: str = HOST
    consensus: str = ""
    network: str = ""

    @property
    def url(self) -> str:
        """Where its application answers."""
        return f"http://{self.host}:{self.http}"

    @property
    def log_key(self) -> PublicKey:
        """The key that it signs receipts and checkpoints with."""
        return PublicKey(bytes.fromhex(self.key))

    @property
    def engine(self) -> home.Node:
        """Its engine, as the others' settings and the genesis file name it."""
        consensus, network = (PublicKey(bytes.fromhex(item)) for item in (self.consensus, self.network))
        return home.Node(self.name, consensus, network, self.p2p, self.rpc, self.host)


@dataclass(frozen=True)
class Start:
    """The log that a network starts from: none, or one that an operator kept (its size, root and last block)."""

    size: int = 0
    root: bytes = EMPTY_ROOT
    height: int = 0
    retired: tuple[LogKey, ...] = ()


@dataclass(frozen=True)
class Network:
    """What ``network.json`` says, and where it stands.

    ``validators``: those of the genesis file; ``joined``: nodes that came later and follow the log (their keys count
    for nothing until a vote admits them).
    """

    folder: Path
    origin: str
    acknowledge: int
    validators: tuple[Validator, ...]
    joined: tuple[Validator, ...] = ()

    @property
    def nodes(self) -> tuple[Validator, ...]:
        """All nodes."""
        return self.validators + self.joined

    @property
    def here(self) -> tuple[Validator, ...]:
        """The nodes whose folders are on this machine."""
        return tuple(item for item in self.nodes if (self.home(item) / network_keys.CONSENSUS).is_file())

    @property
    def package(self) -> Path:
        """The scenario's package, the same for all validators."""
        return self.folder / "package"

    def home(self, validator: Validator) -> Path:
        """Return the validator's folder."""
        return self.folder / validator.name

    def find(self, name: str) -> Validator:
        """Return the node called ``name``, or raise ``network.validator``."""
        for validator in self.nodes:
            if validator.name == name:
                return validator
        raise CallerError(
            "network.validator",
            _("This network has no validator {name}."),
            hint=_("They are called {names}."),
            name=name[:64],
            names=", ".join(item.name for item in self.nodes),
        )

    def settings(self, validator: Validator) -> str:
        """Return ``config.toml`` of ``validator``'s engine."""
        return home.settings(validator.engine, [item.engine for item in self.nodes if item != validator])

    def save(self) -> None:
        """Write ``network.json``: last of all, so that a folder that has it is whole."""
        described: dict[str, object] = {
            "origin": self.origin,
            "acknowledge": self.acknowledge,
            "validators": [asdict(item) for item in self.validators],
        }
        if self.joined:
            described["joined"] = [asdict(item) for item in self.joined]
        network_keys.replace(self.folder / "network.json", json.dumps(described, indent=2) + "\n")


def quorum(count: int) -> int:
    """Return how many of ``count`` validators more than two thirds are: n − ⌊(n − 1) / 3⌋."""
    return count - (count - 1) // FAULTS_FROM


def load(folder: Path) -> Network:
    """Read the network in ``folder``; raise ``network.none`` where there is none."""
    try:
        found = json.loads((folder / "network.json").read_text(encoding="utf-8"))
        validators = tuple(Validator(**item) for item in found["validators"])
        joined = tuple(Validator(**item) for item in found.get("joined", []))
        return Network(folder.resolve(), str(found["origin"]), int(found["acknowledge"]), validators, joined)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CallerError(
            "network.none",
            _("There is no network in {folder}: it would hold network.json."),
            hint=_("Make one: poju network init --validators 4 --dir {folder}"),
            folder=folder,
        ) from error


def init(folder: Path, package: Path, origin: str, count: int) -> Network:
    """Make a network of ``count`` validators in the new ``folder``; the engine is not needed for it.

    Raises ``network.validators``, ``ledger.origin-malformed``, ``ledger.out-not-empty``, ``package.*``.
    """
    require_new(folder)
    made = make(folder, package, origin, count, Start())
    made.save()
    return made


def make(folder: Path, package: Path, origin: str, count: int, start: Start) -> Network:
    """Make all of a network on this machine but ``network.json``; raise as :func:`init`."""
    _check(origin, count)
    compose(package)
    ports = free_ports(3 * count)
    validators = [
        create(folder / f"v{number}", origin, p2p=ports[at], rpc=ports[at + 1], http=ports[at + 2])
        for number, at in enumerate(range(0, 3 * count, 3))
    ]
    made = found(folder, package, origin, validators, start, now())
    genesis = (folder / "genesis.json").read_text(encoding="utf-8")
    for item in made.validators:
        files = {"config/genesis.json": genesis, "config/config.toml": made.settings(item)}
        network_keys.write(made.home(item), files)
    return made


def now() -> str:
    """Return the time in RFC 3339, UTC, as the genesis file has it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def create(node: Path, origin: str, *, p2p: int, rpc: int, http: int, host: str = HOST) -> Validator:
    """Make the keys of a node in the folder ``node``, and what the others need to know of it."""
    consensus, network, log = network_keys.make(node).public
    network_keys.replace(node / "log.vkey", log.vkey(origin) + "\n")
    network_keys.replace(node / "origin", origin)
    return Validator(node.name, log.raw.hex(), p2p, rpc, http, host, consensus.raw.hex(), network.raw.hex())


def found(folder: Path, package: Path, origin: str, validators: list[Validator], start: Start, time: str) -> Network:
    """Write the package and ``genesis.json`` of a network of ``validators``: the same bytes for the same arguments."""
    rules = compose(package)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "package").exists():
        shutil.copytree(package, folder / "package")
    keys = {item.name: item.log_key for item in validators}
    state = Genesis(
        origin, rules.package.digest, keys, quorum(len(validators)), start.size, start.root, retired=start.retired
    )
    chain = f"poju-{hashlib.sha256(origin.encode()).hexdigest()[:16]}"
    nodes = [item.engine for item in validators]
    text = home.genesis_file(nodes, state, chain=chain, time=time, initial_height=start.height + 1)
    network_keys.replace(folder / "genesis.json", text)
    return Network(folder.resolve(), origin, state.acknowledge, tuple(validators))


def moved(network: Network, *joined: Validator) -> Network:
    """Return ``network`` with ``joined`` in it."""
    return replace(network, joined=network.joined + joined)


def require_new(folder: Path) -> None:
    """Raise ``ledger.out-not-empty`` unless ``folder`` is empty or not there."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CallerError(
            "ledger.out-not-empty", _("{out} holds something already."), hint=_("Give a new folder."), out=folder
        )


def _check(origin: str, count: int) -> None:
    if not 1 <= count <= MOST_VALIDATORS:
        raise CallerError(
            "network.validators",
            _("A network on one machine has 1 to {most} validators, not {count}."),
            hint=_("Take 4: one of them may fail or lie, and the others go on."),
            most=MOST_VALIDATORS,
            count=count,
        )
    if not ORIGIN.fullmatch(origin):
        raise CallerError(
            "ledger.origin-malformed",
            _("{wanted} cannot be a log's name."),
            hint=_("Give a host and path of yours, for example health.example/log: letters, digits, . - _ ~ and /."),
            wanted=origin[:200],
        )


def free_ports(count: int) -> list[int]:
    """Return ``count`` ports on loopback that nothing listens on now; raise ``network.ports`` where there are none."""
    with ExitStack() as held:
        found: list[int] = []
        for port in _candidates():
            listener = held.enter_context(socket.socket())
            try:
                listener.bind((HOST, port))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                return found
    raise OperatorError(
        "network.ports",
        _("No {count} ports are free on this machine."),
        hint=_("Stop another network first: poju network down --dir DIR."),
        count=count,
    )


def _candidates() -> Iterator[int]:
    # networks that are made at the same time begin at different ports
    start = os.getpid() * 61 % PORTS
    yield from (FIRST_PORT + (start + step) % PORTS for step in range(PORTS))
