"""What reads a document into events: the rules, or a language model that the operator names. One interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from poju import __version__
from poju.survey.datafiles import data_digest
from poju.survey.extract import extract
from poju.survey.model import Document, DocumentEvents


class Extractor(Protocol):
    """Reads one document. ``name`` and ``version`` say by what: the same two and the same text, the same events."""

    @property
    def name(self) -> str:
        """The kind of extractor: ``rules`` or ``model``."""

    @property
    def version(self) -> str:
        """All that its answers rest on, in one line."""

    def extract(self, document: Document) -> DocumentEvents:
        """Return what ``document`` tells, each field cited (SURV-1)."""


@dataclass(frozen=True, slots=True)
class RulesExtractor:
    """The default: rules and data files, offline, the same answer everywhere."""

    name: str = "rules"

    @property
    def version(self) -> str:
        """The release, and the first twelve digits of the digest of the data files."""
        return f"{__version__}+{data_digest()[:12]}"

    def extract(self, document: Document) -> DocumentEvents:
        """Return what ``document`` tells; see `poju.survey.extract`."""
        return extract(document)


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The language model that the operator named; what `poju.survey.language_model` is made from in each process."""

    address: str
    model: str
    key_env: str | None = None


def extractor_of(choice: ModelChoice | None) -> Extractor:
    """Return the extractor for ``choice``: the rules where it is None."""
    if choice is None:
        return RulesExtractor()
    from poju.survey.language_model import LanguageModelExtractor  # noqa: PLC0415 - only who asks one loads HTTP

    return LanguageModelExtractor(choice.address, choice.model, choice.key_env)
