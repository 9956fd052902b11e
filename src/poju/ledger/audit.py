"""Auditing a whole log in one pass, in bounded memory: nothing is taken over from who runs it (LOG-2, LOG-4).

For each entry bundle, in order: (1) its leaves are the ones whose hashes the checked tiles hold, and so the ones under
the signed root; (2) each decodes; (3) each statement's signature holds under the key that the state before its block
has for it; (4) the block replays under the rules: decisions, height, time, chained state digest. The first leaf at
which one of these does not hold ends the audit with an error that names it. Decoding and signatures of coming bundles
are done in worker processes (``ledger/audit_workers.py``); their number changes nothing in the result.

An audit with a folder saves its place now and then, between two blocks: position, state digest and the root up to
there. Taken up again, it goes on only where the same log, rules and runtime have that very root at that size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from poju.errors import CallerError, OperatorError, PojuError
from poju.i18n import _
from poju.ledger import block, cbor, leaf, merkle, statement, tiles
from poju.ledger.audit_state import FoldState
from poju.ledger.audit_tiles import CheckedTiles, altered
from poju.ledger.audit_workers import UNREADABLE, Examined, Task, Unreadable, Workers
from poju.ledger.keys import PublicKey
from poju.ledger.leaf import BlockLeaf
from poju.ledger.replay import authenticate, replay_block
from poju.ledger.rulebook import RuleBook
from poju.ledger.statement import UnverifiedStatement, VerifiedStatement
from poju.units import Seconds

SAVE_LEAVES = 65_536
BLOCK_LEAVES, BLOCK_BYTES = 1 << 16, 1 << 25
"""What one block may hold; a larger one would have to be kept in memory whole."""
NEW_FOLDER = _("Give a new folder with --state to audit from the first leaf.")


class Watch(Protocol):
    """Looks at the state of one moment: what the rules had before them when they refused something."""

    size: int
    """The leaves before the block that is looked at: the end of a block, or 0."""

    def judge(
        self,
        state: FoldState,
        head: block.Head,
        following: list[tuple[int, VerifiedStatement]],
        closing: Seconds | None,
    ) -> None:
        """Look at ``state``, with the statements (leaf index, statement) and the time of the block that follows."""


def _silent(_done: int, _total: int) -> None:
    """Tell nobody."""


def _any_statement(_item: UnverifiedStatement, _index: int) -> None:
    """Expect nothing of a statement beyond what the rules do."""


@dataclass(frozen=True)
class Log:
    """What is audited: hash tiles that were followed to their root, and its entry bundles by (number, width)."""

    tiles: CheckedTiles
    bundle: Callable[[int, int], bytes]

    def leaf(self, index: int) -> bytes:
        """Return one leaf, compared with its hash; raise ``bundle.differs``."""
        number = index // tiles.WIDTH
        width = min(tiles.WIDTH, self.tiles.size - number * tiles.WIDTH)
        raw = tiles.unbundle(self.bundle(number, width))[index % tiles.WIDTH]
        if merkle.leaf_hash(raw) != self.tiles.node(0, index):
            raise _leaf_differs(index, tiles.path("entries", number, width))
        return raw


@dataclass(frozen=True)
class Plan:
    """How to audit. ``workers``: processes beside this one. ``identity``: what a saved place belongs to.

    ``expect`` sees every statement with its leaf index before its block is replayed, and may raise. ``progress`` is
    told how many leaves of how many are done.
    """

    workers: int = 0
    identity: Mapping[str, cbor.Value] = field(default_factory=dict)
    expect: Callable[[UnverifiedStatement, int], None] = _any_statement
    progress: Callable[[int, int], None] = _silent
    watch: Watch | None = None


@dataclass
class Found:
    """What was audited, over all runs; ``resumed``: the leaves that an earlier run had checked."""

    statements: int = 0
    decisions: int = 0
    resumed: int = 0


class Audit:
    """One pass over a log. :meth:`run` raises at the first thing that does not hold and returns once all does."""

    def __init__(self, rules: RuleBook, log: Log, state: FoldState, plan: Plan) -> None:
        self.head = block.Head()
        self.found = Found()
        self._rules, self._log, self._state, self._plan = rules, log, state, plan
        self._size = log.tiles.size
        self._pending: list[tuple[int, UnverifiedStatement | bytes, bytes | None]] = []
        self._pending_bytes = 0
        self._saved = 0
        self._workers = Workers(0)

    def run(self) -> Found:
        """Audit every leaf from where the last save stands, or from the first, to the checked root."""
        self._resume()
        with Workers(self._plan.workers) as self._workers:
            for examined in self._workers.examined(self._tasks()):
                self._bundle(examined)
                self._plan.progress(min(self._size, (examined.number + 1) * tiles.WIDTH), self._size)
        if self._pending:
            raise CallerError(
                "log.unclosed",
                _("The log ends inside a block: {count} leaves have no block leaf after them."),
                hint=_("Fetch the log again up to a checkpoint; a checkpoint always stands behind a block leaf."),
                count=len(self._pending),
            )
        self._look([], None)
        self._save()
        return self.found

    def _tasks(self) -> Iterator[Task]:
        first, count = self.head.size // tiles.WIDTH, -(-self._size // tiles.WIDTH)
        for number in range(first if self.head.size < self._size else count, count):
            width = min(tiles.WIDTH, self._size - number * tiles.WIDTH)
            yield Task(number, width, self._log.bundle(number, width), {})

    def _bundle(self, examined: Examined) -> None:
        """Take in one bundle: steps 1 and 2, then 3 and 4 for each block that ends in it."""
        first = examined.number * tiles.WIDTH
        # 1. the leaves under the root
        self._under_the_root(examined, first)
        begin = max(0, self.head.size + len(self._pending) - first)
        ahead = [(first + at, item) for at, item in enumerate(examined.entries[begin:], begin)]
        self._prepare([(index, item) for index, item in ahead if isinstance(item, UnverifiedStatement)])
        for (index, entry), signer in zip(ahead, examined.signers[begin:], strict=True):
            # 2. each decodes
            if isinstance(entry, Unreadable):
                raise _unreadable(index, entry.raw)
            if isinstance(entry, BlockLeaf):
                self._block(entry)
            else:
                self._hold(index, entry, signer)

    def _under_the_root(self, examined: Examined, first: int) -> None:
        wanted = self._log.tiles.tile(0, examined.number)
        if examined.hashes == wanted:
            return
        path = tiles.path("entries", examined.number, len(wanted) // tiles.HASH_BYTES)
        if not examined.hashes:
            raise altered("bundle.malformed", _("Entry bundle {path} is cut off, or has other entries."), path=path)
        hashes = zip(_hashes(examined.hashes), _hashes(wanted), strict=True)
        index = first + next(at for at, (found, due) in enumerate(hashes) if found != due)
        raise _leaf_differs(index, path)

    def _prepare(self, ahead: list[tuple[int, UnverifiedStatement]]) -> None:
        self._state.prepare(key for _index, item in ahead for key in self._rules.reads(item))
        self._state.expect([((item.issuer, item.identifier), index) for index, item in ahead])

    def _hold(self, index: int, entry: UnverifiedStatement | bytes, signer: bytes | None) -> None:
        self._pending.append((index, entry, signer))
        self._pending_bytes += len(_raw(entry))
        if len(self._pending) > BLOCK_LEAVES or self._pending_bytes > BLOCK_BYTES:
            raise altered(
                "log.block-too-large",
                _("Block {height} has more than {leaves} leaves or {size} bytes."),
                height=self.head.height + 1,
                leaves=BLOCK_LEAVES,
                size=BLOCK_BYTES,
            )

    def _block(self, closing: BlockLeaf) -> None:
        # 3. signatures, under the keys of the state before this block
        verified = [
            (index, self._authentic(index, entry, signer))
            for index, entry, signer in self._pending
            if isinstance(entry, UnverifiedStatement)
        ]
        self._look(verified, closing.time)
        # 4. rules, decisions, height, time, state digest
        recorded = [_raw(entry) for _index, entry, _signer in self._pending]
        statements = [item for _index, item in verified]
        outcome = replay_block(self._rules, self._state, self._state, self.head, recorded, closing, statements)
        self._state.apply(outcome)
        self.head = outcome.head
        self.found.statements += len(statements)
        self.found.decisions += len(recorded) - len(statements)
        self._pending, self._pending_bytes = [], 0
        if self.head.size - self._saved >= SAVE_LEAVES:
            self._save()

    def _authentic(self, index: int, item: UnverifiedStatement, signer: bytes | None) -> VerifiedStatement:
        self._plan.expect(item, index)
        checked = None if signer is None else PublicKey.known(signer)
        verified = authenticate(self._rules, self._state, item, checked, (self.head.height + 1, index))
        self._workers.tell(verified.key)
        return verified

    def _look(self, following: list[tuple[int, VerifiedStatement]], closing: Seconds | None) -> None:
        watch = self._plan.watch
        if watch is not None and watch.size == self.head.size:
            watch.judge(self._state, self.head, following, closing)

    def _save(self) -> None:
        if not self._state.durable:
            return
        head, found = self.head, self.found
        root = self._log.tiles.root_at(head.size)
        place = [head.size, head.height, head.time, head.state, root, found.statements, found.decisions]
        self._state.save(cbor.encode({"identity": dict(self._plan.identity), "place": place}))
        self._saved = head.size

    def _resume(self) -> None:
        """Take up the saved place, or raise where it is another log's, another rule book's, or this log has shrunk."""
        raw = self._state.resume() if self._state.durable else None
        if raw is None:
            return
        record = cbor.decode(raw, cbor.MAX_STATE_BYTES)
        if record["identity"] != dict(self._plan.identity):
            raise OperatorError(
                "audit.state-other",
                _("The saved audit is of another log, package or runtime than this one."),
                hint=NEW_FOLDER,
            )
        size, height, time, state, root, statements, decisions = record["place"]
        if size > self._size or self._log.tiles.root_at(size) != root:
            raise altered(
                "audit.log-changed",
                _("The {size} leaves that were audited before are not the beginning of this log: it was rewritten."),
                size=size,
            )
        self.head = block.Head(size, height, Seconds(time), state)
        self.found = Found(statements, decisions, size)
        self._state.at = self._saved = size


def _hashes(joined: bytes) -> list[bytes]:
    return [joined[at : at + tiles.HASH_BYTES] for at in range(0, len(joined), tiles.HASH_BYTES)]


def _leaf_differs(index: int, path: str) -> OperatorError:
    return altered(
        "bundle.differs",
        _("Leaf {index}, in entry bundle {path}, is not what the log signed."),
        index=index,
        path=path,
    )


def _raw(entry: UnverifiedStatement | bytes) -> bytes:
    return entry.raw if isinstance(entry, UnverifiedStatement) else entry


def _unreadable(index: int, raw: bytes) -> OperatorError:
    """Return the error of a leaf that a worker could not read, with what reading it again says."""
    try:
        if leaf.is_statement(raw):
            statement.decode(raw)
        else:
            leaf.decode(raw)
        reason = ""
    except PojuError as error:
        reason = error.code
    except UNREADABLE as error:
        reason = type(error).__name__
    return altered("leaf.unreadable", _("Leaf {index} is none that can be read ({found})."), index=index, found=reason)
