"""Running an application on loopback until its parent lets go of it."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from poju.errors import OperatorError
from poju.i18n import _
from poju.node.limits import DEFAULT, Limits

BACKLOG = 256


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; raise ``port.taken`` where the port is in use."""
    # The protocol is named so that asyncio sets TCP_NODELAY on accepted connections: 40 ms a request otherwise.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise OperatorError(
            "port.taken",
            _("Port {port} on {host} cannot be used: {reason}."),
            hint=_("Choose another with --port, or --port 0 for a free one."),
            port=port,
            host=host,
            reason=getattr(error, "strerror", None) or _("no such port"),
        ) from error
    listener.listen(BACKLOG)
    return listener


def _stop_with_parent(server: uvicorn.Server) -> None:
    """End with the parent: its end of our standard input closes when it dies, however it dies."""
    while sys.stdin.buffer.read(4096):
        pass
    server.should_exit = True


def run(
    app: FastAPI,
    *,
    host: str,
    port: int,
    attached: bool,
    on_close: Callable[[], None],
    facts: dict[str, object],
    limits: Limits = DEFAULT,
) -> None:
    """Serve ``app``; print one JSON line {"url", "pid", …facts} when ready.

    ``attached`` ends the server when standard input closes. Ctrl-C ends it too; ``on_close`` runs in either case.
    """
    listener = listen(host, port)
    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=2,
        limit_concurrency=limits.connections,
        # without a named proxy, X-Forwarded-For is what any client may write
        proxy_headers=bool(limits.proxies),
        forwarded_allow_ips=list(limits.proxies),
    )
    server = uvicorn.Server(config)
    if attached:
        threading.Thread(target=_stop_with_parent, args=(server,), daemon=True).start()
    address = listener.getsockname()
    ready = {"url": f"http://{address[0]}:{address[1]}", "pid": os.getpid(), **facts}
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    try:
        server.run(sockets=[listener])
    finally:
        on_close()
