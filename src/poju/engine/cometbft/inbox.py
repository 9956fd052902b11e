"""What came over a socket and waits for its turn, taken in by a thread of its own.

The engine's client must never find the socket full: while it waits to write, its flush timer fires without a pause
(CometBFT v0.38.26, abci/client/socket_client.go: 20 ns), which took a fifth of its processor time. Answers take long
where a block is being executed, so that reading must not wait for them.
"""

from __future__ import annotations

import socket
import threading
from collections import deque

RECEIVE_BYTES = 1 << 18
WAITING_BYTES = 1 << 20
"""How much may wait here: a commit waits until the engine has the answer to each statement that it sent before."""


class Inbox:
    """One connection's: filled by one thread, emptied by another."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._chunks: deque[bytes] = deque()
        self._waiting = 0
        self._ended = False
        self._changed = threading.Condition()

    def fill(self) -> None:
        """Take in what comes until the connection ends or :meth:`end` is called, a bounded amount at a time."""
        try:
            while (data := self._connection.recv(RECEIVE_BYTES)) and self._room(data):
                pass
        except OSError:  # the engine went away; it connects again or the supervisor starts it again
            return
        finally:
            self.end()

    def take(self) -> bytes:
        """Return all that waits, once there is something; nothing once the connection ended and all was taken."""
        with self._changed:
            self._changed.wait_for(lambda: self._chunks or self._ended)
            found = b"".join(self._chunks)
            self._chunks.clear()
            self._waiting = 0
            self._changed.notify_all()
        return found

    def end(self) -> None:
        """Take in no more; what waits can still be taken."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _room(self, data: bytes) -> bool:
        """Keep ``data``; return once there is room for more, and whether any is wanted."""
        with self._changed:
            self._chunks.append(data)
            self._waiting += len(data)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting < WAITING_BYTES or self._ended)
            return not self._ended
