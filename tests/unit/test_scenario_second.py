"""A second scenario is another folder of data: nothing in the rooms has to change for it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from support_rules import HEALTHCARE, Ledger

from poju.ledger import cbor
from poju.scenario import runtime
from poju.scenario.check import check
from poju.scenario.package import load

WORDS = {
    "healthcare": "data-sharing",
    "hospital": "bureau",
    "clinic": "district",
    "laboratory": "registry",
    "pharmacy": "library",
    "insurer": "operator",
    "disease-control": "emergency-office",
    "test-order": "data-order",
    "lab-chemistry": "land-register",
}
KEPT = {"insurer", "disease-control"}
"""Capabilities keep their names; only roles are the package's own."""

SOURCE = HEALTHCARE.parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = Path(shutil.copytree(HEALTHCARE, tmp_path / "data-sharing"))
    (place / "statements" / "test-order.toml").rename(place / "statements" / "data-order.toml")
    for path in place.rglob("*.*"):
        text = path.read_text(encoding="utf-8")
        for old, new in WORDS.items():
            text = re.sub(rf"\b{old}\b", new, text)
        for role in KEPT:
            text = text.replace(f'capabilities = ["{WORDS[role]}"', f'capabilities = ["{role}"')
            text = text.replace(f'"identity", "{WORDS[role]}"]', f'"identity", "{role}"]')
            text = re.sub(rf'(voters = .*)"{WORDS[role]}"', rf'\1"{role}"', text)
        path.write_text(text, encoding="utf-8")
    return place


def test_another_scenario_is_closed_and_runs_without_a_change_of_the_rooms(folder: Path) -> None:
    assert [str(problem) for problem in check(folder)] == []
    ledger = Ledger(load(folder))
    ledger.open_ledger()
    chosen = {"scenario": "data-sharing", "region": "520100", "evidence": [], "missing": []}
    ledger.must("selection", "commission", "selection/1", rank_common=1, **chosen)
    opening: dict[str, cbor.Value] = {"package": ledger.package.digest, "runtime": dict(runtime.describe())}
    ledger.must("scenario-open", "commission", "scenario/data-sharing", selection="selection/1", **opening)
    ledger.open_call()
    ledger.admit("land-bureau", "bureau")
    order = {"class": "land-register", "handle": "a" * 32, "item": "PLOT"}
    ledger.must("data-order", "land-bureau", "order/1", **order)
    assert ledger.say("test-order", "land-bureau", "order/2", **order) == "kind.unknown"


def test_nothing_clinical_stands_in_the_scenario_room_or_in_the_exchange_rules() -> None:
    package = load(HEALTHCARE)
    own = {*package.roles, *package.classes, *package.kinds} - {"authority", "provider", "auditor", "insurer"}
    own -= {"disease-control", "summary", "claim"}
    files = [*(SOURCE / "scenario").glob("*.py"), *(SOURCE / "scenario" / "statements").glob("*.toml")]
    files += [SOURCE / "exchange" / name for name in ("rules.py", "access.py", "assertion.py")]
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert not [word for word in own if f'"{word}"' in text], path
