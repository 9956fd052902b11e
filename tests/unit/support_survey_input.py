"""Small PDF and DOCX files made by hand, so that every byte of a hostile one is known."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

NAMESPACE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
LINES_A_PAGE, CHARACTERS_A_LINE = 40, 36


def pdf_of(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """Return a PDF of ``objects``, numbered from 1; the first is the catalogue."""
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start)
    return bytes(out)


def stream(content: bytes, extra: bytes = b"") -> bytes:
    """Return a stream object."""
    return b"<</Length %d%s>>stream\n" % (len(content), extra) + content + b"\nendstream"


def cid_pdf(
    paragraphs: Sequence[str],
    *,
    cmap: bytes = b"UniCNS-UCS2-H",
    codec: str = "utf-16-be",
    ordering: bytes = b"CNS1",
    head: str = "",
    to_unicode: bytes | None = None,
) -> bytes:
    """Return a PDF with a predefined CMap (ISO 32000-1, 9.7.5.2) and no embedded font, as old word processors make.

    Each paragraph is broken into lines of 36 characters; ``head`` stands on top of every page with its number.
    """
    lines: list[str] = []
    for paragraph in paragraphs:
        lines += [paragraph[i : i + CHARACTERS_A_LINE] for i in range(0, len(paragraph), CHARACTERS_A_LINE)] + [""]
    pages = [lines[i : i + LINES_A_PAGE] for i in range(0, len(lines), LINES_A_PAGE)] or [[]]
    first = 7
    kids = b" ".join(b"%d 0 R" % (first + 2 * i) for i in range(len(pages)))
    named = b"/ToUnicode 6 0 R" if to_unicode is not None else b""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, len(pages)),
        b"<</Type/Font/Subtype/Type0/BaseFont/F/Encoding/%s/DescendantFonts[4 0 R]%s>>" % (cmap, named),
        (
            b"<</Type/Font/Subtype/CIDFontType0/BaseFont/F/CIDSystemInfo<</Registry(Adobe)/Ordering(%s)/Supplement 0>>"
            b"/FontDescriptor 5 0 R/DW 1000>>" % ordering
        ),
        (
            b"<</Type/FontDescriptor/FontName/F/Flags 6/FontBBox[0 -120 1000 880]/ItalicAngle 0/Ascent 880"
            b"/Descent -120/CapHeight 880/StemV 93>>"
        ),
        stream(to_unicode or b""),
    ]
    for number, page in enumerate(pages):
        parts = [b"BT /F1 12 Tf 14 TL 60 780 Td"]
        if head:
            parts.append(b"1 0 0 1 60 815 Tm <%s> Tj" % f"{head}{number + 1}".encode(codec).hex().encode())
            parts.append(b"1 0 0 1 60 780 Tm")
        parts += [b"<%s> Tj T*" % line.encode(codec).hex().encode() for line in page]
        if head:
            parts.append(b"1 0 0 1 290 30 Tm <%s> Tj" % f"— {number + 1} —".encode(codec).hex().encode())
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>/Contents %d 0 R>>"
            % (first + 2 * number + 1)
        )
        objects.append(stream(b"\n".join([*parts, b"ET"])))
    return pdf_of(objects)


def docx_of(body: str) -> bytes:
    """Return a DOCX whose document.xml has ``body`` between the tags of its body."""
    xml = (
        f'<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="{NAMESPACE}"><w:body>{body}</w:body></w:document>'
    )
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", xml)
    return held.getvalue()


def paragraph(text: str) -> str:
    """Return a paragraph of WordprocessingML."""
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"
