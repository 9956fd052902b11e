"""What the steps share: the folder, the members' keys and outboxes, the ledger's process, what was found so far."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poju.demo import cast
from poju.demo.processes import Child
from poju.demo.say import Voice
from poju.engine.embedded import wall_clock
from poju.errors import BugError, RefusedError
from poju.i18n import _
from poju.ledger import cbor, statement
from poju.ledger.keys import PrivateKey
from poju.node.client import Answer, LedgerClient, Refused, Registered
from poju.node.outbox import Build, Outbox

ORIGIN = "demo.poju.example/healthcare"


@dataclass(frozen=True)
class Options:
    """What the command line asked for."""

    out: Path
    policies: tuple[Path, ...]
    fhir: Path | None
    seed: int
    language: str
    examples: Path
    package: Path


@dataclass
class Session:
    """One run of the demonstration. ``facts`` holds what later steps and the report need, by name."""

    options: Options
    voice: Voice
    facts: dict[str, Any] = field(default_factory=dict)
    children: dict[str, Child] = field(default_factory=dict)
    _client: LedgerClient | None = None
    _outbox: Outbox | None = None

    @property
    def private(self) -> Path:
        """What is nobody else's: keys, stores, the ledger's file."""
        return self.options.out / "private"

    def path(self, *parts: str) -> Path:
        """Return a path inside the demonstration's folder."""
        return self.options.out.joinpath(*parts)

    def shown(self, path: Path) -> str:
        """Return the path as a person would type it from the demonstration's folder."""
        return str(path.relative_to(self.options.out.parent) if path.is_relative_to(self.options.out.parent) else path)

    def key(self, member: str) -> PrivateKey:
        """Return a member's key, made on first use; the two hospitals with processes keep theirs with their node."""
        if member in cast.WITH_PROCESSES:
            return PrivateKey.load_or_create(self.private / "nodes" / member / "member.key")
        return PrivateKey.load_or_create(self.private / "keys" / f"{member}.key")

    def open_ledger(self, child: Child) -> None:
        """Use the ledger that ``child`` serves."""
        self.children["authority"] = child
        self._client = LedgerClient(child.url)
        self._outbox = Outbox(self.private / "outbox.sqlite", self._client, self._acknowledge)

    def _acknowledge(self, name: str, answer: Answer) -> None:
        if isinstance(answer, Registered):
            self.voice.acknowledged(answer.index, hashlib.sha256(self.outbox.raw(name)).hexdigest())

    @property
    def client(self) -> LedgerClient:
        """The ledger's client."""
        if self._client is None:
            raise BugError("demo.order", _("The ledger is not open yet."))
        return self._client

    @property
    def outbox(self) -> Outbox:
        """The outbox of all members that have no process of their own."""
        if self._outbox is None:
            raise BugError("demo.order", _("The ledger is not open yet."))
        return self._outbox

    def build(self, member: str, kind: str, subject: str, fields: dict[str, cbor.Value]) -> Build:
        """Return what builds ``member``'s signed statement when it is first sent."""

        def build() -> bytes:
            return statement.sign(
                self.key(member),
                kind,
                issuer=member,
                subject=subject,
                issued_at=wall_clock(),
                identifier=statement.new_identifier(),
                fields=fields,
            )

        return build

    def send(self, member: str, kind: str, subject: str, fields: dict[str, cbor.Value], name: str = "") -> Answer:
        """Register one statement, or return the answer that it got in an earlier, interrupted run."""
        return self.outbox.send(name or f"{kind} {subject} {member}", self.build(member, kind, subject, fields))

    def register(
        self, member: str, kind: str, subject: str, fields: dict[str, cbor.Value], name: str = ""
    ) -> Registered:
        """Register one statement that the rules must accept; raise the refusal otherwise."""
        return self.accepted(self.send(member, kind, subject, fields, name), kind)

    def register_many(
        self,
        items: Sequence[tuple[str, str, str, dict[str, cbor.Value]]],
        progress: Callable[[int], None] | None = None,
    ) -> list[Registered]:
        """Register many (member, kind, subject, fields) that do not depend on one another."""
        done: list[Registered] = []
        chunk = 128
        for start in range(0, len(items), chunk):
            part = items[start : start + chunk]
            named = [(f"{kind} {sub} {member}", self.build(member, kind, sub, f)) for member, kind, sub, f in part]
            answers = self.outbox.send_many(named)
            done += [self.accepted(answer, item[1]) for answer, item in zip(answers, part, strict=True)]
            if progress is not None:
                progress(len(done))
        return done

    @staticmethod
    def accepted(answer: Answer, kind: str) -> Registered:
        """Return ``answer`` where it is a registration; raise ``demo.refused`` naming the rule otherwise."""
        if isinstance(answer, Refused):
            raise RefusedError(
                "demo.refused",
                _("The ledger refused {kind}: {rule}."),
                hint=_("Start again with a new folder; if it stays so, report it with this line."),
                kind=kind,
                rule=answer.code,
            )
        return answer

    def close(self) -> None:
        """Stop the processes that this run started, and close the files."""
        for child in self.children.values():
            child.stop()
        if self._outbox is not None:
            self._outbox.close()
        if self._client is not None:
            self._client.close()
