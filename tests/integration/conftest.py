"""One finished demonstration for every test of this folder, copies of it to damage, and the helpers beside."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "unit")]

from support_demo import Run, play  # noqa: E402 it is found by the path above


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The demonstration of seed 1, run once to its end; tests read it and never change it."""
    return play(tmp_path_factory.mktemp("demo") / "region")


@pytest.fixture
def public(demo: Run, tmp_path: Path) -> Path:
    """A copy of the public folder that a test may damage."""
    return Path(shutil.copytree(demo.public, tmp_path / "public"))


@pytest.fixture
def auditor(demo: Run, tmp_path: Path) -> Path:
    """A copy of the auditor's folder that a test may damage."""
    return Path(shutil.copytree(demo.auditor, tmp_path / "auditor"))
