"""A custodian's own copy of what it may read of the ledger, each entry proved under a signed checkpoint.

An operator that withheld a revocation from this feed would be found out by any auditor's replay; until then the
custodian's staleness limit bounds the harm. See docs/concepts/trust.md.
"""

from __future__ import annotations

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger import cbor, checkpoint, leaf, merkle, statement
from poju.ledger.keys import PrivateKey, PublicKey
from poju.node.client import LedgerClient
from poju.units import Seconds


def _refused(reason: str) -> CallerError:
    return CallerError(
        "replica.refused",
        _("The ledger's feed does not hold: {reason}."),
        hint=_("Keep the old checkpoint and this one: together they are evidence. Ask the auditor."),
        reason=reason,
    )


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
        self._keys: dict[bytes, tuple[str, PublicKey]] = {}
        self._admitted: set[str] = set()
        self._consents: dict[tuple[str, str], bool] = {}

    def sync(self, client: LedgerClient, now: Seconds) -> None:
        """Fetch and verify what is new; ``now`` is when the fetch began."""
        more = True
        while more:
            page = client.get(f"/feed/{self._next}/{self.size}", self._key)
            more = self.take(page)
        self.fetched = now

    def take(self, page: bytes) -> bool:
        """Verify one page and take it over; return whether more follows.

        Steps: (1) the checkpoint is the log's; (2) it extends the one held before; (3) every entry is in it.
        """
        note, consistency, entries, more = cbor.decode(page, 1 << 24)
        # 1. the log's checkpoint
        head = checkpoint.open_note(str(note), self.origin, self.log_key)
        # 2. append-only growth
        if self.size and not merkle.consistent(self.size, head.size, self.root, head.root, consistency):
            raise _refused("the log was not only appended to")
        # 3. entries
        for index, raw, path in entries:
            if merkle.root_from_inclusion(merkle.leaf_hash(raw), index, head.size, path) != head.root:
                raise _refused("an entry is not in the log")
            if leaf.is_statement(raw):
                self._apply(statement.decode(raw))
            self._next = index + 1
        self.size, self.root = head.size, head.root
        return bool(more)

    def _apply(self, item: statement.UnverifiedStatement) -> None:
        if item.kind in ("ledger-open", "member-apply"):
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
