"""The shape of a text: one-to-one normal form, lines, sentences, clauses, quotations.

The normal form has exactly as many characters as the text, so that a span found in one is a span of the other. It maps
Traditional to Simplified characters (OpenCC's TSCharacters, Apache-2.0), full-width letters and digits to ASCII, ASCII
punctuation between Chinese characters to its full-width form, and letters to lower case.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from importlib import resources

import opencc  # type: ignore[import-untyped] # the package has no stubs

from poju.survey.model import Span

_HAN = re.compile(r"[㐀-鿿]")
_FULL_WIDTH = {
    chr(code): chr(code - 0xFEE0) for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))
}
_ASCII_MARKS = {",": "，", ";": "；", ":": "：", "!": "！", "?": "？", "(": "（", ")": "）"}
_SAME_MARKS = {
    "『": "「",
    "』": "」",
    "“": "「",
    "”": "」",
    "‧": "·",
    "•": "·",
    "．": ".",
    "～": "-",
    "—": "—",
    "％": "%",
    "　": " ",
}
_WORDS = {
    "计画": "计划",
    "网路": "网络",
    "数位": "数字",
    "资讯": "信息",
    "智慧财产": "知识产权",
    "软体": "软件",
    "人工智慧": "人工智能",
    "场域": "场景",
    "专案": "项目",
    "晶片": "芯片",
    "建置": "建设",
    "筹设": "筹建",
    "订定": "制定",
    "试办": "试点",
    "育成": "孵化",
    "媒合": "对接",
    "祭出": "推出",
    "资料中心": "数据中心",
    "资料集": "数据集",
    "政府资料": "政府数据",
}
_LINE = re.compile(r"[^\r\n]+")
_SENTENCE = re.compile(r"[^。；！？\n\r]+(?:[。；！？]+[」』”’）]*)?")
_ENGLISH_SENTENCE = re.compile(r"\S.*?(?:[.;!?](?=[\"”’)]*(?:\s|$))[\"”’)]*|$)", re.DOTALL)
_CLAUSE = re.compile(r"[^，：。；！？\n\r]+")
_ENGLISH_CLAUSE = re.compile(r"[^,:;\n\r]+(?:,(?=\d)[^,:;\n\r]+)*")
_QUOTE = re.compile(r"「[^「」]{1,400}」|\"[^\"\n]{1,600}\"")
_TITLE = re.compile(r"《[^《》]{1,80}》|「[^「」]{1,24}」|〈[^〈〉]{1,60}〉")
_ENGLISH_ABBREVIATION = re.compile(r"\b(?:no|art|mr|mrs|ms|dr|st|vs|u\.s|inc|ltd|co)\.$", re.IGNORECASE)
_MOSTLY_LATIN = 0.1
_SPEECH_LENGTH = 12
_LONGEST_SENTENCE = 800


@cache
def _simplified() -> dict[str, str]:
    """Return OpenCC's single-character table Traditional → Simplified, first reading."""
    table = resources.files(opencc) / "dictionary" / "TSCharacters.txt"
    found: dict[str, str] = {}
    for line in table.read_text(encoding="utf-8").splitlines():
        traditional, _, simplified = line.partition("\t")
        first = simplified.split(" ")[0]
        if len(traditional) == 1 and len(first) == 1:
            found[traditional] = first
    return found


def _lower(character: str) -> str:
    low = character.lower()
    return low if len(low) == 1 else character


def normal(text: str) -> str:
    """Return the normal form of ``text``; it has the same length."""
    table = _simplified()
    mapped = [table.get(c) or _FULL_WIDTH.get(c) or _SAME_MARKS.get(c) or c for c in text]
    for i, c in enumerate(mapped):
        if c in _ASCII_MARKS and _beside_han(mapped, i):
            mapped[i] = _ASCII_MARKS[c]
    return _same_words("".join(_lower(c) for c in mapped))


def _same_words(norm: str) -> str:
    """Write the words that Taiwan and Hong Kong have for the same thing in one way, without changing a length."""
    for word, usual in _WORDS.items():
        norm = norm.replace(word, usual)
    return norm


