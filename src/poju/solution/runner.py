"""The parent's side of the sandbox: start a worker process, ask it, kill it when it does not answer (EXEC-1)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, Any, Self

from poju.errors import OperatorError
from poju.i18n import _
from poju.solution import worker
from poju.solution.runtime import FEATURES, compiled
from poju.solution.worker import read_message, write_message

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from poju.solution.manifest import Solution
    from poju.solution.runtime import Runtime

START_SECONDS = 60
LAST_LINE = 200
KEPT_ENVIRONMENT = ("SYSTEMROOT", "LD_LIBRARY_PATH")


class Runner:
    """One worker process running one solution, used in a ``with`` block; a killed worker starts again when asked."""

    def __init__(self, runtime: Runtime, solution: Solution, *, disabled: Sequence[str] = ()) -> None:
        self.runtime = runtime
        self.program = {
            "modules": [list(module) for module in solution.modules],
            "entry": solution.entry,
            "capabilities": [name for name in solution.capabilities if name not in disabled],
        }
        self.compiled = str(compiled(runtime.guest))
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def patient(self, inputs: Sequence[object]) -> list[dict[str, Any]]:
        """Return one answer for each of one patient's ``inputs``: ``{"advice": JSON}`` or ``{"failure": {"code": …}}``.

        Raises :class:`OperatorError` where the worker cannot be started. A worker that does not answer within
        ``patient_seconds``, or that dies, is a failure (``timeout``, ``crashed``) of all these cases.
        """
        if self.process is None:
            self.start()
        cases = [json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in inputs]
        reply, failure = self.exchange({"patient": cases}, self.runtime.patient_seconds)
        if reply is None:
            return [{"failure": {"code": failure}}] * len(cases)
        answers: list[dict[str, Any]] = reply["answers"]
        return answers

    def start(self) -> None:
        """Start the worker and hand it the guest and the solution."""
        environment = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
        start = {"compiled": self.compiled, "features": dict(FEATURES), "limits": asdict(self.runtime.limits)}
        # What the worker says on its error stream is ours, never the provider's: the guest has no streams.
        with tempfile.TemporaryFile() as errors:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
                [sys.executable, "-I", worker.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
            )
            self.greet(start, errors)

    def greet(self, start: dict[str, Any], errors: IO[bytes]) -> None:
        """Send the first two messages; raise with the last line of ``errors`` where the worker does not answer them."""
        for message in (start, {"solution": self.program}):
            reply, failure = self.exchange(message, START_SECONDS)
            if reply is None:
                raise OperatorError(
                    "solution.worker",
                    _("The sandbox's process did not start ({failure})."),
                    hint=_("Check that memory is free, then delete the folder {folder} and run the command again."),
                    failure=f"{failure}{last_line(errors)}",
                    folder=self.runtime.guest.path.parent,
                )

    def exchange(self, message: dict[str, Any], seconds: int) -> tuple[dict[str, Any] | None, str]:
        """Send ``message``; return its reply, or None and why: ``timeout`` or ``crashed``. Kills the worker then."""
        process = self.process
        if process is None or process.stdin is None or process.stdout is None:
            return None, "crashed"
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            process.kill()

        # Killing the worker closes its pipes, which ends a blocked read or write here, on every system.
        alarm = threading.Timer(seconds, expire)
        alarm.start()
        reply = None
        try:
            write_message(process.stdin, message)  # type: ignore[arg-type]  # Popen's IO[bytes] is a BinaryIO
            reply = read_message(process.stdout)  # type: ignore[arg-type]  # as above
        except OSError:
            reply = None
        finally:
            alarm.cancel()
        if reply is None:
            self.kill()
        return reply, "timeout" if expired.is_set() else "crashed"

    def kill(self) -> None:
        """End the worker and close its pipes."""
        process, self.process = self.process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    # Unsent bytes for a worker that is gone.
                    continue


def last_line(errors: IO[bytes]) -> str:
    """Return the last line of a worker's error stream after a colon, or nothing."""
    errors.seek(0)
    lines = errors.read().decode("utf-8", "replace").strip().splitlines()
    return f": {lines[-1][:LAST_LINE]}" if lines else ""
