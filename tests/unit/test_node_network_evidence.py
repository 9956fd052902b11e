"""A node registers its engine's evidence: what it keeps, what it drops, and what it says where it cannot."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from support_governance import Chamber, with_validators
from support_rules import key_of

from poju.engine.cometbft import evidence
from poju.engine.embedded import Answer, Refusal, Registration
from poju.errors import PojuError
from poju.ledger import statement
from poju.ledger.block import Declined
from poju.node import network_evidence
from poju.node.network_evidence import Reporter
from poju.scenario.governance_evidence import BlockId, Vote, sign_bytes

ACCUSED = key_of("v1:consensus")
HEIGHT = 41
PATIENCE = 10.0


@pytest.fixture(scope="module")
def opened() -> Chamber:
    return with_validators()


@pytest.fixture
def chamber(opened: Chamber, monkeypatch: pytest.MonkeyPatch) -> Chamber:
    monkeypatch.setattr(network_evidence, "PAUSE_SECONDS", 0.02)
    copy = opened.branch()
    monkeypatch.setattr(time, "time", lambda: copy.now)
    return copy


def vote(block: BlockId | None, seconds: int) -> dict[str, Any]:
    said = Vote("precommit", 7, 0, block, seconds, 5)
    named = block or BlockId(b"", 0, b"")
    return {
        "type": 2,
        "height": "7",
        "round": 0,
        "block_id": {"hash": named.hash.hex(), "parts": {"total": named.parts, "hash": named.parts_hash.hex()}},
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + ".000000005Z",
        "validator_address": evidence.address_of(ACCUSED.public.raw).hex().upper(),
        "signature": base64.b64encode(ACCUSED.sign(sign_bytes("poju-test", said))).decode(),
    }


def block(second: BlockId | None = None) -> dict[str, Any]:
    first = BlockId(b"\1" * 32, 1, b"\2" * 32)
    value = {"vote_a": vote(first, 1_700_000_000), "vote_b": vote(second, 1_700_000_001)}
    light = {"type": "tendermint/LightClientAttackEvidence", "value": {}}
    items = [light, {"type": evidence.DUPLICATE_VOTE, "value": value}]
    return {"block": {"evidence": {"evidence": items}}}


class Desk:
    """An engine's RPC and a node's door, over a chamber's rules."""

    def __init__(self, home: Path, chamber: Chamber, answer: Mapping[str, Any] | None, who: str = "clinic-a") -> None:
        self.home, self.chamber, self.answer = home, chamber, answer
        self.sent: list[bytes] = []
        self.codes: list[str] = []
        if who:
            (home / "member.key").write_bytes(bytes(key_of(who)._signing_key))

    def ask(self, method: str, **parameters: str) -> Mapping[str, Any]:
        assert (method, parameters) == ("block", {"height": str(HEIGHT)})
        if self.answer is None:
            raise PojuError("network.engine-silent", "It does not answer.", hint="Wait.")
        return self.answer

    def register(self, raw: bytes) -> Answer:
        self.sent.append(raw)
        found = self.chamber.submit(raw)
        if isinstance(found, Declined):
            self.codes.append(found.code)
            return Refusal(b"", found.code, b"")
        return Registration(0, b"", b"", None, None)

    def reporter(self) -> Reporter:
        return Reporter(self.home, self.chamber, self.ask, self.register)

    @property
    def waiting(self) -> str:
        path = self.home / network_evidence.PENDING
        return path.read_text() if path.exists() else ""


def until(holds: Callable[[], bool]) -> None:
    for _turn in range(500):
        if holds():
            return
        network_evidence.threading.Event().wait(PATIENCE / 500)
    pytest.fail("not within its patience")


@pytest.mark.parametrize("second", [BlockId(b"\7" * 32, 2, b"\x08" * 32), None])
def test_the_engine_s_evidence_becomes_a_statement_that_the_rule_takes(
    chamber: Chamber, tmp_path: Path, second: BlockId | None
) -> None:
    desk = Desk(tmp_path, chamber, block(second))
    reporter = desk.reporter()
    reporter.note(HEIGHT)
    until(lambda: desk.waiting == "" and bool(desk.sent))
    reporter.close()
    (raw,) = desk.sent
    item = statement.decode(raw)
    assert (item.kind, item.issuer, desk.codes) == ("misbehaviour", "clinic-a", [])
    assert {entry["name"]: entry["state"] for entry in chamber.get("validators")} == {
        "v1": "suspended",
        "v2": "admitted",
    }
    # a second node's turn comes too late, and it is content
    again = Desk(tmp_path, chamber, block(second), "hospital-b")
    other = again.reporter()
    other.note(HEIGHT)
    until(lambda: again.waiting == "")
    other.close()
    assert again.sent == []


def test_log_1_what_was_noted_before_a_crash_is_reported_after_it(chamber: Chamber, tmp_path: Path) -> None:
    silent = Desk(tmp_path, chamber, None)
    reporter = silent.reporter()
    reporter.note(HEIGHT)
    reporter.close()
    assert silent.waiting == f"{HEIGHT}\n"
    desk = Desk(tmp_path, chamber, block())
    later = desk.reporter()
    until(lambda: desk.waiting == "")
    later.close()
    assert len(desk.sent) == 1


@pytest.mark.parametrize("who", ["", "stranger"])
def test_without_a_member_s_key_the_height_waits_and_the_log_says_why(
    chamber: Chamber, tmp_path: Path, capsys: pytest.CaptureFixture[str], who: str
) -> None:
    desk = Desk(tmp_path, chamber, block(), who)
    reporter = desk.reporter()
    reporter.note(HEIGHT)
    until(lambda: "member.key" in capsys.readouterr().err)
    (tmp_path / "member.key").write_bytes(bytes(key_of("hospital-a")._signing_key))
    until(lambda: desk.waiting == "")
    reporter.close()
    assert len(desk.sent) == 1


@pytest.mark.parametrize("answer", [{}, {"block": None}, {"block": {"evidence": {"evidence": [{}]}}}])
def test_an_answer_of_another_form_is_told_and_dropped(
    chamber: Chamber, tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: dict[str, Any]
) -> None:
    desk = Desk(tmp_path, chamber, answer)
    reporter = desk.reporter()
    reporter.note(HEIGHT)
    until(lambda: desk.waiting == "" and "evidence-unread" in capsys.readouterr().err)
    reporter.close()


def test_a_validator_that_no_vote_admitted_is_told_not_accused(
    opened: Chamber, chamber: Chamber, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chamber.values.pop("validators")
    desk = Desk(tmp_path, chamber, block())
    reporter = desk.reporter()
    reporter.note(HEIGHT)
    until(lambda: desk.waiting == "")
    reporter.close()
    assert "no vote admitted it" in capsys.readouterr().err
    assert desk.sent == []
    assert opened.get("validators") is not None


def test_a_door_that_fails_is_tried_again(chamber: Chamber, tmp_path: Path) -> None:
    desk = Desk(tmp_path, chamber, block())
    failures: list[Exception] = [PojuError("engine.no-agreement", "not yet", hint="again"), TimeoutError()]
    register = desk.register

    def flaky(raw: bytes) -> Answer:
        if failures:
            raise failures.pop()
        return register(raw)

    reporter = Reporter(tmp_path, chamber, desk.ask, flaky)
    reporter.note(HEIGHT)
    until(lambda: desk.waiting == "" and bool(desk.sent))
    reporter.close()
