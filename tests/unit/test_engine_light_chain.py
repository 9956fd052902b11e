"""Making the light client's file over a scripted chain: which height, which blocks between, and answers of no use."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest

from poju.engine.cometbft.genesis import app_hash
from poju.engine.cometbft.light_verify import reachable
from poju.errors import CallerError
from poju.node.network_light import Chain

POWER = 10


class Scripted:
    """An engine of a chain: ``sizes`` by height from 1 on, ``sets`` of validators by height, ``asked`` methods."""

    def __init__(self, sizes: list[int], sets: list[str] | None = None) -> None:
        self.sizes = sizes
        self.sets = sets or ["abcd"] * (len(sizes) + 1)
        self.asked: list[str] = []

    def __call__(self, method: str, **parameters: str) -> Mapping[str, Any]:
        self.asked.append(method)
        height = int(parameters.get("height", "0"))
        if method == "status":
            return {"sync_info": {"earliest_block_height": "1", "latest_block_height": str(len(self.sizes))}}
        if method == "validators":
            validators = [{"address": name, "voting_power": str(POWER)} for name in self.sets[height - 1]]
            return {"total": str(len(validators)), "validators": validators}
        header = {"height": str(height), "app_hash": app_hash(self.sizes[height - 1], bytes(32)).hex().upper()}
        votes = [{"block_id_flag": 2, "validator_address": name} for name in self.sets[height - 1]]
        return {"header": header, "signed_header": {"header": header, "commit": {"signatures": votes}}}


def heights(blocks: list[dict[str, Any]]) -> list[int]:
    return [int(block["signed_header"]["header"]["height"]) for block in blocks]


@pytest.mark.parametrize(("size", "height"), [(2, 2), (5, 4), (9, 7)])
def test_the_first_header_that_carries_a_size_is_found_by_halving(size: int, height: int) -> None:
    scripted = Scripted([0, 2, 2, 5, 5, 5, 9, 9])
    chain = Chain(scripted)
    assert chain.height_of(size, *chain.heights()) == height
    assert len(scripted.asked) <= 6


@pytest.mark.parametrize("size", [0, 1, 3, 10])
def test_a_size_at_which_no_block_ended_is_refused_with_the_nearest(size: int) -> None:
    with pytest.raises(CallerError) as caught:
        Chain(Scripted([0, 2, 2, 5, 9])).height_of(size, 1, 5)
    assert caught.value.code == "light.size"


def test_with_the_same_validators_two_blocks_are_enough() -> None:
    assert heights(Chain(Scripted([1] * 1000)).path(1, 1000)) == [1, 1000]
    assert heights(Chain(Scripted([1] * 10)).path(7, 7)) == [7]


def test_log_2_where_the_validators_changed_each_block_is_reached_from_the_one_before() -> None:
    # one validator leaves and one comes every ten heights: after forty none of the first is left
    sets = ["abcdefghijklmnop"[step // 10 : step // 10 + 4] for step in range(101)]
    blocks = Chain(Scripted([1] * 100, sets)).path(1, 100)
    found = heights(blocks)
    assert (found[0], found[-1]) == (1, 100)
    assert len(found) < 12
    for before, after in pairwise(blocks):
        adjacent = heights([after])[0] == heights([before])[0] + 1
        assert adjacent or reachable(before, after)


def test_exactly_a_third_is_not_enough() -> None:
    sets = ["abc", "abc", "axy", "axy"]
    assert heights(Chain(Scripted([1] * 3, sets)).path(1, 3)) == [1, 2, 3]


def test_a_chain_that_needs_too_many_blocks_is_refused() -> None:
    sets = [chr(0x4E00 + step) * 1 for step in range(201)]
    with pytest.raises(CallerError, match="too many"):
        Chain(Scripted([1] * 200, sets)).path(1, 200)


@pytest.mark.parametrize("answer", [{}, {"sync_info": None}, {"sync_info": {"earliest_block_height": "x"}}])
def test_an_answer_that_is_not_cometbfts_is_refused(answer: dict[str, Any]) -> None:
    with pytest.raises(CallerError) as caught:
        Chain(lambda _method, **_parameters: answer).heights()
    assert caught.value.code == "light.refused"
