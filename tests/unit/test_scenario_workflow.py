from __future__ import annotations

import pytest
from support_rules import HEALTHCARE

from poju.errors import CallerError
from poju.scenario.package import load
from poju.scenario.spec import page
from poju.scenario.summary import describe, readable
from poju.scenario.toml import parse
from poju.scenario.workflow import ILLEGAL, Step, allowed, diagram, read, target

ROOT = HEALTHCARE.parents[3]
TABLE = b"""
[[transitions]]
subject = "thing"
from = [""]
statement = "make"
by = ["maker"]
to = "made"
[[transitions]]
subject = "thing"
from = ["made"]
statement = "judge"
by = ["judge"]
outcome = "good"
to = "kept"
[[transitions]]
subject = "thing"
from = ["made"]
statement = "judge"
by = ["judge"]
outcome = "bad"
to = "thrown"
[[transitions]]
subject = "thing"
from = ["kept", "thrown"]
statement = "judge"
refuse = "thing.judged-already"
[[transitions]]
subject = "thing"
from = ["kept"]
statement = "sell"
by = ["maker"]
when = { to = "friend" }
opener = true
to = "kept"
"""


def step(*roles: str, opened: bool = True, **fields: str) -> Step:
    return Step(frozenset(roles), opened, fields)


def test_rule_1_the_table_alone_says_what_is_legal() -> None:
    flow = read(parse(TABLE, "workflows.toml"))
    assert allowed(flow.rows("thing", "", "judge"), step("judge")) == ((), ILLEGAL)
    assert allowed(flow.rows("thing", "", "make"), step("judge")) == ((), "member.role")
    assert allowed(flow.rows("thing", "kept", "judge"), step("judge")) == ((), "thing.judged-already")
    assert allowed(flow.rows("thing", "kept", "sell"), step("maker", to="foe")) == ((), ILLEGAL)
    assert allowed(flow.rows("thing", "kept", "sell"), step("maker", opened=False, to="friend")) == (
        (),
        "workflow.not-opener",
    )
    rows, refusal = allowed(flow.rows("thing", "made", "judge"), step("judge"))
    assert refusal is None
    assert (target(rows, "good"), target(rows, "bad"), target(rows, "odd")) == ("kept", "thrown", None)


def test_the_diagram_is_drawn_from_the_table() -> None:
    drawn = diagram(read(parse(TABLE, "workflows.toml")), "thing")
    assert "[*] --> made: make" in drawn
    assert "made --> thrown: judge (bad)" in drawn
    assert "thing.judged-already" not in drawn


@pytest.mark.parametrize(
    "text",
    [
        b'[[transitions]]\nsubject = "a"\nfrom = [""]\nstatement = "b"\n',
        b'[[transitions]]\nsubject = "a"\nfrom = [""]\nstatement = "b"\nto = "c"\nrefuse = "d"\n',
        b'[[transitions]]\nsubject = "a"\nfrom = []\nstatement = "b"\nto = "c"\n',
        b'[[transitions]]\nsubject = "a"\nfrom = [""]\nstatement = "b"\nto = "c"\nbi = ["d"]\n',
    ],
)
def test_a_transition_that_leads_nowhere_or_everywhere_is_refused(text: bytes) -> None:
    with pytest.raises(CallerError, match=r"workflows\.toml"):
        read(parse(text, "workflows.toml"))


def test_the_specification_of_statements_is_up_to_date() -> None:
    written = (ROOT / "docs" / "spec" / "statements.md").read_text(encoding="utf-8")
    assert written == page(HEALTHCARE), (
        "run: python -m poju.scenario.spec src/poju/packages/healthcare docs/spec/statements.md"
    )


def test_the_documentation_shows_the_diagrams_of_the_table() -> None:
    written = (ROOT / "docs" / "concepts" / "packages.md").read_text(encoding="utf-8")
    package = load(HEALTHCARE)
    for subject in package.workflow.subjects:
        assert diagram(package.workflow, subject) in written, f"draw {subject} again"


@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans", "en"])
def test_the_summary_speaks_the_readers_language(language: str) -> None:
    package = load(HEALTHCARE)
    lines = list(readable(package, language))
    assert lines[0].startswith(package.names[language])
    assert any(package.tracks["mutual-recognition"].names[language] in line for line in lines)
    if language != "en":
        assert not {"Roles", "Tracks", "Workflows", "Time windows"} & set(lines)


def test_the_json_summary_has_what_the_console_shows() -> None:
    shown = describe(load(HEALTHCARE))
    assert {"id", "names", "digest", "roles", "tracks", "workflows", "kinds"} <= set(shown)
    kinds = {kind["id"]: kind["roles"] for kind in shown["kinds"]}
    assert kinds["test-order"] == ["hospital", "clinic"]
    assert kinds["consent-grant"] == ["identity-index"]
