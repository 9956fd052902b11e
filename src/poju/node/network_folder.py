"""A consortium's folder on one machine: ``network.json``, the package, and one folder for each validator.

A validator's folder holds its engine's ``config`` and ``data``, ``ledger.sqlite`` (log and state), ``log.private``
(what it signs receipts with), and while it runs ``abci.sock`` and two pid files; two log files.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from poju.engine.cometbft import home
from poju.engine.cometbft.genesis import Genesis
from poju.errors import CallerError, OperatorError
from poju.i18n import _
from poju.ledger.keys import KEY_BYTES, PrivateKey, PublicKey
from poju.node.ledger_service import ORIGIN
from poju.rulebook import compose

MOST_VALIDATORS = 16
FAULTS_FROM = 3
HOST = "127.0.0.1"
FIRST_PORT, PORTS = 20_000, 12_000
"""Below the ports that the system hands to outgoing connections, so that a recorded one stays free."""


@dataclass(frozen=True)
class Validator:
    """One validator: its name, the fingerprintable half of its log key (hexadecimal), its ports on loopback."""

    name: str
    key: str
    p2p: int
    rpc: int
    http: int

    @property
    def url(self) -> str:
        """Where its application answers."""
        return f"http://{HOST}:{self.http}"

    @property
    def log_key(self) -> PublicKey:
        """The key that it signs receipts and checkpoints with."""
        return PublicKey(bytes.fromhex(self.key))


@dataclass(frozen=True)
class Network:
    """What ``network.json`` says, and where it stands."""

    folder: Path
    origin: str
    acknowledge: int
    validators: tuple[Validator, ...]

    @property
    def package(self) -> Path:
        """The scenario's package, the same for all validators."""
        return self.folder / "package"

    def home(self, validator: Validator) -> Path:
        """Return the validator's folder."""
        return self.folder / validator.name

    def find(self, name: str) -> Validator:
        """Return the validator called ``name``, or raise ``network.validator``."""
        for validator in self.validators:
            if validator.name == name:
                return validator
        raise CallerError(
            "network.validator",
            _("This network has no validator {name}."),
            hint=_("They are called {names}."),
            name=name[:64],
            names=", ".join(item.name for item in self.validators),
        )


def quorum(count: int) -> int:
    """Return how many of ``count`` validators more than two thirds are: n − ⌊(n − 1) / 3⌋."""
    return count - (count - 1) // FAULTS_FROM


def load(folder: Path) -> Network:
    """Read the network in ``folder``; raise ``network.none`` where there is none."""
    try:
        found = json.loads((folder / "network.json").read_text(encoding="utf-8"))
        validators = tuple(Validator(**item) for item in found["validators"])
        return Network(folder.resolve(), str(found["origin"]), int(found["acknowledge"]), validators)
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
    _check(folder, origin, count)
    rules = compose(package)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(package, folder / "package")
    seeds = [[os.urandom(KEY_BYTES) for _kind in range(2)] for _number in range(count)]
    ports = free_ports(3 * count)
    nodes, validators = [], []
    for number, (consensus, network) in enumerate(seeds):
        name, p2p, rpc, http = f"v{number}", *ports[3 * number : 3 * number + 3]
        key = PrivateKey.load_or_create(folder / name / "log.private")
        (folder / name / "log.vkey").write_text(key.public.vkey(origin) + "\n")
        validators.append(Validator(name, key.public.raw.hex(), p2p, rpc, http))
        public, node_key = PrivateKey.from_seed(consensus).public, PrivateKey.from_seed(network).public
        nodes.append(home.Node(name, public, node_key, p2p, rpc))
    keys = {item.name: item.log_key for item in validators}
    state = Genesis(origin, rules.package.digest, keys, quorum(count))
    time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    chain = f"poju-{hashlib.sha256(origin.encode()).hexdigest()[:16]}"
    genesis = home.genesis_file(nodes, state, chain=chain, time=time, initial_height=1)
    for node, (consensus, network) in zip(nodes, seeds, strict=True):
        pairs = [(PrivateKey.from_seed(seed), seed) for seed in (consensus, network)]
        others = [other for other in nodes if other is not node]
        texts = {"config/genesis.json": genesis, "config/config.toml": home.settings(node, others)}
        _write(folder / node.name, {**home.private_files(*pairs), **texts})
    made = Network(folder.resolve(), origin, state.acknowledge, tuple(validators))
    described = {"origin": origin, "acknowledge": made.acknowledge, "validators": [asdict(item) for item in validators]}
    # written last: a folder with network.json in it is whole
    (folder / "network.json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    return made


def _check(folder: Path, origin: str, count: int) -> None:
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
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CallerError(
            "ledger.out-not-empty", _("{out} holds something already."), hint=_("Give a new folder."), out=folder
        )


def _write(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(text)


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
