"""``up``, ``down`` and ``status`` of a network on this machine; status reads the disks, so that any may be down."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from poju.engine.cometbft.genesis import SIZE_BYTES
from poju.engine.cometbft.rpc import Rpc
from poju.errors import OperatorError, PojuError
from poju.i18n import _
from poju.ledger import cbor, merkle, tiles
from poju.ledger.checkpoint import Checkpoint
from poju.node import limits as limit_files
from poju.node import network_audit, network_folder, network_install, network_quorum, network_supervisor, network_watch
from poju.node.network_folder import Network, Validator

START_SECONDS = 90.0
STOP_SECONDS = 40.0
LOOK_SECONDS = 0.25
ANSWER_SECONDS = 2.0
STANDING = "SELECT chain.height, chain.hash, head.size, head.state FROM head LEFT JOIN chain USING (id)"
LOG_KEYS = "SELECT value FROM state WHERE key = 'log-keys'"
RUNNING, CATCHING_UP, JOINING, DOWN = _("running"), _("catching-up"), _("joining"), _("down")


@dataclass(frozen=True)
class Status:
    """Where one validator stands.

    ``height``: blocks of the chain, by its engine, or the last durable one while that is down; ``size``, ``root``,
    ``digest``: the durable log's and its state's, in hexadecimal; ``peers``: engines connected to this one's; ``pids``:
    its two processes, None for one that does not run; ``reason``: the code of what keeps it from running, where that is
    known.
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
    reason: str = ""


def status(folder: Path) -> list[Status]:
    """Return where each node on this machine stands; raise ``network.none``."""
    network = network_folder.load(folder)
    return [_status(network, validator) for validator in network.here]


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
                behind = JOINING if validator in network.joined else CATCHING_UP
                state = behind if sync["catching_up"] else RUNNING
    except (PojuError, KeyError, ValueError):
        state = DOWN
    finally:
        engine.close()
    reason = network_watch.why_down(home) if state == DOWN else None
    code = reason.code if reason else ""
    return Status(validator.name, state, height, size, root, digest, peers, validator.url, pids, code)


def explain(folder: Path, found: Sequence[Status]) -> list[OperatorError]:
    """Return what an operator has to mend: why each node here is down, where that is known; and too few of them."""
    network = network_folder.load(folder)
    told = [network_watch.why_down(network.home(network.find(item.name))) for item in found if item.reason]
    # a node that no vote admitted decides nothing, nor does one that was removed
    names = _standing(network)
    deciding = [item for item in found if item.name in names]
    alive = [item for item in deciding if item.state != DOWN]
    halted = len(deciding) == len(names) and len(alive) < network_folder.quorum(len(names))
    return [*(error for error in told if error), *([_halted(deciding)] if halted else [])]


def _standing(network: Network) -> set[str]:
    """Return the names of the nodes whose keys stand behind a root, by the longest log on this machine."""
    paths = [network.home(item) / "ledger.sqlite" for item in network.here]
    longest = max(paths, key=lambda path: durable(path)[1], default=None)
    recorded: list[dict[str, cbor.Value]] = []
    if longest is not None and longest.is_file():
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{longest}?mode=ro", uri=True)) as connection:
            rows = connection.execute(LOG_KEYS).fetchall()
            recorded = cbor.decode(rows[0][0], cbor.MAX_STATE_BYTES) if rows else []
    keys = network_quorum.standing([item.log_key.raw for item in network.validators], recorded)
    return {item.name for item in network.nodes if item.log_key.raw in keys}


def _halted(found: Sequence[Status]) -> OperatorError:
    down = [item.name for item in found if item.state == DOWN]
    return OperatorError(
        "network.halted",
        _("{alive} of {count} validators run and {needed} are needed: nothing is registered. Down: {names}."),
        hint=_("Start one of them again; what waits is registered then, and nothing acknowledged is lost."),
        alive=len(found) - len(down),
        count=len(found),
        needed=network_folder.quorum(len(found)),
        names=", ".join(down),
    )


