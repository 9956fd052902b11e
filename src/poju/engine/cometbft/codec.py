"""ABCI's framing on a socket: each message behind its length as a protobuf varint (CometBFT 0.38, socket protocol)."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.message import DecodeError

from poju.engine.cometbft import abci_pb2 as abci
from poju.errors import OperatorError
from poju.i18n import _

MAX_MESSAGE = 64 << 20
"""Bytes of one message: above any block that the genesis file allows (1 MiB of statements)."""
MAX_LENGTH_BYTES = 5
SEVEN_BITS, MORE = 0x7F, 0x80


def malformed(reason: str) -> OperatorError:
    """Return ``abci.malformed``: what came is no ABCI request, so that whoever is connected is no such engine."""
    return OperatorError(
        "abci.malformed",
        _("What came over the engine's socket is no ABCI message: {reason}."),
        hint=_("Run the engine that poju network install-engine installs, and let nothing else connect to the socket."),
        reason=reason,
    )


def frame(message: bytes) -> bytes:
    """Return ``message`` behind its length."""
    length, head = len(message), bytearray()
    while length > SEVEN_BITS:
        head.append(length & SEVEN_BITS | MORE)
        length >>= 7
    head.append(length)
    return bytes(head) + message


class Frames:
    """Collects what a socket delivers and yields each whole message, in order. Used by one thread.

    More may be added while the messages are taken out.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0

    def add(self, data: bytes) -> None:
        """Take what the socket delivered."""
        if self._at:
            del self._buffer[: self._at]
            self._at = 0
        self._buffer += data

    def messages(self) -> Iterator[bytes]:
        """Yield the messages that are whole by now; raise ``abci.malformed`` for a length that cannot be."""
        while (found := self._length(self._at)) is not None:
            start, length = found
            if len(self._buffer) < start + length:
                return
            self._at = start + length
            yield bytes(self._buffer[start : self._at])

    def _length(self, at: int) -> tuple[int, int] | None:
        """Return where the message begins whose length stands at ``at``, and that length; None while it is not here."""
        value = 0
        for position in range(MAX_LENGTH_BYTES):
            if at + position >= len(self._buffer):
                return None
            byte = self._buffer[at + position]
            value |= (byte & SEVEN_BITS) << (7 * position)
            if value > MAX_MESSAGE:
                raise malformed("a length is over the limit")
            if not byte & MORE:
                return at + position + 1, value
        raise malformed("a length has no end")


def decode(message: bytes) -> abci.Request:
    """Return the request in ``message``, or raise ``abci.malformed``."""
    try:
        return abci.Request.FromString(message)
    except DecodeError as error:
        raise malformed("a message cannot be decoded") from error
