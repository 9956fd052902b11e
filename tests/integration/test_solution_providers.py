"""The sample providers over the frozen generator: the order of versions, what each capability is worth, the tour."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from poju.cli.solution import programme_condition
from poju.exchange.formats.fhir import generate
from poju.solution import GradedRow, bootstrap, default_runtime, grade, load, replay, score, verdict

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "solutions"
CONDITION = programme_condition()
SEEDS = (2, 3, 4)
PATIENTS = 60


@cache
def graded(name: str, seed: int, disabled: tuple[str, ...] = ()) -> tuple[GradedRow, ...]:
    workload = generate(seed, patients=PATIENTS)
    version = load(EXAMPLES / name)
    trace = replay(version, workload.cases(), runtime=default_runtime(), disabled=disabled, workers=2)
    assert trace.repeatable
    return tuple(grade(trace, workload.answer_key()))


@pytest.mark.parametrize("seed", SEEDS)
def test_each_version_of_the_better_provider_beats_the_one_before(seed: int) -> None:
    for earlier, later in (("qingyan/v1", "qingyan/v2"), ("qingyan/v2", "qingyan/v3")):
        assert bootstrap(graded(earlier, seed), graded(later, seed), seed=seed).low_ppm > 0


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("capability", load(EXAMPLES / "qingyan/v3").capabilities)
def test_a_capability_taken_out_of_the_best_version_loses_its_gain(capability: str, seed: int) -> None:
    poorer = graded("qingyan/v3", seed, (capability,))
    assert bootstrap(poorer, graded("qingyan/v3", seed), seed=seed).low_ppm > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_fund_2_only_the_best_version_meets_the_condition(seed: int) -> None:
    names = ("qingyan/v1", "qingyan/v2", "qingyan/v3", "lianyi/v3")
    met = {name for name in names if verdict(score(graded(name, seed)), CONDITION).released}
    assert met == {"qingyan/v3"}


def test_the_weaker_provider_does_not_get_worse_from_its_first_to_its_last_version() -> None:
    assert bootstrap(graded("lianyi/v1", 2), graded("lianyi/v3", 2), seed=2).low_ppm > 0


def poju(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from poju.cli.main import main; main()", "solution", "test", *arguments]
    environment = {**os.environ, "POJU_LANG": "en"}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)


def test_the_tour_one_edited_line_turns_the_award(tmp_path: Path) -> None:
    default_runtime()
    shutil.copytree(EXAMPLES / "qingyan/v3", tmp_path / "v3")
    before = json.loads(poju(str(tmp_path / "v3"), "--json").stdout)
    assert before["award"]["released"]
    main = tmp_path / "v3" / "main.py"
    text = main.read_text("utf-8")
    assert text.count("\nWINDOW_PERCENT = 100\n") == 1
    main.write_text(text.replace("\nWINDOW_PERCENT = 100\n", "\nWINDOW_PERCENT = 300\n"), "utf-8")
    after = json.loads(poju(str(tmp_path / "v3"), "--json").stdout)
    assert not after["award"]["released"]
    assert after["figures"]["wrong"] > before["figures"]["wrong"] == 0
    assert after["solution"]["digest"] != before["solution"]["digest"]
    assert poju(str(tmp_path / "v3"), "--json").stdout == json.dumps(after, ensure_ascii=False, indent=2) + "\n"


@pytest.mark.parametrize(
    ("main", "said"),
    [
        ("def advise(case, capabilities):\n    while True: pass\n", "solution.fuel"),
        ("def advise(case, capabilities):\n    return 'x' * 10 ** 9\n", "solution.memory"),
        ("def advise(case, capabilities):\n    return 1 / 0\n", "ZeroDivisionError in main.py, line 2"),
        ("def advise(case, capabilities):\n    return 'yes'\n", "solution.invalid"),
        ("import socket\n", "ImportError in main.py, line 1"),
    ],
)
def test_a_solution_that_answers_nothing_ends_in_one_clear_error(tmp_path: Path, main: str, said: str) -> None:
    shutil.copytree(EXAMPLES / "qingyan/v1", tmp_path / "v1")
    (tmp_path / "v1" / "main.py").write_text(main, "utf-8")
    finished = poju(str(tmp_path / "v1"))
    assert finished.returncode == 1
    assert said in finished.stderr
    assert "Traceback" not in finished.stderr + finished.stdout
    assert len(finished.stderr.strip().splitlines()) == 2


def test_single_failures_are_counted_and_the_first_three_explained(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "qingyan/v3", tmp_path / "v3")
    main = tmp_path / "v3" / "main.py"
    text = main.read_text("utf-8")
    trap = "    if case['order']['indication'] == 'admission':\n        raise KeyError('x')\n"
    start = text.index("    item = item_of(case", text.index("def advise"))
    main.write_text(text[:start] + trap + text[start:], "utf-8")
    finished = poju(str(tmp_path / "v3"))
    assert finished.returncode == 0
    assert "award: refused" in finished.stdout
    assert finished.stdout.count("KeyError in main.py") == 3
