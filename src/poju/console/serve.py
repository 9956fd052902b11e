"""Serve the console on loopback until it is interrupted."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from poju.console.app import create
from poju.errors import CallerError, OperatorError
from poju.i18n import _

LOOPBACK = "127.0.0.1"


class _Server(uvicorn.Server):
    """Tells its address once it answers, not before."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()


def serve(
    folder: Path,
    host: str = LOOPBACK,
    port: int = 0,
    on_ready: Callable[[str], None] | None = None,
    language: str | None = None,
) -> None:
    """Serve ``folder``'s report on ``host``:``port`` (0: any free one) until Ctrl-C or SIGTERM; call ``on_ready(url)``.

    Raises :class:`~poju.errors.CallerError` ``console-not-loopback`` for another machine's or every address: the
    console has no sign-in; and those of :func:`poju.console.app.create`. Raises :class:`~poju.errors.OperatorError`
    ``console-port`` where the port cannot be had.
    """
    address = _loopback(host)
    app = create(folder, language)
    listener = _listen(address, port)
    name = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - the IP version
    url = f"http://{name}:{listener.getsockname()[1]}/"
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, ws="none", lifespan="off", timeout_keep_alive=5
    )
    server = _Server(config, lambda: on_ready(url) if on_ready else None)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        # The server has already closed in order; Ctrl-C is how this ends, not a failure.
        return
    finally:
        listener.close()


def _loopback(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        address = ipaddress.ip_address(LOOPBACK if host == "localhost" else host.strip("[]"))
    except ValueError:
        address = ipaddress.ip_address("0.0.0.0")  # noqa: S104 - never bound: it only fails the check below
    if str(address) not in (LOOPBACK, "::1"):
        raise CallerError(
            "console-not-loopback",
            _("The console does not answer on {host}: it has no sign-in, so it stays on this machine."),
            hint=_("Leave the host out, or give 127.0.0.1; to show the pages elsewhere, pass on report.html."),
            host=host,
        )
    return address


def _listen(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> socket.socket:
    family = socket.AF_INET if isinstance(address, ipaddress.IPv4Address) else socket.AF_INET6
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((str(address), port))
        listener.listen(64)
    except (OSError, OverflowError) as error:
        listener.close()
        raise OperatorError(
            "console-port",
            _("Port {port} on {host} cannot be used: {reason}"),
            hint=_("Leave --port out to take any free port, or give another one."),
            port=port,
            host=address,
            reason=getattr(error, "strerror", None) or str(error),
        ) from error
    return listener
