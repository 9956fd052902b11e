"""Find the dates that a text gives: absolute ones, 民國 years, ranges, and those that count from something else.

What counts from an event (同年5月份, 短短三個月後) or from the day of publication (去年11月, 昨日, `two years ago`)
is worked out in `resolution`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache, lru_cache

from poju.survey.gazetteer import data_text
from poju.survey.model import Span
from poju.survey.numbers import ENGLISH_NUMERAL, NUMERAL
from poju.survey.text import Page

MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTH = "(?:" + "|".join(f"{name}|{name[:3]}\\.?" for name in MONTHS) + ")"
_ANCHOR_REGION = re.compile(r"(?:在|距|比|继)(?P<place>[^，。；]{2,14}?)(?:的|发布|出台|之后)?$")
_TWICE = re.compile(r"\(\?P<([a-z_]+)>")


@cache
def _patterns(language: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return ``(kind, pattern)`` of ``dates.toml`` for zh or en, in file order."""
    table = tomllib.loads(data_text("dates.toml"))
    parts = {**table["parts"], "number": NUMERAL, "english_number": ENGLISH_NUMERAL}
    chosen = [item for item in table["pattern"] if language in item["languages"]]
    return tuple((item["kind"], re.compile(_filled(item["regex"], parts))) for item in chosen)


def _filled(pattern: str, parts: dict[str, str]) -> str:
    for _ in range(2):  # a part may hold a part
        for name, words in parts.items():
            pattern = pattern.replace("{" + name + "}", words)
    seen: dict[str, int] = {}
    return _TWICE.sub(lambda match: _once(match.group(1), seen), _months(pattern))


def _months(pattern: str) -> str:
    return pattern.replace("{month}", f"(?P<en_month>{_MONTH})")


def _once(name: str, seen: dict[str, int]) -> str:
    """Return the opening of a group, numbered from its name's second use on: several branches may hold one part."""
    seen[name] = seen.get(name, 0) + 1
    return f"(?P<{name}>" if seen[name] == 1 else f"(?P<{name}__{seen[name]}>"


@cache
def dateline_patterns() -> dict[str, str]:
    """Return the table ``[dateline]`` of ``dates.toml`` with its parts filled in."""
    table = tomllib.loads(data_text("dates.toml"))
    parts = {**table["parts"], "number": NUMERAL}
    return {name: _filled(pattern, parts) for name, pattern in table["dateline"].items()}


@dataclass(frozen=True, slots=True)
class Mention:
    """One expression of time: its kind, span and named parts as written."""

    kind: str
    span: Span
    parts: dict[str, str] = field(default_factory=dict)


def find_dates(page: Page, within: Span) -> list[Mention]:
    """Return the expressions of time in ``within``, in order, without overlaps; horizons keep their kind."""
    return list(_found(page.norm, "en" if page.english else "zh", within))


@lru_cache(maxsize=32)
def _found(norm: str, language: str, within: Span) -> tuple[Mention, ...]:
    """Return the expressions of time in ``within``; the same sentence is asked for several times while it is read."""
    found: list[Mention] = []
    for kind, pattern in _patterns(language):
        for match in pattern.finditer(norm, within.start, within.end):
            span = Span(*match.span())
            if any(span.overlaps(known.span) for known in found):
                continue
            found.append(Mention(kind, span, parts_of(match)))
    return tuple(sorted(found, key=lambda mention: mention.span))


def parts_of(match: re.Match[str]) -> dict[str, str]:
    """Return the named parts that matched; ``day2`` and ``day__2`` are the day of another branch."""
    return {re.sub(r"(?:__)?\d+$", "", name): value for name, value in match.groupdict().items() if value is not None}


def anchored_place(page: Page, mention: Mention, sentence: Span) -> Span | None:
    """Return the span of the place in «在貴陽的7個月後» that ``mention`` counts from, or None."""
    match = _ANCHOR_REGION.search(page.norm[sentence.start : mention.span.start])
    if match is None:
        return None
    return Span(sentence.start + match.start(), mention.span.start)
