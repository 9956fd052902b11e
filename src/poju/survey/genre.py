"""Whether a text is official or news, by what its head says of it and by how its sentences are built.

An official text speaks for its issuer: its sentences begin with a verb of acting (推進…, 支持…), oblige («應當») or
say who gets what («對…的，給予…»). A news text speaks about others: it has a reporter, a dateline, somebody who says.
"""

from __future__ import annotations

import re

from poju.survey.text import Page
from poju.survey.wording import table

_ARTICLE = re.compile(r"^[#\s]*(?:第[一二三四五六七八九十百零]+条|article \d+|section \d+)", re.MULTILINE)
_NUMBERED = re.compile(r"^[#\s]*(?:[一二三四五六七八九十]+、|（[一二三四五六七八九十]+）|\d{1,2}[.、．])", re.MULTILINE)
_ISSUED_TO = re.compile(
    r"印发给你们|请(?:遵照|认真|结合实际).{0,8}(?:执行|贯彻)|现(?:将|就).{0,60}(?:印发|公告如下|通知如下|公布如下)"
)
_ENOUGH = 2
_SHARE = 0.4
_ENOUGH_SPOKEN = 3


def articles(page: Page, start: int) -> int:
    """Return how many lines from ``start`` on open an article (第三條, Article 3)."""
    return len(_ARTICLE.findall(page.norm, start))


def numbered(page: Page, start: int) -> int:
    """Return how many lines from ``start`` on open a numbered measure (一、; （二）; 3.)."""
    return len(_NUMBERED.findall(page.norm, start))


def issued_to(page: Page) -> bool:
    """Return whether the text hands over a document to those who must follow it («現印發給你們»)."""
    return _ISSUED_TO.search(page.norm) is not None


def is_reported(page: Page) -> bool:
    """Return whether the text has a reporter, a dateline, or somebody who says something to one."""
    patterns = table()["genre"]
    return re.search(patterns["reported_english" if page.english else "reported"], page.norm) is not None


def speaks_for_its_issuer(page: Page, start: int) -> bool:
    """Return whether enough sentences from ``start`` on are commands, duties or terms of support."""
    patterns = table()["genre"]
    shape = re.compile(patterns["commanding_english" if page.english else "commanding"])
    told = commanding = 0
    for line in page.lines():
        if line.start < start:
            continue
        for sentence in page.sentences(line):
            told += 1
            commanding += shape.search(page.norm, sentence.start, sentence.end) is not None
    return commanding >= _ENOUGH and commanding >= _SHARE * told


def is_official(page: Page, start: int, *, titled: bool, told: bool, formal: bool) -> bool:
    """Return whether the text is official.

    ``titled``: a line names a law, plan, report or notice; ``told``: the head or the end says who adopted or signed it;
    ``formal``: that document is of a kind that is official by its name alone.
    """
    lawlike, listed = articles(page, start) >= _ENOUGH, numbered(page, start) >= _ENOUGH
    if lawlike or told:
        return True
    if is_reported(page) or page.speech:
        return titled and formal and not page.speech
    return (titled and (formal or listed)) or listed or speaks_for_its_issuer(page, start)
