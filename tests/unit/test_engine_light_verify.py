"""The light client's proof in Python: recorded headers of a real network hash and verify, and each forgery is named."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import support_light as support
from hypothesis import given, settings
from hypothesis import strategies as st

from poju.engine.cometbft import light, light_hash
from poju.engine.cometbft.light_verify import Trusted, from_genesis, verify
from poju.errors import CallerError
from poju.ledger.keys import PublicKey
from poju.units import Seconds

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "light"
GENESIS = json.loads((VECTORS / "genesis.json").read_text())
KEYS = {name: PublicKey(bytes.fromhex(key)) for name, key in GENESIS["app_state"]["keys"].items()}
NOW = Seconds(1_795_492_800)
"""An hour after the files were recorded."""
MADE_NOW = Seconds(1_793_500_000)
MADE_KEYS = {name: support.log_key(name).public for name in "abcd"}
Change = Callable[[dict[str, Any]], object]


def load(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((VECTORS / name).read_text(encoding="utf-8"))
    return found


def proved(found: dict[str, Any], **options: Any) -> light.Checkpoint:  # noqa: ANN401 - verify's own options
    file = light.LightFile(found["chain"], found["checkpoint"], tuple(found["blocks"]))
    given_options = {"trusted": from_genesis(GENESIS), "keys": KEYS, "needed": 3, "now": NOW, **options}
    return verify(light.read(file.encode()), **given_options)


def refusal(found: dict[str, Any], **options: Any) -> str:  # noqa: ANN401 - as above
    with pytest.raises(CallerError) as caught:
        proved(found, **options)
    assert caught.value.code == "light.refused"
    return str(caught.value.parameters["reason"])


@pytest.mark.parametrize(("name", "size"), [("file.json", 24), ("earlier.json", 12)])
def test_log_2_a_recorded_file_proves_its_checkpoint_from_the_genesis_file_alone(name: str, size: int) -> None:
    assert proved(load(name)).size == size
    first = load(name)["blocks"][0]["signed_header"]["commit"]["block_id"]["hash"]
    assert proved(load(name), trusted=Trusted(1, header=bytes.fromhex(first)), needed=4).size == size


def commit(found: dict[str, Any]) -> dict[str, Any]:
    whole: dict[str, Any] = found["blocks"][-1]["signed_header"]["commit"]
    return whole


def drop(found: dict[str, Any]) -> None:
    given_votes = [vote for vote in commit(found)["signatures"] if vote["signature"]]
    for vote in given_votes[2:]:
        vote.update(block_id_flag=1, validator_address="", timestamp="0001-01-01T00:00:00Z", signature=None)


def flip(found: dict[str, Any]) -> None:
    vote = next(vote for vote in commit(found)["signatures"] if vote["signature"])
    raw = bytearray(base64.b64decode(vote["signature"]))
    raw[0] ^= 1
    vote["signature"] = base64.b64encode(raw).decode()


def graft(found: dict[str, Any]) -> None:
    other = load("impostor.json")
    found["blocks"][-1], found["checkpoint"] = other["blocks"][-1], other["checkpoint"]


def another_root(found: dict[str, Any]) -> None:
    other = load("impostor.json")
    found["checkpoint"] = other["checkpoint"]
    header = other["blocks"][-1]["signed_header"]["header"]
    found["blocks"][-1]["signed_header"]["header"]["app_hash"] = header["app_hash"]


def fewer_lines(found: dict[str, Any]) -> None:
    text, lines = found["checkpoint"].split("\n\n")
    found["checkpoint"] = "\n".join([text, "", *lines.split("\n")[:2], ""])


def swap(name: str, part: str) -> Change:
    return lambda found: found["blocks"][-1].update({part: load(name)["blocks"][-1][part]})


def late(vote: dict[str, Any]) -> None:
    vote["timestamp"] = "2026-11-24T03:59:59Z"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (another_root, "a commit is for another header"),
        (lambda found: commit(found)["block_id"].update(hash="AB" * 32), "a commit is for another header"),
        (drop, "not more than two thirds of the validators signed a header"),
        (flip, "a validator's signature on a header does not hold"),
        (lambda found: late(commit(found)["signatures"][0]), "a validator's signature on a header does not hold"),
        (
            lambda found: commit(found)["block_id"]["parts"].update(total=2),
            "a validator's signature on a header does not hold",
        ),
        (lambda found: commit(found).update(round=1), "a validator's signature on a header does not hold"),
        (lambda found: commit(found)["signatures"][0].update(block_id_flag=9), "a vote is neither given nor absent"),
        (lambda found: commit(found)["signatures"][0].update(block_id_flag=1), "a vote is neither given nor absent"),
        (swap("impostor.json", "validators"), "the validators are not those that the header names"),
        (swap("impostor.json", "next_validators"), "the validators are not those that the header names"),
        (graft, "too few of the trusted validators signed the next header"),
        (lambda found: found["blocks"].pop(0), "its first block is not the trusted one"),
        (fewer_lines, "too few validators signed the checkpoint"),
        (
            lambda found: found["blocks"][-1]["signed_header"]["header"].update(time="2026-13-24T03:00:00Z"),
            "a time or a number in it cannot be",
        ),
    ],
)
def test_log_2_a_forged_file_proves_nothing(change: Change, reason: str) -> None:
    found = load("file.json")
    change(found)
    assert refusal(found) == reason


def test_log_2_an_impostors_whole_chain_of_the_same_id_proves_nothing() -> None:
    assert refusal(load("impostor.json")) == "its first block is not the trusted one"


def test_log_2_a_start_that_is_too_old_another_or_none_proves_nothing() -> None:
    old = Seconds(NOW + 14 * 24 * 3600)
    assert refusal(load("file.json"), now=old) == "the trusting period of a header has ended"
    assert refusal(load("file.json"), trusted=Trusted(1)) == "its first block is not the trusted one"
    assert refusal(load("file.json"), trusted=Trusted(1, header=bytes(32))) == "its first block is not the trusted one"
    assert "lies ahead of the clock" in refusal(load("file.json"), now=Seconds(NOW - 7200))
    assert refusal(load("file.json"), needed=5) == "too few validators signed the checkpoint"
    assert refusal(load("file.json"), needed=0) == "too few validators signed the checkpoint"


def made(*blocks: dict[str, Any], signing: str = "abcd") -> light.Checkpoint:
    file = light.read(support.file(blocks, signing).encode())
    return verify(file, from_genesis(support.genesis("abcd")), MADE_KEYS, 3, MADE_NOW)


def test_log_2_changed_validators_are_followed_one_block_at_a_time_or_by_a_third() -> None:
    block = support.block
    assert made(block(1, "abcd", "abcd"), block(9, "cdef", "cdef")).size == support.SIZE
    assert made(block(1, "abcd", "wxyz"), block(2, "wxyz", "wxyz")).size == support.SIZE
    assert made(block(1, "abcd", "abcd"), block(9, "cdef", "cdef"), block(20, "efgh", "efgh")).size == support.SIZE
    assert made(block(1, "abcd", "abcd", signing="abc")).size == support.SIZE
    for steps in (
        [block(1, "abcd", "abcd"), block(9, "defg", "defg")],
        [block(1, "abcd", "abcd"), block(20, "efgh", "efgh")],
        [block(1, "abcd", "abcd"), block(2, "abce", "abce")],
        [block(1, "abcd", "abcd"), block(9, "cdef", "cdef", signing="def")],
        [block(1, "abcd", "abcd", signing="ab")],
        [block(1, "abce", "abce")],
        [block(2, "abcd", "abcd")],
    ):
        with pytest.raises(CallerError):
            made(*steps)


def test_log_2_a_key_is_counted_for_its_own_name_only() -> None:
    with pytest.raises(CallerError, match="too few validators"):
        made(support.block(1, "abcd", "abcd"), signing="ab")
    with pytest.raises(CallerError, match="none of the validators"):
        made(support.block(1, "abcd", "abcd"), signing="abcx")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_log_2_no_changed_byte_changes_what_a_file_proves(data: st.DataObject) -> None:
    raw = bytearray((VECTORS / "file.json").read_bytes())
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    code = ""
    try:
        # an absent vote's place and the proposers' order are all that nobody signs
        found = verify(light.read(bytes(raw)), from_genesis(GENESIS), KEYS, 3, NOW)
    except CallerError as error:
        code = error.code
    assert code == "light.refused" or found == light.read((VECTORS / "file.json").read_bytes()).checkpoint


def test_the_merkle_tree_and_times_are_cometbfts() -> None:
    assert light_hash.nanoseconds("1970-01-01T00:00:01.5Z") == 1_500_000_000
    assert light_hash.nanoseconds("0001-01-01T00:00:00Z") == -62_135_596_800 * light_hash.BILLION
    first = load("file.json")["blocks"][0]["signed_header"]
    assert light_hash.header_hash(first["header"]).hex().upper() == first["commit"]["block_id"]["hash"]
