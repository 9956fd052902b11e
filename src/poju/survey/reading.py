"""Read texts from untrusted files: bounded, strictly decoded, one clear message for each thing that can be wrong."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from poju.errors import CallerError, PojuError
from poju.i18n import _
from poju.survey.document import Document
from poju.survey.input.encodings import known
from poju.survey.input.files import content_of
from poju.survey.input.kinds import kind_of
from poju.survey.input.limits import MAX_BYTES as MAX_BYTES  # noqa: PLC0414 - the limit of texts is told here, too
from poju.survey.input.limits import MAX_PACKED_BYTES
from poju.survey.input.load import document_of
from poju.survey.input.sources import STANDARD_INPUT, OnSkip, Source, find
from poju.survey.workers import Crew

_PIECE = 1 << 16


def read(
    paths: Sequence[Path], *, on_skip: OnSkip | None = None, encoding: str | None = None, lists: Sequence[Path] = ()
) -> list[Document]:
    """Return the documents at ``paths``: files, folders (every document below, sorted), lists, or ``-`` for input.

    Each document is text, HTML, PDF or DOCX, told by its content; ``encoding`` overrides what is recognised. A bad
    file that was named is a `CallerError`; a bad file inside a folder goes to ``on_skip(path, error)`` and the reading
    goes on. PDF and DOCX are opened in a process of their own that is ended when it takes too long.
    """
    if encoding is not None:
        known(encoding)
    named = {str(path) for path in paths}
    skip = on_skip or _pass_over
    documents: list[Document] = []
    with spooled(find(paths, lists=lists, on_skip=skip)) as sources, Crew(1) as crew:
        for source in sources:
            try:
                documents.append(_document(source, crew, encoding))
            except PojuError as error:
                if source.shown in named:
                    raise
                skip(source.file, error)
    if not documents:
        raise nothing_to_read(paths)
    return documents


def _pass_over(_path: Path, _error: PojuError) -> None:
    """Leave a bad file out without a word: the caller asked for none."""


def _document(source: Source, crew: Crew, encoding: str | None) -> Document:
    content = content_of(source.shown, source.file)
    if kind_of(source.shown, content) is None:
        return document_of(source, content, encoding=encoding)
    return crew.document(source, encoding)


def nothing_to_read(paths: Sequence[Path]) -> CallerError:
    """Return the error that says that no document was found at ``paths``, or none that could be read."""
    return CallerError(
        "survey-nothing-to-read",
        _("There is no text to read in {paths}."),
        hint=_("Name a text, HTML, PDF or DOCX file, or a folder that holds some."),
        paths=", ".join(str(path) for path in paths) or "…",
    )


@contextmanager
def spooled(sources: Sequence[Source]) -> Iterator[list[Source]]:
    """Give ``sources`` with standard input, where it is one of them, kept in a file for as long as it is needed."""
    if all(source.shown != STANDARD_INPUT for source in sources):
        yield list(sources)
        return
    with tempfile.TemporaryDirectory(prefix="poju-survey-") as folder:
        file = Path(folder) / "input"
        with file.open("wb") as handle:
            shutil.copyfileobj(_Head(MAX_PACKED_BYTES + 1), handle, _PIECE)
        yield [replace(source, file=file) if source.shown == STANDARD_INPUT else source for source in sources]


class _Head:
    """The first bytes of standard input: enough to see that there are too many."""

    def __init__(self, most: int) -> None:
        self._left = most

    def read(self, size: int = _PIECE, /) -> bytes:
        """Return at most ``size`` of the bytes that are left."""
        piece = sys.stdin.buffer.read(min(size, self._left))
        self._left -= len(piece)
        return piece
