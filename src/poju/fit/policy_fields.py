"""Of which fields a policy's sentences are: by the scenarios' keywords, the longest at each place.

``data/no_field.csv`` has the words in which a keyword stands by chance: 標準化工作 is no chemical industry. Offices
that take part (「會同教育、衛生健康等部門」) are passed over: they say who acts, not in which field.
"""

from __future__ import annotations

import csv
import re
from functools import cache

from poju.fit.figures import shipped_text
from poju.fit.scenarios import scenarios
from poju.i18n import LANGUAGES, SOURCE_LANGUAGE

_NAME = r"[^\s，。；：、,;]{2,14}"
_OFFICES = re.compile(rf"{_NAME}(?:、{_NAME}){{0,30}}等(?:有关|有關|相关|相關)?(?:部[门門]|单位|單位)")

_Patterns = tuple[tuple[re.Pattern[str], str], ...]
_Hits = list[tuple[int, int, str]]


def fields_of(text: str) -> frozenset[str]:
    """Return the scenarios whose field ``text`` names; see the module for what does not count."""
    plain = _OFFICES.sub(lambda match: "、" * len(match.group()), text)
    found, chance = _hits(_keywords(), plain), _hits(_by_chance(), plain)
    return frozenset(
        owner
        for start, end, owner in found
        if not any(first <= start and end <= last and other == owner for first, last, other in chance)
        and not _covered(start, end, owner, found)
    )


def _hits(patterns: _Patterns, text: str) -> _Hits:
    return [(match.start(), match.end(), owner) for pattern, owner in patterns for match in pattern.finditer(text)]


def _covered(start: int, end: int, owner: str, found: _Hits) -> bool:
    """Return whether a longer keyword of another scenario lies over this one."""
    return any(
        first <= start and end <= last and last - first > end - start and other != owner for first, last, other in found
    )


@cache
def _keywords() -> _Patterns:
    """Return the keywords: English ones from the start of a word, in any case, Chinese ones as they are."""
    # The two scripts share many words: each is looked for once.
    words = {
        ((r"\b" if language == SOURCE_LANGUAGE else "") + re.escape(word), name)
        for name, scenario in scenarios().items()
        for language in LANGUAGES
        for word in scenario.keywords[language]
    }
    return tuple((re.compile(word, re.IGNORECASE), owner) for word, owner in sorted(words))


@cache
def _by_chance() -> _Patterns:
    """Return the words in which a keyword of a scenario does not name its field."""
    rows = list(csv.DictReader(shipped_text("no_field.csv").splitlines()))
    words = {(row[language], row["scenario"]) for row in rows for language in ("zh-Hant", "zh-Hans")}
    return tuple((re.compile(re.escape(word)), owner) for word, owner in sorted(words))
