"""Submitting through one validator, over a scripted engine: when a statement counts as acknowledged, and when not."""

from __future__ import annotations

import inspect
import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path
from typing import cast

import pytest
import support_ledger as support
from test_engine_cometbft_application import badly_signed, fresh

import poju.node.ledger_api
from poju.engine.cometbft import engine as module
from poju.engine.cometbft.engine import NetworkEngine
from poju.engine.cometbft.rpc import Rpc
from poju.engine.embedded import Refusal, Registration
from poju.errors import CallerError, OperatorError
from poju.ledger import checkpoint, receipt, refusal
from poju.ledger.store import Store

WAIT = 10.0
SOON = 0.4


class Scripted:
    """Stands in for the engine's RPC: keeps what was handed over until the test decides a block of it."""

    def __init__(self) -> None:
        self.handed: list[bytes] = []
        self.came = threading.Event()
        self.silent = False

    def broadcast(self, statements: Sequence[bytes]) -> list[str]:
        if self.silent:
            raise OperatorError("network.engine-silent", "silent")
        self.handed += statements
        self.came.set()
        return [""] * len(statements)

    def close(self) -> None:
        self.silent = True


class Door:
    """One validator with its engine, the other validators' signatures, and the chain in the test's hands."""

    def __init__(self, path: Path) -> None:
        self.application = fresh(Store.open(path))
        self.scripted = Scripted()
        self.quorum = True
        self.asked: list[tuple[int, bytes]] = []
        self.engine = NetworkEngine(self.application, support.LOG, cast("Rpc", self.scripted), self.cosign)
        self.height = 0

    def cosign(self, size: int, root: bytes) -> bool:
        self.asked.append((size, root))
        return self.quorum

    def decide(self, *raws: bytes) -> None:
        self.height += 1
        self.application.finalize_block(self.height, support.TIME, raws)
        self.application.commit()


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    made = Door(tmp_path / "ledger.sqlite")
    yield made
    made.engine.close()
    made.application.close()


def test_log_1_nothing_is_acknowledged_before_its_root_is_agreed(door: Door) -> None:
    raw = support.signed(1, "ask")
    answer = door.engine.submit(raw)
    assert door.scripted.came.wait(WAIT)
    assert door.scripted.handed == [raw]
    door.decide(raw)
    with pytest.raises(NotYet):
        answer.result(SOON)
    assert not door.asked
    door.decide()
    found = answer.result(WAIT)
    assert isinstance(found, Registration)
    assert receipt.verify(found.receipt, raw, support.LOG.public).size == 3
    assert found.decision is not None
    assert found.decision_receipt is not None
    assert receipt.verify(found.decision_receipt, found.decision, support.LOG.public).index == 1


def test_log_1_nothing_is_acknowledged_before_k_validators_have_signed(door: Door) -> None:
    door.quorum = False
    raw = support.signed(1)
    answer = door.engine.submit(raw)
    door.decide(raw)
    door.decide()
    with pytest.raises(NotYet):
        answer.result(SOON)
    assert door.asked[-1] == (2, door.application.store.root(2))
    door.quorum = True
    assert isinstance(answer.result(WAIT), Registration)


def test_log_2_no_checkpoint_receipt_or_growth_is_signed_beyond_what_is_agreed(door: Door) -> None:
    door.decide(support.signed(1))
    for sign in (
        lambda: door.engine.checkpoint_at(2),
        lambda: door.engine.receipt_for(0),
        lambda: door.engine.growth_since(1),
    ):
        with pytest.raises(CallerError) as caught:
            sign()
        assert caught.value.code == "entry.unknown"
    assert door.engine.store.head().size == 0
    door.decide(support.signed(2), support.signed(3))
    note = checkpoint.open_note(door.engine.checkpoint_at(2), support.ORIGIN, support.LOG.public)
    assert (note.size, note.root) == (2, door.application.store.root(2))
    door.decide()
    # between two blocks no size is a checkpoint's
    with pytest.raises(CallerError):
        door.engine.checkpoint_at(3)
    assert receipt.verify_consistency(door.engine.growth_since(2), 2, note.root, support.LOG.public).size == 5


def test_rule_2_what_the_rules_refuse_is_answered_with_the_kept_refusal(door: Door) -> None:
    raw = support.signed(1, "forbid")
    answer = door.engine.submit(raw)
    door.decide(raw)
    found = answer.result(WAIT)
    assert isinstance(found, Refusal)
    assert (found.code, refusal.verify(found.raw, support.LOG.public).statement) == ("test.forbidden", found.digest)
    kept = door.application.store.refusal(found.digest)
    assert kept is not None
    assert kept[0] == found.raw


