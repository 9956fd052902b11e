"""The run of a survey: many documents, several processes, results as they come, resumable.

Memory does not grow with the number of documents: a few are on their way, the rest are paths. Whatever the number of
processes, records come in the order of the sources, so that the same input gives the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from poju.errors import CallerError, PojuError
from poju.survey.extractor import ModelChoice, extractor_of
from poju.survey.input.encodings import known
from poju.survey.input.limits import MODEL_SECONDS, SECONDS
from poju.survey.input.sources import Source, find
from poju.survey.kept import Kept
from poju.survey.reading import nothing_to_read, spooled
from poju.survey.workers import Crew

Json = dict[str, Any]
OF_THE_MODEL = "survey-model-"
"""Codes of failures that every other document would meet too: asked again for each, a run would never end."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: documents ``done`` of ``total``, files ``skipped``, and how many were ``kept`` from before."""

    done: int
    total: int
    skipped: int
    kept: int


@dataclass(slots=True)
class Run:
    """What a run is asked for, and what it has skipped so far.

    ``jobs`` worker processes (None: one for each core at hand), ``encoding`` for all texts (None: recognised),
    ``seconds`` for one document; ``model``: the language model that reads instead of the rules, one document at a time.
    ``on_start(documents)``, ``on_skip(path, error)`` and ``on_progress(progress)`` are told as it goes.
    """

    paths: Sequence[Path]
    lists: Sequence[Path] = ()
    encoding: str | None = None
    jobs: int | None = None
    seconds: float = SECONDS
    model: ModelChoice | None = None
    on_start: Callable[[int], None] | None = None
    on_skip: Callable[[Path, PojuError], None] | None = None
    on_progress: Callable[[Progress], None] | None = None
    skipped: list[Json] = field(default_factory=list)

    def records(self, kept: Kept | None = None) -> Iterator[Json]:
        """Yield the record of each document (`poju.survey.landscape.record`), as it is read, in order.

        With ``kept`` what an earlier run into that folder has read is taken from there, and the rest is added to it.
        Raise `CallerError` where nothing can be read: the document's own error where it was the only one named.
        """
        if self.encoding is not None:
            known(self.encoding)
        found = find(self.paths, lists=self.lists, on_skip=self._skip, leave=kept.out if kept is not None else None)
        if not found:
            raise nothing_to_read([*self.lists, *self.paths])
        alone = len(self.paths) == 1 and len(found) == 1 and found[0].shown == str(self.paths[0])
        jobs = 1 if self.model else max(1, min(self.jobs or cores(), len(found)))
        seconds = MODEL_SECONDS if self.model else self.seconds
        options = {
            "encoding": self.encoding,
            "texts": str(kept.texts) if kept is not None else None,
            "model": asdict(self.model) if self.model else None,
        }
        if self.on_start is not None:
            self.on_start(len(found))
        done = again = failed = 0
        with spooled(found) as sources, Crew(jobs, seconds=seconds) as crew:
            for source, answer in crew.in_order(_with_earlier(sources, kept), options):
                if isinstance(answer, PojuError):
                    if alone or not isinstance(answer, CallerError) or answer.code.startswith(OF_THE_MODEL):
                        raise answer
                    failed += 1
                    self._skip(Path(source.shown), answer)
                else:
                    done += 1
                    again += "key" in answer
                    if kept is not None:
                        kept.add(source, answer)
                    yield answer
                if self.on_progress is not None:
                    self.on_progress(Progress(done + failed, len(found), len(self.skipped), again))
        if not done:
            raise nothing_to_read([*self.lists, *self.paths])

    def _skip(self, path: Path, error: PojuError) -> None:
        self.skipped.append({"path": str(path), "code": error.code, "message": error.explain()})
        if self.on_skip is not None:
            self.on_skip(path, error)


def _with_earlier(sources: Sequence[Source], kept: Kept | None) -> Iterator[tuple[Source, Callable[[], Json] | None]]:
    """Yield the sources, each with what an earlier run has of it."""
    for source in sources:
        record = kept.find(source) if kept is not None else None
        yield source, None if record is None else partial(dict, record)


def into(run: Run, out: Path) -> Iterator[Json]:
    """Read all documents of ``run`` into the folder ``out``; then yield their records, in order, one at a time.

    An interrupted run leaves what is done; the next one into the same folder goes on from there. Raise `CallerError`
    as `Run.records` does, ``survey-cannot-write``, and ``survey-folder-in-use``.
    """
    with Kept(out, encoding=run.encoding, extractor=extractor_of(run.model).version if run.model else None) as kept:
        for _record in run.records(kept):
            pass
        kept.finish(run.skipped)
        yield from kept.records()


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
