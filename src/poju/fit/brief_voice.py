"""One brief in one language: how its parts speak, bound their texts and number their sources.

Every text that comes from data is bounded in width (:func:`poju.fit.text.shortened`), so that two pages hold any
region: own data may bring names and sources of any length.
"""

from __future__ import annotations

from typing import Any

from poju.fit.text import shortened
from poju.i18n import LANGUAGES, _, translate

Json = dict[str, Any]

NAME_WIDTH = 64
REGION_WIDTH = 48
FIGURE_WIDTH = 60
SOURCE_WIDTH = 170
MOST_SOURCES = 6
FEW = 5
"""A count below this is called few: one more or less moves it much."""

COUNTED = ("A-share firms at year-end, survivors only",)
PLAIN_UNITS = {
    "A-share firms at year-end, survivors only": _("listed firms"),
    "persons, urban units, year-end": _("persons employed in urban units"),
    "persons, private": _("persons employed by private firms"),
    "million yuan, current prices": _("million yuan of output"),
    "persons, year-end": _("residents"),
}
"""Units as a brief says them; others are translated as they stand."""


class Voice:
    """Says one brief in one language and numbers the sources in the order in which they are first named."""

    def __init__(self, answer: Json, facts: Json, language: str) -> None:
        self.answer = answer
        self.facts = facts
        self.language = language
        self.sources: list[str] = []
        self.rows = {row["scenario"]: row for row in (*answer["not_readable"], *answer["distinctive"])}
        self.ranked = {row["scenario"]: row for row in answer["distinctive"]}
        self.common = {row["scenario"]: row for row in answer["common"]}

    def say(self, text: str, **parameters: object) -> str:
        """Return ``text``, a key of the catalogues, in this voice's language."""
        return translate(text, self.language, **parameters)

    def name(self, names: Json, width: int = NAME_WIDTH) -> str:
        """Return the name in this language as one line, cut to ``width``."""
        return shortened(" ".join(str(names[self.language]).split()), width)

    def listed(self, texts: list[str]) -> str:
        """Return the texts as one list."""
        return (", " if self.language == "en" else "、").join(texts)

    def joined(self, texts: list[str]) -> str:
        """Return the texts, which may hold commas, as one list."""
        return ("; " if self.language == "en" else "；").join(texts)

    def note(self, source: str) -> int:
        """Return the number under which ``source`` stands at the end; those beyond the bound share the last one."""
        if source not in self.sources:
            self.sources.append(source)
        return min(self.sources.index(source) + 1, MOST_SOURCES)

    def times(self, ppm: int) -> str:
        """Return a quotient in parts per million with two decimals; more than a hundredfold with none."""
        return f"{ppm / 1_000_000:.2f}" if ppm < 100_000_000 else f"{ppm / 1_000_000:,.0f}"  # noqa: PLR2004 - as said

    @property
    def region(self) -> str:
        """The region's name."""
        return self.name(self.answer["region"]["name"], REGION_WIDTH)

    @property
    def compared(self) -> str:
        """How the regions are called that this one is compared with."""
        economy = self.answer.get("economy")
        if not economy or economy["shipped"]:
            return self.say(_("the 31 provinces"))
        return self.say(_("the {count} regions compared"), count=economy["compared"])

    @property
    def of_reports(self) -> bool:
        """Whether what most regions do is read from their reports; else it is the size of industries."""
        return bool(self.answer.get("common_basis", "reports") == "reports")

    def figure(self, figure: Json) -> Json:
        """Return one figure with value and unit, year, how it compares, and the number of its source."""
        unit = str(figure["unit"])
        value = f"{figure['value']:,} {self.say(PLAIN_UNITS.get(unit, unit))}"
        if figure.get("assumed"):
            when = self.say(_("assumed, not measured"))
        else:
            when = self.say(_("year not stated")) if figure["year"] is None else str(figure["year"])
        industry = self.name(figure.get("industry") or dict.fromkeys(LANGUAGES, ""), FIGURE_WIDTH)
        told = {"industry": industry, "value": shortened(value, FIGURE_WIDTH), "when": when}
        quotient = figure.get("location_quotient_ppm")
        if quotient is not None:
            told["times"] = self.say(_("{times} times the usual share"), times=self.times(quotient))
        if unit in COUNTED and figure["value"] < FEW:
            told["few"] = self.say(_("few: read with care"))
        return told | {"note": self.note(figure["source"])}

    def listed_sources(self) -> list[str]:
        """Return the sources in the order of their numbers; beyond the bound, the last line says how many there are."""
        shown = [shortened(" ".join(source.split()), SOURCE_WIDTH) for source in self.sources]
        if len(shown) <= MOST_SOURCES:
            return shown
        rest = len(shown) - MOST_SOURCES + 1
        return [*shown[: MOST_SOURCES - 1], self.say(_("{count} more sources: see fit.json"), count=rest)]
