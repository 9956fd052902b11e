"""Child processes of the demonstration: the authority's ledger and the hospitals' nodes, over loopback.

Each holds our end of a pipe as its standard input and ends when that closes, however this process dies.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from poju.errors import OperatorError
from poju.i18n import _

STOP_SECONDS = 10


class Child:
    """A ``poju`` command that serves; ``url`` is where."""

    def __init__(self, name: str, arguments: list[str], log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.name = name
        with log.open("ab") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own arguments
                [sys.executable, "-m", "poju", *arguments, "--attached"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        self._log = log
        self.facts = self._ready()

    def _ready(self) -> dict[str, object]:
        line = self._process.stdout.readline() if self._process.stdout else b""
        if not line:
            self._process.wait(STOP_SECONDS)
            raise OperatorError(
                "process.not-started",
                _("The process {name} did not start."),
                hint=_("Its messages are in {log}."),
                name=self.name,
                log=self._log,
            )
        facts: dict[str, object] = json.loads(line)
        return facts

    @property
    def url(self) -> str:
        """Where it serves."""
        return str(self.facts["url"])

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Close its standard input and wait until it has ended."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
