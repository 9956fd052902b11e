"""The bytes of a file, bounded."""

from __future__ import annotations

from pathlib import Path

from poju.errors import CallerError
from poju.i18n import _
from poju.survey.input.limits import MAX_PACKED_BYTES


def content_of(shown: str, file: Path) -> bytes:
    """Return the bytes of ``file``, at most what a packed document may have."""
    if not file.exists():
        raise CallerError(
            "survey-no-file",
            _("There is no file {path}."),
            hint=_("Check the name; a folder or a .txt, .html, .pdf or .docx file is wanted."),
            path=shown,
        )
    try:
        with file.open("rb") as handle:
            return handle.read(MAX_PACKED_BYTES + 1)
    except OSError as error:
        raise CallerError(
            "survey-unreadable",
            _("{path} cannot be read: {reason}."),
            hint=_("Check that it is a file and that you may read it."),
            path=shown,
            reason=error.strerror or "unknown",
        ) from error
