"""Small helpers that lay text out in a terminal, where a Chinese character takes two columns."""

from __future__ import annotations

import textwrap
import unicodedata

from poju.i18n import LANGUAGES

PAGE = 100
"""Columns of a terminal that an answer fits into."""


def width(text: str) -> int:
    """Return how many columns of a terminal ``text`` takes: a wide character takes two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def padded(text: str, columns: int) -> str:
    """Return ``text`` followed by spaces up to ``columns``."""
    return text + " " * (columns - width(text))


def shortened(text: str, columns: int) -> str:
    """Return ``text`` cut to ``columns``, with ``…`` where something is left out."""
    if width(text) <= columns:
        return text
    kept = ""
    for letter in text:
        if width(kept + letter) > columns - 1:
            break
        kept += letter
    return kept + "…"


def columned(rows: list[list[str]]) -> list[str]:
    """Return the rows with their cells aligned, two spaces between columns."""
    widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(padded(cell, room) for cell, room in zip(row, widths, strict=True)) for row in rows]


def wrapped(text: str, *, indent: str = "", columns: int = PAGE) -> str:
    """Return ``text`` broken into lines of at most ``columns``; lines after the first start with ``indent``.

    English breaks between words, Chinese between any two characters but not before closing punctuation.
    """
    if width(text) <= columns:
        return text
    if width(text) == len(text):
        return textwrap.fill(text, columns, subsequent_indent=indent, break_on_hyphens=False)
    lines, line = [], ""
    for piece in _pieces(text):
        if width(line + piece) > columns and line.strip():
            lines.append(line.rstrip())
            line = indent + piece.lstrip()
        else:
            line += piece
    return "\n".join([*lines, line])


def _pieces(text: str) -> list[str]:
    """Return ``text`` in pieces that may not be broken: a run of narrow letters, a wide letter with what closes it."""
    pieces: list[str] = []
    for letter in text:
        wide = width(letter) > 1
        closing = unicodedata.category(letter) in {"Pe", "Pf", "Po"}
        narrow_run = pieces and not wide and letter != " " and width(pieces[-1][-1]) == 1 and pieces[-1][-1] != " "
        if pieces and ((closing and wide) or narrow_run):
            pieces[-1] += letter
        else:
            pieces.append(letter)
    return pieces


def joined(names: list[dict[str, str]]) -> dict[str, str]:
    """Return the names as one list in each language."""
    return {tag: (", " if tag == "en" else "、").join(name[tag] for name in names) for tag in LANGUAGES}
