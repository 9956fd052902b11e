"""The ledger's standing load: a healthcare scenario with 100 issuers, and five kinds of statement in fixed shares.

In twenty statements: five orders in three steps (ordered, decided, charged), three pointers, and two access requests,
which Cedar decides. Everything is signed and goes through the composed rule book. Run: python benchmarks/workload.py
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import poju
from poju.exchange import assertion
from poju.ledger import cbor, statement
from poju.ledger.keys import PrivateKey
from poju.rulebook import compose
from poju.scenario import runtime
from poju.scenario.rulebook import ScenarioRules
from poju.units import Seconds

TIME = Seconds(1_700_000_000)
ORIGIN = "bench.example"
HEALTHCARE = Path(poju.__file__).parent / "packages" / "healthcare"
HOSPITALS = tuple(f"hospital-{number:03d}" for number in range(100))
INDEX = "identity-index"
SHARES = ("order", "order", "pointer", "order", "access", "order", "pointer", "order", "access", "pointer")
REASON = {"recognised": "accepted", "repeated": "monitoring"}


def key_of(name: str) -> PrivateKey:
    """Return the same key for the same name in each run."""
    return PrivateKey.from_seed(hashlib.sha256(name.encode()).digest())


LOG = key_of("log")


class Workload:
    """Makes signed statements; the same calls make the same bytes."""

    def __init__(self) -> None:
        self.rules: ScenarioRules = compose(HEALTHCARE)
        self._keys = {name: key_of(name) for name in (*HOSPITALS, INDEX, "commission")}
        self._said = 0

    def opening(self) -> Iterator[bytes]:
        """Yield what opens the scenario and admits its members, in order."""
        package = self.rules.package
        own = {"key": self._keys["commission"].public.raw, "origin": ORIGIN, "log_key": LOG.public.raw}
        yield self._sign("ledger-open", "commission", "ledger", {**own, "demonstration": True})
        chosen = {"scenario": "healthcare", "region": "520000", "evidence": ["GDP 2016"], "missing": []}
        yield self._sign("selection", "commission", "selection/1", {**chosen, "rank_common": 1})
        pinned = {"package": package.digest, "runtime": dict(runtime.describe()), "selection": "selection/1"}
        yield self._sign("scenario-open", "commission", "scenario/healthcare", pinned)
        roles = ["hospital", "identity-index"]
        call = {"roles": roles, "closes": TIME + 3600, "programme": bytes(32), "cohorts": []}
        yield self._sign("call-open", "commission", "call/1", call)
        for name in (*HOSPITALS, INDEX):
            role = [roles[name == INDEX]]
            applied = {"key": self._keys[name].public.raw, "name": name, "roles": role, "call": "call/1"}
            yield self._sign("member-apply", name, f"member/{name}", applied)
            yield self._sign("member-admit", "commission", f"member/{name}", {"roles": role})

    def statements(self, count: int, first: int = 0) -> Iterator[bytes]:
        """Yield about ``count`` statements, each legal after those before it; ``first`` numbers their subjects."""
        until = self._said + count
        turn = first
        while self._said < until:
            yield from getattr(self, f"_{SHARES[turn % len(SHARES)]}")(turn)
            turn += 1

    def _order(self, turn: int) -> Iterator[bytes]:
        hospital, subject = _hospital(turn), f"order/{turn:x}"
        ordered = {"class": "lab-chemistry", "handle": f"{turn * 7:032x}", "item": "4548-4"}
        outcome = "recognised" if turn % 3 else "repeated"
        yield self._sign("test-order", hospital, subject, ordered)
        yield self._sign("recognition", hospital, subject, {"outcome": outcome, "reason": REASON[outcome]})
        yield self._sign("charge", hospital, subject, {"amount": 4_500, "billed": outcome == "repeated"})

    def _pointer(self, turn: int) -> Iterator[bytes]:
        digest = hashlib.sha256(turn.to_bytes(8, "big")).digest()
        record = {"commitment": digest, "class": "lab-chemistry", "handle": f"{turn * 7:032x}"}
        yield self._sign("pointer", _hospital(turn), f"pointer/{turn:032x}", record)

    def _access(self, turn: int) -> Iterator[bytes]:
        asker, pointer = _hospital(turn + len(SHARES)), f"pointer/{turn - 2:032x}"
        asked = {"pointer": pointer, "purpose": "emergency-treatment", "basis": "emergency"}
        until = Seconds(TIME + 600)
        signed = assertion.sign(self._keys[INDEX], requester=asker, pointer=pointer, handle=f"{turn:032x}", until=until)
        yield self._sign("access-request", asker, f"access/{turn:x}", {**asked, "assertion": signed})

    def _sign(self, kind: str, issuer: str, subject: str, fields: dict[str, cbor.Value]) -> bytes:
        self._said += 1
        unique = hashlib.sha256(self._said.to_bytes(8, "big")).digest()
        # UUIDv7 (RFC 9562 §5.7): 48 bits of milliseconds first, as clients that send one after another have it
        milliseconds = (TIME * 1_000 + self._said).to_bytes(6, "big")
        identifier = milliseconds + bytes([0x70 | unique[6] & 15, unique[7], 0x80 | unique[8] & 63]) + unique[9:16]
        return statement.sign(
            self._keys[issuer],
            kind,
            issuer=issuer,
            subject=subject,
            issued_at=TIME,
            identifier=identifier,
            fields=fields,
        )


def _hospital(turn: int) -> str:
    return HOSPITALS[turn // len(SHARES) % len(HOSPITALS)]


def main() -> None:
    """Print what the load consists of."""
    raws = list(Workload().statements(2_000))
    decoded = [statement.decode(raw) for raw in raws]
    kinds = Counter(item.kind for item in decoded)
    report = {
        "benchmark": "workload",
        "statements": len(raws),
        "issuers": len({item.issuer for item in decoded}),
        "kinds_ppm": {kind: count * 1_000_000 // len(raws) for kind, count in sorted(kinds.items())},
        "mean_bytes": sum(map(len, raws)) // len(raws),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
