"""Which characters the text layer of a PDF should not hold, and the ideographs for which some of them stand.

A PDF draws glyphs; its map from glyphs to characters may name a radical (U+2F00 ⼀ for 一) where both look alike, or a
compatibility ideograph (U+F9xx), or a private code point where no map is at hand. The first two can be put right.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib import resources

_RADICALS = ("\u2e80", "\u2fdf")
_COMPATIBILITY = (("\uf900", "\ufaff"), ("\U0002f800", "\U0002fa1f"))
_LIGATURES = ("\ufb00", "\ufb06")
_STRANGE = (
    ("\ue000", "\uf8ff"),  # private use
    ("\U000f0000", "\U0010ffff"),  # private use
    ("\ufffd", "\ufffd"),  # the replacement character
    ("\uac00", "\ud7a3"),  # Hangul: a sign that bytes of Chinese were taken for another encoding
    ("\u2d00", "\u2ddf"),  # scripts of Africa and the Caucasus: likewise
    ("\u1200", "\u139f"),
    ("\x01", "\x08"),
    ("\x0e", "\x1f"),
    ("\x7f", "\x9f"),
)


@cache
def _equivalents() -> dict[int, str]:
    """Return {code point: the characters that it stands for}, for ``str.translate``."""
    text = (resources.files("poju.survey") / "data" / "radicals.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    found = {int(code, 16): chr(int(ideograph, 16)) for code, ideograph in rows}
    for first, last in (*_COMPATIBILITY, _LIGATURES):
        for code in range(ord(first), ord(last) + 1):
            plain = unicodedata.normalize("NFKC", chr(code))
            if plain != chr(code):
                found[code] = plain
    return found


def folded(text: str) -> str:
    """Return ``text`` with radicals, compatibility ideographs and Latin ligatures as the characters they stand for."""
    return text.translate(_equivalents())


def _within(text: str, first: str, last: str) -> Iterator[str]:
    return (c for c in text if first <= c <= last)


def foldable(text: str) -> int:
    """Return how many radicals and compatibility ideographs ``text`` holds."""
    return sum(sum(1 for _ in _within(text, *span)) for span in (_RADICALS, *_COMPATIBILITY))


def strange(text: str) -> int:
    """Return how many characters ``text`` holds that no text of the languages read here has."""
    return sum(sum(1 for _ in _within(text, *span)) for span in _STRANGE) + text.count("(cid:")
