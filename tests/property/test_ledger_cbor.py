"""CBOR, statements, leaves, receipts and notes under generated values and random bytes."""

from __future__ import annotations

from collections.abc import Callable

import cbor2
import pytest
import support_ledger as support
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from poju.errors import PojuError
from poju.ledger import cbor, checkpoint, cose, keys, leaf, receipt, refusal, statement, tiles

INTEGERS = some.integers(-(1 << 63), (1 << 63) - 1)
TEXTS = some.text(some.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = some.recursive(
    some.none() | some.booleans() | INTEGERS | some.binary(max_size=40) | TEXTS,
    lambda inner: some.lists(inner, max_size=5) | some.dictionaries(INTEGERS | TEXTS, inner, max_size=5),
    max_leaves=20,
)
READERS: list[Callable[[bytes], object]] = [
    cbor.decode,
    cose.decode,
    statement.decode,
    leaf.decode,
    tiles.unbundle,
    lambda raw: receipt.verify(raw, b"leaf", support.LOG.public),
    lambda raw: refusal.verify(raw, support.LOG.public),
    lambda raw: checkpoint.open_note(raw.decode("utf-8", "replace"), support.ORIGIN, support.LOG.public),
    lambda raw: keys.parse_vkey(raw.decode("utf-8", "replace")),
]
SEEDS = [
    support.signed(1),
    leaf.DecisionLeaf(0, bytes(32), "granted", ("a",), ("notify",)).encode(),
    leaf.BlockLeaf(1, support.TIME, 3, bytes(32)).encode(),
    receipt.sign_root(support.LOG, support.ORIGIN, 5, bytes(32)).receipt(3, [bytes(32)] * 3),
    refusal.Refusal(bytes(32), "test.code", 3, support.TIME).sign(support.LOG, support.ORIGIN),
    checkpoint.Checkpoint(support.ORIGIN, 5, bytes(32)).sign(support.LOG).encode(),
    support.LOG.public.vkey(support.ORIGIN).encode(),
]


def refusal_of(reader: Callable[[bytes], object], raw: bytes) -> PojuError | None:
    """Return the error that ``raw`` ends in; any other exception goes through and fails the test."""
    try:
        reader(raw)
    except PojuError as error:
        return error
    return None


@given(VALUES)
def test_what_is_encoded_decodes_to_the_same_value(value: cbor.Value) -> None:
    raw = cbor.encode(value)
    assert cbor.decode(raw) == value
    assert cbor2.loads(raw) == value


@given(some.binary(max_size=200))
def test_bytes_either_are_the_one_encoding_of_their_value_or_are_refused(raw: bytes) -> None:
    error = refusal_of(cbor.decode, raw)
    if error is None:
        assert cbor.encode(cbor.decode(raw)) == raw
    else:
        assert error.code == "cbor.malformed"


@pytest.mark.parametrize("reader", READERS)
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(raw=some.binary(max_size=300))
def test_random_bytes_end_in_one_clear_error(reader: Callable[[bytes], object], raw: bytes) -> None:
    error = refusal_of(reader, raw)
    assert error is None or (error.hint and str(error))


@pytest.mark.parametrize("reader", READERS)
@given(seed=some.sampled_from(SEEDS), data=some.data())
def test_mutated_bytes_end_in_one_clear_error(
    reader: Callable[[bytes], object], seed: bytes, data: some.DataObject
) -> None:
    at = data.draw(some.integers(0, len(seed)))
    raw = seed[:at] + data.draw(some.binary(max_size=4)) + seed[at + data.draw(some.integers(0, 4)) :]
    error = refusal_of(reader, raw)
    assert error is None or error.hint
