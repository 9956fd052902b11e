"""Survey: policy texts → cited policy events → landscape. Deterministic, offline, by rules and data files.

Example::

    from poju import survey
    results = [survey.extract(document) for document in survey.read([Path("policies")])]
    print(survey.render(survey.landscape(results), "zh-Hant"))
"""

from poju.survey.extract import extract
from poju.survey.landscape import landscape, landscape_of, mark, record
from poju.survey.model import Document, DocumentEvents, Event, Finding
from poju.survey.reading import read
from poju.survey.render import render
from poju.survey.run import Run, into

__all__ = [
    "Document",
    "DocumentEvents",
    "Event",
    "Finding",
    "Run",
    "extract",
    "into",
    "landscape",
    "landscape_of",
    "mark",
    "read",
    "record",
    "render",
]
