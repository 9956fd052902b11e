"""Running, rebuilding and exporting one embedded ledger in a folder.

``ledger.sqlite`` (the log and its state), ``log.private`` and ``log-*.private`` (the log's keys), ``log.vkey`` and
``retired.vkey`` (their public halves: the one that signs, those before it), ``origin`` (the log's name), ``lock`` (one
writer at a time).
"""

from __future__ import annotations

import fcntl
import shutil
import time
from pathlib import Path
from typing import IO

from poju.engine.embedded import EmbeddedEngine
from poju.errors import CallerError, OperatorError
from poju.i18n import _
from poju.ledger import block, store_log, tiles
from poju.ledger.checkpoint import Checkpoint
from poju.ledger.keys import PrivateKey, PublicKey
from poju.ledger.log_keys import OwnKeys
from poju.ledger.replay import replay
from poju.ledger.store import Store
from poju.node import collector, governance_node, log_private, operate, serving
from poju.node.ledger_api import create
from poju.node.limits import DEFAULT, Limits
from poju.node.metrics import Metrics
from poju.rulebook import compose
from poju.scenario.fields import ORIGIN
from poju.scenario.rulebook import ScenarioRules

GROWN = "grown.json"
"""Stands beside a ledger from which a consortium has grown, and says where (docs/guides/network.md)."""
LOCK_SECONDS = 10.0
LOCK_PAUSE = 0.05


