"""One file → one `Document`: bounded, recognised by its content, strictly decoded, every failure one clear error."""

from __future__ import annotations

import hashlib

from poju.errors import CallerError
from poju.i18n import _
from poju.survey.document import Document
from poju.survey.input import encodings, kinds
from poju.survey.input.files import content_of
from poju.survey.input.limits import MAX_BYTES, MAX_CHARACTERS, MAX_PACKED_BYTES
from poju.survey.input.sources import Source


def load(source: Source, *, encoding: str | None = None) -> Document:
    """Return the document of ``source``; raise `CallerError` for each thing that can be wrong with it."""
    return document_of(source, content_of(source.shown, source.file), encoding=encoding)


def document_of(source: Source, content: bytes, *, encoding: str | None = None) -> Document:
    """Return ``content`` as a document; what it is, is told by the bytes themselves."""
    shown = source.shown
    kind = kinds.kind_of(shown, content)
    limit = MAX_BYTES if kind is None else MAX_PACKED_BYTES
    if len(content) > limit:
        raise CallerError(
            "survey-too-large",
            _("{path} is larger than {limit} bytes, the most that one document may hold."),
            hint=_("Split it into one file for each document."),
            path=shown,
            limit=limit,
        )
    used: str | None = None
    extractor: str | None = None
    reason: str | None = None
    if kind == kinds.PDF:
        from poju.survey.input import portable  # noqa: PLC0415 - each kind's library is loaded where it is needed

        text, extractor, reason = portable.text_of(shown, content)
    elif kind == kinds.DOCX:
        from poju.survey.input import word  # noqa: PLC0415 - as above

        text, extractor = word.text_of(shown, content)
    else:
        decoded = encodings.decode(shown, content, encoding)
        kind, text, used, reason = kinds.TEXT, decoded.text, decoded.encoding, decoded.reason
        if kinds.is_markup(text, shown):
            from poju.survey.input import markup  # noqa: PLC0415 - as above

            kind = kinds.HTML
            text, extractor = markup.text_of(shown, text)
    if not text.removeprefix("\ufeff").strip():
        raise CallerError(
            "survey-empty",
            _("{path} is empty."),
            hint=_("Give a text with at least one sentence."),
            path=shown,
        )
    # A lone surrogate cannot be written beside the results; no extractor's text may hold one.
    text = text if kind == kinds.TEXT else text[:MAX_CHARACTERS].encode("utf-8", "replace").decode("utf-8")
    return Document(
        path=shown,
        text=text,
        sha256=hashlib.sha256(content).hexdigest(),
        media_type=kind,
        encoding=used,
        extractor=extractor,
        reason=reason,
        text_sha256=hashlib.sha256(text.encode("utf-8")).hexdigest(),
        url=source.url,
        retrieved=source.retrieved,
    )
