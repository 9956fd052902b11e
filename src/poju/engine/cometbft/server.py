"""ABCI 2.0 over a Unix socket: the engine opens four connections, each is answered in order by a thread of its own.

Whatever the application cannot answer stops the process: an application that goes on after a failed block would be the
one that differs (LOG-2). The engine ends when its application does, and the supervisor starts both again.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from poju.engine.cometbft import abci_pb2 as abci
from poju.engine.cometbft import codec
from poju.engine.cometbft.application import Application
from poju.engine.cometbft.dispatcher import Dispatcher, reply
from poju.engine.cometbft.inbox import Inbox
from poju.errors import OperatorError, PojuError
from poju.i18n import _

BACKLOG = 8
TOGETHER = 32
"""Answers that go back in one write."""
Report = Callable[[PojuError | Exception], None]


class SocketServer:
    """Listens on a Unix socket until closed. ``report`` is called once for a failure that has to end the process."""

    def __init__(self, application: Application, path: Path, report: Report) -> None:
        self._dispatcher = Dispatcher(application)
        self._report = report
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        try:
            self._listener.bind(str(path))
        except OSError as error:
            self._listener.close()
            raise OperatorError(
                "network.socket",
                _("The socket {path} cannot be made: {reason}."),
                hint=_("Choose a folder on a local disk, and a path of fewer than 100 letters."),
                path=path,
                reason=error.strerror or str(error),
            ) from error
        path.chmod(0o600)
        self._listener.listen(BACKLOG)
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()

    def serve(self) -> None:
        """Accept connections until :meth:`close`; returns then."""
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._connections.add(connection)
            threading.Thread(target=self._converse, args=(connection,), name="abci", daemon=True).start()

    def close(self) -> None:
        """Stop listening and end all conversations."""
        with self._lock:
            left = list(self._connections)
        for item in (self._listener, *left):
            # the engine may have closed its end already
            with contextlib.suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _converse(self, connection: socket.socket) -> None:
        inbox, frames = Inbox(connection), codec.Frames()
        threading.Thread(target=inbox.fill, name="abci-inbox", daemon=True).start()
        try:
            while data := inbox.take():
                frames.add(data)
                while answers := [self._dispatcher.answer(item) for item in islice(frames.messages(), TOGETHER)]:
                    connection.sendall(b"".join(answers))
        except OSError:  # the engine went away; it connects again or the supervisor starts it again
            return
        except Exception as error:  # noqa: BLE001 whatever failed, this application must not answer the next block
            self._explain(connection, error)
            self._report(error)
        finally:
            inbox.end()
            with self._lock:
                self._connections.discard(connection)
            self._hang_up(connection)

    @staticmethod
    def _hang_up(connection: socket.socket) -> None:
        # shut down first: closing alone would not wake the thread that reads
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    @staticmethod
    def _explain(connection: socket.socket, error: Exception) -> None:
        text = str(error) if isinstance(error, PojuError) else type(error).__name__
        try:
            connection.sendall(reply(abci.Response(exception=abci.Text(text=text))))
        except OSError:  # nobody is left to be told
            return
