"""One text as it was read, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Document:
    """One text to be surveyed.

    =================  ==================================================================================
    ``path``           where it was found, as shown to people; ``-`` for standard input
    ``text``           the text in which every offset counts: of a UTF-8 text file exactly what Python reads with
                       ``encoding="utf-8", newline=""``, of any other kind the extracted text
    ``sha256``         of the original bytes, in hex
    ``media_type``     what the bytes were found to be (RFC 6838)
    ``encoding``       how the bytes were decoded; None where the format itself says it (PDF, DOCX)
    ``extractor``      what took the text out and in which version, e.g. ``pypdfium2 5.15.2``; None for a UTF-8 text
    ``reason``         why that encoding or extractor was taken where there was a choice; None where there was none
    ``text_sha256``    of ``text`` in UTF-8, in hex
    ``url``            the address from which the document was saved, or None
    ``retrieved``      the day on which it was saved (ISO 8601), or None
    =================  ==================================================================================
    """

    path: str
    text: str
    sha256: str = ""
    media_type: str = "text/plain"
    encoding: str | None = "utf-8"
    extractor: str | None = None
    reason: str | None = None
    text_sha256: str = ""
    url: str | None = None
    retrieved: str | None = None

    @property
    def exact(self) -> bool:
        """Whether offsets count in the file itself, so that no extracted text has to be kept beside the results."""
        return self.media_type == "text/plain" and self.encoding == "utf-8"