def _beside_han(characters: list[str], i: int) -> bool:
    before, after = characters[max(0, i - 2) : i], characters[i + 1 : i + 3]
    if characters[i] == "," and before and after and before[-1].isdigit() and after[0].isdigit():
        return False
    return any(_HAN.match(c) or c in "》」）" for c in (*before, *after))


def language_of(text: str) -> str:
    """Return zh-Hant, zh-Hans or en by the characters of ``text``."""
    han = _HAN.findall(text)
    if len(han) < _MOSTLY_LATIN * max(1, len(text)):
        return "en"
    table = _simplified()
    traditional = sum(1 for c in han if table.get(c, c) != c)
    return "zh-Hant" if traditional * 20 > len(han) else "zh-Hans"


@dataclass(frozen=True, slots=True)
class Page:
    """A document's text with its normal form and its shape."""

    text: str
    norm: str
    language: str
    speech: tuple[Span, ...]

    @property
    def english(self) -> bool:
        """Whether the text is English."""
        return self.language == "en"

    def lines(self) -> list[Span]:
        """Return the spans of the lines that are not blank, without surrounding spaces."""
        return [stripped(self.text, Span(*m.span())) for m in _LINE.finditer(self.text) if m.group().strip()]

    def sentences(self, line: Span) -> list[Span]:
        """Return the sentences of ``line``; a quotation's inner full stop ends one as well."""
        if self.english:
            found = self._english_sentences(line)
        else:
            found = [Span(*m.span()) for m in _SENTENCE.finditer(self.norm, line.start, line.end)]
        pieces = [piece for span in found for piece in _bounded(span)]
        return [stripped(self.text, span) for span in pieces if self.text[span.start : span.end].strip()]

    def _english_sentences(self, line: Span) -> list[Span]:
        sentences: list[Span] = []
        for match in _ENGLISH_SENTENCE.finditer(self.norm, line.start, line.end):
            span = Span(*match.span())
            if span.start == span.end:
                continue
            if sentences and _ENGLISH_ABBREVIATION.search(self.norm[sentences[-1].start : sentences[-1].end]):
                span = Span(sentences.pop().start, span.end)
            sentences.append(span)
        return sentences

    def clauses(self, sentence: Span) -> list[Span]:
        """Return the clauses of ``sentence``, split at commas and colons."""
        pattern = _ENGLISH_CLAUSE if self.english else _CLAUSE
        found = [Span(*m.span()) for m in pattern.finditer(self.norm, sentence.start, sentence.end)]
        return [stripped(self.text, span) for span in found if self.text[span.start : span.end].strip()]

    def titles(self, span: Span) -> list[Span]:
        """Return the spans of titles in 《》 or 「」 inside ``span``."""
        return [Span(*m.span()) for m in _TITLE.finditer(self.norm, span.start, span.end)]

    def in_speech(self, span: Span) -> bool:
        """Return whether ``span`` lies inside words that the text puts into somebody's mouth."""
        at = bisect_right(self.speech, span)
        return any(span.overlaps(said) for said in self.speech[max(0, at - 1) : at + 1])


def _bounded(span: Span) -> list[Span]:
    """Return ``span`` cut into pieces of bounded length: work on a sentence may grow with the square of it."""
    starts = range(span.start, span.end, _LONGEST_SENTENCE)
    return [Span(start, min(start + _LONGEST_SENTENCE, span.end)) for start in starts]


def stripped(text: str, span: Span) -> Span:
    """Return ``span`` without the white space at its ends."""
    start, end = span
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end)


def speech_spans(norm: str) -> tuple[Span, ...]:
    """Return the quotations that are speech: long, with a comma or a full stop inside, not a slogan's two halves."""
    found: list[Span] = []
    for match in _QUOTE.finditer(norm):
        inner = match.group()[1:-1]
        ended = re.search(r"[。！？]|[.!?](?:\s|$)", inner)
        spoken = re.search(r"(?:说|表示|称|认为|坦言|指出|[:：])\s*$", norm[max(0, match.start() - 6) : match.start()])
        if len(inner) >= _SPEECH_LENGTH and (ended or spoken or "," in inner):
            found.append(Span(*match.span()))
    return tuple(found)


def page_of(text: str) -> Page:
    """Return ``text`` with its normal form, language and quotations."""
    norm = normal(text)
    return Page(text=text, norm=norm, language=language_of(text), speech=speech_spans(norm))
