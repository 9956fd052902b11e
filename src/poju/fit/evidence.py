"""What an answer rests on, down to single figures: reasons, prerequisites, and the sources and years of both."""

from __future__ import annotations

from typing import Any

import numpy as np

from poju.fit.economy import Economy, divisions_known
from poju.fit.figures import FACT_TABLES, INDUSTRY_TABLE, Figure, Figures, columns, table_rules
from poju.fit.regions import Region
from poju.fit.scenarios import Prerequisite, Scenario, Signal, Threshold
from poju.fit.structure import Component, Structure
from poju.fit.text import joined
from poju.units import PPM

PARTS_SHOWN = 3
DENSITY_UNIT = "ppm, relatedness density"

Tested = tuple[bool | None, dict[str, Any] | None]
"""Whether a prerequisite is met (None: no figure says), and the figure that shows it."""


class Evidence:
    """Reads one region's figures for an answer and remembers which sources and years were read."""

    def __init__(self, economy: Economy, region: Region, figures: Figures) -> None:
        self.economy = economy
        self.region = region
        self.figures = figures
        self.structure = Structure(figures)
        self.row = self.structure.row[region.code]
        self.sources: set[str] = set()
        self.years: set[int] = set()

    def signals(self, scenario: Scenario) -> tuple[Signal, ...]:
        """Return what ``scenario`` is read from in this economy; nothing where its industries cannot be told apart."""
        if self.economy.shipped:
            return scenario.signals
        codes = divisions_known(self.economy, scenario.isic)
        held = any(figure.value for region in self.figures.regions for figure in self._known(region, codes))
        return (Signal(INDUSTRY_TABLE, codes),) if held else ()

    def _known(self, region: str, codes: tuple[str, ...]) -> list[Figure]:
        return [figure for code in codes if (figure := self.figures.get(region, code)) is not None]

    def prerequisites(self, scenario: Scenario) -> list[dict[str, Any]]:
        """Return each prerequisite, whether it is met and the figure that shows it; missing ones first."""
        found = [self._prerequisite(item) for item in scenario.prerequisites]
        return sorted(found, key=lambda item: ({False: 0, True: 1, None: 2}[item["met"]], item["figure"] is None))

    def _prerequisite(self, item: Prerequisite) -> dict[str, Any]:
        met, figure = _first([self._test(threshold) for threshold in self._thresholds(item)])
        return {
            "id": item.id,
            "kind": item.kind,
            "text": item.text,
            "shown_by": item.shown_by,
            "met": met,
            "figure": figure,
        }

    def _thresholds(self, item: Prerequisite) -> list[Threshold]:
        """Return the tests that this economy's columns can make."""
        if self.economy.shipped:
            return list(item.any_of)
        general = [test for test in item.any_of if all(columns()[code].table in FACT_TABLES for code in test.codes)]
        codes = divisions_known(self.economy, item.isic) if item.isic else ()
        return [*general, *([Threshold(codes, 1)] if codes else [])]

    def _test(self, threshold: Threshold) -> Tested:
        """Return whether the threshold is reached, and the figure that shows it; None where nothing is known.

        Where an economy's files have no row the figure may be suppressed: only a stated zero shows that nothing is
        there.
        """
        known = self._known(self.region.code, threshold.codes)
        if not self.economy.shipped:
            known = [figure for figure in known if self.figures.stated(self.region.code, figure.code) is not None]
        known = [figure for figure in known if figure.current]
        if not known:
            return None, None
        shown = self.sum(known, "+".join(threshold.codes))
        if not self.economy.shipped and shown["value"] < threshold.minimum and len(known) < len(threshold.codes):
            return None, None
        return shown["value"] >= threshold.minimum, shown

    def reasons(self, components: list[Component]) -> list[dict[str, Any]]:
        """Return the terms of a score with their figures; terms of which the tables say nothing are left out."""
        return [reason for part in components if (reason := self._reason(part)) is not None]

    def _reason(self, component: Component) -> dict[str, Any] | None:
        quotient = float(component.quotients[self.row])
        codes = component.signal.codes
        known = self._known(self.region.code, codes)
        if not known or not np.isfinite(quotient):
            return None
        reason = self.sum(known, "+".join(codes))
        if component.kind == "density":
            around = float(self.structure.raw_density(component.signal.table, codes)[self.row])
            reason |= {"figure": f"density:{reason['figure']}", "value": ppm(around), "unit": DENSITY_UNIT}
        else:
            reason["parts"] = self._parts(component.signal.table, known)
        held = [figure.code for figure in known if figure.value > 0] or list(codes)
        shown = held if component.kind == "quotient" else codes
        reason["industry"] = joined([columns()[code].names for code in shown])
        if self.economy.partial.intersection(codes):
            reason["partial"] = True
        return reason | {"location_quotient_ppm": ppm(quotient), "weight_ppm": ppm(component.weight)}

    def _parts(self, table: str, known: list[Figure]) -> list[dict[str, Any]]:
        """Return the single figures behind a sum, the most specialised first, at most :data:`PARTS_SHOWN`."""
        parts = []
        for figure in known:
            quotient = float(self.structure.quotients(table, (figure.code,))[self.row])
            if figure.value > 0 and np.isfinite(quotient):
                part = self.sum([figure], figure.code)
                parts.append(part | {"industry": columns()[figure.code].names, "location_quotient_ppm": ppm(quotient)})
        parts.sort(key=lambda part: (-int(part["location_quotient_ppm"]), part["figure"]))
        return parts[:PARTS_SHOWN]

    def sum(self, known: list[Figure], name: str) -> dict[str, Any]:
        """Return the sum of figures of one table as one figure: the years and sources are those of its parts."""
        self.sources.update(figure.source for figure in known if not figure.assumed)
        years = [figure.year for figure in known if figure.year is not None]
        if table_rules()[columns()[known[0].code].table].kind != "fact":
            self.years.update(years)
        assumed = [figure.code for figure in known if figure.assumed]
        told = {
            "figure": name,
            "value": sum(figure.value for figure in known),
            "unit": known[0].unit,
            "year": min(years, default=None),
            "source": "; ".join(sorted({figure.source for figure in known})),
        }
        return told | {"assumed": assumed} if assumed else told

    def undated(self, scenario: Scenario) -> list[dict[str, Any]]:
        """Return the figures that would make ``scenario`` readable if their source stated a year."""
        found = [self.figures.stated(self.region.code, code) for code in scenario.readable_with]
        known = [figure for figure in found if figure is not None and not figure.current]
        self.sources.update(figure.source for figure in known)
        return [
            {
                "figure": figure.code,
                "industry": columns()[figure.code].names,
                "value": figure.value,
                "unit": figure.unit,
                "source": figure.source,
            }
            for figure in known
        ]


def _first(tests: list[Tested]) -> Tested:
    """Return the first test that is met, else the first that could not be made, else the last; none at all is open."""
    for wanted in (True, None):
        for test in tests:
            if test[0] is wanted:
                return test
    return tests[-1] if tests else (None, None)


def ppm(value: float) -> int:
    """Return a ratio in parts per million."""
    return round(value * PPM)
