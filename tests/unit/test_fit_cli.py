from __future__ import annotations

import json
import unicodedata
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support_rules import Ledger

from poju.cli.fit import command
from poju.cli.fit_selection import fields, labels
from poju.fit import rank, selection
from poju.i18n import LANGUAGES
from poju.ledger import statement
from poju.ledger.keys import PrivateKey

ROOT = Path(__file__).parents[2]
JERSEY = ROOT / "examples" / "economies" / "new-jersey"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def code(result: Result) -> str:
    return str(getattr(result.exception, "code", ""))


def width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


def landscape(path: Path) -> Path:
    event = {
        "id": "1",
        "side": "push",
        "instrument": "award_grant",
        "regions": [{"code": "520000"}],
        "sentences": [{"text": "獎勵醫院"}],
    }
    path.write_text(json.dumps({"events": [event]}), encoding="utf-8")
    return path


def test_a_region_is_ranked_with_or_without_the_verb_and_with_options_first() -> None:
    plain = run("520000", "--json")
    assert plain.exit_code == 0
    assert json.loads(plain.output) == rank("520000")
    assert run("rank", "520000", "--json").output == plain.output
    assert run("--json", "520000").output == plain.output


def test_help_teaches_with_examples() -> None:
    for arguments in (["--help"], ["rank", "--help"], ["catalogue", "--help"], ["evaluate", "--help"]):
        told = run(*arguments)
        assert told.exit_code == 0
        assert "Example" in told.output
    assert "poju fit 貴州" in run("--help").output


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("which", ["plain", "what-if", "country"])
def test_no_line_is_wider_than_a_page_in_any_language(language: str, which: str, tmp_path: Path) -> None:
    arguments: dict[str, list[str | Path]] = {
        "plain": ["440000"],
        "what-if": ["520000", "--set", "HLTBED=300000", "--policies", landscape(tmp_path / "landscape.json")],
        "country": ["34013", "--economy", JERSEY],
    }
    told = run(*arguments[which], "--lang", language)
    assert told.exit_code == 0
    assert max(width(line) for line in told.output.splitlines()) <= 100
    assert "{" not in told.output
    tables = [line for line in told.output.splitlines() if "│" in line]
    assert len({width(line.split("│")[0]) for line in tables}) == 1


def test_chinese_answers_use_full_width_punctuation() -> None:
    told = run("520000", "--set", "COAST=1", "--lang", "zh-Hans").output
    pairs = pairwise(told)
    assert not [one + two for one, two in pairs if "一" <= one <= "鿿" and two in ",;:?!"]


def test_what_if_prints_ranks_before_and_after() -> None:
    told = run("520000", "--set", "HLTBED=500000", "--lang", "en").output
    assert "What if: assumed figures, without a source" in told
    assert "not ranked → " in told
    same = run("520000", "--set", "HLTVISIT=1", "--lang", "en").output
    assert "No rank changes." in same


def test_a_push_without_pull_is_marked_and_told(tmp_path: Path) -> None:
    told = run("520000", "--policies", landscape(tmp_path / "landscape.json"), "--lang", "en").output
    assert "pushes 1, pulls 0" in told
    assert "Nothing pulls" in told


def test_choosing_signs_a_statement_that_the_key_verifies(tmp_path: Path) -> None:
    key = PrivateKey.load_or_create(tmp_path / "authority.key")
    arguments = ["520000", "--set", "HLTBED=500000", "--choose", "medical-system", "--issuer", "health-commission"]
    told = run(*arguments, "--key", tmp_path / "authority.key", "--out", tmp_path / "out", "--lang", "en")
    assert told.exit_code == 0, told.exception
    assert key.public.fingerprint in told.output
    raw = (tmp_path / "out" / "selection.cose").read_bytes()
    signed = statement.decode(raw)
    assert signed.verify(key.public) is not None
    assert signed.verify(PrivateKey.generate().public) is None
    assert (signed.kind, signed.issuer, signed.subject) == ("selection", "health-commission", "selection/healthcare")
    assert signed.fields["region"] == "520000"
    missing = signed.fields["missing"]
    assert isinstance(missing, list)
    assert any("assumed, no source: HLTBED" in str(text) for text in missing)
    told_plainly = json.loads((tmp_path / "out" / "selection.json").read_text(encoding="utf-8"))
    assert told_plainly["selection"]["assumed"][0]["figure"] == "HLTBED"
    assert told_plainly["key"] == key.public.fingerprint


@pytest.mark.parametrize("scenario", ["low-altitude", "credential-recognition"])
def test_every_kind_of_choice_fits_its_statement(tmp_path: Path, scenario: str) -> None:
    PrivateKey.load_or_create(tmp_path / "a.key")
    arguments = ["34013", "--economy", JERSEY, "--choose", scenario, "--key", tmp_path / "a.key"]
    told = run(*arguments, "--out", tmp_path / "out")
    assert told.exit_code == 0, told.exception
    signed = statement.decode((tmp_path / "out" / "selection.cose").read_bytes())
    assert signed.fields["scenario"] == scenario


def test_a_choice_needs_key_and_folder_a_known_scenario_and_a_members_name(tmp_path: Path) -> None:
    PrivateKey.load_or_create(tmp_path / "a.key")
    key, out = tmp_path / "a.key", tmp_path / "out"
    assert code(run("520000", "--choose", "green-power")) == "fit-choose"
    assert code(run("520000", "--key", key)) == "fit-choose"
    assert code(run("520000", "--choose", "green-power", "--key", key)) == "fit-choose"
    arguments = ["520000", "--out", out, "--key"]
    assert code(run(*arguments, key, "--choose", "no-such")) == "fit-scenario-unknown"
    assert code(run(*arguments, tmp_path / "none.key", "--choose", "green-power")) == "key.unusable"
    wrong = run(*arguments, key, "--choose", "green-power", "--issuer", "Not A Name")
    assert code(wrong) == "statement.malformed"
    assert not out.exists()


def test_a_label_is_one_line_of_a_closed_set_and_stands_once() -> None:
    told = labels(["a\nb", "a\uff0cb", "a,b", "<script>", "", "x" * 200])
    assert told == ["a b", "a,b", "script", "-", "x" * 80]


@pytest.mark.parametrize("scenario", ["medical-system", "smart-mine"])
def test_what_is_signed_registers_under_the_rules(scenario: str) -> None:
    ledger = Ledger()
    ledger.open_ledger()
    fit = rank("520000", settings=("HLTBED=500000",))
    ledger.must("selection", "commission", f"selection/{scenario}", **fields(selection(fit, scenario)))
