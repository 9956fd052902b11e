"""Lines with their places on pages → whole paragraphs. Furniture of pages (running heads, numbers) is left out.

A line belongs to the paragraph of the line before it unless that line ended early (the next word would still have
fitted), or this one is indented, set apart by space, or in another size.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

_EDGE_LINES = 2
_REPEATED_FROM = 3
_REPEATED_SHARE = 0.5
_LONGEST_FURNITURE = 90
_SAME_HEIGHT = 6.0
_NUMBER = re.compile(
    r"[-–—·~\s]*(?:第\s*)?(?:page\s*)?[\divxlc〇零一二三四五六七八九十百]{1,7}(?:\s*(?:/|of|页|頁|，|,|共|\s)\s*"
    r"(?:共\s*)?[\d一二三四五六七八九十百]{0,7}\s*)?(?:页|頁)?[-–—·~\s]*",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+")
_HAN = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u303f]")
_LATIN_WORD = re.compile(r"[^\s\u2e80-\u9fff\uf900-\uffef]+")
_PRINTED = re.compile(  # what browsers print on the edges of a page
    r"(?:https?|file)://\S+(?:\s+\d+\s*/\s*\d+)?|\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4},?\s+(?:上午|下午)?\d{1,2}:\d{2}.{0,90}"
)
_SOFT_HYPHENS = "\ufffe\u00ad\x02"
_INDENT = 0.8
_APART = 0.6
_OTHER_SIZE = 0.18
_CENTRED = 1.0
_KEPT_TOGETHER = 2


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page: its text and its box in points, origin at the page's lower left corner."""

    text: str
    left: float
    right: float
    bottom: float
    top: float

    @property
    def size(self) -> float:
        """The height of the line's letters, at least one point."""
        return max(1.0, self.top - self.bottom)


def paragraphs(pages: list[list[Line]]) -> str:
    """Return the text of ``pages``, one paragraph a line, a line break after each; pages run on."""
    told: list[str] = []
    before: Line | None = None
    margins = (0.0, 0.0)
    for lines in _without_furniture(pages):
        if not lines:
            continue
        earlier, margins = margins, _margins(lines)
        pitch = _pitch(lines)
        for number, line in enumerate(lines):
            same_page = number > 0
            if before is not None and _goes_on(
                before, line, margins if same_page else earlier, margins, pitch, same_page=same_page
            ):
                told[-1] = _joined(told[-1], line.text)
            else:
                told.append(line.text.strip())
            before = line
    return "".join(f"{text.rstrip(_SOFT_HYPHENS)}\n" for text in told if text)


def _without_furniture(pages: list[list[Line]]) -> list[list[Line]]:
    """Return the pages without running heads and feet (told again on half of the pages) and page numbers."""
    kept = [[line for line in page if line.text.strip()] for page in pages]
    edges: Counter[str] = Counter()
    for page in kept:
        edges.update({_shape(line) for line in _edge(page)})
    least = max(_REPEATED_FROM, int(len(kept) * _REPEATED_SHARE))
    repeated = {shape for shape, count in edges.items() if count >= least}
    result: list[list[Line]] = []
    for page in kept:
        edge = _edge(page)
        drop = {id(line) for line in edge if _shape(line) in repeated and len(line.text) <= _LONGEST_FURNITURE}
        ends = (page[0], page[-1]) if page else ()
        drop |= {id(line) for line in edge if _PRINTED.fullmatch(line.text.strip())}
        if len(kept) > 1:
            drop |= {id(line) for line in (*edge, *ends) if _NUMBER.fullmatch(line.text.strip())}
        result.append([line for line in page if id(line) not in drop])
    return result


def _edge(page: list[Line]) -> list[Line]:
    """Return the highest and lowest lines of a page, wherever they stand in the file."""
    tall = sorted(page, key=lambda line: -line.top)
    return tall[:_EDGE_LINES] + tall[_EDGE_LINES:][-_EDGE_LINES:]


def _shape(line: Line) -> str:
    """Return what a running head has in common from page to page: its words apart from numbers, and its height."""
    words = _DIGITS.sub("#", "".join(line.text.split()))
    return f"{words} {round(line.bottom / _SAME_HEIGHT)}"


def _margins(lines: list[Line]) -> tuple[float, float]:
    """Return the left and right edge of the body: where most lines begin, and how far the long ones go."""
    lefts = Counter(round(line.left) for line in lines)
    left = min(lefts, key=lambda place: (-lefts[place], place))
    rights = sorted(line.right for line in lines)
    return float(left), rights[min(len(rights) - 1, int(len(rights) * 0.9))]


def _pitch(lines: list[Line]) -> float:
    """Return the step from line to line inside a paragraph: the lower quartile, since steps between are wider."""
    steps = sorted(a.bottom - b.bottom for a, b in pairwise(lines) if a.bottom > b.bottom)
    return steps[len(steps) // 4] if steps else 0.0


def _goes_on(
    before: Line,
    line: Line,
    margins_before: tuple[float, float],
    margins: tuple[float, float],
    pitch: float,
    *,
    same_page: bool,
) -> bool:
    em = median((before.size, line.size))
    if abs(before.size - line.size) > _OTHER_SIZE * em:
        return False
    gap = before.bottom - line.bottom
    if same_page and (gap < -em or (pitch and gap > pitch + _APART * em)):
        return False
    if _centred(before, margins_before, em) and _centred(line, margins, em):
        return same_page
    if line.left > margins[0] + _INDENT * em and line.left > before.left - _INDENT * em:
        return False
    room = margins_before[1] - before.right
    return room <= _first_word(line, em)


def _centred(line: Line, margins: tuple[float, float], em: float) -> bool:
    left, right = line.left - margins[0], margins[1] - line.right
    return left > 2 * em and right > 2 * em and abs(left - right) < _CENTRED * em


def _first_word(line: Line, em: float) -> float:
    """Return the room that the line's first word needs: of Chinese two characters, with a mark that must not lead."""
    text = line.text.strip()
    per_character = (line.right - line.left) / max(1, len(text))
    if _HAN.match(text):
        return _KEPT_TOGETHER * max(per_character, em * 0.75) + 0.5 * em
    word = _LATIN_WORD.match(text)
    return (len(word.group() if word else "") + 1) * per_character + 0.5 * em


def _joined(first: str, second: str) -> str:
    """Return two lines of one paragraph as one: a space between words of Latin letters, none beside Chinese."""
    first, second = first.rstrip(), second.strip()
    if first and first[-1] in _SOFT_HYPHENS:
        return first.rstrip(_SOFT_HYPHENS) + second
    if not first or not second or _HAN.match(first[-1]) or _HAN.match(second[0]) or first.endswith("-"):
        return first + second
    if first[-1].isdigit() and second[0].isdigit() and _HAN.search(first):
        return first + second  # Chinese breaks a line also within a number
    return f"{first} {second}"
