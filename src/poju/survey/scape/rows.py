"""Where an event stands: its places, the rows of the matrix, the tier of administration, the province."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from poju.survey.gazetteer import NATION, data_text, divisions, every_division, row_of
from poju.survey.model import Json

PPM = 1_000_000
SIDES = ("push", "environment", "pull")
LANGUAGES = ("zh-Hant", "zh-Hans", "en")


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier of administration; ``units`` is how many divisions it has, 0 where that is open."""

    id: str
    names: dict[str, str]
    codes: frozenset[str]

    @property
    def units(self) -> int:
        """Return how many divisions belong to the tier."""
        return len(self.codes)


def codes_of(event: Json) -> list[str]:
    """Return the event's places: GB/T 2260 codes, or the name where a place has none."""
    return [region["code"] or region["name"] for region in event["regions"]]


def rows_of(event: Json) -> list[str]:
    """Return the rows of the matrix in which the event stands, each once."""
    return list(dict.fromkeys(row_of(code) for code in codes_of(event)))


def province_of(code: str) -> str | None:
    """Return the province-level unit that holds ``code``; None for the country and for a place without a code."""
    above = f"{code[:2]}0000"
    return above if above in divisions() and above != NATION else None


def names_of(code: str) -> dict[str, str]:
    """Return the names of a division in three languages; the code itself where the gazetteer has none."""
    found = every_division().get(code)
    if found is None:
        return dict.fromkeys(LANGUAGES, code)
    return {"zh-Hant": found.hant, "zh-Hans": found.hans, "en": found.english}


def short_names_of(code: str) -> dict[str, str]:
    """Return the names without their class word where that is known: 貴州, not 貴州省; a city's name stays whole."""
    found, names = every_division().get(code), names_of(code)
    if found is None or found.level == "district":
        return names
    return {"zh-Hant": found.hant[: len(found.short)], "zh-Hans": found.short, "en": found.english}


@cache
def tiers() -> tuple[Tier, ...]:
    """Return the tiers of ``tiers.toml`` in their order; a division is in the first one that holds it."""
    left = dict(divisions())
    found = []
    for item in tomllib.loads(data_text("tiers.toml"))["tier"]:
        named, level = set(item.get("codes", ())), item.get("level")
        mine = frozenset(code for code, division in left.items() if code in named or division.level == level)
        left = {code: division for code, division in left.items() if code not in mine}
        found.append(Tier(item["id"], {language: item[language] for language in LANGUAGES}, mine))
    return tuple(found)


def tier_of(code: str) -> Tier:
    """Return the tier of a place; the last one takes what has no code."""
    return next((tier for tier in tiers() if code in tier.codes), tiers()[-1])


def sides(events: Iterable[Json]) -> dict[str, int]:
    """Return how many of ``events`` push, belong to the environment, and pull."""
    counted = dict.fromkeys(SIDES, 0)
    for event in events:
        if event["side"] in counted:
            counted[event["side"]] += 1
    return counted


def tally(events: list[Json]) -> Json:
    """Return ``{"events": ids, "push", "environment", "pull"}`` of ``events``."""
    return {"events": [event["id"] for event in events], **sides(events)}
