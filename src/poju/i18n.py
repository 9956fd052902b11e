"""Three languages. English format strings are the keys; ``locale/<room>.<tag>.po`` hold the other two.

Mark a string for extraction with :func:`_` where it is defined; fill in parameters with :func:`translate` where it is
shown.
"""

from __future__ import annotations

import locale
import os
from functools import cache
from importlib import resources

from babel.messages.pofile import read_po

LANGUAGES = ("zh-Hant", "zh-Hans", "en")
SOURCE_LANGUAGE = "en"


def _(text: str) -> str:
    """Mark ``text`` for extraction; return it unchanged."""
    return text


@cache
def catalogue(language: str) -> dict[str, str]:
    """Return ``{english: translated}`` for ``language``, from every ``locale/*.<language>.po``; empty for English."""
    found: dict[str, str] = {}
    if language == SOURCE_LANGUAGE:
        return found
    for path in sorted((resources.files("poju") / "locale").iterdir(), key=lambda item: item.name):
        if path.name.endswith(f".{language}.po"):
            with path.open("rb") as handle:
                messages = read_po(handle, locale=language.replace("-", "_"))
            found.update({str(m.id): str(m.string) for m in messages if m.id and m.string})
    return found


def translate(text: str, language: str, **parameters: object) -> str:
    """Return ``text`` in ``language`` with ``{name}`` fields filled in; English where no translation exists."""
    template = catalogue(language).get(text, text)
    return template.format(**parameters) if parameters else template


def choose_language(wanted: str | None = None) -> str:
    """Return the language to speak: ``wanted``, else ``POJU_LANG``, else the environment's, else English."""
    for tag in (wanted, os.environ.get("POJU_LANG"), locale.getlocale()[0]):
        if not tag:
            continue
        normal = tag.replace("_", "-")
        if normal in LANGUAGES:
            return normal
        if normal.startswith("zh"):
            return "zh-Hant" if any(part in normal for part in ("TW", "HK", "MO", "Hant")) else "zh-Hans"
        if normal.startswith("en"):
            return "en"
    return SOURCE_LANGUAGE
