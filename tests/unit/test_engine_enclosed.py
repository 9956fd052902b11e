"""Signatures inside a statement are checked ahead of the rules that ask for them, and mean what they meant before."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from poju.engine.embedded import EmbeddedEngine, Refusal, Registration
from poju.exchange import assertion
from poju.ledger import statement
from poju.ledger.keys import PublicKey
from poju.ledger.store import Store

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60


@pytest.fixture(scope="module")
def workload() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("enclosed_workload", ROOT / "benchmarks" / "workload.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["enclosed_workload"] = module
    spec.loader.exec_module(module)
    module.__dict__["HOSPITALS"] = tuple(module.HOSPITALS[:3])
    yield module
    del sys.modules["enclosed_workload"]


class Counted:
    """How many signatures this process checked itself."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        verifies = PublicKey.verifies

        def counting(key: PublicKey, signature: bytes, message: bytes) -> bool:
            self.count += 1
            return verifies(key, signature, message)

        monkeypatch.setattr(PublicKey, "verifies", counting)


def test_a_batch_s_assertions_are_checked_by_the_other_process(
    workload: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = workload.Workload()
    engine = EmbeddedEngine(Store.memory(), load.rules, workload.LOG, workload.ORIGIN, lambda: workload.TIME)
    for raw in load.opening():
        engine.register(raw)
    raws = list(load.statements(400))
    requests = sum(statement.decode(raw).kind == "access-request" for raw in raws)
    here = Counted(monkeypatch)
    waiting = [engine.submit(raw) for raw in raws]
    answers = [future.result(PATIENCE) for future in waiting]
    engine.close()
    assert all(isinstance(answer, Registration) for answer in answers)
    # the first batch may be too small for it, and no other is
    assert requests > 30
    assert here.count < requests


@pytest.mark.parametrize("damage", ["signature", "signer", "bytes", "pointer"])
def test_rule_1_an_assertion_that_does_not_hold_is_refused_in_a_large_batch_too(
    workload: ModuleType, damage: str
) -> None:
    load = workload.Workload()
    engine = EmbeddedEngine(Store.memory(), load.rules, workload.LOG, workload.ORIGIN, lambda: workload.TIME)
    for raw in load.opening():
        engine.register(raw)
    raws = list(load.statements(120))
    good = next(statement.decode(raw) for raw in raws if statement.decode(raw).kind == "access-request")
    said = assertion.decode(good.fields["assertion"])
    claim = {"requester": said.requester, "pointer": said.pointer, "handle": said.handle, "until": said.until}
    index, stranger = load._keys[workload.INDEX], load._keys[good.issuer]
    data = bytes(good.fields["assertion"])
    made, code = {
        "signature": (data[:-1] + bytes([data[-1] ^ 1]), "exchange.assertion-signature"),
        "signer": (assertion.sign(stranger, **claim), "exchange.assertion-issuer"),
        "bytes": (data[:-3], "exchange.assertion-malformed"),
        "pointer": (assertion.sign(index, **{**claim, "pointer": f"pointer/{9:032x}"}), "exchange.assertion-mismatch"),
    }[damage]
    bad = load._sign("access-request", good.issuer, "access/bad", {**good.fields, "assertion": made})
    # beside the true one, whose signature holds
    place = next(at for at, raw in enumerate(raws) if raw == good.raw)
    waiting = [engine.submit(raw) for raw in [*raws[: place + 1], bad, *raws[place + 1 :]]]
    answers = [future.result(PATIENCE) for future in waiting]
    engine.close()
    refused = answers.pop(place + 1)
    assert isinstance(refused, Refusal)
    assert refused.code == code
    assert all(isinstance(answer, Registration) for answer in answers)
