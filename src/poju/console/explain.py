"""Codes and identifiers in plain words, from ``data/words.toml``; what the table does not hold is shown as it is."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources


@cache
def table() -> dict[str, dict[str, str]]:
    """Return ``{group: {identifier: English message}}``; the messages are keys of the translation catalogues."""
    text = (resources.files("poju.console") / "data" / "words.toml").read_text(encoding="utf-8")
    groups = tomllib.loads(text)
    return {group: {str(key): str(value) for key, value in entries.items()} for group, entries in groups.items()}


def message(group: str, identifier: str) -> str | None:
    """Return the English message for ``identifier`` in ``group``, or None where the table has none.

    Codes of rules are also looked up by their longest known beginning, so that ``exchange.consent-empty`` finds
    ``exchange.consent``: a rule may be split without leaving the reader with a bare code.
    """
    entries = table().get(group, {})
    if identifier in entries:
        return entries[identifier]
    beginnings = [key for key in entries if identifier.startswith((f"{key}-", f"{key}.", f"{key}:"))]
    return entries[max(beginnings, key=len)] if beginnings else None
