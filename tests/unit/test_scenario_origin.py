"""The name that the command line teaches is one that a ledger can be opened with."""

from __future__ import annotations

import pytest

from poju.scenario.fields import compile_field
from poju.scenario.kinds import room_kinds


def check(value: object) -> str | None:
    """Return what the rules of ``ledger-open`` say of a log's name."""
    field = room_kinds()["ledger-open"].fields["origin"]
    return compile_field(field, None)(value)


@pytest.mark.parametrize("name", ["health.example/log", "example", "Health.example/~a/b_c-2", "a" * 128])
def test_a_host_and_a_path_are_a_logs_name(name: str) -> None:
    assert check(name) is None


@pytest.mark.parametrize("name", ["", "/log", "https://health.example", "a b", "a+b", "a\n", "日誌", "a" * 129])
def test_what_a_checkpoint_could_not_carry_is_none(name: str) -> None:
    assert check(name) == "field.range"


def test_a_name_is_text() -> None:
    assert check(b"health.example/log") == "field.type"
