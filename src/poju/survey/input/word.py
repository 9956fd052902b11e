"""DOCX (ISO/IEC 29500-1, WordprocessingML) → its paragraphs and tables in order; deleted text is left out.

Only ``word/document.xml`` is read, as a stream and within bounds, so that a file that unpacks without end is refused
before it is unpacked. Inserted text, hyperlinks, fields and content controls count as text.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from importlib.metadata import version
from typing import IO, Any

from lxml import etree  # type: ignore[import-untyped] # the package has no type hints

from poju.errors import CallerError
from poju.i18n import _
from poju.survey.input.limits import MAX_CHARACTERS, MAX_PARTS, MAX_UNPACKED_BYTES

_PART = "word/document.xml"
_NAMESPACES = (
    "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}",
    "{http://purl.oclc.org/ooxml/wordprocessingml/main}",
)
_BREAKS = frozenset(("br", "cr"))
_LEFT_OUT = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_ENCRYPTED = 0x1


class _Reader:
    """Collects lines while elements end; a table's row is one line, its cells parted by tabs."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.characters = 0
        self._paragraph: list[str] = []
        self._cell: list[str] = []
        self._row: list[str] = []
        self.depth = 0
        self.left_out = 0

    def end(self, name: str, text: str) -> None:
        """Take one element that has ended."""
        if name == "t":
            self._paragraph.append(text)
        elif name == "tab":
            self._paragraph.append(" ")
        elif name == "noBreakHyphen":
            self._paragraph.append("-")
        elif name in _BREAKS:
            self._paragraph.append("\n")
        elif name == "p":
            self._end_paragraph()
        elif name == "tc":
            self._row.append(" ".join(part for part in self._cell if part))
            self._cell = []
        elif name == "tr":
            self._tell("\t".join(cell for cell in self._row if cell))
            self._row = []

    def _end_paragraph(self) -> None:
        told = "".join(self._paragraph)
        self._paragraph = []
        if self.depth:
            self._cell.append(" ".join(told.split()))
        else:
            for line in told.split("\n"):
                self._tell(line)

    def _tell(self, line: str) -> None:
        if line.strip():
            self.lines.append(line.strip())
            self.characters += len(line)


def text_of(path: str, content: bytes) -> tuple[str, str]:
    """Return the text of the DOCX ``content`` and what read it.

    Raise `CallerError`: ``survey-too-large`` (unpacked bytes, parts, characters), ``survey-docx-damaged``.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            part = archive.getinfo(_PART)
            if part.file_size > MAX_UNPACKED_BYTES or len(archive.infolist()) > MAX_PARTS:
                raise _too_large(path, _("it unpacks to more than one document may hold"))
            if part.flag_bits & _ENCRYPTED:
                raise _damaged(path)
            with archive.open(part) as stream:
                lines = _read(path, stream)
    except (
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        EOFError,
        OSError,
        NotImplementedError,
        etree.XMLSyntaxError,
    ) as error:
        raise _damaged(path) from error
    return "".join(f"{line}\n" for line in lines), f"poju.survey.input.word over lxml {version('lxml')}"


def _read(path: str, stream: IO[bytes]) -> list[str]:
    reader = _Reader()
    steps = etree.iterparse(
        _Bounded(path, stream), events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False
    )
    for event, node in steps:
        if not isinstance(node.tag, str):
            continue
        _take(reader, event, node)
        if reader.characters > MAX_CHARACTERS:
            raise _too_large(path, _("more characters than one document may have"))
    return reader.lines


def _take(reader: _Reader, event: str, node: Any) -> None:  # noqa: ANN401 - lxml has no type hints
    step = 1 if event == "start" else -1
    if node.tag == _LEFT_OUT:
        reader.left_out += step
    name = next((node.tag.removeprefix(space) for space in _NAMESPACES if node.tag.startswith(space)), "")
    if name == "tbl":
        reader.depth += step
    if event == "end":
        if not reader.left_out:
            reader.end(name, node.text or "")
        if name in {"p", "tr", "tbl", "sectPr"}:
            node.clear(keep_tail=False)


class _Bounded:
    """A stream that ends in an error when more comes out of it than its archive said, or than one document may hold."""

    def __init__(self, path: str, stream: IO[bytes]) -> None:
        self._path = path
        self._stream = stream
        self._left = MAX_UNPACKED_BYTES

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        piece = self._stream.read(min(size, 1 << 16) if size > 0 else 1 << 16)
        self._left -= len(piece)
        if self._left < 0:
            raise _too_large(self._path, _("it unpacks to more than one document may hold"))
        return piece


def _too_large(path: str, reason: str) -> CallerError:
    return CallerError(
        "survey-too-large",
        _("{path} is too large: {reason}."),
        hint=_("Split it into one file for each document."),
        path=path,
        reason=reason,
    )


def _damaged(path: str) -> CallerError:
    return CallerError(
        "survey-docx-damaged",
        _("{path} is a damaged or encrypted Word file: its text cannot be read."),
        hint=_("Open it in a word processor and save it again as .docx without a password."),
        path=path,
    )
