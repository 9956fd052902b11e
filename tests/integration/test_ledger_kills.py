"""LOG-1 and LOG-4 of a served ledger that is killed under load, and of the harness that watches it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support_kills import Acknowledged, Journal, Load, LostError, Node, kill_and_look, nothing_twice, on_disk, send

pytestmark = pytest.mark.network

KILLS = 10


def test_log_1_a_served_ledger_killed_under_load_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "acknowledged")
    counts = [count for count, _moment in kill_and_look(tmp_path / "ledger", journal, KILLS, seed=1)]
    assert len(counts) == KILLS
    assert sum(count > 0 for count in counts) > KILLS // 2
    assert nothing_twice(tmp_path / "ledger", journal.read()) > sum(counts)


def test_the_harness_notices_a_ledger_that_was_put_back(tmp_path: Path) -> None:
    """An operator who restores yesterday's copy after a crash has lost what was acknowledged since."""
    journal, load, folder = Journal(tmp_path / "acknowledged"), Load(), tmp_path / "ledger"
    raws = load.opening()
    with Node(folder) as node:
        assert send(node.url, raws[:5], journal, lambda: True) == 5
        node.end()
    shutil.copytree(folder, tmp_path / "yesterday")
    with Node(folder) as node:
        assert send(node.url, raws[5:9], journal, lambda: True) == 4
    items = journal.read()
    on_disk(folder, items)
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "yesterday", folder)
    with pytest.raises(LostError, match="not on the disk"):
        on_disk(folder, items)
    with pytest.raises(LostError, match="lacks"):
        nothing_twice(folder, items)
    with pytest.raises(LostError, match="not on the disk"):
        on_disk(folder, [Acknowledged(items[0].raw, items[1].index, items[0].receipt)])
