"""Limits: rates per member and address, bounded memory, and what an operator may set."""

from __future__ import annotations

from pathlib import Path

import pytest

from poju.errors import CallerError
from poju.node import limits, quota
from poju.node.limits import Limits, Rate
from poju.node.quota import SECOND, Quota


class Clock:
    """A clock that is moved by hand, nanoseconds."""

    def __init__(self) -> None:
        self.now = 5 * SECOND

    def __call__(self) -> int:
        return self.now


def taken(bucket: Quota, key: str, tries: int) -> int:
    return sum(bucket.take(key) == 0 for _ in range(tries))


def test_a_burst_goes_through_and_then_the_steady_rate() -> None:
    clock = Clock()
    bucket = Quota(Rate(10, 5), clock)
    assert taken(bucket, "h1", 20) == 5
    clock.now += SECOND
    assert taken(bucket, "h1", 20) == 5, "a rest never earns more than a burst"
    clock.now += SECOND // 10
    assert taken(bucket, "h1", 20) == 1


def test_the_wait_that_is_told_is_the_wait_that_is_needed() -> None:
    clock = Clock()
    bucket = Quota(Rate(10, 5), clock)
    assert taken(bucket, "h1", 5) == 5
    wait = bucket.take("h1")
    clock.now += wait - 1
    assert bucket.take("h1") == 1
    clock.now += 1
    assert bucket.take("h1") == 0


def test_one_member_s_flood_takes_nothing_from_another() -> None:
    bucket = Quota(Rate(10, 5), Clock())
    assert taken(bucket, "flood", 1_000) == 5
    assert taken(bucket, "h2", 5) == 5


def test_what_is_turned_away_costs_nothing() -> None:
    clock = Clock()
    bucket = Quota(Rate(10, 5), clock)
    taken(bucket, "h1", 1_000)
    clock.now += SECOND
    assert taken(bucket, "h1", 5) == 5


def test_memory_is_bounded_and_the_longest_idle_goes_first() -> None:
    bucket = Quota(Rate(1, 1), Clock(), kept=3)
    for key in ("a", "b", "c", "d", "e"):
        assert bucket.take(key) == 0
    assert len(bucket) == 3
    assert bucket.take("e") > 0
    assert bucket.take("a") == 0


def test_a_clock_that_stands_still_lets_no_more_than_a_burst_through() -> None:
    assert taken(Quota(Rate(1_000_000, 7), Clock()), "h1", 100) == 7


def test_a_throttled_sender_is_told_whole_seconds_to_wait() -> None:
    error = quota.member_throttled(SECOND + 1)
    assert error.retry_after == 2
    assert "2 s" in error.explain("en")
    assert quota.address_throttled(1).retry_after == 1


def test_limits_are_read_from_a_file_and_what_is_left_out_keeps_its_default(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text('connections = 7\nproxies = ["10.0.0.1"]\n[member]\nper_second = 3\nburst = 4\n')
    found = limits.load(path)
    assert found == Limits(member=Rate(3, 4), connections=7, proxies=("10.0.0.1",))
    assert found.describe()["member"] == {"per_second": 3, "burst": 4}
    assert "proxies" not in found.describe()


@pytest.mark.parametrize(
    "text",
    [
        "nothing = 1",
        "statement_bytes = 1",
        "connections = 0",
        "connections = true",
        "connections = 1.5",
        "member = 3",
        "[member]\nper_second = 3",
        "[member]\nper_second = 3\nburst = -1",
        "[member]\nper_second = 3\nburst = 1\nmore = 1",
        "proxies = 'x'",
        "proxies = [1]",
        "= broken",
        "\x00",
    ],
)
def test_a_file_that_sets_anything_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(text)
    with pytest.raises(CallerError) as caught:
        limits.load(path)
    assert caught.value.code == "limits.malformed"


def test_a_file_that_is_not_text_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "binary", tmp_path / "none", tmp_path):
        with pytest.raises(CallerError):
            limits.load(path)