def lock(folder: Path) -> IO[bytes]:
    """Return the held lock of the ledger in ``folder``; raise ``store.in-use`` where another process keeps it."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = (folder / "lock").open("wb")
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                handle.close()
                raise OperatorError(
                    "store.in-use",
                    _("Another process writes to the ledger in {folder}."),
                    hint=_("Stop it first; one ledger has one writer."),
                    folder=folder,
                ) from error
            time.sleep(LOCK_PAUSE)
        else:
            return handle


def _origin(folder: Path, wanted: str) -> str:
    path = folder / "origin"
    if not ORIGIN.fullmatch(wanted):
        raise CallerError(
            "ledger.origin-malformed",
            _("{wanted} cannot be a log's name."),
            hint=_("Give a host and path of yours, for example health.example/log: letters, digits, . - _ ~ and /."),
            wanted=wanted[:200],
        )
    if not path.exists():
        path.write_text(wanted)
    found = path.read_text()
    if found != wanted:
        raise CallerError(
            "ledger.origin",
            _("The ledger in {folder} is called {found}, not {wanted}."),
            hint=_("A log keeps its origin for ever: start it with the same one, or take a new folder."),
            folder=folder,
            found=found,
            wanted=wanted,
        )
    return found


def _require_opened(store: Store, rules: ScenarioRules) -> None:
    """Raise ``ledger.other-package`` where the scenario of ``store`` was opened with another package than this one."""
    opened = store.get("scenario")
    if opened is not None and opened["package"] != rules.package.digest:
        raise CallerError(
            "ledger.other-package",
            _("This ledger's scenario was opened with package {opened}, not with {given}."),
            hint=_("Give the folder of the package as it was opened; an amended one needs a vote."),
            opened=opened["package"].hex(),
            given=rules.package.digest.hex(),
        )


def _require_not_grown(folder: Path) -> None:
    """Raise ``ledger.grown`` where a consortium continues this log: a second continuation would be a fork (LOG-2)."""
    if (folder / GROWN).exists():
        raise OperatorError(
            "ledger.grown",
            _("A consortium continues the log in {folder}: what is registered here would be a fork of it."),
            hint=_("See {mark} for where it goes on. Receipts that were given here verify as before."),
            folder=folder,
            mark=folder / GROWN,
        )


def _existing(folder: Path) -> Store:
    """Return the store of the ledger in ``folder``; raise ``ledger.none`` where there is none."""
    if not (folder / "ledger.sqlite").is_file() or not (folder / "origin").is_file():
        raise CallerError(
            "ledger.none",
            _("There is no ledger in {folder}: it would hold ledger.sqlite and origin."),
            hint=_("Give the folder that poju ledger serve was given."),
            folder=folder,
        )
    return Store.open(folder / "ledger.sqlite")


def run(
    folder: Path, package: Path, origin: str, *, host: str, port: int, attached: bool, limits: Limits = DEFAULT
) -> None:
    """Serve the ledger until Ctrl-C, or until standard input closes where ``attached``."""
    rules = compose(package, folder / governance_node.PACKAGES)
    _require_not_grown(folder)
    held = lock(folder)
    store_log.require_whole(folder / "ledger.sqlite")
    store = Store.open(folder / "ledger.sqlite")
    key = log_private.in_force(folder, store)
    _require_opened(store, rules)
    governance_node.require_ready(store, rules)
    metrics = Metrics(rules.kinds)
    engine = EmbeddedEngine(
        store,
        rules,
        OwnKeys(key, log_private.watch(folder)),
        _origin(folder, origin),
        observer=metrics,
        charge=operate.charging(limits, metrics),
    )
    metrics.gauges = engine.gauges
    summary = operate.Summary(metrics)
    publish_keys(folder, origin, key.public, store)

    def close() -> None:
        engine.close()
        publish_keys(folder, origin, engine.log_key, store)
        summary.close()
        store.close()
        held.close()

    facts: dict[str, object] = {"origin": origin, "key": key.public.fingerprint}
    web = create(engine, rules)
    operate.install(web, limits, metrics)
    collector.settle()
    serving.run(web, host=host, port=port, attached=attached, on_close=close, facts=facts, limits=limits)


def publish_keys(folder: Path, origin: str, key: PublicKey, store: Store) -> None:
    """Write ``log.vkey``, the key that signs, and ``retired.vkey``, those that signed before it, a line each."""
    (folder / "log.vkey").write_text(key.vkey(origin) + "\n")
    lines = [f"{item.vkey(origin)}\n" for item in log_private.retired(store)]
    if lines:
        (folder / "retired.vkey").write_text("".join(lines))


def rebuild(folder: Path, package: Path) -> block.Head:
    """Return the head that folding the log again arrives at; raise ``log.divergence`` where it differs (LOG-4)."""
    store = _existing(folder)
    recorded, head = store.head(), block.Head()
    rules = compose(package, folder / governance_node.PACKAGES)
    _require_opened(store, rules)
    for outcome, _state in replay(rules, store.stream(recorded.size)):
        head = outcome.head
    store.close()
    if head != recorded:
        raise OperatorError(
            "log.divergence",
            _("Block {height} does not replay: {reason}."),
            hint=_("The log was altered, or its operator broke the rules in force. Keep this copy as evidence."),
            height=head.height,
            reason="head",
        )
    return head


def export(folder: Path, out: Path, package: Path) -> bytes:
    """Write the whole log as a tlog-tiles folder with entry bundles, its vkey and its package.

    Returns the first statement's digest, from which a policy can follow the log's votes; empty for an empty log.
    """
    store = _existing(folder)
    _require_opened(store, compose(package))
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CallerError(
            "ledger.out-not-empty",
            _("{out} holds something already."),
            hint=_("Give a new folder."),
            out=out,
        )
    write_log(store, log_private.in_force(folder, store), (folder / "origin").read_text(), out, entries=True)
    shutil.copytree(package, out / "package")
    if (folder / governance_node.PACKAGES).is_dir():
        shutil.copytree(folder / governance_node.PACKAGES, out / governance_node.PACKAGES)
    first = governance_node.genesis(store)
    store.close()
    return first


def write_log(store: Store, key: PrivateKey, origin: str, out: Path, *, entries: bool) -> None:
    """Write checkpoint, ``log.vkey``, hash tiles and, where ``entries``, the entry bundles of the durable log."""
    shutil.rmtree(out / "tile", ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    size = store.head().size
    tiles.write_folder(out, size, store.tile, store.leaves if entries else None)
    (out / "log.vkey").write_text(key.public.vkey(origin) + "\n")
    (out / "checkpoint").write_text(Checkpoint(origin, size, store.root(size)).sign(key))
