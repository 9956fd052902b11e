"""Keeps a network's processes running: for each validator its application first, then its engine, both or neither.

A node dies by design when its application does, and an application without its engine is of no use; so that when either
ends, the other is ended and both are started again, after a pause that doubles while they keep ending early.

Run: python -m poju.node.network_supervisor DIR [LIMITS]
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from poju.errors import OperatorError, PojuError
from poju.i18n import _
from poju.node import network_folder, network_install
from poju.node.logs import say
from poju.node.network_folder import Network, Validator

LOOK_SECONDS = 0.1
END_SECONDS = 8.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
STEADY_SECONDS = 30.0
PID_FILE = "supervisor.pid"


def hold(folder: Path) -> IO[str]:
    """Return the held lock of the network in ``folder``, our process id in it; raise ``network.running``."""
    handle = (folder / PID_FILE).open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        handle.close()
        raise OperatorError(
            "network.running",
            _("The network in {folder} runs already."),
            hint=_("See it with poju network status, end it with poju network down."),
            folder=folder,
        ) from error
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return handle


def running(folder: Path) -> int | None:
    """Return the process id of the supervisor that runs the network in ``folder``, or None.

    The lock decides, not the number: a number that was left behind may be another program's by now.
    """
    try:
        with (folder / PID_FILE).open("r+") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(handle.read() or 0) or None
            return None
    except FileNotFoundError:
        return None


@dataclass
class _Child:
    process: subprocess.Popen[bytes]
    pid_file: Path

    def end(self, *, first: signal.Signals = signal.SIGTERM) -> None:
        """End the process, by force where it does not listen."""
        if self.process.stdin is not None:
            # its end of the pipe closes: the application ends by itself
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        if self.process.poll() is None:
            self.process.send_signal(first)
            try:
                self.process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self.pid_file.unlink(missing_ok=True)


@dataclass(frozen=True)
class Machine:
    """What the nodes on this machine share: the engine, when to stop, the file of their limits."""

    engine: Path
    stopping: threading.Event
    limits: Path | None = None


class Pair:
    """One validator's two processes, kept running by one thread."""

    def __init__(self, network: Network, validator: Validator, machine: Machine) -> None:
        self._network = network
        self._validator = validator
        self._home = network.home(validator)
        self._machine = machine
        self._stopping = machine.stopping

    def keep(self) -> None:
        """Run both until told to stop."""
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            self._run_once()
            steady = time.monotonic() - began > STEADY_SECONDS
            pause = FIRST_PAUSE if steady else min(2 * pause, LONGEST_PAUSE)
            self._stopping.wait(pause)

    def _run_once(self) -> None:
        with (self._home / "application.log").open("ab") as heard, (self._home / "engine.log").open("ab") as told:
            folder = str(self._network.folder)
            limits = [] if self._machine.limits is None else [str(self._machine.limits.resolve())]
            command = [sys.executable, "-m", "poju.node.network_application", folder, self._validator.name, *limits]
            application = self._start("application", command, heard, attached=True)
            try:
                if not self._ready(application):
                    return
                node = self._start("engine", [str(self._machine.engine), "node", "--home", "."], told, attached=False)
                try:
                    self._watch(application, node)
                finally:
                    node.end()
            finally:
                application.end()

    def _start(self, part: str, command: list[str], log: IO[bytes], *, attached: bool) -> _Child:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, or the engine that find() checked
            command,
            cwd=self._home,
            stdin=subprocess.PIPE if attached else subprocess.DEVNULL,
            stdout=subprocess.PIPE if attached else log,
            stderr=log,
            # Ctrl-C is for the supervisor alone: it ends the processes in their order
            start_new_session=True,
        )
        child = _Child(process, self._home / f"{part}.pid")
        child.pid_file.write_text(str(process.pid))
        say("started", validator=self._validator.name, part=part, pid=process.pid)
        return child

    @staticmethod
    def _ready(application: _Child) -> bool:
        """Return whether the application said that it is ready: one line of JSON, or the end of its output."""
        if application.process.stdout is None:
            return False
        line = application.process.stdout.readline()
        with contextlib.suppress(ValueError):
            return "url" in json.loads(line)
        return False

    def _watch(self, application: _Child, node: _Child) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            for part, child in (("application", application), ("engine", node)):
                if (status := child.process.poll()) is not None:
                    say("ended", validator=self._validator.name, part=part, status=status)
                    return


def _keep_all(network: Network, machine: Machine, threads: dict[str, threading.Thread]) -> None:
    """Keep each node that is on this machine and is not kept yet."""
    for validator in network.here:
        if validator.name not in threads:
            pair = Pair(network, validator, machine)
            threads[validator.name] = threading.Thread(target=pair.keep, name="validator")
            threads[validator.name].start()


def supervise(folder: Path, limits: Path | None = None) -> None:
    """Run the network in ``folder`` until SIGTERM or SIGINT; raise ``network.running``, ``network.engine-missing``.

    ``limits``: the file of what each node here takes at once (:mod:`poju.node.limits`); None: the defaults.
    """
    network = network_folder.load(folder)
    stopping = threading.Event()
    machine = Machine(network_install.find(), stopping, limits)
    held = hold(network.folder)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    threads: dict[str, threading.Thread] = {}
    _keep_all(network, machine, threads)
    while not stopping.wait(1.0):
        # a node that joined meanwhile stands in network.json
        with contextlib.suppress(PojuError):
            _keep_all(network_folder.load(folder), machine, threads)
    for thread in threads.values():
        thread.join()
    say("ended", part="supervisor")
    held.close()


def main() -> None:
    """Run the network that the arguments name; end a foreseen failure in one line."""
    try:
        supervise(*map(Path, sys.argv[1:]))
    except PojuError as error:
        say("stopped", code=error.code, reason=str(error))
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
