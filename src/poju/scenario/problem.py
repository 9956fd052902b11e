"""One thing that keeps a package from being closed: which file, what, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from poju.i18n import translate


@dataclass(frozen=True)
class Problem:
    """``code`` is stable; ``message`` and ``hint`` are English format strings, keys of the translation catalogues."""

    file: str
    code: str
    message: str
    hint: str
    parameters: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.file}: {self.explain()[0]}"

    def explain(self, language: str = "en") -> tuple[str, str]:
        """Return what is wrong and what to do, in ``language``."""
        return (
            translate(self.message, language, **self.parameters),
            translate(self.hint, language, **self.parameters),
        )
