"""One run of the demonstration for all tests of this folder, and what they do with it."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from poju.errors import PojuError
from poju.ledger import tiles
from poju.verify.command import verify

SEED = 1
STEP = re.compile(r"^(\d)\. .* +([0-9.]+) s$", re.MULTILINE)
ACKNOWLEDGED = re.compile(r"^ +ack (\d+) ([0-9a-f]{64})$", re.MULTILINE)
LONGEST_SECONDS = 600


@dataclass(frozen=True)
class Run:
    """A finished demonstration: its folder, and what it said."""

    folder: Path
    stdout: str
    stderr: str

    @cached_property
    def key(self) -> str:
        return (self.folder / "log.key").read_text().strip()

    @property
    def public(self) -> Path:
        return self.folder / "public"

    @property
    def auditor(self) -> Path:
        return self.folder / "auditor"

    @cached_property
    def leaves(self) -> list[bytes]:
        """Every leaf of the auditor's log, in order."""
        size = int((self.auditor / "checkpoint").read_text().split("\n")[1])
        found: list[bytes] = []
        for level, number, width in tiles.tile_names(size):
            if level == 0:
                found += tiles.unbundle(tiles.read(self.auditor, "entries", number, width))
        assert len(found) == size
        return found

    def step_seconds(self, number: int) -> float:
        """How long a step took, by the elapsed times that the demonstration printed."""
        began = {int(step): float(seconds) for step, seconds in STEP.findall(self.stdout)}
        return began[number + 1] - began[number]


def lots(seed: int) -> random.Random:
    """Lots that fall the same way for the same seed, so that a failing test fails again."""
    return random.Random(seed)  # noqa: S311 - draws where to attack, no secret


def command(folder: Path, *more: str) -> list[str]:
    plain = ["--no-serve", "--lang", "en", "--seed", str(SEED)]
    return [sys.executable, "-m", "poju", "demo", "--out", str(folder), *plain, *more]


def play(folder: Path, *more: str) -> Run:
    """Run the demonstration to its end."""
    done = subprocess.run(command(folder, *more), capture_output=True, check=False, text=True, timeout=LONGEST_SECONDS)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-4_000:]
    return Run(folder, done.stdout, done.stderr)


def status(path: Path, key: str | None) -> int:
    """The exit status of ``poju verify``, without a process for each."""
    try:
        return verify(path, key).exit_status
    except PojuError as error:
        return error.exit_status


def processes_of(folder: Path) -> list[str]:
    """The command lines of all processes that were told about ``folder``."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(folder) in line:
                found.append(line)
    return found


def wait_until_gone(folder: Path, seconds: float = 15.0) -> list[str]:
    """Wait until no process of ``folder`` is left; return those that stay."""
    deadline = time.monotonic() + seconds
    while (left := processes_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left
