"""The verb as a process of its own, over a real socket on loopback."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.network

SAMPLE = Path(__file__).with_name("report-sample.json")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_console_answers_and_ends_in_order(tmp_path: Path, ending: signal.Signals) -> None:
    shutil.copy(SAMPLE, tmp_path / "report.json")
    arguments = [
        sys.executable,
        "-c",
        "from poju.cli.main import main; main()",
        "console",
        str(tmp_path),
        "--lang",
        "en",
    ]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            url = next(word for word in line.split() if word.startswith("http://127.0.0.1:"))
            answer = httpx.get(url, timeout=20, trust_env=False)
            assert answer.status_code == 200
            assert "none of them pulls" in answer.text
            assert "server" not in answer.headers
            head = httpx.head(url, timeout=20, trust_env=False)
            assert head.status_code == 200
            assert not head.content
            assert httpx.get(url, headers={"host": "evil.example"}, timeout=20, trust_env=False).status_code == 421
            process.send_signal(ending)
            _out, errors = process.communicate(timeout=20)
        finally:
            process.kill()
    assert "Traceback" not in errors
    if ending == signal.SIGINT:
        assert process.returncode == 0