@pytest.mark.parametrize(
    ("raw", "code"),
    [(badly_signed(1), "statement.signature"), (support.signed(1, key=support.STRANGER), "statement.key-unknown")],
)
def test_rule_2_what_is_badly_signed_is_refused_before_it_reaches_the_engine(door: Door, raw: bytes, code: str) -> None:
    found = door.engine.register(raw)
    assert isinstance(found, Refusal)
    assert found.code == code
    assert not door.scripted.handed


def test_bytes_that_are_no_statement_are_refused(door: Door) -> None:
    with pytest.raises(CallerError):
        door.engine.submit(b"nonsense")


def test_the_same_bytes_sent_twice_wait_together_and_later_return_the_same_entry(door: Door) -> None:
    raw = support.signed(1)
    first, second = door.engine.submit(raw), door.engine.submit(raw)
    assert door.scripted.came.wait(WAIT)
    door.decide(raw)
    door.decide()
    assert [answer.result(WAIT) for answer in (first, second)] == [first.result(), first.result()]
    assert door.scripted.handed == [raw]
    again = door.engine.submit(raw).result(WAIT)
    assert isinstance(again, Registration)
    assert again.index == 0
    assert door.scripted.handed == [raw]


def test_what_the_log_holds_is_answered_without_asking_the_engine_again(door: Door) -> None:
    raws = [support.signed(1, "ask"), support.signed(2)]
    door.decide(*raws)
    door.decide()
    new = support.signed(3)
    answers = [door.engine.submit(raw) for raw in (*raws, new)]
    found = [answer.result(WAIT) for answer in answers[:2]]
    assert [(item.index, item.decision is not None) for item in found if isinstance(item, Registration)] == [
        (0, True),
        (2, False),
    ]
    door.decide(new)
    door.decide()
    assert isinstance(answers[2].result(WAIT), Registration)
    assert door.scripted.handed == [new]


def test_log_1_what_is_held_but_not_agreed_is_not_acknowledged(door: Door) -> None:
    raw = support.signed(1)
    door.decide(raw)
    answer = door.engine.submit(raw)
    with pytest.raises(NotYet):
        answer.result(SOON)
    door.decide()
    assert isinstance(answer.result(WAIT), Registration)


def test_what_the_engine_lost_with_its_queue_is_sent_again(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESEND_SECONDS", 0.1)
    door.scripted.silent = True
    raw = support.signed(1)
    answer = door.engine.submit(raw)
    with pytest.raises(NotYet):
        answer.result(SOON)
    door.scripted.silent = False
    assert door.scripted.came.wait(WAIT)
    door.decide(raw)
    door.decide()
    assert isinstance(answer.result(WAIT), Registration)


def test_who_waits_too_long_is_told_what_to_do(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.1)
    with pytest.raises(OperatorError) as caught:
        door.engine.submit(support.signed(1)).result(WAIT)
    assert caught.value.code == "engine.no-agreement"
    assert "poju network status" in str(caught.value)


def test_a_full_queue_says_so(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE_LIMIT", 2)
    for number in range(2):
        door.engine.submit(support.signed(number))
    with pytest.raises(OperatorError) as caught:
        door.engine.submit(support.signed(2))
    assert caught.value.code == "engine.busy"


def test_log_1_a_restart_keeps_what_was_agreed(tmp_path: Path) -> None:
    first = Door(tmp_path / "ledger.sqlite")
    raws = [support.signed(1), support.signed(2)]
    first.decide(raws[0])
    first.decide(raws[1])
    first.engine.close()
    first.application.close()
    second = Door(tmp_path / "ledger.sqlite")
    assert second.engine.store.head().size == 2
    assert second.application.info()[0] == 2
    second.engine.close()
    second.application.close()


def test_it_has_all_that_the_http_interface_asks_of_an_engine(door: Door) -> None:
    text = inspect.getsource(poju.node.ledger_api)
    for name in set(re.findall(r"engine\.(\w+)\(", text)) | {"store", "log_key", "origin"}:
        assert hasattr(door.engine, name), name
    for name in set(re.findall(r"engine\.store\.(\w+)", text)) | {"tile", "leaves", "leaf", "get", "head"}:
        assert hasattr(door.engine.store, name), name
