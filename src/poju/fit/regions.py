"""Regions by their GB/T 2260 code and by name, in both Chinese scripts and in Latin letters."""

from __future__ import annotations

import csv
import difflib
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib import resources

from poju.errors import CallerError
from poju.i18n import LANGUAGES, _

LONGEST_NAME = 60
"""Characters; the longest official name has 17, and what is longer is no name but a pasted text."""


@dataclass(frozen=True)
class Region:
    """A province-level unit: six-digit code, name in each of the three languages, every other name it answers to."""

    code: str
    names: dict[str, str]
    aliases: tuple[str, ...]


@cache
def regions() -> dict[str, Region]:
    """Return all 34 province-level units by code, from ``data/regions.csv``."""
    text = (resources.files("poju.fit") / "data" / "regions.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {
        row["code"]: Region(row["code"], {tag: row[tag] for tag in LANGUAGES}, tuple(row["aliases"].split(";")))
        for row in rows
    }


def _plain(name: str) -> str:
    """Return ``name`` as it is compared: compatibility forms, case, spaces, tone marks and apostrophes do not count."""
    folded = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in folded if letter.isalnum() and not unicodedata.combining(letter))


@cache
def _answers() -> dict[str, str]:
    """Return ``{compared name: code}``."""
    found: dict[str, str] = {}
    for region in regions().values():
        for name in (region.code, region.code[:2], *region.names.values(), *region.aliases):
            found[_plain(name)] = region.code
    return found


def resolve(text: str) -> Region:
    """Return the region that ``text`` names: a code of six or two digits, or a name (貴州, 贵州省, Guizhou).

    Raises :class:`CallerError` ``fit-region-unknown``, listing near names, where no province-level unit is so named.
    """
    answers = _answers()
    plain = _plain(text[: LONGEST_NAME + 1])
    if len(text) <= LONGEST_NAME and plain in answers:
        return regions()[answers[plain]]
    raise CallerError(
        "fit-region-unknown",
        _("No province-level region is called “{region}”."),
        hint=_("Did you mean: {near}? Give a GB/T 2260 code such as 520000, or a name such as 貴州, 贵州 or Guizhou."),
        region=_shown(text),
        near="; ".join(_near(plain)),
    )


def _shown(text: str) -> str:
    """Return ``text`` short enough, and free of control characters, to stand in a message."""
    printable = "".join(letter if letter.isprintable() else "·" for letter in text[: LONGEST_NAME + 1])
    return printable if len(printable) <= LONGEST_NAME else printable[:LONGEST_NAME] + "…"


def _near(plain: str) -> list[str]:
    """Return up to three regions, best first, whose name or code resembles ``plain``; by prefix of a code if it is one.

    A city's code shares its first two digits with its province, and that province is what we have figures for.
    """
    answers = _answers()
    codes: list[str] = []
    if plain.isdecimal() and plain[:2] in answers:
        codes.append(answers[plain[:2]])
    codes += [answers[name] for name in difflib.get_close_matches(plain, sorted(answers), n=6, cutoff=0.4)]
    codes = codes or ["520000", "330000", "440000"]
    unique = list(dict.fromkeys(codes))[:3]
    return [
        f"{region.code} {region.names['zh-Hant']} {region.names['en']}" for region in map(regions().__getitem__, unique)
    ]
