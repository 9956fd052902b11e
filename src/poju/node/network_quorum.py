"""Collecting the other validators' signatures on a root, so that k of them stand behind what is acknowledged."""

from __future__ import annotations

import http.client
import math
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import suppress

from poju.engine.cometbft import light
from poju.errors import PojuError
from poju.ledger import checkpoint
from poju.ledger.cbor import Value
from poju.ledger.rulebook import State
from poju.node import network_folder
from poju.node.logs import say
from poju.node.network_folder import Network, Validator
from poju.scenario import governance_state

WAIT_SECONDS = 3.0
RELOAD_SECONDS = 5.0
MAX_NOTE = 4_096
OK = 200


class Peer:
    """One other validator, asked by one thread over one kept connection."""

    def __init__(self, validator: Validator, origin: str) -> None:
        self.validator = validator
        self._origin = origin
        self._connection = http.client.HTTPConnection(validator.host, validator.http, timeout=WAIT_SECONDS)
        self._thread = ThreadPoolExecutor(1, f"quorum-{validator.name}")
        self._asked: Future[str] | None = None

    def ask(self, size: int, root: bytes) -> Future[str] | None:
        """Return its signed note on ``root`` of ``size``, empty where it has none; None while it is still asked."""
        if self._asked is not None and not self._asked.done():
            return None
        self._asked = self._thread.submit(self._signed, size, root)
        return self._asked

    def close(self) -> None:
        """Ask nothing any more."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._connection.close()

    def _signed(self, size: int, root: bytes) -> str:
        try:
            self._connection.request("GET", f"/checkpoint/{size}")
            answer = self._connection.getresponse()
            note = answer.read(MAX_NOTE)
            if answer.status != OK:
                return ""
            found = checkpoint.open_note(note.decode(), self._origin, self.validator.log_key)
        except (OSError, http.client.HTTPException, UnicodeDecodeError):
            self._connection.close()
            return ""
        except PojuError as error:
            say("signature-refused", validator=self.validator.name, code=error.code)
            return ""
        if (found.size, found.root) == (size, root):
            return note.decode()
        # one of the two logs is not the one that was agreed on: what it signed is the evidence
        say("fork", validator=self.validator.name, size=size, ours=root.hex(), theirs=found.root.hex())
        return ""


def standing(genesis: Collection[bytes], recorded: Iterable[Mapping[str, Value]]) -> frozenset[bytes]:
    """Return the raw log keys that stand behind a root now: the genesis file's, as votes have changed them since.

    ``recorded``: the state's ``log-keys``. A key that an operator had alone before is none of them.
    """
    keys = set(genesis)
    for item in recorded:
        if item["name"] != governance_state.LOG:
            speaks = item["until"] is None and item["compromised"] is None
            (keys.add if speaks else keys.discard)(item["key"])
    return frozenset(keys)


class Quorum:
    """Asks those whose keys stand behind a root for their signatures: more than two thirds of them, this one included.

    Who they are follows from the log; where they answer stands in ``network.json``, which is read again where a key has
    no address yet. Used by one thread.
    """

    def __init__(self, network: Network, own: Validator, state: State) -> None:
        self._network = network
        self._own = own
        self._state = state
        self._genesis = [item.log_key.raw for item in network.validators]
        self._peers: dict[bytes, Peer] = {}
        self._looked = -RELOAD_SECONDS
        self._know(network)

    def collect(self, size: int, root: bytes) -> bool:
        """Return whether enough others signed ``root`` of ``size``; the slowest are not waited for."""
        return self.gather(size, root)[0]

    def gather(self, size: int, root: bytes) -> tuple[bool, list[str]]:
        """Return whether enough others signed ``root`` of ``size``, and their notes: so many, or all that there are."""
        keys = standing(self._genesis, self._state.get(governance_state.LOG_KEYS) or ())
        # a node that joined, and that no vote admitted, signs for itself alone
        needed = network_folder.quorum(len(keys)) - (self._own.log_key.raw in keys)
        notes: list[str] = []
        if needed <= 0:
            return True, notes
        asked = [future for peer in self._asked(keys) if (future := peer.ask(size, root)) is not None]
        with suppress(TimeoutError):
            for future in as_completed(asked, timeout=WAIT_SECONDS):
                notes += [note for note in (future.result(),) if note]
                if len(notes) >= needed:
                    return True, notes
        return False, notes

    def _asked(self, keys: frozenset[bytes]) -> list[Peer]:
        others = keys - {self._own.log_key.raw}
        if not others <= self._peers.keys() and time.monotonic() - self._looked > RELOAD_SECONDS:
            self._looked = time.monotonic()
            with suppress(PojuError):
                self._know(network_folder.load(self._network.folder))
        return [self._peers[key] for key in others if key in self._peers]

    def _know(self, network: Network) -> None:
        for item in network.nodes:
            if item.name != self._own.name and item.log_key.raw not in self._peers:
                self._peers[item.log_key.raw] = Peer(item, network.origin)

    def close(self) -> None:
        """Ask nothing any more."""
        for peer in self._peers.values():
            peer.close()


class Together:
    """The newest agreed checkpoint with the others' signatures, for whoever asks.

    One request at a time asks the others, so that they cannot be made to wait by asking this one; the rest get what was
    found last. What too few signed is asked for again after a while.
    """

    def __init__(self, quorum: Quorum, own: Callable[[], tuple[int, bytes, str]]) -> None:
        """``own``: the agreed size, its root, and this validator's note on it; ``quorum`` is nobody else's."""
        self._quorum = quorum
        self._own = own
        self._asking = threading.Lock()
        self._note, self._size, self._until = "", -1, 0.0

    def note(self) -> str:
        """Return a signed note with enough signatures, or with as many as there are."""
        if not self._asking.acquire(blocking=not self._note):
            return self._note
        try:
            size, root, own = self._own()
            if size != self._size or time.monotonic() > self._until:
                enough, notes = self._quorum.gather(size, root)
                self._note, self._size = light.merge([own, *notes]), size
                self._until = math.inf if enough else time.monotonic() + RELOAD_SECONDS
            return self._note
        finally:
            self._asking.release()
