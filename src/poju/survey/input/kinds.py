"""What some bytes are, told by the bytes themselves; names are not to be trusted (magic numbers of each format)."""

from __future__ import annotations

import io
import re
import zipfile

from poju.errors import CallerError
from poju.i18n import _

TEXT, HTML, PDF, DOCX = (
    "text/plain",
    "text/html",
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
)
SUFFIXES = {".txt": TEXT, ".html": HTML, ".htm": HTML, ".xhtml": HTML, ".pdf": PDF, ".docx": DOCX}
"""The names by which a folder's documents are found; what is inside decides how each is read."""

_HEAD = 1024
_MARKUP = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*(?:<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>])",
    re.DOTALL | re.IGNORECASE,
)
_OTHERS = (
    (b"\xd0\xcf\x11\xe0", _("a file of an older office program (.doc, .xls, .ppt)")),
    (b"{\\rtf", _("a Rich Text file (.rtf)")),
    (b"\x89PNG", _("a picture")),
    (b"\xff\xd8\xff", _("a picture")),
    (b"GIF8", _("a picture")),
    (b"II*\x00", _("a picture")),
    (b"\x1f\x8b", _("a packed file")),
    (b"Rar!", _("a packed file")),
    (b"7z\xbc\xaf", _("a packed file")),
)


def kind_of(path: str, content: bytes) -> str | None:
    """Return the media type of ``content`` where its first bytes tell it, else None: then it is text or HTML.

    Raise `CallerError` ``survey-kind`` for a format that is known and not read here.
    """
    if b"%PDF-" in content[:_HEAD]:
        return PDF
    if content.startswith(b"PK\x03\x04"):
        if _is_word(content):
            return DOCX
        raise _unread(path, _("a packed file"))
    for start, name in _OTHERS:
        if content.startswith(start):
            raise _unread(path, name)
    return None


def is_markup(text: str, path: str) -> bool:
    """Return whether ``text`` is an HTML page, or a piece of one in a file with such a name."""
    if _MARKUP.match(text.removeprefix("\ufeff")[:_HEAD]):
        return True
    named = path.lower().endswith((".html", ".htm", ".xhtml"))
    return named and "<" in text


def _is_word(content: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return "word/document.xml" in archive.NameToInfo
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return False


def _unread(path: str, reason: str) -> CallerError:
    return CallerError(
        "survey-kind",
        _("{path} is not read: it is {reason}."),
        hint=_("Give text, HTML, PDF or DOCX; save a document of another kind as one of these."),
        path=path,
        reason=reason,
    )
