"""Record stores and commitments: private from the first byte, stable, and no room between salt and record."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from poju.exchange import pointer
from poju.exchange.records import RecordStore

RECORDS = [("r1", "patient 1", "lab-chemistry", b"one"), ("r2", "patient 2", "lab-chemistry", b"two")]


def test_keeping_again_changes_nothing(tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "records.sqlite")
    first = store.keep(RECORDS)
    store.close()
    store = RecordStore(tmp_path / "records.sqlite")
    assert store.keep(RECORDS) == first
    assert store.handle_of("patient 1") == first[0].handle != first[1].handle
    assert store.by_pointer(first[1].pointer) == first[1]
    assert store.by_pointer("0" * 32) is None
    store.close()


def test_priv_4_two_institutions_give_one_patient_two_handles(tmp_path: Path) -> None:
    stores = [RecordStore(tmp_path / name / "records.sqlite") for name in ("a", "b")]
    kept = [store.keep(RECORDS) for store in stores]
    names = {value for records in kept for record in records for value in (record.handle, record.pointer, record.salt)}
    assert len(names) == 12
    for store in stores:
        store.close()


def test_priv_1_the_store_and_its_journal_are_the_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = RecordStore(tmp_path / "records.sqlite")
        store.keep(RECORDS)
        files = sorted(tmp_path.iterdir())
        assert len(files) > 1, "the journal is there while the store is open"
        assert not [path.name for path in files if stat.S_IMODE(path.stat().st_mode) & 0o077]
        store.close()
    finally:
        os.umask(before)


def test_a_commitment_holds_for_its_record_only() -> None:
    salt, record = pointer.new_salt(), b"the record"
    committed = pointer.commitment(salt, record)
    assert pointer.holds(committed, salt, record)
    assert not pointer.holds(committed, salt, record + b" ")
    assert not pointer.holds(committed, pointer.new_salt(), record)


@pytest.mark.parametrize("moved", [-32, -1, 1, 5])
def test_priv_2_bytes_cannot_move_between_salt_and_record(moved: int) -> None:
    salt, record = pointer.new_salt(), b"the record's exact bytes"
    whole = salt + record
    committed = pointer.commitment(salt, record)
    cut = len(salt) + moved
    assert pointer.commitment(whole[:cut], whole[cut:]) == committed, "the hash alone cannot tell"
    assert not pointer.holds(committed, whole[:cut], whole[cut:])
