"""The answer for one region: two rankings side by side, each reason down to its figure, JSON-ready."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from poju.errors import CallerError
from poju.fit.figures import Figure, Figures, columns, load_figures, table_rules
from poju.fit.ranking import Component, Structure, popularity, rank_intervals, ranks, score
from poju.fit.regions import Region, resolve
from poju.fit.scenarios import Names, Scenario, Signal, Threshold, report_counts, scenarios
from poju.i18n import LANGUAGES, _, translate
from poju.units import PPM

if TYPE_CHECKING:
    from pathlib import Path

MAXIMUM_SEED = 2**63 - 1
PARTS_SHOWN = 3

Tested = tuple[bool | None, dict[str, Any] | None]
"""Whether a prerequisite is met (None: no figure says), and the figure that shows it."""

DENSITY_UNIT = "ppm, relatedness density"
METHOD = _(
    "Structure: weighted geometric mean of shrunk location quotients and normalised relatedness density"
    " (Hidalgo et al. 2007), 1,000,000 = like all regions together; interval: 5th to 95th percentile of the rank"
    " while each weight varies between half and twice its value. Baseline: mean share of the field in the 2026"
    " reports of the other regions."
)
WHY_NOT = _(
    "Provincial structure did not tell which provinces stress this field (leave one region out; see the reference)."
)
WHY_EMPTY = _("None of the figures that this field is read from is there.")


def rank(region: str, *, data: Path | None = None, seed: int = 1) -> dict[str, Any]:
    """Return the two rankings for ``region`` (GB/T 2260 code or a name), JSON-ready, integers and strings only.

    ``data`` is a CSV in the tidy format that replaces shipped figures; ``seed`` drives the weight noise of the
    intervals and nothing else. Ratios are parts per million. The shape is described in ``docs/reference/fit.md``.

    Raises :class:`poju.errors.CallerError` for an unknown region, one without figures, a seed out of range, or a row of
    ``data`` that cannot be used; :class:`poju.errors.OperatorError` where ``data`` cannot be read.
    """
    if not 0 <= seed <= MAXIMUM_SEED:
        raise CallerError(
            "fit-seed",
            _("A seed of {seed} is not possible."),
            hint=_("Give a whole number from 0 to 2^63−1."),
            seed=seed,
        )
    found = resolve(region)
    figures = load_figures(data)
    if found.code not in figures.regions:
        raise CallerError(
            "fit-region-without-figures",
            _("There are no figures for {region}."),
            hint=_("Figures are there for the 31 provinces of the mainland: choose one of them."),
            region=f"{found.code} {found.names['zh-Hant']} {found.names['en']}",
        )
    return _Report(found, Structure(figures), seed).answer()


class _Report:
    """Puts one region's answer together."""

    def __init__(self, region: Region, structure: Structure, seed: int) -> None:
        self.region = region
        self.structure = structure
        self.figures: Figures = structure.figures
        self.seed = seed
        self.sources: set[str] = set()
        self.years: set[int] = set()

    def answer(self) -> dict[str, Any]:
        readable = {name: item for name, item in scenarios().items() if self._readable(item)}
        components = {name: self.structure.components(self._signals(item)) for name, item in readable.items()}
        terms = {name: [(self._here(c), c.weight) for c in parts] for name, parts in components.items()}
        scores = {name: value for name, pairs in terms.items() if (value := score(pairs)) is not None}
        distinctive = self._distinctive(scores, components, terms)
        common = self._common()
        not_readable = [self._not_readable(item) for name, item in scenarios().items() if name not in scores]
        return {
            "region": {"code": self.region.code, "name": self.region.names},
            "year": max(self.years, default=report_counts().year),
            "seed": self.seed,
            "common": common,
            "distinctive": distinctive,
            "not_readable": not_readable,
            "sources": sorted(self.sources),
            "method": METHOD,
        }

    def _here(self, component: Component) -> float:
        return float(component.quotients[self.structure.row[self.region.code]])

    def _readable(self, scenario: Scenario) -> bool:
        """Readable unless its own test said no; then only with dated figures for all regions of what was asked for."""
        if scenario.readability != "no":
            return True
        return bool(scenario.readable_with) and all(self.figures.dated(code) for code in scenario.readable_with)

    def _signals(self, scenario: Scenario) -> tuple[Signal, ...]:
        """Return the catalogue's signals and, for a field that other figures opened to reading, those figures."""
        if scenario.readability != "no" or not self._readable(scenario):
            return scenario.signals
        given = tuple(Signal(columns()[code].table, (code,)) for code in scenario.readable_with)
        return (*scenario.signals, *given)

    def _common(self) -> list[dict[str, Any]]:
        shares = {name: self._baseline(item) for name, item in scenarios().items()}
        places = ranks({name: float(share) for name, share in shares.items()}, set())
        return [
            {
                "scenario": name,
                "names": scenarios()[name].names,
                "rank": places[name],
                "score_ppm": shares[name],
                "reasons": self._common_reasons(scenarios()[name]),
            }
            for name in sorted(places, key=places.__getitem__)
        ]

    def _baseline(self, scenario: Scenario) -> int:
        return _ppm(popularity(report_counts(), scenario.field, without=self.region.code))

    def _common_reasons(self, scenario: Scenario) -> list[dict[str, Any]]:
        counts = report_counts()
        self.sources.add(counts.source)
        others = [fields[scenario.field] for code, fields in counts.mentions.items() if code != self.region.code]
        figures = (
            ("reports-naming", sum(mentions > 0 for mentions in others), f"of {len(others)} other regions' reports"),
            ("mentions-elsewhere", sum(others), "mentions in other regions' reports"),
            (
                "mentions-here",
                counts.mentions.get(self.region.code, {}).get(scenario.field, 0),
                "mentions in its own report",
            ),
        )
        return [
            {
                "figure": f"{name}:{scenario.id}",
                "value": value,
                "unit": unit,
                "year": counts.year,
                "source": counts.source,
            }
            for name, value, unit in figures
        ]

    def _distinctive(
        self,
        scores: dict[str, float],
        components: dict[str, list[Component]],
        terms: dict[str, list[tuple[float, float]]],
    ) -> list[dict[str, Any]]:
        prerequisites = {name: self._prerequisites(scenarios()[name]) for name in scores}
        unmet = {name for name, items in prerequisites.items() if any(item["met"] is False for item in items)}
        places = ranks(scores, unmet)
        intervals = rank_intervals({name: terms[name] for name in scores}, unmet, self.seed)
        return [
            {
                "scenario": name,
                "names": scenarios()[name].names,
                "rank": places[name],
                "score_ppm": _ppm(scores[name]),
                "baseline_ppm": self._baseline(scenarios()[name]),
                "interval": list(intervals[name]),
                "prerequisites": prerequisites[name],
                "reasons": [reason for part in components[name] if (reason := self._reason(part)) is not None],
                "readable": scenarios()[name].readability != "unproven",
                "package": scenarios()[name].package,
            }
            for name in sorted(places, key=places.__getitem__)
        ]

    def _prerequisites(self, scenario: Scenario) -> list[dict[str, Any]]:
        found = []
        for item in scenario.prerequisites:
            tests = [self._test(threshold) for threshold in item.any_of]
            met, figure = _first(tests)
            found.append({"text": item.text, "met": met, "figure": figure})
        return found

    def _test(self, threshold: Threshold) -> Tested:
        """Return whether the threshold is reached, and the figure that shows it; None where nothing is known."""
        known = [f for code in threshold.codes if (f := self.figures.get(self.region.code, code)) is not None]
        if not known:
            return None, None
        shown = self._sum(known, "+".join(threshold.codes))
        return shown["value"] >= threshold.minimum, shown

    def _reason(self, component: Component) -> dict[str, Any] | None:
        """Return one term of the score with its figures; None where the tables say nothing."""
        quotient = self._here(component)
        codes = component.signal.codes
        known = [f for code in codes if (f := self.figures.get(self.region.code, code)) is not None]
        if not known or not np.isfinite(quotient):
            return None
        reason = self._sum(known, "+".join(codes))
        if component.kind == "density":
            around = float(self.structure.raw_density(component.signal.table, codes)[self._row])
            reason |= {"figure": f"density:{reason['figure']}", "value": _ppm(around), "unit": DENSITY_UNIT}
        else:
            reason["parts"] = self._parts(component.signal.table, known)
        held = [figure.code for figure in known if figure.value > 0] or list(codes)
        reason["industry"] = _joined(
            [columns()[code].names for code in (held if component.kind == "quotient" else codes)]
        )
        return reason | {"location_quotient_ppm": _ppm(quotient), "weight_ppm": _ppm(component.weight)}

    @property
    def _row(self) -> int:
        return self.structure.row[self.region.code]

    def _parts(self, table: str, known: list[Figure]) -> list[dict[str, Any]]:
        """Return the single figures behind a sum, the most specialised first, at most :data:`PARTS_SHOWN`."""
        parts = []
        for figure in known:
            quotient = float(self.structure.quotients(table, (figure.code,))[self._row])
            if figure.value > 0 and np.isfinite(quotient):
                names = columns()[figure.code].names
                parts.append(
                    self._sum([figure], figure.code) | {"industry": names, "location_quotient_ppm": _ppm(quotient)}
                )
        parts.sort(key=lambda part: (-int(part["location_quotient_ppm"]), part["figure"]))
        return parts[:PARTS_SHOWN]

    def _sum(self, known: list[Figure], name: str) -> dict[str, Any]:
        """Return the sum of figures of one table as one figure: the years and sources are those of its parts."""
        self.sources.update(figure.source for figure in known)
        years = [figure.year for figure in known if figure.year is not None]
        if table_rules()[columns()[known[0].code].table].kind != "fact":
            self.years.update(years)
        return {
            "figure": name,
            "value": sum(figure.value for figure in known),
            "unit": known[0].unit,
            "year": min(years, default=None),
            "source": "; ".join(sorted({figure.source for figure in known})),
        }

    def _not_readable(self, scenario: Scenario) -> dict[str, Any]:
        why = WHY_NOT if scenario.readability == "no" and not self._readable(scenario) else WHY_EMPTY
        undated = [
            f for code in scenario.readable_with if (f := self.figures.get(self.region.code, code)) and not f.year
        ]
        self.sources.update(figure.source for figure in undated)
        return {
            "scenario": scenario.id,
            "names": scenario.names,
            "why": {tag: translate(why, tag) for tag in LANGUAGES},
            "needs": list(scenario.evidence_needed),
            "undated": [
                {
                    "figure": f.code,
                    "industry": columns()[f.code].names,
                    "value": f.value,
                    "unit": f.unit,
                    "source": f.source,
                }
                for f in undated
            ],
            "prerequisites": self._prerequisites(scenario),
            "reasons": [
                r for part in self.structure.components(scenario.signals) if (r := self._reason(part)) is not None
            ],
            "package": scenario.package,
        }


def _first(tests: list[Tested]) -> Tested:
    """Return the first test that is met, else the first that could not be made, else the last; none at all is open."""
    for wanted in (True, None):
        for test in tests:
            if test[0] is wanted:
                return test
    return tests[-1] if tests else (None, None)


def _joined(names: list[Names]) -> Names:
    return {tag: (", " if tag == "en" else "、").join(name[tag] for name in names) for tag in LANGUAGES}


def _ppm(value: float) -> int:
    return round(value * PPM)
