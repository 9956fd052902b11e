"""Keys of the state before a block: what a retired or a later key signed does not replay, whoever checked it before."""

from __future__ import annotations

import pytest
import support_ledger as support
from support_audit import Copy, audited

from poju.errors import OperatorError
from poju.ledger import block, statement
from poju.ledger.audit import Plan
from poju.ledger.keys import PublicKey
from poju.ledger.replay import authenticate, replay
from poju.ledger.rulebook import Block, Refused, Registered, State
from poju.ledger.statement import UnverifiedStatement, VerifiedStatement
from poju.units import Seconds


class Rotating(support.TinyRules):
    """``enrol`` registers the key in its payload, ``retire`` takes it back; ``lenient`` forgets what was taken back."""

    def __init__(self, *, lenient: bool = False) -> None:
        self.lenient = lenient

    def key_for(self, state: State, item: UnverifiedStatement) -> PublicKey | None:
        held = state.get(f"key/{item.key_id.hex()}")
        if held is None and self.lenient:
            return next((key.public for key in KEYS if key.public.thumbprint == item.key_id), None)
        return PublicKey(held) if held else super().key_for(state, item)

    def register(self, state: State, item: VerifiedStatement, at: Block) -> Registered | Refused:
        name = f"key/{PublicKey(item.fields['key']).fingerprint}" if "key" in item.fields else ""
        if item.kind == "enrol":
            return Registered({name: item.fields["key"]})
        if item.kind == "retire":
            return Registered({name: None})
        return super().register(state, item, at)


KEYS = (support.MEMBER, support.STRANGER)
NEW = support.STRANGER


def said(number: int, kind: str, signer: support.PrivateKey, about: support.PrivateKey | None = None) -> bytes:
    fields = {"number": number} if about is None else {"key": about.public.raw}
    return statement.sign(
        signer,
        kind,
        issuer="hospital-a",
        subject=f"note/{number}",
        issued_at=support.TIME,
        identifier=support.identifier(number),
        fields=fields,
    )


def operated(batches: list[list[bytes]]) -> list[bytes]:
    """The leaves that an operator makes who lets any key speak at any time."""
    rules, state, head, leaves = Rotating(lenient=True), support.DictState(), block.Head(), []
    for batch in batches:
        items = []
        for raw in batch:
            item = statement.decode(raw)
            verified = item.verify(next(key.public for key in KEYS if key.public.thumbprint == item.key_id))
            assert verified is not None
            items.append(verified)
        outcome = block.execute(rules, state, state, head, Seconds(support.TIME), items)
        leaves += outcome.leaves
        state.apply(outcome)
        head = outcome.head
    return leaves


GOOD = [[said(1, "enrol", support.MEMBER, NEW)], [said(2, "note", NEW)], [said(3, "retire", support.MEMBER, NEW)]]
BAD = {
    "a key not yet enrolled": ([[said(9, "note", NEW)], *GOOD], 0),
    "a key enrolled in the same block": ([[said(1, "enrol", support.MEMBER, NEW), said(2, "note", NEW)]], 1),
    "a retired key": ([*GOOD, [said(4, "note", NEW)]], 6),
}


@pytest.mark.parametrize("workers", [0, 1])
def test_log_4_a_key_speaks_from_the_block_after_its_enrolment_to_its_end(workers: int) -> None:
    leaves = operated(GOOD)
    assert len(list(replay(Rotating(), leaves))) == len(GOOD)
    assert audited(Copy.of(leaves).log(), Plan(workers), rules=Rotating()).found.statements == len(GOOD)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("name", BAD)
def test_log_4_a_key_outside_its_time_is_refused_though_its_signature_holds(name: str, workers: int) -> None:
    batches, index = BAD[name]
    leaves = operated(batches)
    for attempt in (
        lambda: list(replay(Rotating(), leaves)),
        lambda: audited(Copy.of(leaves).log(), Plan(workers), rules=Rotating()),
    ):
        with pytest.raises(OperatorError) as caught:
            attempt()
        assert caught.value.parameters["index"] == index
        assert caught.value.parameters["reason"] == "its key is not one that the log knew before this block"


def test_what_was_checked_under_another_key_is_checked_again() -> None:
    item = statement.decode(said(1, "note", support.MEMBER))
    broken = item._replace(envelope=item.envelope._replace(signature=bytes(64)))
    state = support.DictState()
    assert authenticate(support.TinyRules(), state, item, NEW.public, (1, 0)).key == support.MEMBER.public
    with pytest.raises(OperatorError):
        authenticate(support.TinyRules(), state, broken, NEW.public, (1, 0))
