"""What a consortium's engine is told when a vote, or evidence, changes who orders the log."""

from __future__ import annotations

import pytest
from support_governance import Chamber, validator
from support_rules import key_of

from poju.engine.cometbft import abci_pb2 as abci
from poju.engine.cometbft import home
from poju.engine.cometbft.application import Application
from poju.engine.cometbft.genesis import Genesis
from poju.engine.cometbft.validators import POWER, updates
from poju.ledger import cbor
from poju.ledger.block import Entered
from poju.ledger.keys import PublicKey
from poju.ledger.store import Store
from poju.units import Seconds


def entry(name: str, state: str = "admitted") -> dict[str, cbor.Value]:
    return {**validator(name), "state": state, "from_height": 1}


KEYS = {name: bytes(validator(name)["consensus"]) for name in ("v1", "v2", "v3")}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, [entry("v1")], [("v1", POWER)]),
        ([entry("v1")], [entry("v1"), entry("v2")], [("v2", POWER)]),
        ([entry("v1"), entry("v2")], [entry("v1", "suspended"), entry("v2")], [("v1", 0)]),
        ([entry("v1", "removed"), entry("v2")], [entry("v1", "removed"), entry("v2"), entry("v3")], [("v3", POWER)]),
        # admitted and suspended within one block: the engine never knew it
        ([entry("v1")], [entry("v1"), entry("v2", "suspended")], []),
        # nobody left: the engine keeps whom it has
        ([entry("v1")], [entry("v1", "suspended")], []),
        ([entry("v1", "suspended")], [entry("v1", "suspended"), entry("v2")], [("v1", 0), ("v2", POWER)]),
    ],
)
def test_the_engine_is_told_what_changed_and_nothing_else(
    before: cbor.Value, after: cbor.Value, told: list[tuple[str, int]]
) -> None:
    assert updates(before, cbor.encode(after)) == [(KEYS[name], power) for name, power in told]
    assert updates(before, None) == []


def test_a_validator_by_vote_weighs_as_much_as_one_of_the_genesis_file() -> None:
    assert str(home.POWER) == str(POWER)


def test_log_2_a_block_in_which_a_vote_takes_effect_answers_the_engine_with_the_change() -> None:
    chamber = Chamber()
    raws: list[bytes] = []
    inner = chamber.submit

    def kept(raw: bytes) -> object:
        raws.append(raw)
        return inner(raw)

    chamber.submit = kept  # type: ignore[method-assign,assignment] # the statements are what this test needs
    chamber.with_members()
    chamber.decide("1", "validator-admit", **validator("v1"))
    genesis = Genesis("test.invalid", chamber.package.digest, {"v0": PublicKey(KEYS["v3"])}, 1)
    application = Application(Store.memory(), chamber.rules, key_of("log"), genesis)
    told = []
    for height, raw in enumerate(raws, 1):
        _hash, answers = application.finalize_block(height, Seconds(chamber.now), [raw])
        assert isinstance(answers[0], Entered)
        told.append(list(application.validator_updates))
        application.commit()
    # LOG-2: the same root as by the other way, and only the last block changed the set
    assert application.store.head() == chamber.head
    assert told == [[]] * (len(raws) - 1) + [[(KEYS["v1"], POWER)]]
    assert list(application.validator_updates) == []


def test_the_wire_form_is_the_specifications() -> None:
    """Field numbers of abci.ValidatorUpdate and crypto.PublicKey in CometBFT v0.38, written out by hand."""
    update = abci.ValidatorUpdate(pub_key=abci.PublicKey(ed25519=b"\1" * 32), power=10)
    inner = b"\x0a\x20" + b"\1" * 32
    raw = b"\x0a\x22" + inner + b"\x10\x0a"
    assert update.SerializeToString() == raw
    answer = abci.FinalizeBlockAnswer(validator_updates=[update])
    assert answer.SerializeToString() == b"\x1a" + bytes([len(raw)]) + raw
    # an end has power 0, which protobuf leaves out, and its key
    assert (
        abci.ValidatorUpdate(pub_key=abci.PublicKey(ed25519=b"\1" * 32), power=0).SerializeToString()
        == b"\x0a\x22" + inner
    )
