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
    """Collects what a socket delivers and yields each whole message. Used by one thread."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the messages that ``data`` completes; raise ``abci.malformed`` for a length that cannot be."""
        self._buffer += data
        at = 0
        while (found := self._length(at)) is not None:
            start, length = found
            if len(self._buffer) < start + length:
                break
            at = start + length
            yield bytes(self._buffer[start:at])
        del self._buffer[:at]

    def _length(self, at: int) -> tuple[int, int] | None:
        """Return where the message begins whose length stands at ``at``, and that length; None while it is not here."""
        value = 0
        for position, byte in enumerate(self._buffer[at : at + MAX_LENGTH_BYTES]):
            value |= (byte & SEVEN_BITS) << (7 * position)
            if value > MAX_MESSAGE:
                raise malformed("a length is over the limit")
            if not byte & MORE:
                return at + position + 1, value
        if len(self._buffer) - at >= MAX_LENGTH_BYTES:
            raise malformed("a length has no end")
        return None


def decode(message: bytes) -> abci.Request:
    """Return the request in ``message``, or raise ``abci.malformed``."""
    try:
        return abci.Request.FromString(message)
    except DecodeError as error:
        raise malformed("a message cannot be decoded") from error
