"""What most regions do: the ranking that a region would follow if it did as the others.

For China it is how large a part of the other provinces' 2026 reports each field takes. For a country whose reports are
not at hand it is what is there instead, and is called so: how large a scenario's industries are in the other regions.
"""

from __future__ import annotations

from typing import Any

from poju.fit.economy import SHIPPED_COUNTRY, Economy, divisions_known
from poju.fit.evidence import ppm
from poju.fit.figures import INDUSTRY_TABLE, Figures, columns
from poju.fit.ranking import popularity, ranks
from poju.fit.regions import PROVINCE_DIGITS, Region
from poju.fit.scenarios import Scenario, report_counts, scenarios


class Common:
    """The left ranking for one region; ``basis`` is "reports" or "size"."""

    def __init__(self, economy: Economy, region: Region, figures: Figures) -> None:
        self.economy = economy
        self.figures = figures
        self.basis = "reports" if economy.country == SHIPPED_COUNTRY else "size"
        self.left_out = region.code if economy.shipped else f"{region.code[:PROVINCE_DIGITS]}0000"
        self.others = [code for code in figures.regions if code != region.code]
        self.year = report_counts().year
        self.sources = {report_counts().source} if self.basis == "reports" else set()
        self._totals = {code: self._sum(code, _industries()) for code in self.others} if self.basis == "size" else {}

    def ranking(self) -> list[dict[str, Any]]:
        """Return the scenarios by their share, with what it rests on, JSON-ready."""
        shares = {name: self.share_ppm(item) for name, item in scenarios().items()}
        places = ranks({name: float(share) for name, share in shares.items()}, set())
        return [
            {
                "scenario": name,
                "names": scenarios()[name].names,
                "rank": places[name],
                "score_ppm": shares[name],
                "reasons": self._reasons(scenarios()[name]),
            }
            for name in sorted(places, key=places.__getitem__)
        ]

    def share_ppm(self, scenario: Scenario) -> int:
        """Return the mean share of the scenario in the other regions, in ppm: the baseline beside its score."""
        if self.basis == "reports":
            return ppm(popularity(report_counts(), scenario.field, without=self.left_out))
        codes = divisions_known(self.economy, scenario.isic)
        shares = [self._sum(code, codes) / total for code, total in self._totals.items() if total]
        return ppm(sum(shares) / len(shares)) if shares else 0

    def _sum(self, region: str, codes: tuple[str, ...]) -> int:
        return sum(figure.value for code in codes if (figure := self.figures.stated(region, code)) is not None)

    def _reasons(self, scenario: Scenario) -> list[dict[str, Any]]:
        return self._mentions(scenario) if self.basis == "reports" else self._sizes(scenario)

    def _mentions(self, scenario: Scenario) -> list[dict[str, Any]]:
        counts = report_counts()
        others = [fields[scenario.field] for code, fields in counts.mentions.items() if code != self.left_out]
        own = counts.mentions.get(self.left_out, {}).get(scenario.field, 0)
        naming = sum(mentions > 0 for mentions in others)
        figures = (
            ("reports-naming", naming, f"of {len(others)} other regions' reports"),
            ("mentions-elsewhere", sum(others), "mentions in other regions' reports"),
            ("mentions-here", own, "mentions in its own report"),
        )
        shared = {"year": counts.year, "source": counts.source}
        return [
            {"figure": f"{name}:{scenario.id}", "value": value, "unit": unit} | shared for name, value, unit in figures
        ]

    def _sizes(self, scenario: Scenario) -> list[dict[str, Any]]:
        """Return the sum of the scenario's industries over the other regions, as the one figure behind its share."""
        codes = divisions_known(self.economy, scenario.isic)
        found = [
            figure
            for region in self.others
            for code in codes
            if (figure := self.figures.stated(region, code)) is not None
        ]
        if not found:
            return []
        return [
            {
                "figure": f"elsewhere:{'+'.join(codes)}",
                "value": sum(figure.value for figure in found),
                "unit": found[0].unit,
                "year": min((figure.year for figure in found if figure.year is not None), default=None),
                "source": "; ".join(sorted({figure.source for figure in found})),
            }
        ]


def _industries() -> tuple[str, ...]:
    return tuple(code for code, known in columns().items() if known.table == INDUSTRY_TABLE)
