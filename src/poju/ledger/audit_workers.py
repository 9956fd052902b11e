"""Decoding leaves and checking signatures of coming bundles in other processes. Pure work: bytes in, findings out.

A worker is this module run as a program. It reads no file and decides nothing: whether the key under which it found a
signature to hold may speak for the issuer, the fold asks the replayed state (``ledger/audit.py``). A worker that ends
early is an error of the audit, never a pass.
"""

from __future__ import annotations

import pickle
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

from poju.errors import OperatorError, PojuError
from poju.i18n import _
from poju.ledger import leaf, merkle, statement, tiles
from poju.ledger.keys import KEY_BYTES, PublicKey
from poju.ledger.leaf import BlockLeaf
from poju.ledger.statement import UnverifiedStatement

DEPTH = 3
"""Bundles that lie with one worker: one in its hands, one waiting, one answered."""
HINTS_A_TASK = 512
HINTS_KEPT = 65_536
UNREADABLE = (PojuError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class Task(NamedTuple):
    """An entry bundle that should hold ``width`` leaves, and keys (thumbprint → raw key) that the log has told of."""

    number: int
    width: int
    data: bytes
    keys: Mapping[bytes, bytes]


class Unreadable(NamedTuple):
    """A leaf of none of the three kinds."""

    raw: bytes


Entry = UnverifiedStatement | BlockLeaf | Unreadable | bytes
"""A leaf as found: a decision stays bytes, since the rules have to make the very same."""


class Examined(NamedTuple):
    """A bundle's leaves, their hashes joined, and for each the raw key under which its signature holds, or None.

    All three are empty where the bundle's bytes do not make exactly the leaves that it should hold.
    """

    number: int
    hashes: bytes
    entries: Sequence[Entry]
    signers: Sequence[bytes | None]


def examine(task: Task, keys: Mapping[bytes, bytes]) -> Examined:
    """Split, hash and decode a bundle and check its signatures under ``keys``; the same answer in every process."""
    leaves = _split(task.data, task.width)
    entries = [_entry(item) for item in leaves]
    signers = [_signer(item, keys) if isinstance(item, UnverifiedStatement) else None for item in entries]
    return Examined(task.number, b"".join(map(merkle.leaf_hash, leaves)), entries, signers)


def _split(data: bytes, width: int) -> list[bytes]:
    """Return the ``width`` leaves of a bundle, or none at all where it does not hold exactly as many."""
    leaves, at = [], 0
    for _number in range(width):
        start = at + tiles.LENGTH_BYTES
        at = start + int.from_bytes(data[at:start], "big")
        if not start <= at <= len(data):
            return []
        leaves.append(data[start:at])
    return leaves if at == len(data) else []


def _entry(raw: bytes) -> Entry:
    try:
        if leaf.is_statement(raw):
            return statement.decode(raw)
        decoded = leaf.decode(raw)
    except UNREADABLE:
        return Unreadable(raw)
    return decoded if isinstance(decoded, BlockLeaf) else raw


def _signer(item: UnverifiedStatement, keys: Mapping[bytes, bytes]) -> bytes | None:
    """Return the key under which the signature holds: one that was told of, or the one that the statement carries."""
    raw = keys.get(item.key_id) or item.fields.get("key")
    if not isinstance(raw, bytes) or len(raw) != KEY_BYTES:
        return None
    return raw if item.envelope.verifies(PublicKey.known(raw)) else None


class _Process:
    """One worker; the parent's thread alone uses it."""

    def __init__(self) -> None:
        # -P: no module is taken from the folder that the audit happens to be started in. A group of its own: Ctrl-C
        # is for the parent, and the worker ends when its standard input closes.
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter and this module
            [sys.executable, "-P", "-c", f"from {__name__} import run; run()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        self._told = 0

    def send(self, task: Task, keys: Sequence[tuple[bytes, bytes]]) -> None:
        """Hand over a bundle, with those of all ``keys`` that this worker was not told yet."""
        new = keys[self._told : self._told + HINTS_A_TASK]
        self._told += len(new)
        try:
            pickle.dump(task._replace(keys=dict(new)), _pipe(self._process.stdin), pickle.HIGHEST_PROTOCOL)
            _pipe(self._process.stdin).flush()
        except (OSError, ValueError) as error:
            raise self._ended() from error

    def receive(self, number: int) -> Examined:
        """Return the answer to the oldest bundle, which has to be ``number``; raise ``audit.worker`` without one."""
        try:
            answer = pickle.load(_pipe(self._process.stdout))  # noqa: S301 - our own child's bytes, over its own pipe
        except (EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
            raise self._ended() from error
        if not isinstance(answer, Examined) or answer.number != number:
            raise self._ended()
        return answer

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        with suppress(OSError):  # what was not written yet has no reader any more
            _pipe(self._process.stdin).close()
        _pipe(self._process.stdout).close()
        self._process.wait()

    def _ended(self) -> OperatorError:
        return OperatorError(
            "audit.worker",
            _("A process that checked signatures ended before its answer (status {status})."),
            hint=_("Nothing is verified. See whether the machine is short of memory, then audit again with --jobs 0."),
            status=self._process.poll(),
        )


def _pipe(pipe: object) -> BinaryIO:
    assert pipe is not None  # noqa: S101 - both are opened as pipes
    return pipe  # type: ignore[return-value]  # Popen types its pipes as optional


class Workers:
    """Examines bundles in order, in ``count`` processes, or in this one where that is 0."""

    def __init__(self, count: int) -> None:
        self._processes = [_Process() for _number in range(count)]
        self._keys: list[tuple[bytes, bytes]] = []
        self._known: dict[bytes, bytes] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.end()

    def tell(self, key: PublicKey) -> None:
        """Tell of a key that the log registered: signatures of coming bundles are tried under it."""
        if key.thumbprint not in self._known and len(self._keys) < HINTS_KEPT:
            self._known[key.thumbprint] = key.raw
            self._keys.append((key.thumbprint, key.raw))

    def examined(self, tasks: Iterator[Task]) -> Iterator[Examined]:
        """Yield what was found in each bundle, in the bundles' order; raise ``audit.worker`` where a process ended."""
        if not self._processes:
            for task in tasks:
                yield examine(task, self._known)
            return
        waiting: deque[tuple[_Process, int]] = deque()
        for turn, task in enumerate(tasks):
            process = self._processes[turn % len(self._processes)]
            process.send(task, self._keys)
            waiting.append((process, task.number))
            if len(waiting) == DEPTH * len(self._processes):
                process, number = waiting.popleft()
                yield process.receive(number)
        for process, number in waiting:
            yield process.receive(number)


def _take(source: BinaryIO, tasks: queue.SimpleQueue[Task | None]) -> None:
    """Take tasks off the pipe at once, so that parent and child never both wait for the other to read."""
    with suppress(EOFError, OSError, pickle.UnpicklingError):
        while True:
            tasks.put(pickle.load(source))  # noqa: S301 - our own parent's bytes
    tasks.put(None)


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Answer one task after the other until ``source`` ends."""
    tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
    threading.Thread(target=_take, args=(source, tasks), daemon=True).start()
    known: dict[bytes, bytes] = {}
    while (task := tasks.get()) is not None:
        known.update(task.keys)
        pickle.dump(examine(task, known), target, pickle.HIGHEST_PROTOCOL)
        target.flush()


def run() -> None:
    """Be a worker: what the parent's command line calls."""
    with suppress(BrokenPipeError):
        serve(sys.stdin.buffer, sys.stdout.buffer)
