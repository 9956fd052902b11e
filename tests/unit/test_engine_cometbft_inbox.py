"""What waits for its answer is taken in at once, whole, in order, and never more than a bound."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from poju.engine.cometbft.inbox import RECEIVE_BYTES, WAITING_BYTES, Inbox

WAIT = 10.0
PIECE = bytes(range(256)) * 16


class Filled:
    """A connection's two ends and the thread that takes in."""

    def __init__(self) -> None:
        self.engine, self.own = socket.socketpair()
        self.engine.settimeout(0.5)
        self.inbox = Inbox(self.own)
        self.thread = threading.Thread(target=self.inbox.fill)
        self.thread.start()

    def write_until_full(self) -> int:
        """Return the bytes that could be written before half a second passed without room."""
        written = 0
        try:
            while written < 4 * WAITING_BYTES:
                written += self.engine.send(PIECE)
        except TimeoutError:
            return written
        return written


@pytest.fixture
def filled(socket_enabled: None) -> Iterator[Filled]:
    assert socket_enabled is None
    made = Filled()
    yield made
    made.inbox.end()
    for end in (made.engine, made.own):
        end.close()
    made.thread.join(WAIT)
    assert not made.thread.is_alive()


def test_the_engine_can_write_while_nobody_answers_and_not_without_bound(filled: Filled) -> None:
    written = filled.write_until_full()
    assert WAITING_BYTES <= written < WAITING_BYTES + 4 * RECEIVE_BYTES
    found = filled.inbox.take()
    assert WAITING_BYTES <= len(found) <= WAITING_BYTES + RECEIVE_BYTES
    # there is room again
    assert filled.engine.send(PIECE) > 0


def test_all_comes_out_as_it_came_in_and_then_the_end(filled: Filled) -> None:
    sent = b"".join(bytes([number]) * 700 for number in range(200))
    filled.engine.sendall(sent)
    filled.engine.shutdown(socket.SHUT_WR)
    found = b""
    while data := filled.inbox.take():
        found += data
    assert found == sent
    assert filled.inbox.take() == b""


def test_an_end_wakes_whoever_waits_for_room_and_whoever_waits_for_bytes(filled: Filled) -> None:
    taken: list[bytes] = []
    waiting = threading.Thread(target=lambda: taken.append(filled.inbox.take()))
    waiting.start()
    filled.inbox.end()
    waiting.join(WAIT)
    assert taken == [b""]
    full = Filled()
    full.write_until_full()
    full.inbox.end()
    full.thread.join(WAIT)
    assert not full.thread.is_alive()
    for end in (full.engine, full.own):
        end.close()
