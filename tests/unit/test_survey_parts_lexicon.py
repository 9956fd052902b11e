"""The lexicon against itself: words that a pattern would match must not be hidden by its keys."""

from __future__ import annotations

import random
import re._constants as codes  # type: ignore[import-not-found] # the standard library's parser has no stubs
import re._parser as parser  # type: ignore[import-not-found] # likewise

import pytest

from poju.survey.cues import Pattern, lexicon

DRAWS = 300


def sample(parsed: object, lots: random.Random) -> str:
    """Return words of the shape ``parsed``, each repetition as short as it may be."""
    return "".join(_one(code, value, lots) for code, value in parsed)  # type: ignore[attr-defined] # iterable of pairs


def _one(code: object, value: object, lots: random.Random) -> str:
    if code is codes.LITERAL:
        return chr(value)  # type: ignore[arg-type] # a code point
    if code is codes.BRANCH:
        return sample(lots.choice(value[1]), lots)  # type: ignore[index] # (None, branches)
    if code is codes.SUBPATTERN:
        return sample(value[-1], lots)  # type: ignore[index] # (group, flags, flags, pattern)
    if code in {codes.MAX_REPEAT, codes.MIN_REPEAT}:
        return "".join(sample(value[2], lots) for _ in range(value[0]))  # type: ignore[index] # (least, most, pattern)
    if code is codes.IN:
        return _member(*lots.choice(value))  # type: ignore[arg-type] # members of a set
    return "某" if code in {codes.ANY, codes.NOT_LITERAL} else ""


def _member(code: object, value: object) -> str:
    if code is codes.LITERAL:
        return chr(value)  # type: ignore[arg-type] # a code point
    if code is codes.RANGE:
        return chr(value[0])  # type: ignore[index] # (first, last)
    return "5" if code is codes.CATEGORY else "某"


@pytest.mark.parametrize("pattern", lexicon(), ids=lambda p: f"{p.instrument}-{p.kind}-{'en' if p.english else 'zh'}")
def test_whatever_a_pattern_matches_has_one_of_its_keys(pattern: Pattern) -> None:
    lots = random.Random(1)  # noqa: S311 - draws samples, no secret
    parsed = parser.parse(pattern.regex.pattern)
    for _ in range(DRAWS):
        words = sample(parsed, lots)
        assert any(key in words for key in pattern.keys), words