def durable(path: Path) -> tuple[int, int, str, str]:
    """Return (chain's height, log's size, root, state digest) as the file at ``path`` holds them, zeros before a block.

    Reads one transaction's state, also while a node writes.
    """
    if not path.is_file():
        return 0, 0, "", ""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=ANSWER_SECONDS)) as connection:
            connection.execute("BEGIN")
            row = connection.execute(STANDING).fetchone()
            if row is None:
                return 0, 0, "", ""
            height, hashed, size, digest = row
            if hashed is None:
                # a log that was handed over, before the consortium's first block of its own
                return 0, int(size), _root(connection, int(size)), digest.hex()
    except sqlite3.Error:  # a file that is being made has no tables yet
        return 0, 0, "", ""
    return int(height), int.from_bytes(hashed[:SIZE_BYTES], "big"), hashed[SIZE_BYTES:].hex(), digest.hex()


def _root(connection: sqlite3.Connection, size: int) -> str:
    def tile(level: int, number: int) -> bytes:
        row = connection.execute("SELECT data FROM tile WHERE level = ? AND number = ?", (level, number)).fetchone()
        return b"" if row is None else bytes(row[0])

    return merkle.root(size, tiles.node_source(tile)).hex()


def _pid(path: Path) -> int | None:
    try:
        number = int(path.read_text())
        os.kill(number, 0)
    except (OSError, ValueError):
        return None
    return number


def prepare(
    network: Network, progress: Callable[[int, int], None], told: Callable[[Validator, Checkpoint], None]
) -> None:
    """Let each node here that has to audit the log it starts from; ``told`` of each final checkpoint it cosigned."""
    for validator in network_audit.unaudited(network):
        told(validator, network_audit.audit(network, validator, progress))


def up(
    folder: Path,
    *,
    foreground: bool,
    limits: Path | None = None,
    ready: Callable[[Sequence[Status]], None] = lambda _found: None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    told: Callable[[Validator, Checkpoint], None] = lambda _validator, _checkpoint: None,
) -> None:
    """Start the nodes on this machine and return when each has decided a block, or stay in the ``foreground``.

    ``ready`` is told in the foreground, once each has. ``limits``: a file of what each takes at once. A node of a
    network that grew from an operator's ledger audits that first. Raises ``network.none``, ``network.running``,
    ``network.engine-missing``, ``network.start``, ``limits.malformed``, and what the audit raises.
    """
    if limits is not None:
        limit_files.load(limits)
    network = network_folder.load(folder)
    network_install.find()
    if network_supervisor.running(network.folder) is not None:
        network_supervisor.hold(network.folder)
    prepare(network, progress, told)
    if foreground:
        threading.Thread(target=_tell_once, args=(network.folder, ready), daemon=True).start()
        network_supervisor.supervise(network.folder, limits)
        return
    given = [str(path.resolve()) for path in (network.folder, limits) if path is not None]
    with (network.folder / "supervisor.log").open("ab") as log:
        supervisor = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-m", "poju.node.network_supervisor", *given],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and supervisor.poll() is None:
        if _all_started(status(network.folder)):
            return
        time.sleep(LOOK_SECONDS)
    slow = [item.name for item in status(network.folder) if not _started(item)]
    raise OperatorError(
        "network.start",
        _("These validators did not decide a block within {seconds} s: {names}."),
        hint=_(
            "See supervisor.log in the network's folder, application.log and engine.log in theirs; then down and up."
        ),
        seconds=int(START_SECONDS),
        names=", ".join(slow),
    )


def _tell_once(folder: Path, ready: Callable[[Sequence[Status]], None]) -> None:
    while not _all_started(found := status(folder)):
        time.sleep(LOOK_SECONDS)
    ready(found)


def _all_started(found: Sequence[Status]) -> bool:
    return all(_started(item) for item in found)


def _started(item: Status) -> bool:
    """Return whether a validator has decided a block; a node that is joining is not waited for."""
    return item.state == JOINING or (item.state == RUNNING and item.height > 0)


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
