"""What votes ask of a node, over the real store, engine and HTTP application."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support_governance import VOTERS, Live
from support_rules import HEALTHCARE, key_of

from poju.engine.embedded import EmbeddedEngine
from poju.errors import OperatorError
from poju.ledger.replay import replay
from poju.ledger.store import Store
from poju.node import governance_node
from poju.node.ledger_api import create
from poju.rulebook import compose
from poju.scenario.package import digest


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    store = Store.open(tmp_path / "ledger.sqlite")
    rules = compose(HEALTHCARE, tmp_path / "packages")
    chamber = Live()
    chamber.rules = rules
    engine = EmbeddedEngine(store, rules, key_of("log"), "test.invalid", lambda: chamber.now)
    chamber.attach(engine)
    chamber.with_members()
    yield chamber
    chamber.engine.close()
    store.close()


def amend(tmp_path: Path) -> tuple[Path, bytes]:
    made = Path(shutil.copytree(HEALTHCARE, tmp_path / "made"))
    path = made / "scenario.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('version = "1"', 'version = "2"'), encoding="utf-8")
    return made, digest(made)


def test_log_1_a_node_without_the_package_stops_says_so_and_resumes_where_it_was(live: Live, tmp_path: Path) -> None:
    made, found = amend(tmp_path)
    assert live.propose("1", "package", package=found) == ""
    live.pass_("1", holds=found)
    store, head = live.engine.store, live.engine.store.head()
    with pytest.raises(OperatorError, match=found.hex()) as stopped:
        live.step()
    assert stopped.value.code == "governance.blob-missing"
    assert store.head() == head
    with pytest.raises(OperatorError, match=found.hex()):
        governance_node.require_ready(store, compose(HEALTHCARE, tmp_path / "packages"))
    live.engine.close()
    (tmp_path / "packages").mkdir()
    made.rename(tmp_path / "packages" / found.hex())
    rules = compose(HEALTHCARE, tmp_path / "packages")
    governance_node.require_ready(store, rules)
    live.attach(EmbeddedEngine(store, rules, key_of("log"), "test.invalid", lambda: live.now))
    live.step()
    assert rules.in_force(store).package.version == "2"
    *_, (outcome, _state) = replay(compose(HEALTHCARE, tmp_path / "packages"), store.stream(store.head().size))
    assert outcome.head == store.head()


def asked(live: Live, *paths: str) -> list[httpx.Response]:
    """The answers to GET requests that nobody signed."""

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(create(live.engine, live.rules))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(ask())


def test_governance_is_shown_to_everyone(live: Live) -> None:
    live.propose("1", "member-suspend", member="clinic-a", reason="breach", height=999)
    live.pass_("1")
    whole, one = asked(live, "/governance", "/governance/1")
    found, shown = whole.json(), one.json()
    assert found["package"] == live.package.digest.hex()
    assert found["voters"] == len(VOTERS)
    assert found["thresholds"]["members"] == {"agree": 51, "of": 100, "needed": 5}
    assert found["pending"] == [{"height": 999, "proposal": "proposal/1"}]
    assert found["log_keys"][0]["key"] == key_of("log").public.raw.hex()
    assert (shown["state"], shown["height"], len(shown["votes"])) == ("passed", 999, 5)
    strange = asked(live, *(f"/governance/{name}" for name in ("2", "a" * 200, "%00", "x y")))
    assert {answer.status_code for answer in strange} <= {400, 404}


def test_governance_is_shown_before_anything_is_opened(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "ledger.sqlite")
    found = governance_node.describe(store, compose(HEALTHCARE))
    assert (found["origin"], found["package"], found["voters"], found["log_keys"]) == (None, None, 0, [])
    store.close()
