from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support_rules import HEALTHCARE

from poju.cli.scenario import command
from poju.errors import CallerError


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def test_check_ends_0_for_a_closed_package_in_each_language() -> None:
    for language in ("zh-Hant", "zh-Hans", "en"):
        result = run("check", str(HEALTHCARE), "--lang", language)
        assert result.exit_code == 0, result.output
    assert json.loads(run("check", str(HEALTHCARE), "--json").output) == {"closed": True, "problems": []}


def test_check_ends_1_and_names_file_and_remedy(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(HEALTHCARE, tmp_path / "p"))
    (folder / "programme.toml").unlink()
    result = run("check", str(folder), "--lang", "en")
    assert result.exit_code == 1
    assert "programme.toml" in result.output
    told = json.loads(run("check", str(folder), "--json", "--lang", "zh-Hant").output)
    assert told["closed"] is False
    assert {"file", "code", "message", "do"} == set(told["problems"][0])
    assert all(ord(max(problem["message"])) > 0x2E80 for problem in told["problems"]), "not in Chinese"


def test_check_reads_programme_and_indicators_as_strictly_as_the_rooms_that_use_them(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(HEALTHCARE, tmp_path / "p"))
    path = folder / "programme.toml"
    path.write_text(path.read_text(encoding="utf-8") + "\nbonus = 1\n", encoding="utf-8")
    result = run("check", str(folder))
    assert result.exit_code == 1
    assert "bonus" in result.output


def test_show_prints_a_summary_and_json() -> None:
    result = run("show", str(HEALTHCARE), "--lang", "zh-Hant")
    assert result.exit_code == 0
    assert "全域醫療系統" in result.output
    assert json.loads(run("show", str(HEALTHCARE), "--json").output)["id"] == "healthcare"


def test_what_is_no_package_ends_in_exit_status_2(tmp_path: Path) -> None:
    for verb in ("check", "show"):
        result = run(verb, str(tmp_path))
        assert isinstance(result.exception, CallerError)
        assert result.exception.exit_status == 2
        with pytest.raises(CallerError, match=r"scenario\.toml"):
            raise result.exception
