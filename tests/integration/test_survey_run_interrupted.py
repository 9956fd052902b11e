"""The real command, interrupted and killed in the middle, and PDFs as a browser prints them."""

from __future__ import annotations

import hashlib
import html
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DIGEST = (ROOT / "examples" / "policies" / "zh-Hant" / "blockchain-2018.txt").read_text(encoding="utf-8")
COUNT = 80
# A program started in the background of a shell may be deaf to Ctrl-C; this one hears it.
HEARING = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from poju.cli.main import main; main()"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("documents")
    for number in range(COUNT):
        (made / f"{number:03d}.txt").write_text(f"第{number}號\n\n{DIGEST * 6}", encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def whole(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("whole")
    with started(folder, out) as process:
        assert process.wait(300) == 0
    return digests(out)


def started(folder: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", HEARING, "survey", str(folder), "--out", str(out), "--jobs", "2", "--lang", "en"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def digests(out: Path) -> dict[str, str]:
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def wait_for_lines(out: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    file = out / "events.jsonl"
    while time.monotonic() < deadline:
        if file.exists() and file.read_bytes().count(b"\n") >= count:
            return
        time.sleep(0.02)
    pytest.fail(f"{file} never held {count} lines")


def test_ctrl_c_ends_cleanly_and_the_same_command_goes_on(folder: Path, whole: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    with started(folder, out) as process:
        wait_for_lines(out, 5)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        told = process.stderr.read().decode()
        assert process.wait(60) == 130
    assert "the same command goes on from there" in told
    assert "Traceback" not in told
    lines = (out / "events.jsonl").read_bytes().count(b"\n")
    assert 5 <= lines < COUNT
    assert json.loads((out / "manifest.json").read_text())["complete"] is False
    with started(folder, out) as process:
        assert process.wait(300) == 0
    assert digests(out) == whole


def test_a_killed_run_leaves_no_worker_and_goes_on_with_the_same_bytes(
    folder: Path, whole: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for lines in (3, 30):
        with started(folder, out) as process:
            wait_for_lines(out, lines)
            workers = children(process.pid)
            process.kill()
        deadline = time.monotonic() + 30
        while any(alive(worker) for worker in workers) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert workers
        assert not [worker for worker in workers if alive(worker)]
    with started(folder, out) as process:
        assert process.wait(300) == 0
    assert digests(out) == whole


def children(process: int) -> list[int]:
    tasks = Path(f"/proc/{process}/task").iterdir()
    return [int(pid) for task in tasks for pid in (task / "children").read_text(encoding="ascii").split()]


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.browser
def test_a_pdf_that_a_browser_printed_keeps_traditional_chinese_and_whole_paragraphs(
    chromium: str, tmp_path: Path
) -> None:
    lines = [line.strip() for line in DIGEST.splitlines() if line.strip()]
    body = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
    page = tmp_path / "page.html"
    page.write_text(f'<!doctype html><html lang="zh-Hant"><meta charset="utf-8"><body>{body}</body></html>', "utf-8")
    printed = tmp_path / "page.pdf"
    browse = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    browse += [f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={printed}", page.as_uri()]
    subprocess.run(browse, check=True, capture_output=True, timeout=120)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "poju", "survey", str(printed), "--out", str(out), "--lang", "en"]
    subprocess.run(command, check=True, capture_output=True)
    (document,) = json.loads((out / "events.json").read_text(encoding="utf-8"))["documents"]
    told = (out / document["text_file"]).read_text(encoding="utf-8").splitlines()
    assert document["extractor"].startswith("pypdfium2")
    assert not [c for line in told for c in line if "\u2e80" <= c <= "\u2fdf" or "\uf900" <= c <= "\ufaff"]
    assert [line for line in lines if line not in told] == []
