"""A proposer that includes badly signed statements: the others refuse its block, and the next round goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import support_network
from support_network import Running

from poju.ledger import statement
from poju.ledger.store import Store

pytestmark = pytest.mark.network
DISHONEST = Path(__file__).parent / "dishonest"
STATEMENTS, ROUNDS = 60, 20
REFUSED = "rejected a proposed block"
"""What an engine writes when its application refused a proposal (CometBFT, consensus/state.go, defaultDoPrevote)."""


@pytest.fixture
def proposed(tmp_path: Path) -> Path:
    """Each bad proposal, a line of hexadecimal digits."""
    return tmp_path / "proposed"


@pytest.fixture
def running(tmp_path: Path, proposed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setenv("PYTHONPATH", str(DISHONEST))
    monkeypatch.setenv("POJU_TEST_DISHONEST", f"v0,{proposed}")
    found = Running(tmp_path / "net", avoid=frozenset({"v0"}))
    with support_network.running(found):
        yield found


def kinds(proposed: Path) -> dict[str, set[bytes]]:
    """Return the bad proposals so far: badly signed, no statement, longer than any statement."""
    found = {bytes.fromhex(line) for line in proposed.read_text().split()} if proposed.exists() else set()
    long = {raw for raw in found if len(raw) > 65_536}
    nothing = {raw for raw in found if raw == b"\xff" * 40}
    return {"signed": found - long - nothing, "nothing": nothing, "long": long}


def test_log_2_badly_signed_statements_of_a_proposer_are_refused_and_commits_go_on(
    running: Running, proposed: Path
) -> None:
    made = support_network.load_workload().Workload()
    running.load(made.opening(), threads=1)
    # whose turn it is to propose is the engines' affair: load until v0 has proposed one of each kind
    for turn in range(ROUNDS):
        said = made.statements(STATEMENTS, first=turn * STATEMENTS)
        raws = [raw for raw in said if statement.decode(raw).kind != "access-request"]
        running.load(raws)
        assert set(raws) <= set(running.acknowledged)
        if all(kinds(proposed).values()):
            break
    assert len(running.settled()) == 4

    found = kinds(proposed)
    assert all(found.values()), {name: len(raws) for name, raws in found.items()}
    bad = set().union(*found.values())
    for name in ("v1", "v2", "v3"):
        assert REFUSED in (running.folder / name / "engine.log").read_text(), name
        store = Store.open(running.folder / name / "ledger.sqlite")
        assert bad.isdisjoint(store.stream(store.head().size))
        store.close()
