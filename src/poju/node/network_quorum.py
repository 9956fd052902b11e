"""Collecting the other validators' signatures on a root, so that k of them stand behind what is acknowledged."""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

from poju.errors import PojuError
from poju.ledger import checkpoint
from poju.node.logs import say
from poju.node.network_folder import Validator

WAIT_SECONDS = 3.0
MAX_NOTE = 4_096
OK = 200


class Peer:
    """One other validator, asked by one thread over one kept connection."""

    def __init__(self, validator: Validator, origin: str) -> None:
        self.validator = validator
        self._origin = origin
        self._connection = http.client.HTTPConnection(validator.host, validator.http, timeout=WAIT_SECONDS)
        self._thread = ThreadPoolExecutor(1, f"quorum-{validator.name}")
        self._asked: Future[bool] | None = None

    def ask(self, size: int, root: bytes) -> Future[bool] | None:
        """Return whether it will have signed ``root`` of ``size``, or None while an earlier question is open."""
        if self._asked is not None and not self._asked.done():
            return None
        self._asked = self._thread.submit(self._signed, size, root)
        return self._asked

    def close(self) -> None:
        """Ask nothing any more."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._connection.close()

    def _signed(self, size: int, root: bytes) -> bool:
        try:
            self._connection.request("GET", f"/checkpoint/{size}")
            answer = self._connection.getresponse()
            note = answer.read(MAX_NOTE)
            if answer.status != OK:
                return False
            found = checkpoint.open_note(note.decode(), self._origin, self.validator.log_key)
        except (OSError, http.client.HTTPException, UnicodeDecodeError):
            self._connection.close()
            return False
        except PojuError as error:
            say("signature-refused", validator=self.validator.name, code=error.code)
            return False
        if (found.size, found.root) == (size, root):
            return True
        # one of the two logs is not the one that was agreed on: what it signed is the evidence
        say("fork", validator=self.validator.name, size=size, ours=root.hex(), theirs=found.root.hex())
        return False


class Quorum:
    """Knows the other validators and how many signatures an acknowledgement needs, the own one included."""

    def __init__(self, others: Sequence[Validator], origin: str, needed: int) -> None:
        self._peers = [Peer(validator, origin) for validator in others]
        self._needed = needed - 1

    def collect(self, size: int, root: bytes) -> bool:
        """Return whether enough others signed ``root`` of ``size``; the slowest are not waited for."""
        if not self._needed:
            return True
        asked = [future for peer in self._peers if (future := peer.ask(size, root)) is not None]
        signed = 0
        try:
            for future in as_completed(asked, timeout=WAIT_SECONDS):
                signed += future.result()
                if signed >= self._needed:
                    return True
        except TimeoutError:
            return False
        return False

    def close(self) -> None:
        """Ask nothing any more."""
        for peer in self._peers:
            peer.close()
