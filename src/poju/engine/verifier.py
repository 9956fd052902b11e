"""Signatures checked in a process of its own, so that the writer's rules and the checks do not share one lock.

PyNaCl lets go of the interpreter's lock for each signature, and to take it back costs a wait for whoever holds it:
with threads a statement took a third more processor time, and less than half of two cores' statements a second
(docs/reference/performance.md). The process is started by the first batch that is worth it, reads its standard input
until that ends, and dies with its parent. Where it fails, the writer checks by itself.

A request: the number of checks in 4 bytes, the length of the rest in 4, then for each 32 bytes of public key, 64 of
signature, the lengths of the protected header and of the payload in 4 bytes each, and both. An answer: one byte a
check, 1 where the signature holds. Numbers are big-endian.
"""

from __future__ import annotations

import signal
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO

from poju.ledger import cose
from poju.ledger.cose import Sign1
from poju.ledger.keys import KEY_BYTES, SIGNATURE_BYTES, PublicKey

HEAD = struct.Struct(">II")
CHECK = struct.Struct(f">{KEY_BYTES}s{SIGNATURE_BYTES}sII")
PIPE_BYTES = 1 << 19
"""A batch of 1,024 statements fits: through the usual 64 KiB the writer waits for the other process six times."""


def question(key: PublicKey, envelope: Sign1) -> bytes:
    """Return what asks whether ``key`` signed ``envelope``, which carries its payload."""
    header, payload = envelope.protected_bytes, envelope.payload or b""
    return CHECK.pack(key.raw, envelope.signature, len(header), len(payload)) + header + payload


class Verifier:
    """The parent's end; one thread's. At most one request is under way."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._broken = False
        self._asked = 0

    def ask(self, questions: Sequence[bytes]) -> bool:
        """Send a request of :func:`question`'s; return whether an answer is to be expected."""
        body = b"".join(questions)
        self._asked = len(questions)
        if self._broken:
            return False
        try:
            _send(self._started(), HEAD.pack(len(questions), len(body)) + body)
        except OSError:
            self._give_up()
        return not self._broken

    def answer(self) -> list[bool] | None:
        """Wait for the last request's answer; None where the process failed: it is not asked again."""
        if self._process is None or self._process.stdout is None:
            return None
        found = self._process.stdout.read(self._asked)
        if len(found) != self._asked:
            self._give_up()
            return None
        return [held == 1 for held in found]

    def close(self) -> None:
        """End the process."""
        self._broken = True
        if self._process is not None:
            # at the end of its input it ends; what it still has to say is not wanted any more
            with suppress(OSError), self._process:
                pass
            self._process = None

    def _started(self) -> BinaryIO:
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter and this module
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=-1,
                pipesize=PIPE_BYTES,
            )
        if self._process.stdin is None:
            raise BrokenPipeError
        return self._process.stdin  # type: ignore[return-value] # IO[bytes] of a pipe

    def _give_up(self) -> None:
        if self._process is not None:
            self._process.kill()
        self.close()


def _send(pipe: BinaryIO, data: bytes) -> None:
    pipe.write(data)
    pipe.flush()


def _checks(body: bytes, count: int) -> Iterator[bool]:
    at = 0
    for _number in range(count):
        raw, signature, header, payload = CHECK.unpack_from(body, at)
        at += CHECK.size
        between, end = at + header, at + header + payload
        signed = cose.signature_input(body[at:between], body[between:end])
        yield PublicKey.known(raw).verifies(signature, signed)
        at = end


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    while len(head := requests.read(HEAD.size)) == HEAD.size:
        count, length = HEAD.unpack(head)
        _send(answers, bytes(_checks(requests.read(length), count)))


def main() -> None:
    """Serve the parent. An interrupt from the terminal is the parent's to act on: its end is this one's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(BrokenPipeError):
        serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
