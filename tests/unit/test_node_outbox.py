"""LOG-1 at the sender: killed at any moment, everything is sent, nothing is registered twice."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support_node import HELD_BY, OTHER_HANDLE, RECORD, SALT, World, opened

from poju.engine.embedded import Refusal
from poju.errors import OperatorError, PojuError
from poju.exchange import pointer
from poju.ledger import leaf, statement
from poju.node.client import Answer, Refused, Registered
from poju.node.outbox import Outbox

DAY = 86_400


class Killed(BaseException):
    """The process ends here: nothing after it runs."""


class Line:
    """The ledger's client without a socket, on which the process can be killed or the line cut."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.before: BaseException | None = None
        self.after: BaseException | None = None
        self.sent: list[bytes] = []

    def register(self, raw: bytes) -> Answer:
        if self.before:
            raise self.before
        self.sent.append(raw)
        answer = self.world.engine.register(raw)
        if self.after:
            raise self.after
        if isinstance(answer, Refusal):
            return Refused(answer.code, answer.raw)
        return Registered(answer.index, answer.receipt, answer.decision)


@pytest.fixture
def world() -> Iterator[World]:
    made = opened()
    yield made
    made.close()


@pytest.fixture
def line(world: World) -> Line:
    return Line(world)


@pytest.fixture
def outbox(tmp_path: Path, line: Line) -> Iterator[Callable[[], Outbox]]:
    """Open the outbox as a new process would."""
    made: list[Outbox] = []

    def start() -> Outbox:
        made.append(Outbox(tmp_path / "outbox.sqlite", line))  # type: ignore[arg-type]  # its one method is there
        return made[-1]

    yield start
    for each in made:
        each.close()


def build(world: World, number: int) -> Callable[[], bytes]:
    fields = {"commitment": pointer.commitment(SALT, RECORD), "handle": OTHER_HANDLE, "class": "lab-chemistry"}
    return lambda: world.signed("pointer", HELD_BY, f"pointer/{number:032x}", fields)


def pointers(world: World) -> list[str]:
    leaves = [raw for raw in world.store.stream(world.store.head().size) if leaf.is_statement(raw)]
    return [item.subject for item in map(statement.decode, leaves) if item.fields.get("handle") == OTHER_HANDLE]


def test_an_answer_is_kept_and_not_asked_for_again(world: World, line: Line, outbox: Callable[[], Outbox]) -> None:
    first = outbox().send("one", build(world, 1))
    assert isinstance(first, Registered)
    assert outbox().send("one", build(world, 2)) == first
    assert len(line.sent) == 1
    assert outbox().index("one") == first.index
    assert outbox().names() == ["one"]


def test_log_1_killed_between_writing_and_sending(world: World, line: Line, outbox: Callable[[], Outbox]) -> None:
    line.before = Killed()
    with pytest.raises(Killed):
        outbox().send("one", build(world, 1))
    assert pointers(world) == []
    line.before = None
    again = outbox()
    raw = again.raw("one")
    assert isinstance(again.send("one", build(world, 2)), Registered)
    assert line.sent == [raw], "the bytes that were written down are sent, not new ones"
    assert len(pointers(world)) == 1


def test_log_1_killed_between_sending_and_storing(world: World, line: Line, outbox: Callable[[], Outbox]) -> None:
    line.after = Killed()
    with pytest.raises(Killed):
        outbox().send("one", build(world, 1))
    assert len(pointers(world)) == 1
    size = world.store.head().size
    line.after = None
    answer = outbox().send("one", build(world, 2))
    assert isinstance(answer, Registered)
    assert world.store.head().size == size, "never twice"
    assert (world.store.leaf(answer.index) or b"") == line.sent[0]


def test_log_1_killed_between_sending_and_storing_and_taken_up_days_later(
    world: World, line: Line, outbox: Callable[[], Outbox]
) -> None:
    line.after = Killed()
    with pytest.raises(Killed):
        outbox().send("one", build(world, 1))
    line.after = None
    world.now += 3 * DAY
    assert isinstance(outbox().send("one", build(world, 1)), Registered)
    assert len(pointers(world)) == 1
    assert len(set(line.sent)) == 1


