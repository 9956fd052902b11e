"""What every test may ask for: the shared material, the independent checkers, a browser."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """``../shared``; the test is skipped, saying so, where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("../shared is absent")
    return SHARED


def script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / name), *arguments], check=False, capture_output=True, text=True
    )


def built_checker(name: str) -> Path:
    finished = script("checkers.py", name)
    assert finished.returncode == 0, finished.stderr
    return Path(finished.stdout.strip())


@pytest.fixture(scope="session")
def scittverify(shared: Path) -> Path:
    """A program that checks a statement and its receipts with go-cose and transparency-dev/merkle."""
    assert shared.is_dir()
    return built_checker("scittverify")


@pytest.fixture(scope="session")
def tlogverify(shared: Path) -> Path:
    """A program that proves every entry of a tlog-tiles folder with torchwood and x/mod/sumdb."""
    assert shared.is_dir()
    return built_checker("tlogverify")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium. It is a component of the tests: where it is missing they fail."""
    finished = script("components.py", "--browser")
    assert finished.returncode == 0, "Chromium is missing: run `make test`, which brings it"
    return finished.stdout.strip()
