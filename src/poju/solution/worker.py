"""The child process that runs provider programs: ``python -I worker.py``, spoken to over its pipes.

Each message is four bytes of length, big-endian, then JSON. The parent sends one ``start``, then any number of
``solution`` and ``patient`` messages; each gets one reply. Each ``patient`` message gets a fresh instance (EXEC-2).
What goes wrong inside an instance is an answer; what goes wrong here ends the process, and the parent survives it
(EXEC-1).

It is started for every trial, therefore it imports nothing of Poju: importing the package costs more than the rest.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from typing import TYPE_CHECKING, Any, BinaryIO

import wasmtime
from wasmtime import component

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MEBIBYTE = 1024 * 1024

STACK_BYTES = 16 * MEBIBYTE
"""The thread's own stack, whatever the machine's ulimit says: room for ``max_wasm_stack`` and the host's frames."""

MAXIMUM_MESSAGE = 64 * MEBIBYTE
LENGTH_BYTES = 4

OUTSIDE = (
    (re.compile(r"!(wall_clock|monotonic_clock|poll)"), "clock"),
    (re.compile(r"!(random|insecure)"), "randomness"),
    (re.compile(r"!(filesystem|descriptor)"), "files"),
    (re.compile(r"!(stdin|stdout|stderr|stdio|terminal)"), "streams"),
    (re.compile(r"!(tcp|udp|network|ip_name|instance_network)"), "network"),
    (re.compile(r"!(environment|exit)"), "environment"),
)
"""Functions of the guest's C library that lead to a stubbed import; the trap's backtrace names the one called."""

Failure = dict[str, Any]


def engine(features: Mapping[str, bool | int]) -> wasmtime.Engine:
    """Return a wasmtime engine with the settings ``features``, named as wasmtime's ``Config`` names them."""
    configuration = wasmtime.Config()
    for name, value in features.items():
        setattr(configuration, name, value)
    return wasmtime.Engine(configuration)


def read_message(stream: BinaryIO) -> dict[str, Any] | None:
    """Return the next message of ``stream``, or None where it has ended or the message is cut off."""
    head = stream.read(LENGTH_BYTES)
    length = int.from_bytes(head, "big")
    if len(head) < LENGTH_BYTES or length > MAXIMUM_MESSAGE:
        return None
    body = stream.read(length)
    if len(body) < length:
        return None
    message: dict[str, Any] = json.loads(body)
    return message


def write_message(stream: BinaryIO, message: dict[str, Any]) -> None:
    """Write ``message`` to ``stream`` and flush it."""
    body = json.dumps(message).encode()
    stream.write(len(body).to_bytes(LENGTH_BYTES, "big") + body)
    stream.flush()


def trap_code(text: str) -> Failure:
    """Return what a trap's text means: the code, and for ``denied`` what was reached for."""
    if "all fuel consumed" in text:
        return {"code": "fuel"}
    if "call stack exhausted" in text:
        return {"code": "stack"}
    if "unreachable" in text:
        for pattern, what in OUTSIDE:
            if pattern.search(text):
                return {"code": "denied", "message": what}
    return {"code": "trap", "message": text.strip().splitlines()[-1][:200]}


def raised(text: str) -> Failure:
    """Return what the guest's description of an exception means."""
    described: Failure = json.loads(text)
    code = "memory" if described["type"] == "MemoryError" else "raised"
    return {**described, "code": code}


