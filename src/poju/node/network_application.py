"""One validator's application process: ABCI for its engine, HTTP for its members. Started by the supervisor.

Run: python -m poju.node.network_application DIR NAME [LIMITS]
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import NoReturn, cast

from fastapi import APIRouter, Response

from poju.engine.cometbft import genesis as genesis_file
from poju.engine.cometbft.application import Application
from poju.engine.cometbft.engine import NetworkEngine
from poju.engine.cometbft.genesis import Genesis
from poju.engine.cometbft.home import listens_on
from poju.engine.cometbft.rpc import Rpc
from poju.engine.cometbft.server import SocketServer
from poju.engine.embedded import EmbeddedEngine
from poju.errors import PojuError
from poju.ledger import store_log
from poju.ledger.keys import PrivateKey
from poju.ledger.store import Store
from poju.node import collector, network_audit, network_folder, network_light, network_watch, operate, serving
from poju.node.ledger_api import create
from poju.node.ledger_service import lock
from poju.node.limits import DEFAULT, Limits, load
from poju.node.logs import say
from poju.node.metrics import Metrics
from poju.node.network_evidence import Reporter
from poju.node.network_quorum import Quorum, Together
from poju.rulebook import compose

PATIENCE_SECONDS = 2.0
PAUSE_SECONDS = 0.005
ASK_SECONDS = 1.0
STOPPED = 3
TOLD_FRAMES = 6


def stop_at_once(error: Exception) -> NoReturn:
    """End the process for a failure after which no block may be answered; the supervisor starts both halves again."""
    if isinstance(error, PojuError):
        say("stopped", code=error.code, reason=str(error))
    else:
        # where, and never what: the text of a foreign error may quote a statement (PRIV-1)
        frames = traceback.extract_tb(error.__traceback__)[-TOLD_FRAMES:]
        places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
        say("stopped", code=type(error).__name__, reason=places)
    os._exit(STOPPED)


def cosigning(engine: NetworkEngine, quorum: Quorum) -> APIRouter:
    """Return this validator's signature on a size, a moment after it is agreed; and the newest with the others' too.

    ``quorum`` is this router's own.
    """

    def own() -> tuple[int, bytes, str]:
        size = engine.agreed_size
        return size, engine.store.root(size), engine.checkpoint_at(size)

    router, together = APIRouter(), Together(quorum, own)

    @router.get("/checkpoint/agreed")
    def agreed() -> Response:
        return Response(together.note(), media_type="text/plain; charset=utf-8")

    @router.get("/checkpoint/{size}")
    async def checkpoint(size: int) -> Response:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while engine.agreed_size < size and time.monotonic() < deadline:  # noqa: ASYNC110 - another thread moves it
            await asyncio.sleep(PAUSE_SECONDS)
        return Response(engine.checkpoint_at(size), media_type="text/plain; charset=utf-8")

    return router


def peers(port: int) -> int:
    """Return how many validators the engine is connected to; 0 where it does not answer."""
    asked = Rpc(port, ASK_SECONDS)
    try:
        return int(str(asked.call("net_info")["n_peers"]))
    except (PojuError, KeyError, ValueError):
        return 0
    finally:
        asked.close()


def _genesis(home: Path, package: bytes) -> Genesis:
    whole = json.loads((home / "config" / "genesis.json").read_text(encoding="utf-8"))
    found = genesis_file.read(json.dumps(whole["app_state"]).encode())
    if found.package != package:
        raise genesis_file.refused("the package beside it is another one")
    return found


def run(folder: Path, name: str, limits: Limits = DEFAULT) -> None:
    """Serve one validator's application until standard input closes or a signal comes."""
    network = network_folder.load(folder)
    validator = network.find(name)
    home = network.home(validator)
    rules = compose(network.package, network.package.parent / "packages")
    held = lock(home)
    store_log.require_whole(home / "ledger.sqlite")
    store = Store.open(home / "ledger.sqlite")
    key = PrivateKey.load(home / "log.private")
    genesis = _genesis(home, rules.package.digest)
    network_audit.require_audited(home, genesis, key.public)
    network_watch.require_undiverged(home)
    application = Application(store, rules, key, genesis)
    quorum = Quorum(network, validator, store)
    metrics = Metrics(rules.kinds)
    engine = NetworkEngine(
        application,
        key,
        Rpc(validator.rpc),
        quorum.collect,
        observer=metrics,
        charge=operate.charging(limits, metrics),
    )
    metrics.gauges = lambda: {**engine.gauges(), "peers": peers(validator.rpc)}
    summary = operate.Summary(metrics)
    # the engine's socket is named relative to its folder, so that a long path cannot break it
    os.chdir(home)
    server = SocketServer(application, Path("abci.sock"), stop_at_once)
    threading.Thread(target=server.serve, name="abci-listener", daemon=True).start()
    # with its own questions to the others: an acknowledgement must not wait for the watch's
    watched = Quorum(network, validator, store)
    watch = network_watch.Watch(home, store, validator.rpc, watched.collect, stop_at_once)

    asked = Rpc(validator.rpc)
    reporter = Reporter(home, store, asked.call, engine.register)
    application.on_misbehaviour = reporter.note

    def close() -> None:
        reporter.close()
        asked.close()
        watch.close()
        watched.close()
        together.close()
        server.close()
        engine.close()
        summary.close()
        quorum.close()
        application.close()
        held.close()

    # ledger_api asks for what both engines have; test_engine_cometbft_door checks that this one has all of it
    web = create(cast("EmbeddedEngine", engine), rules)
    together = Quorum(network, validator, store)
    web.include_router(cosigning(engine, together))
    operate.install(web, limits, metrics)
    web.include_router(network_light.routes(network, validator))
    collector.settle()
    height, _hash = application.info()
    facts: dict[str, object] = {"validator": name, "height": height, "key": key.public.fingerprint}
    host = listens_on(validator.host)
    serving.run(web, host=host, port=validator.http, attached=True, on_close=close, facts=facts, limits=limits)


def main() -> None:
    """Run the validator that the arguments name; end a foreseen failure in one line."""
    folder, name, *taken = sys.argv[1:]
    try:
        run(Path(folder), name, *(load(Path(path)) for path in taken))
    except PojuError as error:
        stop_at_once(error)


if __name__ == "__main__":
    main()
