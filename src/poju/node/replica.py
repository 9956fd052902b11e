"""A custodian's own copy of what it may read of the ledger, each entry proved under a signed checkpoint.

An operator that withheld a revocation from this feed, under new and true checkpoints, would be found out by whoever
replays the whole log, not here: the staleness limit bounds a feed that stops, not one that leaves out.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger import cbor, checkpoint, leaf, merkle, statement
from poju.ledger.keys import KEY_BYTES, PrivateKey, PublicKey
from poju.node.client import LedgerClient
from poju.node.items import few_items
from poju.units import Seconds

MAX_PAGE = 1 << 25
HASH_BYTES = 32
MAX_ITEMS = 40_960
"""CBOR items of a page: 512 entries, each with a number, its bytes and at most 63 hashes, and the first proof."""
KEY_KINDS = ("ledger-open", "member-apply", "key-rotate")


def _refused(reason: str) -> CallerError:
    return CallerError(
        "replica.refused",
        _("The ledger's feed does not hold: {reason}."),
        hint=_("Keep the old checkpoint and this one: together they are evidence. Ask the auditor."),
        reason=reason,
    )


@dataclass(frozen=True)
class Page:
    """One page of the feed, its form checked and nothing else."""

    note: str
    consistency: list[bytes]
    entries: list[tuple[int, bytes, list[bytes]]]
    more: bool


def _page(value: cbor.Value) -> Page:
    match value:
        case [str(note), list(consistency), list(entries), bool(more)] if _hashes(consistency):
            return Page(note, consistency, [_entry(entry) for entry in entries], more)
    raise _refused("a page has another form")


def _entry(value: cbor.Value) -> tuple[int, bytes, list[bytes]]:
    match value:
        case [int(index), bytes(raw), list(path)] if _hashes(path):
            return index, raw, path
    raise _refused("a page has another form")


def _hashes(values: list[cbor.Value]) -> bool:
    return all(isinstance(item, bytes) and len(item) == HASH_BYTES for item in values)


def _told(item: statement.UnverifiedStatement) -> statement.UnverifiedStatement:
    """Return ``item`` once it has what :meth:`Replica._apply` reads; an operator's log may hold what no rule let in."""
    if item.kind in KEY_KINDS:
        key = item.fields.get("key")
        if not isinstance(key, bytes) or len(key) != KEY_BYTES:
            raise _refused("an entry has no key")
    elif item.kind.startswith("consent-") and not isinstance(item.fields.get("grantee"), str):
        raise _refused("an entry has no grantee")
    return item


class Replica:
    """Grows by verified pages only; answers who is a member and which consents were revoked."""

    def __init__(self, origin: str, log_key: PublicKey, member: str, key: PrivateKey) -> None:
        self.origin = origin
        self.log_key = log_key
        self.size = 0
        self.root = merkle.EMPTY_ROOT
        self.fetched = Seconds(0)
        self._member = member
        self._key = key
        self._next = 0
        self._lock = threading.Lock()
        self._keys: dict[bytes, tuple[str, PublicKey]] = {}
        self._admitted: set[str] = set()
        self._consents: dict[tuple[str, str], bool] = {}

    def sync(self, client: LedgerClient, now: Seconds) -> None:
        """Fetch and verify what is new; ``now`` is when the fetch began. One fetch at a time."""
        with self._lock:
            more = True
            while more:
                start = self._next
                more = self.take(client.get(f"/feed/{start}/{self.size}", self._key))
                if more and self._next == start:
                    raise _refused("a page promises more and brings nothing")
            self.fetched = max(now, self.fetched)

    def take(self, page: bytes) -> bool:
        """Verify one page and take it over; return whether more follows.

        Steps: (1) the page has a page's form; (2) the checkpoint is the log's; (3) it extends the one held before;
        (4) every entry is in it, each behind the one before, so that nothing old is told again. A page that fails
        changes nothing.
        """
        # 1. a page's form
        if not few_items(page, MAX_ITEMS):
            raise _refused("a page has another form")
        found = _page(cbor.decode(page, MAX_PAGE))
        # 2. the log's checkpoint
        head = checkpoint.open_note(found.note, self.origin, self.log_key)
        # 3. append-only growth
        if self.size and not merkle.consistent(self.size, head.size, self.root, head.root, found.consistency):
            raise _refused("the log was not only appended to")
        # 4. entries
        following, statements = self._next, []
        for index, raw, path in found.entries:
            if index < following:
                raise _refused("an entry is told twice or out of order")
            if merkle.root_from_inclusion(merkle.leaf_hash(raw), index, head.size, path) != head.root:
                raise _refused("an entry is not in the log")
            if leaf.is_statement(raw):
                statements.append(_told(statement.decode(raw)))
            following = index + 1
        for item in statements:
            self._apply(item)
        self._next, self.size, self.root = following, head.size, head.root
        return found.more

    def _apply(self, item: statement.UnverifiedStatement) -> None:
        if item.kind in KEY_KINDS:
            if item.kind == "key-rotate":
                # from here on the old key opens nothing at this custodian either
                self._keys = {mark: found for mark, found in self._keys.items() if found[0] != item.issuer}
            key = PublicKey(item.fields["key"])
            self._keys[key.thumbprint] = (item.issuer, key)
        if item.kind == "ledger-open":
            self._admitted.add(item.issuer)
        elif item.kind == "member-admit":
            self._admitted.add(item.subject.removeprefix("member/"))
        elif item.kind == "member-suspend":
            self._admitted.discard(item.subject.removeprefix("member/"))
        elif item.kind.startswith("consent-"):
            handle = item.subject.removeprefix("consent/")
            self._consents[handle, str(item.fields["grantee"])] = item.kind == "consent-grant"

    def member_key(self, member: str, key_id: bytes) -> PublicKey | None:
        """Return the admitted member's key with that thumbprint, or None."""
        owner, key = self._keys.get(key_id, ("", None))
        return key if owner == member and member in self._admitted else None

    def key(self, key_id: bytes) -> tuple[str, PublicKey] | None:
        """Return (member, key) of an admitted member's thumbprint, or None."""
        found = self._keys.get(key_id)
        return found if found and found[0] in self._admitted else None

    def revoked(self, handle: str, grantee: str) -> bool:
        """Return whether consent for ``grantee`` was given and has since been revoked."""
        return self._consents.get((handle, grantee)) is False
