"""A real engine with the real rule book on an in-memory store, for tests of nodes: no socket, no file."""

from __future__ import annotations

from dataclasses import dataclass

from support_rules import START, Ledger, key_of

from poju.engine.embedded import EmbeddedEngine, Refusal, Registration
from poju.exchange import pointer
from poju.exchange.custodian import AccessProof, Limits, check
from poju.ledger import leaf
from poju.ledger.block import Declined, Entered
from poju.ledger.leaf import DecisionLeaf
from poju.ledger.store import Store
from poju.node.ledger_api import Feed
from poju.node.replica import Replica
from poju.units import Seconds

ORIGIN = "test.example/log"
LOG = key_of("log")
HANDLE, OTHER_HANDLE = "a" * 32, "b" * 32
POINTER, OTHER_POINTER = "1" * 32, "2" * 32
SALT, RECORD = b"s" * 32, b'{"resourceType":"Observation"}'
HELD_BY, ASKED_BY = "hospital-a", "hospital-b"
LIMITS = Limits(Seconds(900), Seconds(60))


class World(Ledger):
    """The ledger of ``support_rules``, but every statement goes through an engine that signs receipts."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.store = Store.memory()
        self.engine = EmbeddedEngine(self.store, self.rules, LOG, ORIGIN, clock=lambda: Seconds(self.now))
        self.feed = Feed(self.engine, self.rules.is_public)
        self.answer: Registration | Refusal | None = None

    def submit(self, raw: bytes) -> Entered | Declined:
        self.answer = self.engine.register(raw)
        if isinstance(self.answer, Refusal):
            return Declined(self.answer.code)
        return Entered(self.answer.index)

    def decision(self) -> DecisionLeaf:
        assert isinstance(self.answer, Registration)
        found = leaf.decode(self.answer.decision or b"")
        assert isinstance(found, DecisionLeaf)
        return found

    def close(self) -> None:
        self.engine.close()
        self.store.close()

    def replica(self, member: str) -> Replica:
        return Replica(ORIGIN, LOG.public, member, key_of(member))

    def page(self, replica: Replica, member: str) -> bytes:
        return self.feed.page(member, replica._next, replica.size)

    def sync(self, replica: Replica, member: str) -> Replica:
        while replica.take(self.page(replica, member)):
            pass
        replica.fetched = Seconds(self.now)
        return replica

    def point(self, name: str = POINTER, handle: str = HANDLE, member: str = HELD_BY) -> None:
        commitment = pointer.commitment(SALT, RECORD)
        self.must(
            "pointer", member, f"pointer/{name}", commitment=commitment, handle=handle, **{"class": "lab-chemistry"}
        )

    def consent(self, handle: str = HANDLE, grantee: str = ASKED_BY) -> None:
        terms = {"classes": ["lab-chemistry"], "purposes": ["mutual-recognition"], "until": self.now + 86_400}
        self.must("consent-grant", "identity-index", f"consent/{handle}", grantee=grantee, **terms)

    def revoke(self, handle: str = HANDLE, grantee: str = ASKED_BY) -> None:
        self.must("consent-revoke", "identity-index", f"consent/{handle}", grantee=grantee)

    def request(self, number: int = 1, asker: str = ASKED_BY, name: str = POINTER) -> AccessProof:
        """Register a request and return the proof that its asker would show."""
        record = f"pointer/{name}"
        fields = {"pointer": record, "purpose": "mutual-recognition", "basis": "consent"}
        raw = self.signed(
            "access-request", asker, f"access/{number:032x}", {**fields, "assertion": self.assertion(asker, record)}
        )
        entered = self.submit(raw)
        assert isinstance(entered, Entered), entered
        receipt, decision, decision_receipt = self.engine.proof(entered.index)
        return AccessProof(raw, receipt, decision or b"", decision_receipt or b"")


@dataclass
class Custodian:
    """What the first hospital knows when somebody shows it a proof."""

    world: World
    replica: Replica
    held: dict[str, str]

    def check(self, proof: AccessProof, requester: str = ASKED_BY, *, later: int = 0) -> str:
        return check(
            proof,
            requester,
            log_key=LOG.public,
            replica=self.replica,
            handle_of=self.held.get,
            limits=LIMITS,
            now=Seconds(self.world.now + later),
        )


def opened(now: int = START) -> World:
    """Every member admitted, one record of one patient at the first hospital."""
    world = World(now=now)
    world.with_members()
    world.point()
    return world


def custodian(world: World) -> Custodian:
    return Custodian(world, world.sync(world.replica(HELD_BY), HELD_BY), {POINTER: HANDLE})
