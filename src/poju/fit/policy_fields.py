"""Of which fields a policy's sentences are: by the scenarios' keywords, the longest at each place.

``data/no_field.csv`` has the words in which a keyword stands by chance: 標準化工作 is no chemical industry. Offices
that take part (「會同教育、衛生健康等部門」) are passed over: they say who acts, not in which field. The time is
proportional to the length of the text, whatever it holds: landscapes may come from anywhere.
"""

from __future__ import annotations

import csv
import re
import string
from collections.abc import Iterable
from functools import cache

from poju.fit.figures import shipped_text
from poju.fit.scenarios import scenarios
from poju.i18n import LANGUAGES, SOURCE_LANGUAGE

LONGEST_OFFICE = 14
MOST_OFFICES = 30
_OFFICES_END = re.compile(r"等(?:有关|有關|相关|相關)?(?:部[门門]|单位|單位)")
_SMALL_LETTERS = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_BREAK = re.compile(r"[\s，。；：,;]")

_Words = dict[str, list[tuple[str, str]]]
"""Words with their scenario, by the first letter."""

_Hits = dict[int, list[tuple[int, str]]]
"""Where words stand: their ends and scenarios, by where they start."""


def fields_of(text: str) -> frozenset[str]:
    """Return the scenarios whose field ``text`` names; see the module for what does not count."""
    plain = _without_offices(text).translate(_SMALL_LETTERS)
    found, chance = _hits(_keywords(), plain), _hits(_by_chance(), plain)
    return frozenset(
        owner
        for start, ends in found.items()
        for end, owner in ends
        if not any(other == owner for _length, other in _around(start, end, chance))
        and not any(other != owner and length > end - start for length, other in _around(start, end, found))
    )


def _without_offices(text: str) -> str:
    """Return ``text`` with every list of offices that take part blanked out."""
    kept, done = [], 0
    for match in _OFFICES_END.finditer(text):
        before = text[max(done, match.start() - (LONGEST_OFFICE + 1) * MOST_OFFICES) : match.start()]
        length = 0
        for name in reversed(_BREAK.split(before)[-1].split("、")):
            if len(name) > LONGEST_OFFICE:
                break
            length += len(name) + 1
        start = max(done, match.start() - length)
        kept += [text[done:start], "、" * (match.start() - start)]
        done = match.start()
    return "".join([*kept, text[done:]])


def _hits(words: _Words, text: str) -> _Hits:
    found: _Hits = {}
    for start, letter in enumerate(text):
        for word, owner in words.get(letter, ()):
            if text.startswith(word, start) and not (word.isascii() and _inside_a_word(text, start)):
                found.setdefault(start, []).append((start + len(word), owner))
    return found


def _inside_a_word(text: str, start: int) -> bool:
    """Return whether a Latin word goes on at ``start``: English keywords count from the start of a word."""
    return start > 0 and text[start - 1].isascii() and text[start - 1].isalnum()


def _around(start: int, end: int, hits: _Hits) -> list[tuple[int, str]]:
    """Return length and scenario of every hit that lies over the place from ``start`` to ``end``."""
    return [
        (last - first, owner)
        for first in range(max(0, end - _longest()), start + 1)
        for last, owner in hits.get(first, ())
        if last >= end
    ]


@cache
def _longest() -> int:
    return max(len(word) for words in (_keywords(), _by_chance()) for found in words.values() for word, _owner in found)


@cache
def _keywords() -> _Words:
    return _by_letter(
        (word.translate(_SMALL_LETTERS), name)
        for name, scenario in scenarios().items()
        for language in LANGUAGES
        for word in scenario.keywords[language]
    )


@cache
def _by_chance() -> _Words:
    """Return the words in which a keyword of a scenario does not name its field."""
    rows = list(csv.DictReader(shipped_text("no_field.csv").splitlines()))
    return _by_letter(
        (row[language], row["scenario"]) for row in rows for language in LANGUAGES if language != SOURCE_LANGUAGE
    )


def _by_letter(words: Iterable[tuple[str, str]]) -> _Words:
    """Return each of ``words`` once (the two scripts share many), by its first letter."""
    found: _Words = {}
    for word, owner in sorted(set(words)):
        found.setdefault(word[0], []).append((word, owner))
    return found
