"""Read texts from untrusted files: bounded, strictly decoded, one clear message for each thing that can be wrong."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from poju.errors import CallerError, PojuError
from poju.i18n import _
from poju.survey.model import Document

MAX_BYTES = 5_000_000
MAX_DOCUMENTS = 20_000
STANDARD_INPUT = "-"
_BOM = b"\xef\xbb\xbf"

OnSkip = Callable[[Path, PojuError], None]


def read(paths: Sequence[Path], *, on_skip: OnSkip | None = None) -> list[Document]:
    """Return the documents at ``paths``: text files, folders (every ``*.txt`` below, sorted), or ``-`` for input.

    Each document holds at most 5,000,000 bytes of UTF-8, read without any change of line ends. A bad file that was
    named is a `CallerError`; a bad file inside a folder goes to ``on_skip(path, error)`` and the reading goes on.
    """
    documents: list[Document] = []
    for path in paths:
        if str(path) == STANDARD_INPUT:
            documents.append(decode(STANDARD_INPUT, sys.stdin.buffer.read(MAX_BYTES + 1)))
        elif path.is_dir():
            documents.extend(_read_folder(path, on_skip))
        else:
            documents.append(_read_file(path))
    if not documents:
        raise CallerError(
            "survey-nothing-to-read",
            _("There is no text to read in {paths}."),
            hint=_("Name a .txt file in UTF-8, or a folder that holds some."),
            paths=", ".join(str(path) for path in paths) or "…",
        )
    return documents


def _read_folder(folder: Path, on_skip: OnSkip | None) -> list[Document]:
    root = folder.resolve()
    files = sorted(path for path in folder.rglob("*.txt") if path.is_file())[:MAX_DOCUMENTS]
    documents: list[Document] = []
    for path in files:
        try:
            if root not in path.resolve().parents:
                raise CallerError(
                    "survey-outside-folder",
                    _("{path} is a link that leads outside the folder."),
                    hint=_("Copy the file into the folder, or name it by itself."),
                    path=path,
                )
            documents.append(_read_file(path))
        except PojuError as error:
            if on_skip is None:
                continue
            on_skip(path, error)
    return documents


def _read_file(path: Path) -> Document:
    if not path.exists():
        raise CallerError(
            "survey-no-file",
            _("There is no file {path}."),
            hint=_("Check the name; a folder or a .txt file in UTF-8 is wanted."),
            path=path,
        )
    try:
        with path.open("rb") as handle:
            content = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise CallerError(
            "survey-unreadable",
            _("{path} cannot be read: {reason}."),
            hint=_("Check that it is a file and that you may read it."),
            path=path,
            reason=error.strerror or "unknown",
        ) from error
    return decode(str(path), content)


def decode(path: str, content: bytes) -> Document:
    """Return ``content`` as a document; raise `CallerError` where it is too large, binary, not UTF-8 or empty."""
    if len(content) > MAX_BYTES:
        raise CallerError(
            "survey-too-large",
            _("{path} is larger than {limit} bytes, the most that one document may hold."),
            hint=_("Split it into one file for each document."),
            path=path,
            limit=MAX_BYTES,
        )
    if b"\x00" in content:
        raise CallerError(
            "survey-binary",
            _("{path} is not a text: it holds zero bytes."),
            hint=_("Save the document as plain text in UTF-8 (.txt); PDF and Word files are not read yet."),
            path=path,
        )
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CallerError(
            "survey-not-utf8",
            _("{path} is not UTF-8: byte {position} cannot be decoded."),
            hint=_("Convert it first, for example: iconv -f GB18030 -t UTF-8 FILE > NEW.txt (or -f BIG5)."),
            path=path,
            position=error.start,
        ) from error
    if not text.removeprefix(_BOM.decode("utf-8")).strip():
        raise CallerError(
            "survey-empty",
            _("{path} is empty."),
            hint=_("Give a text with at least one sentence."),
            path=path,
        )
    return Document(path=path, text=text, sha256=hashlib.sha256(content).hexdigest())
