"""Step 9, verify: a new process checks everything from the key alone; then one byte is altered and it refuses."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from poju.demo.session import Session
from poju.i18n import _

PROCESSES = 3


def run(session: Session) -> None:
    """Verify ``public/`` and ``auditor/``; alter one byte of the evidence in a copy and see it refused."""
    voice = session.voice
    voice.step(9, "verify", _("a new process, with the log's key alone"))
    key = session.path("log.key").read_text().strip()
    with ThreadPoolExecutor(PROCESSES) as processes:
        public = processes.submit(check, session.path("public"), key, session.options.language)
        auditor = processes.submit(check, session.path("auditor"), key, session.options.language)
        altered = processes.submit(tamper, session, key)
    found, audited = public.result(), auditor.result()
    for step in found["steps"]:
        voice.tell(
            _("{mark} {number}. {name}: {said}"),
            mark=_mark(step),
            number=step["number"],
            name=step["name"],
            said=step["proved"],
        )
    voice.tell(_("auditor: {said}"), said=audited["steps"][-1]["proved"])
    shown = session.shown(session.path("public"))
    session.facts["verify"] = {
        **found,
        "exit_status": max(found["exit_status"], audited["exit_status"]),
        "command": f"poju verify {shown} --key {key}",
        "key": key,
    }
    session.facts["tamper"] = altered.result()
    _tell_tampered(session, session.facts["tamper"])


def _mark(step: dict[str, Any]) -> str:
    return "✓" if step["ok"] else "✗"


def check(folder: Path, key: str, language: str) -> dict[str, Any]:
    """Run ``poju verify`` in a process of its own and return what it says."""
    command = [sys.executable, "-m", "poju", "verify", str(folder), "--key", key, "--json", "--lang", language]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our own interpreter and arguments
    found: dict[str, Any] = json.loads(done.stdout)
    found["exit_status"] = done.returncode
    return found


def _tell_tampered(session: Session, altered: dict[str, Any]) -> None:
    session.voice.tell(
        _("one byte of {file} altered in a copy: exit status {status} at step {number}, {said}"),
        file=altered["file"],
        status=altered["exit_status"],
        number=altered["number"],
        said=altered["message"].splitlines()[0],
    )


def tamper(session: Session, key: str) -> dict[str, Any]:
    """Alter one byte of the released award's evidence in a copy; return where, and how the check refused it."""
    rows = session.path(session.facts["packs"][session.facts["best"].subject], "rows.csv")
    offset = rows.stat().st_size // 2
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "public"
        shutil.copytree(session.path("public"), copy)
        target = copy / rows.relative_to(session.path("public"))
        data = bytearray(target.read_bytes())
        data[offset] ^= 1
        target.write_bytes(data)
        found = check(copy, key, session.options.language)
    failed = next(step for step in found["steps"] if not step["ok"])
    return {
        "file": str(rows.relative_to(session.options.out)),
        "offset": offset,
        "exit_status": found["exit_status"],
        "number": failed["number"],
        "step": failed["name"],
        "message": failed["proved"],
    }
