"""The identity index: the only one that can say that two handles are one person.

It is a role held by neither the authority nor the insurer. It answers with signed assertions, each about one pointer,
and keeps a record of every assertion that it made.
"""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path

from poju.errors import CallerError
from poju.exchange import assertion
from poju.i18n import _
from poju.ledger.keys import PrivateKey
from poju.units import Seconds

SCHEMA = """
CREATE TABLE IF NOT EXISTS link (member TEXT, handle TEXT, person INTEGER NOT NULL, PRIMARY KEY (member, handle));
CREATE TABLE IF NOT EXISTS traits (person INTEGER NOT NULL, identifier TEXT, name TEXT NOT NULL, born TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS asserted (requester TEXT, pointer TEXT, until INTEGER);
"""
DIGITS_THAT_MAY_DIFFER = 1
WHOLE_DATE = len("2000-01-31")


@dataclass(frozen=True)
class Traits:
    """What an institution knows of its patient: identifier (may be missing), name words in any order, birth date."""

    identifier: str | None
    name: tuple[str, ...]
    born: str

    def matches(self, other: Traits) -> bool:
        """Return whether both are one person: same identifier, or same name words and at most one differing digit.

        A missing name or a birth date that is not whole matches nothing: nobody is joined by what is not known.
        """
        if self.identifier and other.identifier:
            return self.identifier == other.identifier
        known = bool(self.words) and len(self.born) == len(other.born) == WHOLE_DATE
        differing = sum(a != b for a, b in zip(self.born, other.born, strict=False))
        return known and differing <= DIGITS_THAT_MAY_DIFFER and self.words == other.words

    @property
    def words(self) -> list[str]:
        """The name's words in one order, however an institution divides them into family and given names."""
        return sorted(" ".join(self.name).split())

    def contradicts(self, other: Traits) -> bool:
        """Return whether both have an identifier and not the same one."""
        return bool(self.identifier and other.identifier) and self.identifier != other.identifier


class IdentityIndex:
    """Owns ``path``: whoever controls it can join one person's handles. See docs/concepts/trust.md."""

    def __init__(self, path: Path, key: PrivateKey) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._key = key
        self._lock = threading.Lock()
        # Before SQLite writes: its journal takes the mode that the file has then.
        path.touch(mode=0o600)
        path.chmod(0o600)
        self._connection = sqlite3.connect(path, check_same_thread=False, timeout=30)
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def enrol(self, member: str, handle: str, traits: Traits) -> int:
        """Link ``member``'s ``handle`` to the person whose traits match, or to a new one; return the number."""
        with self._lock, self._connection as connection:
            known = connection.execute(
                "SELECT person FROM link WHERE member = ? AND handle = ?", (member, handle)
            ).fetchone()
            if known:
                return int(known[0])
            person = self._find(traits)
            connection.execute(
                "INSERT INTO traits VALUES (?, ?, ?, ?)",
                (person, traits.identifier, " ".join(traits.name), traits.born),
            )
            connection.execute("INSERT INTO link VALUES (?, ?, ?)", (member, handle, person))
            return person

    def _find(self, traits: Traits) -> int:
        """Return the one person that all of ``traits`` fit, or a new number.

        A person once known under another identifier is another person, whatever a copy without one looks like; and
        where two persons fit, neither is taken: to split one person is mended later, to merge two is not.
        """
        persons: dict[int, list[Traits]] = {}
        for person, identifier, name, born in self._connection.execute("SELECT * FROM traits"):
            persons.setdefault(int(person), []).append(Traits(identifier, tuple(name.split(" ")), born))
        fitting = [
            person
            for person, copies in persons.items()
            if any(copy.matches(traits) for copy in copies) and not any(copy.contradicts(traits) for copy in copies)
        ]
        return fitting[0] if len(fitting) == 1 else max(persons, default=0) + 1

    def person(self, member: str, handle: str) -> int | None:
        """Return the person's number behind a handle, or None."""
        with self._lock:
            row = self._connection.execute(
                "SELECT person FROM link WHERE member = ? AND handle = ?", (member, handle)
            ).fetchone()
        return int(row[0]) if row else None

    def handles(self, person: int) -> list[tuple[str, str]]:
        """Return every (member, handle) of ``person``."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT member, handle FROM link WHERE person = ? ORDER BY member, handle", (person,)
            ).fetchall()
        return [(str(member), str(handle)) for member, handle in rows]

    def assert_same(
        self, requester: tuple[str, str], custodian: tuple[str, str], pointer: str, until: Seconds
    ) -> bytes:
        """Return the signed assertion that the requester's patient is the pointer's person.

        ``requester`` and ``custodian`` are (member, handle). Raises ``identity.not-the-same`` where they are not.
        """
        person = self.person(*requester)
        if person is None or person != self.person(*custodian):
            raise CallerError(
                "identity.not-the-same",
                _("The identity index does not know these two handles as one person."),
                hint=_("Check the handle at the requesting institution; enrol the patient there first."),
            )
        with self._lock, self._connection as connection:
            connection.execute("INSERT INTO asserted VALUES (?, ?, ?)", (requester[0], pointer, until))
        subject = f"pointer/{pointer}"
        return assertion.sign(self._key, requester=requester[0], pointer=subject, handle=requester[1], until=until)
