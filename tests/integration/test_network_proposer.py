"""A proposer that includes badly signed statements: the others refuse its block, and the next round goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import support_network
from support_network import Running, poju

from poju.ledger import statement
from poju.ledger.store import Store

pytestmark = pytest.mark.network
DISHONEST = Path(__file__).parent / "dishonest"
STATEMENTS = 120
REFUSED = "rejected a proposed block"
"""What an engine writes when its application refused a proposal (CometBFT, consensus/state.go, defaultDoPrevote)."""


@pytest.fixture
def proposed(tmp_path: Path) -> Path:
    """Each bad proposal, a line of hexadecimal digits."""
    return tmp_path / "proposed"


@pytest.fixture
def running(tmp_path: Path, proposed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    support_network.require_engine()
    monkeypatch.setenv("PYTHONPATH", str(DISHONEST))
    monkeypatch.setenv("POJU_TEST_DISHONEST", f"v0,{proposed}")
    found = Running(tmp_path / "net", avoid=frozenset({"v0"}))
    made = poju("network", "init", "--validators", "4", "--dir", str(found.folder))
    assert made.returncode == 0, made.stderr
    try:
        started = poju("network", "up", "--dir", str(found.folder))
        assert started.returncode == 0, started.stderr
        yield found
    finally:
        found.close()
        poju("network", "down", "--dir", str(found.folder))


def test_log_2_badly_signed_statements_of_a_proposer_are_refused_and_commits_go_on(
    running: Running, proposed: Path
) -> None:
    made = support_network.load_workload().Workload()
    running.load(made.opening(), threads=1)
    raws = [raw for raw in made.statements(STATEMENTS) if statement.decode(raw).kind != "access-request"]
    running.load(raws)
    assert set(raws) <= set(running.acknowledged)
    found = running.settled()
    assert len(found) == 4

    bad = {bytes.fromhex(line) for line in proposed.read_text().split()}
    # of each of the three kinds, and so more than one round was lost
    assert any(raw[:1] == b"\xd2" and len(raw) < 1_000 for raw in bad)
    assert b"\xff" * 40 in bad
    assert any(len(raw) > 65_536 for raw in bad)
    for name in ("v1", "v2", "v3"):
        assert REFUSED in (running.folder / name / "engine.log").read_text(), name
        store = Store.open(running.folder / name / "ledger.sqlite")
        assert bad.isdisjoint(store.stream(store.head().size))
        store.close()
