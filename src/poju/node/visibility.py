"""Who may read which entry: governance everybody admitted, exchange its two ends, the rest its issuer.

Auditors read all entry bundles. Folded from the log, so it needs no table of its own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable

from poju.ledger import leaf, statement


class Visibility:
    """Readers of each entry, kept up to date leaf by leaf.

    ``is_public`` tells of a statement kind's id whether all its fields are for everyone: what the package says.
    """

    def __init__(self, is_public: Callable[[str], bool]) -> None:
        self._is_public = is_public
        self.size = 0
        self.readers: dict[str, list[int]] = defaultdict(list)
        self.public: list[int] = []
        self._custodian: dict[str, str] = {}
        self._handle_custodian: dict[str, str] = {}
        self._ends: dict[str, set[str]] = defaultdict(set)
        self._last: set[str] | None = None

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Take in the leaves that follow the first ``size``."""
        for raw in leaves:
            if leaf.is_statement(raw):
                self._last = self._statement(statement.decode(raw))
            elif isinstance(leaf.decode(raw), leaf.BlockLeaf):
                self._last = None
            self._note(self.size)
            self.size += 1

    def _note(self, index: int) -> None:
        if self._last is None:
            self.public.append(index)
        else:
            for member in self._last:
                self.readers[member].append(index)

    def _statement(self, item: statement.UnverifiedStatement) -> set[str] | None:
        if self._is_public(item.kind):
            return None
        readers = {item.issuer}
        if item.kind == "pointer":
            self._custodian[item.subject] = item.issuer
            # The first one stays: whoever learns a handle from a consent cannot draw its revocations to itself.
            self._handle_custodian.setdefault(str(item.fields["handle"]), item.issuer)
        elif item.kind.startswith("consent-"):
            readers |= {str(item.fields["grantee"])}
            readers |= {self._handle_custodian.get(item.subject.removeprefix("consent/"), item.issuer)}
        elif item.kind.startswith("access-"):
            ends = self._ends[item.subject]
            ends.add(item.issuer)
            ends.add(self._custodian.get(str(item.fields.get("pointer", "")), item.issuer))
            readers |= ends
        return readers

    def is_public(self, index: int) -> bool:
        """Return whether every admitted member may read entry ``index``."""
        at = bisect_left(self.public, index)
        return at < len(self.public) and self.public[at] == index

    def visible(self, member: str, start: int) -> list[int]:
        """Return the entries from ``start`` on that ``member`` may read, in order."""
        return sorted(index for index in (*self.public, *self.readers.get(member, ())) if index >= start)
