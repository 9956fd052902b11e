"""Proposals and votes in a ledger of tests: eight members with a vote, and one provider without."""

from __future__ import annotations

from support_rules import Ledger, key_of

from poju.engine.embedded import EmbeddedEngine, Refusal, Registration
from poju.ledger import cbor
from poju.ledger.block import Declined, Entered

VOTERS = (
    "commission",
    "hospital-a",
    "hospital-b",
    "clinic-a",
    "insurer",
    "disease-control",
    "university",
    "identity-index",
)


class Chamber(Ledger):
    """A ledger that keeps its leaves, and says proposals and votes in one line."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.leaves: list[bytes] = []

    def submit(self, raw: bytes) -> object:
        answer = super().submit(raw)
        if isinstance(answer, Entered) and not answer.again and self.last is not None:
            self.leaves.extend(self.last.leaves)
        return answer

    def branch(self) -> Chamber:
        """Return a copy whose changes leave this one as it is."""
        copy = Chamber(self.package, dict(self.values), dict(self.known), self.head, self.now)
        copy.leaves, copy.rules = list(self.leaves), self.rules
        return copy

    def propose(
        self,
        name: str,
        action: str,
        /,
        *,
        by: str = "hospital-a",
        height: int = 0,
        expires: int = 86_400,
        **asks: cbor.Value,
    ) -> str:
        fields = {"action": action, "height": height, "expires": self.now + expires, **asks}
        return self.say("proposal", by, f"proposal/{name}", **fields)

    def vote(self, name: str, who: str, *, approve: bool = True, **fields: cbor.Value) -> str:
        return self.say("vote", who, f"proposal/{name}", approve=approve, **fields)

    def pass_(self, name: str, count: int = len(VOTERS), **fields: cbor.Value) -> None:
        """Let voters agree, in order, until the proposal is decided."""
        for who in VOTERS[:count]:
            if self.get(f"member/{who}")["state"] != "admitted":
                continue
            assert not (code := self.vote(name, who, **fields)), code
            if self.standing(name) == "passed":
                return

    def standing(self, name: str) -> str:
        return str(self.get(f"proposal/{name}")["state"])

    def step(self) -> None:
        """Register something that concerns nobody, so that the next block begins."""
        self.must("publication", "commission", f"publication/step-{self.head.height}", manifest=bytes(32))

    def decide(self, name: str, action: str, /, **asks: cbor.Value) -> None:
        """Propose, agree and let the next block begin."""
        holds = asks.pop("holds", None)
        assert not (code := self.propose(name, action, **asks)), code
        self.pass_(name, **({} if holds is None else {"holds": holds}))
        assert self.standing(name) == "passed"
        self.step()


def with_validators() -> Chamber:
    """A chamber whose members admitted v1 and v2."""
    chamber = Chamber()
    chamber.with_members()
    for name, member in (("v1", "hospital-a"), ("v2", "hospital-b")):
        chamber.decide(name, "validator-admit", **validator(name, member))
    return chamber


class Live(Chamber):
    """The chamber's words, spoken to a real engine."""

    def attach(self, engine: EmbeddedEngine) -> None:
        self.engine = engine

    def submit(self, raw: bytes) -> object:
        found = self.engine.register(raw)
        if isinstance(found, Refusal):
            return Declined(found.code)
        assert isinstance(found, Registration)
        self.head = self.engine.store.head()
        return Entered(found.index)

    def get(self, key: str) -> object:
        return self.engine.store.get(key)


def validator(name: str = "v4", member: str = "hospital-a") -> dict[str, cbor.Value]:
    """The fields of a validator whose keys come from its name."""
    keys = {"consensus": key_of(f"{name}:consensus").public.raw, "log_key": key_of(f"{name}:log").public.raw}
    return {"member": member, "name": name, "chain": "poju-test", **keys}
