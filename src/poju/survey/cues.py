"""Find the words that say a policy instrument, by ``lexicon.toml``."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

from poju.survey.gazetteer import data_text
from poju.survey.model import Span
from poju.survey.text import Page

_AROUND = 24
_MOST_CUES = 24
_NAMING = frozenset({"demonstration", "regulatory_sandbox"})
_BUILT = frozenset({"industrial_park", "research_centre"})
_GRANT = re.compile(
    r"(?:给予|予以|安排|享受|按|再)[^。；]{0,40}?(?:奖励|补助|补贴|资助|奖补|奖金|扶持|资金支持|贴息)|(?:奖励|补助|补贴|资助|奖补|补偿|发给|核发)[^，。；]{0,20}?(?:\d|[一二三四五六七八九十百]+[万亿])"
    r"|(?:补助|补贴|奖励|资助)[^，。；]{0,20}，(?:每[案件家人]|上限)[^，。；]{0,10}?\d"
    r"|(?:\d|[百千万亿])[^，。；]{0,8}?元[^，。；]{0,8}?(?:的)?(?:奖励|补助|补贴|资助)|最高[^，。；]{0,10}?\d[^，。；]{0,6}元"
)
_HAVING = re.compile(r"的(?:项目|企业|单位|个人|人员|机构|对象|家庭)")  # those who receive something already
_HONOUR = re.compile(
    r"表彰[^。；\d]*$|^(?!.*\d)[^，]*(?:比赛|竞赛|举报)[^，]*奖励$"
)  # praise, and rewards to witnesses and athletes
_GRANT_EN = re.compile(
    r"(?:give|gave|offer|pay|provide|hand)\w*[^.;]{0,40}?up to|(?:award|grant|reward|bonus|subsid)\w*[^.;]{0,50}?\d"
    r"|\d[^.;]{0,40}?(?:award|grant|reward|bonus|subsid)"
)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One kind of policy tool: id, side (push, environment, pull), names and short names by language."""

    id: str
    side: str
    names: dict[str, str]
    short: dict[str, str]

    @property
    def thrust(self) -> str:
        """`push` for all that is not demand-side: the article's two-valued split."""
        return "pull" if self.side == "pull" else "push"


@dataclass(frozen=True, slots=True)
class Pattern:
    """One entry of the lexicon, compiled."""

    instrument: str
    kind: str
    keys: tuple[str, ...]
    regex: re.Pattern[str]
    unless: re.Pattern[str] | None
    genres: frozenset[str]
    together: frozenset[str]
    english: bool


@dataclass(frozen=True, slots=True)
class Cue:
    """An instrument said by the words of ``span``."""

    instrument: str
    span: Span


@cache
def instruments() -> dict[str, Instrument]:
    """Return the 32 instruments of ``taxonomy.toml`` in its order: push and environment first, pull last."""
    found: dict[str, Instrument] = {}
    for item in tomllib.loads(data_text("taxonomy.toml"))["instrument"]:
        names = {tag: item[tag] for tag in ("zh-Hant", "zh-Hans", "en")}
        short = {tag: item[f"short-{tag}"] for tag in names}
        found[item["id"]] = Instrument(item["id"], item["side"], names, short)
    return found


@cache
def lexicon() -> tuple[Pattern, ...]:
    """Return the compiled lexicon in file order."""
    table = tomllib.loads(data_text("lexicon.toml"))
    return tuple(_compile(item, table["groups"]) for item in table["cue"])


def _compile(item: dict[str, Any], groups: dict[str, str]) -> Pattern:
    unless = item.get("unless")
    return Pattern(
        instrument=item["instrument"],
        kind=item.get("kind", "act"),
        keys=tuple(item["keys"]),
        regex=re.compile(_expand(item["pattern"], groups)),
        unless=re.compile(_expand(unless, groups)) if unless else None,
        genres=frozenset(item.get("genres", ("official", "news"))),
        together=frozenset(item.get("with", ())),
        english=item.get("language") == "en",
    )


def _expand(pattern: str, groups: dict[str, str]) -> str:
    """Fill in ``{group}``, ``<n>`` and ``<<n>>``."""
    for name, words in groups.items():
        pattern = pattern.replace("{" + name + "}", words)
    pattern = re.sub(r"<<(\d+)>>", r"[^。；！？\\n]{0,\1}?", pattern)
    return re.sub(r"<(\d+)>", r"[^，。；：！？\\n]{0,\1}?", pattern)


def find_cues(page: Page, sentence: Span, genre: str) -> list[Cue]:
    """Return the acts that ``sentence`` says, in order of place; words go to the pattern that stands first."""
    words = page.norm[sentence.start : sentence.end]
    found: list[tuple[Pattern, Span]] = []
    for pattern in lexicon():
        if pattern.kind != "act" or pattern.english != page.english or genre not in pattern.genres:
            continue
        if not any(key in words for key in pattern.keys):
            continue
        for match in pattern.regex.finditer(page.norm, sentence.start, sentence.end):
            span = Span(*match.span())
            if _void(page, pattern, span, sentence) or _taken(pattern, span, found):
                continue
            found.append((pattern, span))
    kept = [(pattern, span) for pattern, span in found if not _names_place(page, pattern, span, found)]
    return [Cue(pattern.instrument, span) for pattern, span in sorted(kept, key=lambda item: item[1])[:_MOST_CUES]]


def _names_place(page: Page, pattern: Pattern, span: Span, found: list[tuple[Pattern, Span]]) -> bool:
    """Return whether «示範» or «先行先試» only names what is built («先行先試示範基地»): no trial of its own."""
    if pattern.instrument not in _NAMING:
        return False
    return any(
        known.instrument in _BUILT and span.overlaps(other) and "、" not in page.norm[span.end : other.end]
        for known, other in found
        if span.end < other.end
    )


def _void(page: Page, pattern: Pattern, span: Span, sentence: Span) -> bool:
    if pattern.unless is None:
        return False
    start, end = max(sentence.start, span.start - _AROUND), min(sentence.end, span.end + _AROUND)
    return any(
        Span(*match.span()).overlaps(Span(span.start - 2, span.end + 2))
        for match in pattern.unless.finditer(page.norm, start, end)
    )


def _taken(pattern: Pattern, span: Span, found: list[tuple[Pattern, Span]]) -> bool:
    """Return whether the words that name the object, at the match's end, have been read as another instrument."""
    return any(
        other.start < span.end <= other.end
        and known.instrument != pattern.instrument
        and known.instrument not in pattern.together
        for known, other in found
    )


def grant_marker(page: Page, sentence: Span) -> Span | None:
    """Return where ``sentence`` grants money or a subsidy, or None."""
    for match in (_GRANT_EN if page.english else _GRANT).finditer(page.norm, sentence.start, sentence.end):
        if page.english or not (_HAVING.match(page.norm, match.end()) or _HONOUR.search(match.group())):
            return Span(*match.span())
    return None


def grant_for(page: Page, window: Span) -> tuple[str, Span]:
    """Return what a grant of money is for, by the words of ``window`` (recipients, conditions), and those words."""
    words = page.norm[window.start : window.end]
    for pattern in lexicon():
        if pattern.kind != "grant" or pattern.english != page.english or not any(key in words for key in pattern.keys):
            continue
        match = pattern.regex.search(page.norm, window.start, window.end)
        if match and not _void(page, pattern, Span(*match.span()), window):
            return pattern.instrument, Span(*match.span())
    return "award_grant", window
