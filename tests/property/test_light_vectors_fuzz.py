"""The recorded light client's files follow from what only their network could make; a change of the rest is noticed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT, VECTORS = ROOT / "scripts" / "vectors_light.py", ROOT / "tests" / "vectors" / "light"


def check(script: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(script), "--check"], check=False, capture_output=True, text=True)


def test_log_2_the_recorded_files_are_what_their_keys_and_votes_lead_to() -> None:
    finished = check(SCRIPT)
    assert finished.returncode == 0, finished.stdout + finished.stderr


CHANGED = {
    "a header's field": ("data_hash", "AB" * 32),
    "the proposer": ("proposer_address", "CD" * 20),
    "the validators' hash": ("validators_hash", "00" * 32),
    "the time": ("time", "2026-11-24T03:11:24Z"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_log_2_a_changed_header_is_noticed(tmp_path: Path, name: str) -> None:
    (tmp_path / "scripts").mkdir()
    script = Path(shutil.copy(SCRIPT, tmp_path / "scripts"))
    shutil.copytree(VECTORS, tmp_path / "tests" / "vectors" / "light")
    assert check(script).returncode == 0
    path = tmp_path / "tests" / "vectors" / "light" / "file.json"
    found = json.loads(path.read_text())
    field, value = CHANGED[name]
    found["blocks"][-1]["signed_header"]["header"][field] = value
    path.write_text(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    finished = check(script)
    assert finished.returncode == 1
    assert "file.json" in finished.stdout
