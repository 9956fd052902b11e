"""The folder of a run's results: what has been read stays, so that an interrupted run goes on where it was.

=====================  ==============================================================================================
``events.jsonl``       one record a line, added as documents are read; in the order of the run once it has ended
``events.json``        the same as one JSON object, as `poju survey --json` prints it, with what was ``skipped``
``manifest.json``      digest of the rules and data, encoding asked for, whether the run has ended, counts
``texts/<sha256>.txt`` the extracted text of each document whose offsets do not count in the file itself
=====================  ==============================================================================================

A line is used again only where its key fits: path, address, bytes of the input, encoding asked for, rules and data.
A line that was cut off by a crash is dropped. The files of a resumed run equal those of one that was not interrupted.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator
from functools import cache
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from poju import __version__
from poju.errors import CallerError
from poju.i18n import _
from poju.survey.datafiles import data_digest
from poju.survey.input.sources import Source

Json = dict[str, Any]
EVENTS, TOLD, MANIFEST, TEXTS = "events.jsonl", "events.json", "manifest.json", "texts"
_LOCK = ".lock"
_FORMAT = 1
_KEY_START = b'{"key": "'
_KEY_LENGTH = 64
_PIECE = 1 << 20
_TEXT_NAME = re.compile(r"[0-9a-f]{64}\.(?:txt|\d+)")
_LIBRARIES = ("lxml", "opencc-python-reimplemented", "pdfminer.six", "pypdfium2")
_RULES = (".py", ".toml", ".csv", ".tsv", ".txt")
_AFTER_READING = frozenset(
    ("scape", "templates", "page.py", "compare.py", "render.py", "sheet.py", "speech.py", "tables.py")
)


@cache
def rules_digest() -> str:
    """Return the SHA-256 of all code and data by which a document is read, and of the libraries that it stands on."""
    digest = hashlib.sha256(f"poju {__version__}\ndata {data_digest()}\n".encode())
    for name in _LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            digest.update(f"{name} {metadata.version(name)}\n".encode())
    for name, content in _files(resources.files("poju.survey"), ""):
        digest.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
    return digest.hexdigest()


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for item in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if item.name in _AFTER_READING:
            continue
        if item.is_dir():
            yield from _files(item, f"{prefix}{item.name}/")
        elif item.name.endswith(_RULES):
            yield prefix + item.name, item.read_bytes()


class Kept:
    """The results in one folder while a run goes on. Use it as a context; one run at a time has the folder."""

    def __init__(self, out: Path, *, encoding: str | None = None, extractor: str | None = None) -> None:
        self.out = out
        self.texts = out / TEXTS
        self._encoding, self._extractor = encoding, extractor
        self._places: dict[str, tuple[int, int]] = {}
        self._order: list[tuple[int, int]] = []
        self._end = 0
        self._text_files: set[str] = set()
        self._file: IO[bytes] | None = None
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.texts.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(self.out)
            self._file = (self.out / EVENTS).open("a+b")
            self._index()
            self._put(MANIFEST, _lines(self._manifest(complete=False, documents=0, skipped=0)))
        except OSError as error:
            self._release()
            raise cannot_write(self.out, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def _release(self) -> None:
        for handle in (self._file, self._lock):
            if handle is not None:
                handle.close()
        self._file = self._lock = None

    def _index(self) -> None:
        """Find the whole lines of earlier runs; cut off what a crash left of the last one."""
        file = self._open()
        file.seek(0)
        for line in file:
            if not line.endswith(b"\n"):
                break
            if line.startswith(_KEY_START):
                key = line[len(_KEY_START) : len(_KEY_START) + _KEY_LENGTH].decode("ascii", "replace")
                self._places[key] = (self._end, len(line))
            self._end += len(line)
        file.truncate(self._end)

    def _open(self) -> IO[bytes]:
        assert self._file is not None, "a folder of results is used as a context"  # noqa: S101 - tells the type checker
        return self._file

    def key(self, source: Source, digest: str) -> str:
        """Return the key of what ``source``, whose bytes have the SHA-256 ``digest``, gives under today's rules."""
        parts = [source.shown, source.url, source.retrieved, digest, self._encoding, self._extractor, rules_digest()]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=True).encode()).hexdigest()

    def find(self, source: Source) -> Json | None:
        """Return the record of ``source`` from an earlier run, or None where it has to be read (again)."""
        if not self._places:
            return None
        try:
            digest = _digest_of(source.file)
        except OSError:
            return None
        place = self._places.get(self.key(source, digest))
        if place is None:
            return None
        record = self._at(place)
        text = record.get("text_file")
        return None if text is not None and not (self.out / text).is_file() else record

    def _at(self, place: tuple[int, int]) -> Json:
        file = self._open()
        file.flush()
        found: Json = json.loads(os.pread(file.fileno(), place[1], place[0]))
        return found

    def add(self, source: Source, record: Json) -> None:
        """Keep the ``record`` of ``source`` as the next of this run."""
        key = self.key(source, record["sha256"])
        self._text_files.add(str(record.get("text_file", "")))
        place = self._places.get(key)
        if place is None:
            line = json.dumps({"key": key} | record, ensure_ascii=False).encode("utf-8") + b"\n"
            try:
                self._open().write(line)
                self._open().flush()
            except OSError as error:
                raise cannot_write(self.out, error) from error
            place = self._places[key] = (self._end, len(line))
            self._end += len(line)
        self._order.append(place)

    def finish(self, skipped: list[Json]) -> None:
        """Bring the lines into the order of the run, write ``events.json`` and the manifest; each appears whole."""
        try:
            if self._order != list(self._places.values()) or sum(size for _start, size in self._order) != self._end:
                self._rewrite()
            self._drop_old_texts()
            self._put(TOLD, (piece.encode("utf-8") for piece in as_json(self.records(), skipped)))
            self._put(MANIFEST, _lines(self._manifest(complete=True, documents=len(self._order), skipped=len(skipped))))
        except OSError as error:
            raise cannot_write(self.out, error) from error

    def _drop_old_texts(self) -> None:
        """Remove the extracted texts to which no record of this run leads any more."""
        for file in self.texts.iterdir():
            if _TEXT_NAME.fullmatch(file.name) and f"{TEXTS}/{file.name}" not in self._text_files:
                file.unlink()

    def records(self) -> Iterator[Json]:
        """Yield the records of this run in its order, one held at a time."""
        return (self._at(place) for place in self._order)

    def _rewrite(self) -> None:
        old = self._open()
        self._put(EVENTS, (os.pread(old.fileno(), size, start) for start, size in self._order))
        old.close()
        self._file = (self.out / EVENTS).open("a+b")
        start, order = 0, []
        for _old, size in self._order:
            order.append((start, size))
            start += size
        self._order, self._end = order, start

    def _put(self, name: str, pieces: Iterator[bytes]) -> None:
        partial = self.out / f".{name}.new"
        with partial.open("wb") as handle:
            handle.writelines(pieces)
        partial.replace(self.out / name)

    def _manifest(self, *, complete: bool, documents: int, skipped: int) -> Json:
        return {
            "format": _FORMAT,
            "rules": rules_digest(),
            "encoding": self._encoding,
            "complete": complete,
            "documents": documents,
            "skipped": skipped,
        }


