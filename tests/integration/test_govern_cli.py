"""``poju govern`` against a ledger that answers over HTTP: propose, vote, see, rotate; and what is refused, and how."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from click.testing import CliRunner
from support_governance import VOTERS, Live
from support_rules import HEALTHCARE, key_of

from poju.cli.govern import ACTIONS, command
from poju.engine.embedded import EmbeddedEngine
from poju.errors import PojuError
from poju.ledger.store import Store
from poju.node import serving
from poju.node.ledger_api import create
from poju.rulebook import compose
from poju.scenario import governance_actions, runtime
from poju.scenario.package import digest

pytestmark = pytest.mark.network


class Town:
    """A served ledger, its address, and each member's key file."""

    def __init__(self, url: str, folder: Path, live: Live) -> None:
        self.url, self.folder, self.live = url, folder, live

    def key(self, name: str) -> Path:
        path = self.folder / f"{name}.key"
        if not path.exists():
            path.write_bytes(bytes(key_of(name)._signing_key))
        return path

    def run(self, verb: str, *words: str, who: str = "") -> str:
        said = ["--member", who, "--key", str(self.key(who))] if who else []
        found = CliRunner().invoke(command, [verb, self.url, *words, *said], catch_exceptions=True)
        if isinstance(found.exception, PojuError):
            raise found.exception
        assert found.exit_code == 0, found.output
        return found.stdout


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    live = Live(now=int(time.time()))
    store = Store.open(tmp_path / "ledger.sqlite")
    rules = compose(HEALTHCARE, tmp_path / "packages")
    live.rules = rules
    live.attach(EmbeddedEngine(store, rules, key_of("log"), "test.invalid"))
    live.with_members()
    listener = serving.listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(create(live.engine, rules), log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield Town(f"http://127.0.0.1:{listener.getsockname()[1]}", tmp_path, live)
    server.should_exit = True
    thread.join(10)
    listener.close()
    live.engine.close()
    store.close()


def test_the_commands_actions_are_the_rules() -> None:
    assert set(ACTIONS) == set(governance_actions.ACTIONS)


def test_members_propose_vote_and_see_what_became_of_it(town: Town) -> None:
    asks = ("member=clinic-a", "reason=breach")
    opened = json.loads(town.run("propose", "1", "member-suspend", *asks, "--json", who="hospital-a"))
    assert opened["proposal"] == "1"
    answers = [json.loads(town.run("vote", "1", "--for", "--json", who=who))["state"] for who in VOTERS[:5]]
    assert answers == ["open"] * 4 + ["passed"]
    assert json.loads(town.run("status", "--json"))["pending"][0]["proposal"] == "proposal/1"
    town.live.head = town.live.engine.store.head()
    town.live.step()
    assert "state: active" in town.run("status", "1")


def test_a_member_rotates_its_key_and_a_lost_one_is_replaced(town: Town) -> None:
    new = town.folder / "hospital-b-2.key"
    town.run("rotate-key", "--new", str(new), who="hospital-b")
    town.run("propose", "1", "member-suspend", "member=clinic-a", "reason=breach", who="hospital-a")
    with pytest.raises(PojuError) as stopped:
        town.run("vote", "1", "--for", who="hospital-b")
    assert stopped.value.code == "member.key"
    town.run("vote", "1", "--for", "--member", "hospital-b", "--key", str(new))
    fresh, old = town.folder / "clinic-2.key", key_of("clinic-a").public.fingerprint
    fields = town.run("prove-key", "--member", "clinic-a", "--old", old, "--new", str(fresh)).split()
    town.run("propose", "2", "member-key", *fields, who="hospital-a")
    assert town.live.engine.store.get("proposal/2")["asks"]["member"] == "clinic-a"


def test_nobody_attests_what_it_does_not_hold(town: Town) -> None:
    town.run("propose", "1", "package", f"package={'00' * 32}", who="hospital-a")
    for words in (("--for",), ("--for", "--holds", str(HEALTHCARE))):
        with pytest.raises(PojuError) as stopped:
            town.run("vote", "1", *words, who="hospital-a")
        assert stopped.value.code == "govern.not-held"
    town.run("vote", "1", "--against", who="hospital-a")
    other = ",".join(f"{name}:{found}" for name, found in {**runtime.describe(), "rules": "99"}.items())
    town.run("propose", "2", "runtime", f"runtime={other}", who="hospital-a")
    with pytest.raises(PojuError, match="rules 99"):
        town.run("vote", "2", "--for", who="hospital-a")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("member-suspend", "member=clinic-a"), "govern.field"),
        (("member-suspend", "member=clinic-a", "reason=breach", "package=00"), "govern.field"),
        (("member-suspend", "member=clinic-a", "member=clinic-a", "reason=breach"), "govern.field"),
        (("member-suspend", "member"), "govern.field"),
        (("package", "package=zz"), "govern.field"),
        (("package", "package=00"), "field.range"),
        (("package", f"package={digest(HEALTHCARE).hex()}"), "proposal.no-change"),
        (("thresholds", "thresholds=members:1:2"), "proposal.thresholds"),
    ],
)
def test_wrong_fields_end_in_one_clear_error(town: Town, words: tuple[str, ...], code: str) -> None:
    with pytest.raises(PojuError) as stopped:
        town.run("propose", "1", *words, who="hospital-a")
    assert stopped.value.code == code
    assert stopped.value.hint


def test_an_unknown_proposal_and_a_strange_address_say_so(town: Town) -> None:
    for url, words in ((town.url, ("nothing",)), (f"{town.url}/entries", ())):
        found = CliRunner().invoke(command, ["status", url, *words])
        assert isinstance(found.exception, PojuError)
