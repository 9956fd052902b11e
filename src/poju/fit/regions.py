"""Regions by their code and by name, in both Chinese scripts and in Latin letters."""

from __future__ import annotations

import csv
import difflib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from poju.errors import CallerError
from poju.fit.figures import shipped_text
from poju.i18n import LANGUAGES, _

LONGEST_NAME = 60
"""Characters; the longest official name has 17, and what is longer is no name but a pasted text."""

PROVINCE_DIGITS = 2
_CODE_DIGITS = 6
_SHOWN_FIRST = ("520000", "330000", "440000")


@dataclass(frozen=True)
class Region:
    """A region: its code, name in each of the three languages, every other name it answers to, the region it is in."""

    code: str
    names: dict[str, str]
    aliases: tuple[str, ...] = ()
    parent: str | None = None

    @property
    def shown(self) -> str:
        """The region as messages name it: code, Chinese name, English name."""
        return " ".join(dict.fromkeys((self.code, self.names["zh-Hant"], self.names["en"])))


@cache
def regions() -> dict[str, Region]:
    """Return all 34 province-level units of China by code, from ``data/regions.csv``."""
    rows = csv.DictReader(shipped_text("regions.csv").splitlines())
    return {
        row["code"]: Region(row["code"], {tag: row[tag] for tag in LANGUAGES}, tuple(row["aliases"].split(";")))
        for row in rows
    }


def plain_name(name: str) -> str:
    """Return ``name`` as it is compared: compatibility forms, case, spaces, tone marks and apostrophes do not count."""
    folded = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in folded if letter.isalnum() and not unicodedata.combining(letter))


def _answers(known: Mapping[str, Region]) -> dict[str, str]:
    """Return ``{compared name: code}``; a name that two regions share answers for neither."""
    found: dict[str, str] = {}
    shared = set()
    for region in known.values():
        names = [region.code, *region.names.values(), *region.aliases]
        if known is regions():
            names.append(region.code[:PROVINCE_DIGITS])
        for name in map(plain_name, names):
            if found.setdefault(name, region.code) != region.code:
                shared.add(name)
    return {name: code for name, code in found.items() if name and name not in shared}


def resolve(text: str, known: Mapping[str, Region] | None = None) -> Region:
    """Return the region of ``known`` (the provinces of China where not given) that ``text`` names.

    By code (for provinces also its first two digits) or by name: 貴州, 贵州省, Guizhou. Raises :class:`CallerError`
    ``fit-region-unknown``, listing near names, where none is so named, and ``fit-region-within`` for the code of a
    place inside a province, of which no figures are shipped.
    """
    among = regions() if known is None else known
    answers = _answers(among)
    plain = plain_name(text[: LONGEST_NAME + 1])
    if len(text) <= LONGEST_NAME and plain in answers:
        return among[answers[plain]]
    if known is None and _inside_a_province(plain):
        raise _within(text, among[answers[plain[:PROVINCE_DIGITS]]])
    raise CallerError(
        "fit-region-unknown",
        _("No region with figures is called “{region}”."),
        hint=_("Did you mean: {near}? Give a code such as {example}, or a name in Chinese or English."),
        region=_shown(text),
        near="; ".join(_near(plain, among, answers)),
        example=_first_codes(among)[0],
    )


def _inside_a_province(plain: str) -> bool:
    return len(plain) == _CODE_DIGITS and plain.isdecimal() and any(code[:2] == plain[:2] for code in regions())


def _within(text: str, province: Region) -> CallerError:
    return CallerError(
        "fit-region-within",
        _("{region} lies in {province}; no figures of its own are shipped for it."),
        hint=_(
            "Rank the province, or give the figures of its cities: poju fit {region} --economy FOLDER"
            " (docs/guides/fit.md says what the folder holds)."
        ),
        region=_shown(text),
        province=province.shown,
    )


def _shown(text: str) -> str:
    """Return ``text`` short enough, and free of control characters, to stand in a message."""
    printable = "".join(letter if letter.isprintable() else "·" for letter in text[: LONGEST_NAME + 1])
    return printable if len(printable) <= LONGEST_NAME else printable[:LONGEST_NAME] + "…"


def _first_codes(known: Mapping[str, Region]) -> tuple[str, ...]:
    return _SHOWN_FIRST if known is regions() else tuple(sorted(known))[:3]


def _near(plain: str, known: Mapping[str, Region], answers: Mapping[str, str]) -> list[str]:
    """Return up to three regions, best first, whose name or code resembles ``plain``."""
    codes = [answers[name] for name in difflib.get_close_matches(plain, sorted(answers), n=6, cutoff=0.4)]
    unique = list(dict.fromkeys(codes or _first_codes(known)))[:3]
    return [known[code].shown for code in unique]
