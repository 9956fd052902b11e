"""Two votes of one validator for two blocks suspend it; nothing else does. Vectors: CometBFT's own Go encoding."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support_governance import Chamber, with_validators
from support_rules import key_of

from poju.ledger import cbor
from poju.ledger.replay import replay
from poju.scenario.governance_evidence import BlockId, Vote, sign_bytes

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "canonical-vote.json").read_text(encoding="utf-8"))
ACCUSED = key_of("v1:consensus")


def read(row: dict[str, object]) -> Vote:
    found = [row["type"], row["height"], row["round"]]
    block = BlockId(bytes.fromhex(row["hash"]), row["parts"], bytes.fromhex(row["parts_hash"])) if row["hash"] else None
    return Vote(*found, block, row["seconds"], row["nanos"])


@pytest.mark.parametrize("row", VECTORS["votes"])
def test_the_bytes_are_those_of_cometbfts_own_encoding(row: dict[str, object]) -> None:
    assert sign_bytes(row["chain"], read(row)).hex() == row["sign_bytes"]


@pytest.fixture(scope="module")
def opened() -> Chamber:
    return with_validators()


@pytest.fixture
def chamber(opened: Chamber) -> Chamber:
    return opened.branch()


def block(mark: int) -> BlockId:
    return BlockId(bytes([mark]) * 32, 1, bytes([mark + 1]) * 32)


FIRST = Vote("precommit", 7, 0, block(1), 1_700_000_000, 5)
SECOND = FIRST._replace(block=block(9), seconds=1_700_000_001)


def evidence(
    first: Vote = FIRST,
    second: Vote = SECOND,
    chain: str = "poju-test",
    signer: str = "v1:consensus",
    **changes: cbor.Value,
) -> dict[str, cbor.Value]:
    """The fields of the evidence; each vote is signed as it is, whatever the common fields then say."""
    fields: dict[str, cbor.Value] = {"consensus": ACCUSED.public.raw, "type": first.type}
    fields |= {"height": first.height, "round": first.round}
    for which, vote in (("first", first), ("second", second)):
        if vote.block is not None:
            fields |= {f"{which}_{part}": value for part, value in vote.block._asdict().items()}
        fields |= {f"{which}_seconds": vote.seconds, f"{which}_nanos": vote.nanos}
        fields[f"{which}_signature"] = key_of(signer).sign(sign_bytes(chain, vote))
    return {key: value for key, value in {**fields, **changes}.items() if value is not None}


def accuse(chamber: Chamber, fields: dict[str, cbor.Value], name: str = "1") -> str:
    return chamber.say("misbehaviour", "clinic-a", f"misbehaviour/{name}", **fields)


@pytest.mark.parametrize(
    "fields",
    [
        evidence(),
        evidence(FIRST._replace(type="prevote", round=3), SECOND._replace(type="prevote", round=3)),
        evidence(second=SECOND._replace(block=None)),
        evidence(second=SECOND._replace(block=block(1)._replace(parts=2))),
    ],
)
def test_two_signed_votes_for_two_blocks_suspend_the_validator_at_once(
    chamber: Chamber, fields: dict[str, cbor.Value]
) -> None:
    size = chamber.head.size
    assert accuse(chamber, fields) == ""
    states = {item["name"]: (item["state"], item["from_height"]) for item in chamber.get("validators")}
    assert states["v1"] == ("suspended", chamber.head.height)
    assert states["v2"][0] == "admitted"
    keys = {item["name"]: item["until"] for item in chamber.get("log-keys")}
    assert (keys["v1"], keys["v2"]) == (size, None)
    assert chamber.get("misbehaviour/1")["name"] == "v1"
    assert accuse(chamber, fields) == "misbehaviour.taken"
    assert accuse(chamber, fields, "2") == "misbehaviour.validator-unknown"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (evidence(second=FIRST), "misbehaviour.same-block"),
        (evidence(second=FIRST._replace(seconds=9)), "misbehaviour.same-block"),
        (evidence(second=SECOND._replace(height=8)), "misbehaviour.signature"),
        (evidence(second=SECOND._replace(round=1)), "misbehaviour.signature"),
        (evidence(second=SECOND._replace(type="prevote")), "misbehaviour.signature"),
        (evidence(chain="other-chain"), "misbehaviour.signature"),
        (evidence(signer="v2:consensus"), "misbehaviour.signature"),
        (evidence(second_signature=bytes(64)), "misbehaviour.signature"),
        (evidence(first_signature=evidence()["second_signature"]), "misbehaviour.signature"),
        (evidence(second_hash=bytes(32)), "misbehaviour.signature"),
        (evidence(second_hash=None), "misbehaviour.block"),
        (evidence(second_parts=None, second_parts_hash=None), "misbehaviour.block"),
        (evidence(consensus=key_of("v9:consensus").public.raw), "misbehaviour.validator-unknown"),
        (evidence(consensus=key_of("v1:log").public.raw), "misbehaviour.validator-unknown"),
        (evidence(second_nanos=1_000_000_000), "field.range"),
        (evidence(round=1 << 31), "field.range"),
        (evidence(second_signature=None), "field.missing"),
    ],
)
def test_nothing_short_of_two_such_votes_suspends_anybody(
    chamber: Chamber, fields: dict[str, cbor.Value], code: str
) -> None:
    before = dict(chamber.values)
    assert accuse(chamber, fields) == code
    assert chamber.values == before


def test_the_last_validator_is_suspended_by_evidence_too(chamber: Chamber) -> None:
    chamber.decide("x", "validator-remove", name="v2", reason="breach")
    assert accuse(chamber, evidence()) == ""
    assert {item["state"] for item in chamber.get("validators")} == {"suspended", "removed"}


def test_log_4_a_log_with_evidence_replays_to_the_same_state(chamber: Chamber) -> None:
    assert accuse(chamber, evidence()) == ""
    *_, (outcome, state) = replay(chamber.rules, chamber.leaves)
    assert outcome.head == chamber.head
    assert state.values == chamber.values
