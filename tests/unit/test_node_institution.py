"""A custodian's own process without a socket: what it serves it registers, also after the ledger was down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support_node import ASKED_BY, HANDLE, HELD_BY, LIMITS, POINTER, RECORD, SALT, World, opened
from support_rules import HEALTHCARE, key_of

from poju.engine.embedded import Refusal
from poju.errors import OperatorError, PojuError
from poju.exchange.patient import access_list
from poju.exchange.records import RecordStore
from poju.ledger import cbor
from poju.ledger.keys import PrivateKey
from poju.ledger.store import Store
from poju.node import institution_api, ledger_service
from poju.node.client import Answer, LedgerClient, Refused, Registered
from poju.node.institution_api import AccessWanted, Institution
from poju.node.outbox import Outbox
from poju.rulebook import compose


class Line:
    """The ledger's client without a socket; it can be cut."""

    def __init__(self, world: World) -> None:
        self.world, self.cut = world, False

    def register(self, raw: bytes) -> Answer:
        self._require()
        answer = self.world.engine.register(raw)
        if isinstance(answer, Refusal):
            return Refused(answer.code, answer.raw)
        return Registered(answer.index, answer.receipt, answer.decision)

    def get(self, path: str, _key: PrivateKey) -> bytes:
        self._require()
        start, size = map(int, path.removeprefix("/feed/").split("/"))
        return self.world.feed.page(HELD_BY, start, size)

    def _require(self) -> None:
        if self.cut:
            raise OperatorError("ledger.unreachable", "cut")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = opened()
    monkeypatch.setattr(institution_api, "wall_clock", lambda: made.now)
    yield made
    made.close()


@pytest.fixture
def hospital(world: World, tmp_path: Path) -> Iterator[Institution]:
    records = RecordStore(tmp_path / "records.sqlite")
    row = ("source", POINTER, "lab-chemistry", HANDLE, SALT, RECORD)
    records._connection.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", row)
    line = Line(world)
    outbox = Outbox(tmp_path / "outbox.sqlite", line)  # type: ignore[arg-type]  # its one method is there
    made = Institution(
        HELD_BY,
        key_of(HELD_BY),
        records,
        world.replica(HELD_BY),
        line,  # type: ignore[arg-type]  # as above
        outbox,
        LIMITS,
    )
    made.refresh()
    yield made
    outbox.close()
    records.close()


def releases(world: World) -> list[int | None]:
    return [a.release_entry for a in access_list(world.store.stream(world.store.head().size), {HANDLE})]


def test_priv_3_what_is_served_is_registered(world: World, hospital: Institution) -> None:
    world.consent()
    proof = world.request()
    hospital.refresh()
    assert cbor.decode(hospital.serve(proof, ASKED_BY)) == [RECORD, SALT]
    hospital.refresh()
    assert None not in releases(world)


def test_priv_3_a_release_outlives_a_dead_ledger_and_a_restart(
    world: World, hospital: Institution, tmp_path: Path
) -> None:
    world.consent()
    proof = world.request()
    hospital.refresh()
    hospital.client.cut = True  # type: ignore[attr-defined]  # the line
    hospital.serve(proof, ASKED_BY)
    hospital.refresh()
    assert releases(world) == [None]
    again = Institution(
        HELD_BY,
        hospital.key,
        hospital.records,
        world.replica(HELD_BY),
        hospital.client,
        Outbox(tmp_path / "outbox.sqlite", hospital.client),
        LIMITS,
    )
    world.now += 600
    hospital.client.cut = False  # type: ignore[attr-defined]  # the line
    again.refresh()
    again.outbox.close()
    assert None not in releases(world)


def test_priv_3_a_feed_that_does_not_hold_keeps_no_release_back(
    world: World, hospital: Institution, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.consent()
    proof = world.request()
    hospital.refresh()
    hospital.serve(proof, ASKED_BY)
    monkeypatch.setattr(hospital.client, "get", lambda _path, _key: b"garbage")
    hospital.refresh()
    assert None not in releases(world)


def test_priv_2_nothing_is_served_without_the_record(world: World, hospital: Institution) -> None:
    world.consent()
    proof = world.request()
    hospital.refresh()
    hospital.records._connection.execute("DELETE FROM record")
    with pytest.raises(PojuError) as caught:
        hospital.serve(proof, ASKED_BY)
    assert caught.value.code == "access.not-held-here"
    hospital.refresh()
    assert releases(world) == [None]


def test_priv_1_a_private_decision_is_proved_to_its_readers_only(world: World) -> None:
    world.request()
    index = world.store.head().size - 3
    assert [world.feed.may_read(member, index) for member in (HELD_BY, ASKED_BY)] == [True, True]
    assert [world.feed.may_read(member, index) for member in (None, "clinic-a", "insurer")] == [False, False, False]
    assert world.feed.may_read(None, 0)
    assert not world.feed.may_read(None, 10_000)


@pytest.mark.parametrize("value", [None, [], [1] * 5, ["a"] * 5, ["a"] * 4, {}])
def test_what_is_no_request_is_said(value: cbor.Value) -> None:
    with pytest.raises(PojuError) as caught:
        AccessWanted.decode(cbor.encode(value))
    assert caught.value.code == "node.malformed"


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://h", "http://", "http://[", "http://a b", "file:///etc", "http://h:999999"]
)
def test_an_address_that_is_none_is_said(url: str) -> None:
    with pytest.raises(PojuError) as caught:
        LedgerClient(url)
    assert caught.value.code == "ledger.address"


def test_a_ledger_starts_only_with_the_package_it_was_opened_with(world: World, tmp_path: Path) -> None:
    rules = compose(HEALTHCARE)
    ledger_service._require_opened(world.store, rules)
    ledger_service._require_opened(Store.memory(), rules)
    other = tmp_path / "healthcare"
    other.mkdir()
    for path in HEALTHCARE.rglob("*"):
        target = other / path.relative_to(HEALTHCARE)
        if path.is_dir():
            target.mkdir(exist_ok=True)
        elif "__pycache__" not in path.parts:
            target.write_bytes(path.read_bytes() + (b"\nAmended.\n" if path.name == "README.md" else b""))
    with pytest.raises(PojuError) as caught:
        ledger_service._require_opened(world.store, compose(other))
    assert caught.value.code == "ledger.other-package"