def _lines(content: Json) -> Iterator[bytes]:
    yield json.dumps(content, indent=1).encode() + b"\n"


def _digest_of(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as handle:
        while piece := handle.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _locked(out: Path) -> IO[bytes] | None:
    """Return the lock of ``out``, held until it is closed; raise `CallerError` where another run has it."""
    try:
        import fcntl  # noqa: PLC0415 - not on every system
    except ImportError:
        return None
    handle = (out / _LOCK).open("wb")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        handle.close()
        raise CallerError(
            "survey-folder-in-use",
            _("Another survey is writing into {path} now."),
            hint=_("Wait for it to end, or name another folder."),
            path=out,
        ) from error
    return handle


def told(record: Json) -> Json:
    """Return ``record`` as `poju survey --json` prints a document: without the surroundings of its sentences."""
    shown = {name: value for name, value in record.items() if name != "key"}
    for group in ("events", "outcomes", "findings"):
        shown[group] = [{k: v for k, v in item.items() if k != "sentences"} for item in record[group]]
    return shown


def as_json(records: Iterator[Json], skipped: list[Json]) -> Iterator[str]:
    """Yield the pieces of one JSON object {"documents", "skipped"}; ``skipped`` is looked at last, so it may grow."""
    yield '{\n "documents": ['
    between = "\n"
    for record in records:
        yield between + _indented(told(record))
        between = ",\n"
    yield ("\n ]" if between != "\n" else "]") + ',\n "skipped": ['
    yield ",".join("\n" + _indented(item) for item in skipped) + ("\n ]" if skipped else "]") + "\n}\n"


def _indented(item: Json) -> str:
    return "\n".join("  " + line for line in json.dumps(item, ensure_ascii=False, indent=1).split("\n"))


def cannot_write(out: Path, error: OSError) -> CallerError:
    """Return the error that says that ``out`` cannot be written."""
    return CallerError(
        "survey-cannot-write",
        _("{path} cannot be written: {reason}."),
        hint=_("Name a folder that you may write to."),
        path=out,
        reason=error.strerror or "unknown",
    )
