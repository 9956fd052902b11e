"""Sentences that other rooms wrote into a report in its own language, told again in the reader's.

A report is written once; the console is read in three languages. What the rooms said is in the catalogues, so a
sentence is found there again and translated; one that is not found stays as it was written.
"""

from __future__ import annotations

from functools import cache
from string import Formatter

from poju.i18n import SOURCE_LANGUAGE, catalogue, translate

LONGEST = 600
# Below this many fixed characters a pattern such as "{name}: {text}" would fit sentences that it never made.
FEWEST_FIXED = 5

Piece = tuple[str, str | None]


def restate(text: str, language: str) -> str:
    """Return ``text`` in ``language`` where a catalogue has it, in English or in any language; else unchanged.

    Lines are told one by one. A text beyond 600 characters is left alone.
    """
    if len(text) > LONGEST:
        return text
    return "\n".join(_line(line, language) for line in text.split("\n"))


def _line(text: str, language: str) -> str:
    for source in (SOURCE_LANGUAGE, "zh-Hant", "zh-Hans"):
        message = _whole(source).get(text)
        if message is not None:
            return translate(message, language)
    for source in (SOURCE_LANGUAGE, "zh-Hant", "zh-Hans"):
        for message, pieces in _patterns(source):
            values = fill(pieces, text)
            if values is not None:
                return translate(message, language, **values)
    return text


@cache
def _messages(source: str) -> dict[str, str]:
    """Return ``{English: as written in source}`` for every message that has a translation."""
    keys = catalogue("zh-Hant")
    return {key: key for key in keys} if source == SOURCE_LANGUAGE else dict(catalogue(source))


@cache
def _whole(source: str) -> dict[str, str]:
    return {written: key for key, written in _messages(source).items() if "{" not in written}


@cache
def _patterns(source: str) -> tuple[tuple[str, tuple[Piece, ...]], ...]:
    """Return the messages with fields, those with the most fixed text first: the most particular one fits best."""
    found = []
    for key, written in _messages(source).items():
        if "{" not in written:
            continue
        pieces = tuple((literal, name) for literal, name, _spec, _conversion in Formatter().parse(written))
        fixed = sum(len(literal.strip()) for literal, _name in pieces)
        if fixed >= FEWEST_FIXED and "" not in {name for _literal, name in pieces}:
            found.append((fixed, key, pieces))
    found.sort(key=lambda item: (-item[0], item[1]))
    return tuple((key, pieces) for _fixed, key, pieces in found)


def fill(pieces: tuple[Piece, ...], text: str) -> dict[str, str] | None:
    """Return the values that make ``pieces``, pairs of fixed text and the field after it, into ``text``; else None.

    A field's value ends where the next fixed text first begins, so that a hostile text costs no more than its length.
    """
    values: dict[str, str] = {}
    place, waiting = 0, ""
    for position, (literal, name) in enumerate(pieces):
        if waiting:
            last = position == len(pieces) - 1 and name is None
            at = text.rfind(literal, place) if last and text.endswith(literal) else text.find(literal, place)
            if at < 0 or (not literal and not last):
                return None
            values[waiting] = text[place : at if literal else len(text)]
            place = at + len(literal) if literal else len(text)
        elif text.startswith(literal, place):
            place += len(literal)
        else:
            return None
        waiting = name or ""
    if waiting:
        values[waiting], place = text[place:], len(text)
    return values if place == len(text) and all(values.values()) else None
