"""Setting up a checkout: what is missing is said in one message that names the next command."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("Makefile", "requirements.lock", "pyproject.toml", "scripts")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what set-up reads, without an environment."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in NEEDED:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    return folder


def prepare(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", str(checkout / "scripts" / "prepare.py")]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, **environment}, timeout=60
    )


def test_without_venv_one_message_names_the_command(checkout: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "ensurepip.py").write_text("raise ImportError\n", encoding="utf-8")
    finished = prepare(checkout, PYTHONPATH=str(broken))
    assert finished.returncode == 1
    assert "cannot make virtual environments" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not (checkout / ".venv").exists()


def find_python(**environment: str) -> subprocess.CompletedProcess[str]:
    command = ["/bin/sh", str(ROOT / "scripts" / "find_python.sh")]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)


def test_the_named_python_comes_first(tmp_path: Path) -> None:
    link = tmp_path / "mine"
    link.symlink_to(sys.executable)
    finished = find_python(PATH=os.environ["PATH"], PYTHON=str(link))
    assert finished.stdout.strip() == str(link)


def test_an_old_python_is_passed_over(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    old.chmod(0o755)
    finished = find_python(PATH=f"{tmp_path}:{os.environ['PATH']}", PYTHON=str(old))
    assert finished.returncode == 0
    assert finished.stdout.strip() != str(old)


def test_the_lock_has_hashes_for_everything_and_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index-url" not in text
    blocks = re.split(r"\n(?=[a-z0-9])", text)
    assert len(blocks) > 50
    assert not [block.split()[0] for block in blocks if "==" not in block or "--hash=sha256:" not in block]


def test_every_target_is_explained_by_help() -> None:
    finished = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True)
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony is not None
    assert not [target for target in phony[1].split() if f"make {target} " not in finished.stdout]


def test_ci_runs_the_two_commands_in_order() -> None:
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert 0 < text.index("make test\n") < text.index("make demo ARGS")