def test_a_statement_that_grew_stale_is_built_again(world: World, line: Line, outbox: Callable[[], Outbox]) -> None:
    line.before = Killed()
    with pytest.raises(Killed):
        outbox().send("one", build(world, 1))
    line.before = None
    world.now += 3 * DAY
    assert isinstance(outbox().send("one", build(world, 1)), Registered)
    assert len(line.sent) == 2
    assert len(pointers(world)) == 1
    assert outbox().raw("one") == line.sent[1]


def test_priv_3_what_waited_days_without_its_builder_is_signed_again(
    world: World, line: Line, outbox: Callable[[], Outbox]
) -> None:
    """A custodian that was restarted while the ledger was down must still get its release into the log."""
    outbox().queue("one", build(world, 1))
    world.now += 3 * DAY

    def renew(raw: bytes) -> bytes:
        item = statement.decode(raw)
        return world.signed(item.kind, item.issuer, item.subject, item.fields)

    (answer,) = outbox().flush(renew)
    assert isinstance(answer, Registered)
    assert len(pointers(world)) == 1
    assert outbox().flush(renew) == []
    assert len(line.sent) == 2


def test_priv_3_a_refusal_that_another_statement_heals_is_no_answer_yet(
    world: World, outbox: Callable[[], Outbox]
) -> None:
    world.consent()
    world.request()
    commitment = pointer.commitment(SALT, RECORD)
    subject = "access/" + f"{1:032x}"
    asker = outbox()
    fields = {"commitment": commitment, "holds": True}
    asker.queue("ack", lambda: world.signed("access-acknowledge", "hospital-b", subject, fields))
    (early,) = asker.flush(again={"exchange.not-released"})
    assert isinstance(early, Refused)
    assert asker.names() == []
    world.must("access-release", HELD_BY, subject, commitment=commitment)
    (late,) = asker.flush(again={"exchange.not-released"})
    assert isinstance(late, Registered)
    assert asker.flush() == []


def test_a_refusal_is_an_answer_and_stays(world: World, line: Line, outbox: Callable[[], Outbox]) -> None:
    def wrong() -> bytes:
        return world.signed("pointer", HELD_BY, "pointer/not-one", {"handle": OTHER_HANDLE})

    first = outbox().send("one", wrong)
    assert isinstance(first, Refused)
    assert outbox().send("one", build(world, 1)) == first
    assert len(line.sent) == 1


def test_while_the_ledger_is_down_everything_stays_written(
    world: World, line: Line, outbox: Callable[[], Outbox]
) -> None:
    line.before = OperatorError("ledger.unreachable", "no")
    box = outbox()
    for number in range(5):
        box.queue(f"n{number}", build(world, number))
    with pytest.raises(PojuError):
        box.flush()
    line.before = None
    assert len(box.flush()) == 5
    assert len(set(pointers(world))) == 5 == len(pointers(world))


def test_many_are_answered_in_order(world: World, outbox: Callable[[], Outbox]) -> None:
    items = [(f"n{number}", build(world, number)) for number in range(150)]
    answers = outbox().send_many(items)
    found = [statement.decode(world.store.leaf(a.index) or b"").subject for a in answers if isinstance(a, Registered)]
    assert found == [f"pointer/{number:032x}" for number in range(150)]


def test_what_is_not_there_is_said(outbox: Callable[[], Outbox], world: World) -> None:
    box = outbox()
    box.queue("waits", build(world, 1))
    for ask in (lambda: box.raw("none"), lambda: box.index("none"), lambda: box.index("waits")):
        with pytest.raises(PojuError) as caught:
            ask()
        assert caught.value.code == "outbox.unknown"


def test_a_damaged_answer_is_said(outbox: Callable[[], Outbox], world: World) -> None:
    box = outbox()
    box.send("one", build(world, 1))
    box._execute("UPDATE sent SET answer = ? WHERE name = ?", [(b"\x80", "one")])
    with pytest.raises(PojuError) as caught:
        box.send("one", build(world, 1))
    assert caught.value.code == "outbox.damaged"


def test_priv_1_the_outbox_is_its_owners_alone(tmp_path: Path, outbox: Callable[[], Outbox]) -> None:
    outbox()
    assert not [path.name for path in tmp_path.iterdir() if stat.S_IMODE(path.stat().st_mode) & 0o077]
