"""Worker processes that read documents: bounded in time and memory, replaced when they die, answered in order.

A worker is a process of its own and not a fork, so that it starts alike on every system and from every program. One
thread waits for each; a timer ends the process whose document takes too long.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import IO, Any, Self

from poju.errors import CallerError, OperatorError, PojuError
from poju.i18n import _
from poju.survey.document import Document
from poju.survey.input.limits import SECONDS
from poju.survey.input.sources import Source

Json = dict[str, Any]
Answer = Json | PojuError
_WAITING_PER_WORKER = 4
_TO_END = 5.0


class _Worker:
    """One process; started when first asked, and again after it has died."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._lock = threading.Lock()

    def ask(self, shown: str, task: Json) -> Json:
        """Return the worker's answer; raise `CallerError` where it died or took too long over this document."""
        process = self._started()
        late = threading.Event()

        def give_up() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self._seconds, give_up)
        timer.daemon = True
        timer.start()
        try:
            _stream(process.stdin).write(json.dumps(task).encode() + b"\n")
            _stream(process.stdin).flush()
            line = _stream(process.stdout).readline()
        except OSError:
            line = b""
        finally:
            timer.cancel()
        if line.endswith(b"\n"):
            answer: Json = json.loads(line)
            return answer
        self.end()
        raise _too_slow(shown, self._seconds) if late.is_set() else _died(shown)

    def _started(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise _cannot_start()
            if self._process is None:
                command = [sys.executable, "-P", "-m", "poju.survey.worker"]
                self._process = subprocess.Popen(  # noqa: S603 - this very interpreter and package
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
                )
                fresh = True
            else:
                fresh = False
            process = self._process
        if fresh and not _stream(process.stdout).readline().endswith(b"\n"):
            raise _cannot_start()
        return process

    def end(self, *, for_good: bool = False) -> None:
        """End the process now; the next question starts another one, unless this is ``for_good``."""
        with self._lock:
            self._closed = self._closed or for_good
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(_TO_END)
            for stream in (process.stdin, process.stdout):
                _close(stream)


def _close(stream: IO[bytes] | None) -> None:
    try:
        _stream(stream).close()
    except OSError:
        return


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None, "a worker is started with pipes"  # noqa: S101 - tells the type checker
    return stream


class Crew:
    """``jobs`` workers. Use it as a context: leaving it ends them all, also in the middle of a document."""

    def __init__(self, jobs: int, *, seconds: float = SECONDS) -> None:
        self._jobs = jobs
        self._seconds = seconds
        self._all = [_Worker(seconds) for _number in range(jobs)]
        self._free: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        for worker in self._all:
            self._free.put(worker)
        self._threads = ThreadPoolExecutor(jobs, thread_name_prefix="survey")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._all:
            worker.end(for_good=True)
        self._threads.shutdown(wait=True)

    def document(self, source: Source, encoding: str | None = None) -> Document:
        """Return the document of ``source``, taken out of its file by a worker; raise `CallerError`."""
        answer = self._ask(source, {"encoding": encoding, "only_text": True})
        if isinstance(answer, PojuError):
            raise answer
        return Document(**answer["document"])

    def in_order(
        self, sources: Iterator[tuple[Source, Callable[[], Json] | None]], options: Json
    ) -> Iterator[tuple[Source, Answer]]:
        """Yield each source with its record or error, in the order of ``sources``, few of them held at a time.

        A source that comes with a function has been read before: its record is what the function returns.
        """
        waiting: deque[tuple[Source, Callable[[], Answer]]] = deque()
        for source, known in sources:
            future: Future[Answer] | None = None if known else self._threads.submit(self._ask, source, options)
            waiting.append((source, known or _result_of(future)))
            if len(waiting) >= _WAITING_PER_WORKER * self._jobs:
                source_done, answer = waiting.popleft()
                yield source_done, answer()
        while waiting:
            source_done, answer = waiting.popleft()
            yield source_done, answer()

    def _ask(self, source: Source, options: Json) -> Answer:
        task = {"shown": source.shown, "file": str(source.file), "url": source.url, "retrieved": source.retrieved}
        worker = self._free.get()
        try:
            answer = worker.ask(source.shown, {**task, **options, "seconds": self._seconds})
        except PojuError as error:
            return error
        finally:
            self._free.put(worker)
        if "error" in answer:
            code, message, hint, parameters = answer["error"]
            return CallerError(code, message, hint=hint, **parameters)
        if "failed" in answer:
            return _failed(source.shown, answer["failed"])
        return answer if options.get("only_text") else dict(answer["record"])


def _result_of(future: Future[Answer] | None) -> Callable[[], Answer]:
    assert future is not None, "a source that was not read before has been handed to a worker"  # noqa: S101 - as above
    return future.result


def _too_slow(shown: str, seconds: float) -> CallerError:
    return CallerError(
        "survey-too-slow",
        _("{path} was given up after {seconds} seconds."),
        hint=_("Save its text in UTF-8, or split it into smaller documents."),
        path=shown,
        seconds=round(seconds),
    )


def _died(shown: str) -> CallerError:
    return CallerError(
        "survey-worker-died",
        _("The process that read {path} died."),
        hint=_("Save its text in UTF-8; where many documents end so, run with fewer --jobs."),
        path=shown,
    )


def _failed(shown: str, reason: str) -> CallerError:
    if reason == "memory":
        return CallerError(
            "survey-too-much-memory",
            _("{path} needs more memory than one document may have."),
            hint=_("Save its text in UTF-8, or split it into smaller documents."),
            path=shown,
        )
    return CallerError(
        "survey-failed",
        _("{path} could not be read: an error of Poju's own ({reason})."),
        hint=_("Please report it with the document; saving its text in UTF-8 may help."),
        path=shown,
        reason=reason,
    )


def _cannot_start() -> OperatorError:
    return OperatorError(
        "survey-no-worker",
        _("A worker process could not be started."),
        hint=_("Check that this installation is complete: python -m poju.survey.worker should wait for input."),
    )
