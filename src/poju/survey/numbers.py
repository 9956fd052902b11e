"""Numbers as policy texts write them: 500, 5,000, 十二, 百億, 三千万, twelve."""

from __future__ import annotations

import re

_DIGITS = {
    "零": 0,
    "〇": 0,
    "○": 0,
    "一": 1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_MYRIADS = {"万": 10**4, "亿": 10**8}
_SMALL = "a two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
_ENGLISH = {word: value for value, word in enumerate(_SMALL.split(), 1)}
_ENGLISH |= {"one": 1, "eighteen": 18, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "hundred": 100}
NUMERAL = r"(?:\d[\d,]*(?:\.\d+)?|[零〇一二两三四五六七八九十百千]+)"
ENGLISH_NUMERAL = r"(?:\d[\d,]*(?:\.\d+)?|" + "|".join(sorted(_ENGLISH, key=len, reverse=True)) + ")"


def number(text: str) -> int | float | None:
    """Return the number that ``text`` writes in digits, Chinese numerals or an English word; None for no number."""
    plain = text.strip().replace(",", "").replace(" ", "")
    if re.fullmatch(r"\d{1,18}", plain):
        return int(plain)
    if re.fullmatch(r"\d{1,18}\.\d{1,9}", plain):
        return float(plain)
    if plain.lower() in _ENGLISH:
        return _ENGLISH[plain.lower()]
    return chinese_number(plain)


def chinese_number(text: str) -> int | None:
    """Return the value of Chinese numerals up to 亿, where 百亿 alone means 100 亿; None for anything else."""
    if not text or len(text) > 20 or not all(c in _DIGITS or c in _UNITS or c in _MYRIADS for c in text):  # noqa: PLR2004 - bound
        return None
    if all(c in _DIGITS for c in text):
        return int("".join(str(_DIGITS[c]) for c in text))
    total = section = digit = 0
    for c in text:
        if c in _DIGITS:
            digit = _DIGITS[c]
        elif c in _UNITS:
            section += (digit or 1) * _UNITS[c]
            digit = 0
        else:
            total = (total + (section + digit or 1)) * _MYRIADS[c]
            section = digit = 0
    return total + section + digit


def whole(value: float) -> int | float:
    """Return ``value`` as an int where it is one."""
    return int(value) if float(value).is_integer() else value
