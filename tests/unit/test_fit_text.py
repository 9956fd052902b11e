from __future__ import annotations

import ast
import csv
import json
import unicodedata
from pathlib import Path

import pytest
from click.testing import CliRunner

from poju.cli.fit import command
from poju.fit import rank, render
from poju.i18n import LANGUAGES, catalogue

ROOT = Path(__file__).parents[2]


def marked_strings() -> set[str]:
    found = set()
    for path in (*(ROOT / "src" / "poju" / "fit").glob("*.py"), *(ROOT / "src" / "poju" / "cli").glob("fit*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
                found.add(ast.literal_eval(node.args[0]))
    for path in (ROOT / "src" / "poju" / "fit" / "data").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as handle:
            found.update(row["unit"] for row in csv.DictReader(handle) if "unit" in row)
    return found


@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans"])
def test_every_string_and_unit_is_translated_with_the_same_fields(language: str) -> None:
    known = catalogue(language)
    for text in marked_strings():
        assert text in known
        fields = [part.split("}")[0] for part in text.split("{")[1:]]
        assert sorted(fields) == sorted(part.split("}")[0] for part in known[text].split("{")[1:])


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_two_rankings_stand_side_by_side_aligned(language: str) -> None:
    text = render(rank("520000"), language)
    lines = [line for line in text.splitlines() if "│" in line]
    assert len(lines) == 25
    places = {
        sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line.split("│")[0]) for line in lines
    }
    assert len(places) == 1
    assert "{" not in text


def test_units_of_every_reason_are_translated() -> None:
    known = catalogue("zh-Hant")
    for region in ("520000", "310000"):
        fit = rank(region)
        for row in (*fit["common"], *fit["distinctive"], *fit["not_readable"]):
            assert all(reason["unit"] in known for reason in row["reasons"])


def test_the_command_prints_json_and_text_and_an_error_is_no_traceback(tmp_path: Path) -> None:
    runner = CliRunner()
    answered = runner.invoke(command, ["贵州", "--json"])
    assert answered.exit_code == 0
    assert json.loads(answered.output) == rank("520000")
    assert "貴州\uff08520000\uff09" in runner.invoke(command, ["520000", "--lang", "zh-Hant"]).output
    missing = runner.invoke(command, ["520000", "--data", str(tmp_path / "none.csv")])
    assert getattr(missing.exception, "code", "") == "fit-data-unreadable"
    assert "Example: poju fit" in runner.invoke(command, ["rank", "--help"]).output
