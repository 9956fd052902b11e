"""How much one document may ask for. A document that asks for more is reported and left out; the run goes on."""

from __future__ import annotations

MAX_BYTES = 5_000_000
"""Bytes of a text or of an HTML page."""
MAX_PACKED_BYTES = 60_000_000
"""Bytes of a PDF or DOCX file: most of them are pictures."""
MAX_UNPACKED_BYTES = 60_000_000
"""Bytes of the text part of a DOCX file once it is unpacked."""
MAX_PARTS = 20_000
"""Parts of a DOCX file."""
MAX_CHARACTERS = 2_000_000
"""Characters of an extracted text: a thousand full pages."""
MAX_PAGES = 3_000
"""Pages of a PDF."""
MAX_DOCUMENTS = 100_000
"""Documents of one run."""
SECONDS = 60.0
MODEL_SECONDS = 3_600.0
"""Seconds that one document may take before its worker is ended."""
MEMORY_BYTES = 2_500_000_000
"""Address space of a worker."""