class Sandbox:
    """One compiled guest and the provider's program that it is given.

    ``start`` is the first message: ``compiled`` is the compiled guest's file, ``features`` wasmtime's settings,
    ``limits`` the fields of :class:`poju.solution.runtime.Limits`.
    """

    def __init__(self, start: dict[str, Any]) -> None:
        self.engine = engine(start["features"])
        self.component = component.Component.deserialize_file(self.engine, start["compiled"])
        self.linker = component.Linker(self.engine)
        self.limits: dict[str, int] = start["limits"]
        self.program: dict[str, Any] = {}

    def use(self, program: dict[str, Any]) -> None:
        """Take ``program`` (``modules`` as name and text, ``entry``, ``capabilities``) and compile its modules once."""
        files = [source_file(name, text, self.code(name, text)) for name, text in program["modules"]]
        self.program = {**program, "files": files}

    def code(self, name: str, text: str) -> str:
        """Return the code of one module, compiled inside a throw-away instance in which no provider's code has run.

        A module that does not compile, or exhausts the instance, has none: each patient's instance then meets that by
        itself, so that the failure reads the same. Each module has an instance of its own, so that its code depends on
        nothing but its text (EXEC-2).
        """
        try:
            instance = Instance(self)
            code: str = instance.call("compile", self.limits["load_fuel"], name, text)
        except (wasmtime.WasmtimeError, wasmtime.Trap):
            return ""
        return code

    def patient(self, cases: list[str]) -> dict[str, Any]:
        """Answer one patient's ``cases`` (JSON texts), in order, in a fresh instance.

        The first trap ends the patient: the instance cannot be trusted after it, and the remaining cases get the same
        failure, so that a program that traps costs one trap per patient and every shard agrees on it.
        """
        answers: list[dict[str, Any]] = []
        fuel = 0
        try:
            instance = Instance(self)
            failure = instance.load(self.program)
            fuel = instance.used
            if failure is None:
                for case in cases:
                    answers.append(instance.advise(case))
                    fuel += instance.used
        except (wasmtime.WasmtimeError, wasmtime.Trap) as trap:
            failure = trap_code(str(trap))
        if failure is not None:
            answers += [{"failure": failure}] * (len(cases) - len(answers))
        return {"answers": answers, "fuel": fuel}


class Instance:
    """A fresh instance with its own memory; ``used`` is the fuel of its last call."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.limits = sandbox.limits
        self.store = wasmtime.Store(sandbox.engine)
        self.store.set_limits(memory_size=self.limits["memory_bytes"])
        self.store.set_fuel(self.limits["load_fuel"])
        self.instance = sandbox.linker.instantiate(self.store, sandbox.component)
        self.used = 0

    def call(self, name: str, fuel: int, *arguments: object) -> Any:  # noqa: ANN401 - wasmtime's component values are untyped
        """Call the export ``name`` with at most ``fuel``; return its result variant."""
        function = self.instance.get_func(self.store, name)
        if function is None:
            message = f"the guest has no export {name}"
            raise wasmtime.WasmtimeError(message)
        self.store.set_fuel(fuel)
        result = function(self.store, *arguments)
        self.used = fuel - self.store.get_fuel()
        return result

    def load(self, program: dict[str, Any]) -> Failure | None:
        """Run the provider's modules; return what went wrong."""
        limit = self.limits["load_fuel"]
        result = self.call("load", limit, program["files"], program["entry"], program["capabilities"])
        return raised(result.payload) if result.tag == "err" else None

    def advise(self, case: str) -> dict[str, Any]:
        """Return ``{"advice": JSON text}`` or ``{"failure": …}``; an exception leaves the instance usable."""
        result = self.call("advise", self.limits["case_fuel"], case)
        return {"failure": raised(result.payload)} if result.tag == "err" else {"advice": result.payload}


def source_file(name: str, text: str, code: str) -> component.Record:
    """Return the record ``source-file`` of the guest's world."""
    file = component.Record()
    vars(file).update(name=name, text=text, code=code)
    return file


def confine() -> None:
    """Give up what this process never needs again: writing files, core dumps; not on systems without such limits."""
    try:
        import resource  # noqa: PLC0415 - absent on Windows
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Answer messages until ``source`` ends."""
    start = read_message(source)
    if start is None:
        return
    sandbox = Sandbox(start)
    confine()
    write_message(target, {"ready": True})
    while (message := read_message(source)) is not None:
        if "solution" in message:
            sandbox.use(message["solution"])
            write_message(target, {"ready": True})
        else:
            write_message(target, sandbox.patient(message["patient"]))


def run_on_own_stack(work: Callable[[], None]) -> None:
    """Run ``work`` in a thread with ``STACK_BYTES`` of stack and wait for it."""
    threading.stack_size(STACK_BYTES)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


if __name__ == "__main__":
    run_on_own_stack(lambda: serve(sys.stdin.buffer, sys.stdout.buffer))
