"""The directions between the rooms, as import-linter's contracts in pyproject.toml say them."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "poju"
HARD_LIMIT = 500
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
MODULES = sorted(SOURCE.rglob("*.py"))


def imported_names(module: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def lint_imports(directory: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    return subprocess.run([*command, "--no-cache"], cwd=directory, check=False, capture_output=True, text=True)


def test_every_contract_is_kept() -> None:
    finished = lint_imports(ROOT)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_a_room_that_reaches_upwards_is_refused(tmp_path: Path) -> None:
    copy = tmp_path / "src" / "poju"
    for module in MODULES:
        target = copy / module.relative_to(SOURCE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(module.read_bytes())
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(project, encoding="utf-8")
    (copy / "ledger" / "upwards.py").write_text("import poju.support\n", encoding="utf-8")
    code = "import sys; sys.path.insert(0, 'src'); from importlinter.cli import lint_imports_command as run; run()"
    finished = subprocess.run(
        [sys.executable, "-c", code, "--no-cache"], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert finished.returncode != 0
    assert "poju.ledger.upwards" in finished.stdout


def test_every_room_of_the_house_stands_in_a_contract() -> None:
    layers = next(contract["layers"] for contract in CONTRACTS if contract["type"] == "layers")
    named = {part.strip().removeprefix("poju.") for layer in layers for part in layer.split("|")}
    named |= {name.removeprefix("poju.") for contract in CONTRACTS for name in contract.get("source_modules", [])}
    # packages: data, no code of its own to direct; the rule book is one module.
    rooms = {path.parent.name for path in SOURCE.glob("*/__init__.py")} - {"packages"}
    assert rooms | {"rulebook"} == named


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_module_is_over_the_limit(module: Path) -> None:
    assert len(module.read_text(encoding="utf-8").splitlines()) <= HARD_LIMIT


RULES = [path for path in MODULES if path.name == "rules.py" or path.parent.name == "rules"]
IMPURE = {"time", "random", "secrets", "os", "socket", "subprocess", "sqlite3", "pathlib", "datetime", "uuid", "httpx"}


@pytest.mark.parametrize("module", RULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_log_4_rules_import_no_clock_chance_or_io(module: Path) -> None:
    assert not {name.split(".")[0] for name in imported_names(module)} & IMPURE


@pytest.mark.parametrize("module", RULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_log_4_rules_know_no_floats(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    floats = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, float)]
    divisions = [node for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)]
    assert not floats
    assert not divisions


def test_rules_were_found() -> None:
    assert RULES
