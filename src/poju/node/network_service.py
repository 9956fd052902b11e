"""``up``, ``down`` and ``status`` of a network on this machine; status reads the disks, so that any may be down."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from poju.engine.cometbft.genesis import SIZE_BYTES
from poju.engine.cometbft.rpc import Rpc
from poju.errors import OperatorError, PojuError
from poju.i18n import _
from poju.node import network_folder, network_install, network_supervisor
from poju.node.network_folder import Network, Validator

START_SECONDS = 90.0
STOP_SECONDS = 40.0
LOOK_SECONDS = 0.25
ANSWER_SECONDS = 2.0
RUNNING, CATCHING_UP, DOWN = _("running"), _("catching-up"), _("down")


@dataclass(frozen=True)
class Status:
    """Where one validator stands.

    ``height``: blocks of the chain, by its engine, or the last durable one while that is down; ``size``, ``root``,
    ``digest``: the durable log's and its state's, in hexadecimal; ``peers``: engines connected to this one's; ``pids``:
    its two processes, None for one that does not run.
    """

    name: str
    state: str
    height: int
    size: int
    root: str
    digest: str
    peers: int
    url: str
    pids: dict[str, int | None]


def status(folder: Path) -> list[Status]:
    """Return where each validator stands; raise ``network.none``."""
    network = network_folder.load(folder)
    return [_status(network, validator) for validator in network.validators]


def _status(network: Network, validator: Validator) -> Status:
    home = network.home(validator)
    height, size, root, digest = durable(home / "ledger.sqlite")
    pids = {part: _pid(home / f"{part}.pid") for part in ("application", "engine")}
    state, peers = DOWN, 0
    engine = Rpc(validator.rpc, ANSWER_SECONDS)
    try:
        if all(pids.values()):
            sync = engine.call("status")["sync_info"]
            peers = int(str(engine.call("net_info")["n_peers"]))
            if isinstance(sync, dict):
                height = max(height, int(sync["latest_block_height"]))
                state = CATCHING_UP if sync["catching_up"] else RUNNING
    except (PojuError, KeyError, ValueError):
        state = DOWN
    finally:
        engine.close()
    return Status(validator.name, state, height, size, root, digest, peers, validator.url, pids)


def durable(path: Path) -> tuple[int, int, str, str]:
    """Return (chain's height, log's size, root, state digest) as the file at ``path`` holds them, zeros before a block.

    Reads one transaction's state, also while a node writes.
    """
    if not path.is_file():
        return 0, 0, "", ""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=ANSWER_SECONDS)) as connection:
            row = connection.execute("SELECT chain.height, chain.hash, head.state FROM chain, head").fetchone()
    except sqlite3.Error:  # a file that is being made has no tables yet
        row = None
    if row is None:
        return 0, 0, "", ""
    height, hashed, digest = row
    return int(height), int.from_bytes(hashed[:SIZE_BYTES], "big"), hashed[SIZE_BYTES:].hex(), digest.hex()


def _pid(path: Path) -> int | None:
    try:
        number = int(path.read_text())
        os.kill(number, 0)
    except (OSError, ValueError):
        return None
    return number


def up(folder: Path, *, foreground: bool) -> None:
    """Start the network and return when every validator has decided a block, or stay in the ``foreground``.

    Raises ``network.none``, ``network.running``, ``network.engine-missing``, ``network.start``.
    """
    network = network_folder.load(folder)
    network_install.find()
    if network_supervisor.running(network.folder) is not None:
        network_supervisor.hold(network.folder)
    if foreground:
        network_supervisor.supervise(network.folder)
        return
    with (network.folder / "supervisor.log").open("ab") as log:
        supervisor = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-m", "poju.node.network_supervisor", str(network.folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and supervisor.poll() is None:
        if all(item.state == RUNNING and item.height for item in status(network.folder)):
            return
        time.sleep(LOOK_SECONDS)
    slow = [item.name for item in status(network.folder) if item.state != RUNNING or not item.height]
    raise OperatorError(
        "network.start",
        _("These validators did not decide a block within {seconds} s: {names}."),
        hint=_(
            "See supervisor.log in the network's folder, application.log and engine.log in theirs; then down and up."
        ),
        seconds=int(START_SECONDS),
        names=", ".join(slow),
    )


def down(folder: Path) -> bool:
    """End the network; return whether it ran. Raises ``network.none``, ``network.stop``."""
    network = network_folder.load(folder)
    pid = network_supervisor.running(network.folder)
    if pid is None:
        return False
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while network_supervisor.running(network.folder) is not None:
        if time.monotonic() > deadline:
            raise OperatorError(
                "network.stop",
                _("The network's supervisor, process {pid}, has not ended after {seconds} s."),
                hint=_("See supervisor.log; nothing acknowledged is lost if you end the process by force."),
                pid=pid,
                seconds=int(STOP_SECONDS),
            )
        time.sleep(LOOK_SECONDS)
    return True


def as_json(found: Sequence[Status]) -> str:
    """Return ``{"validators": [{"name", "state", "height", "size", "root", "digest", "peers", "url", "pids"}…]}``."""
    return json.dumps({"validators": [vars(item) for item in found]})
