"""The answer for one region: two rankings side by side, each reason down to its figure, JSON-ready."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poju.errors import CallerError
from poju.fit import given, policies
from poju.fit.assume import assume
from poju.fit.common import Common
from poju.fit.economy import FEWEST_PEERS, Economy, load_economy, shipped_economy
from poju.fit.evidence import Evidence, ppm
from poju.fit.figures import Figures, own_figures
from poju.fit.given import Given
from poju.fit.ranking import robustness
from poju.fit.regions import Region, resolve
from poju.fit.scenarios import Scenario, Signal, scenarios
from poju.fit.standing import Places, placed
from poju.i18n import LANGUAGES, _, translate

MAXIMUM_SEED = 2**63 - 1
METHOD = _(
    "Structure: weighted geometric mean of shrunk location quotients and normalised relatedness density"
    " (Hidalgo et al. 2007), 1.00× = like all regions together; ranked by its distance from the mean of all regions, in"
    " standard deviations (with fewer than eight regions: by its logarithm). Baseline: mean share of the field in the"
    " 2026 reports of the other regions."
)
METHOD_BY_SIZE = _(
    "Structure: weighted geometric mean of location quotients and normalised relatedness density (Hidalgo et al. 2007),"
    " 1.00× = like all compared regions together; ranked by its distance from their mean, in standard deviations"
    " (with fewer than eight regions: by its logarithm). Baseline: mean share of the scenario's industries in the other"
    " regions: no reports of this country are at hand."
)
WHY_NOT = _(
    "Provincial structure did not tell which provinces stress this field (leave one region out; see the reference)."
)
WHY_EMPTY = _("None of the figures that this field is read from is there.")


@dataclass(frozen=True)
class Question:
    """What is asked: for which region of which economy, with which figures set, under which seed."""

    economy: Economy
    region: Region
    figures: Figures
    settings: tuple[str, ...]
    seed: int


def rank(
    region: str,
    *,
    data: Path | None = None,
    economy: Path | None = None,
    settings: tuple[str, ...] = (),
    landscape: Path | None = None,
    seed: int = 1,
) -> dict[str, Any]:
    """Return the two rankings for ``region`` (a code or a name), JSON-ready, integers and strings only.

    ``data`` is a CSV in the tidy format that replaces shipped figures; ``economy`` the folder of another economy;
    ``settings`` are assumptions (``CODE=VALUE``, ``CODE=+10%``), after which each rank stands beside the one before;
    ``landscape`` is the landscape.json of a survey, whose policies become a column; ``seed`` drives the noise of the
    intervals and nothing else. Ratios are parts per million. ``docs/reference/fit.md`` describes the shape.

    Raises :class:`poju.errors.CallerError` for an unknown region, one without figures, a seed out of range, or whatever
    of the files and settings cannot be used; :class:`poju.errors.OperatorError` where a file cannot be read.
    """
    if not 0 <= seed <= MAXIMUM_SEED:
        raise CallerError(
            "fit-seed",
            _("A seed of {seed} is not possible."),
            hint=_("Give a whole number from 0 to 2^63−1."),
            seed=seed,
        )
    question = _question(region, data, economy, settings, seed)
    events = None if landscape is None else policies.read_policies(landscape)
    answer = _answer(question)
    if events is not None and landscape is not None:
        told = policies.column(events, question.region, question.economy, landscape.name)
        answer["policies"] = told
        for row in (*answer["distinctive"], *answer["not_readable"]):
            found = told["scenarios"][row["scenario"]]
            row["policies"] = {key: found[key] for key in (*policies.SIDES, "pushes_without_pull")}
    return answer


def _question(region: str, data: Path | None, folder: Path | None, settings: tuple[str, ...], seed: int) -> Question:
    """Return the question with its economy and the figures of the regions compared; refuse what has none."""
    if data is not None and folder is not None:
        raise CallerError(
            "fit-data-economy",
            _("Own figures for the shipped provinces and another economy do not go together."),
            hint=_("Put the figures into the economy's figures.csv, or leave --economy out."),
        )
    economy = shipped_economy() if folder is None else load_economy(folder)
    found = resolve(region, None if folder is None else economy.places)
    figures = economy.figures if data is None else own_figures(data, economy.figures)
    if found.code not in figures.regions:
        raise _without_figures(found, economy)
    peers = economy.peers(found)
    if len(peers) < FEWEST_PEERS:
        raise CallerError(
            "fit-region-alone",
            _("{region} has no other region beside it to be compared with."),
            hint=_("figures.csv needs figures of at least one more region with the same parent."),
            region=found.shown,
        )
    return Question(economy, found, figures.only(set(peers)), settings, seed)


def _without_figures(region: Region, economy: Economy) -> CallerError:
    above = economy.places.get(region.parent or "")
    if above is not None and above.code in economy.figures.regions:
        hint = _("Rank {above}, which it lies in and which has figures, or add rows for {region} to figures.csv.")
        shown = above.shown
    elif economy.shipped:
        hint, shown = _("Figures are there for the 31 provinces of the mainland: choose one of them."), ""
    else:
        hint, shown = _("Add rows for {region} to figures.csv, or choose a region that has some."), ""
    return CallerError(
        "fit-region-without-figures",
        _("There are no figures for {region}."),
        hint=hint,
        region=region.shown,
        above=shown,
    )


def _answer(question: Question) -> dict[str, Any]:
    """Return the answer; with settings, each row also says which rank and score it had without them."""
    if not question.settings:
        return _Report(question, question.figures).answer()
    figures, told = assume(question.settings, question.region, question.figures)
    before = {row["scenario"]: row for row in _Report(question, question.figures).rows(shaken=False)}
    answer = _Report(question, figures).answer()
    for row in answer["distinctive"]:
        old = before.get(row["scenario"])
        row["rank_before"] = None if old is None else old["rank"]
        row["score_before_ppm"] = None if old is None else old["score_ppm"]
    return answer | {"assumed": told}


class _Report:
    """Puts one region's answer together."""

    def __init__(self, question: Question, figures: Figures) -> None:
        self.question = question
        self.evidence = Evidence(question.economy, question.region, figures)
        self.common = Common(question.economy, question.region, figures)
        self.signals = {name: found for name, item in scenarios().items() if (found := self._signals(item))}
        self.given = {
            name: reading
            for name, item in scenarios().items()
            if name not in self.signals and (reading := given.reading(self.evidence, item)) is not None
        }
        self.prerequisites = {name: self.evidence.prerequisites(item) for name, item in scenarios().items()}
        self.kendall: dict[str, int] = {}

    def _signals(self, scenario: Scenario) -> tuple[Signal, ...]:
        """Return what a scenario is ranked by; nothing where its own test said that structure does not tell.

        That test was of China's provinces: another country's figures are read, and marked as not proven.
        """
        with_given = given.signals(self.evidence, scenario)
        if scenario.readability == "no" and self.question.economy.shipped:
            return with_given
        return with_given or self.evidence.signals(scenario)

    def answer(self) -> dict[str, Any]:
        distinctive = self.rows(shaken=True)
        ranked = {row["scenario"] for row in distinctive}
        economy = self.question.economy
        unread = [self._not_readable(item) for name, item in scenarios().items() if name not in ranked]
        common = self.common.ranking()
        self.evidence.sources.update(self.common.sources)
        return {
            "region": {"code": self.question.region.code, "name": self.question.region.names},
            "economy": {
                "country": economy.country,
                "name": economy.names,
                "classification": economy.classification,
                "compared": len(self.evidence.figures.regions),
                "shipped": economy.shipped,
            },
            "year": max(self.evidence.years, default=self.common.year),
            "seed": self.question.seed,
            "common_basis": self.common.basis,
            "common": common,
            "distinctive": distinctive,
            "not_readable": unread,
            "robustness": {"kendall_ppm": self.kendall},
            "sources": sorted(self.evidence.sources),
            "method": METHOD if self.common.basis == "reports" else METHOD_BY_SIZE,
        }

    def rows(self, *, shaken: bool) -> list[dict[str, Any]]:
        """Return the distinctive ranking; ``shaken`` adds the intervals, which cost a hundred draws."""
        row = self.evidence.row
        scores = self.evidence.structure.standings(self.signals)
        standings = scores.of(row)
        unmet = {name for name, items in self.prerequisites.items() if any(item["met"] is False for item in items)}
        places = placed(standings, self.given, unmet)
        if shaken:
            here = {name: self.signals[name] for name in standings}
            noise = robustness(
                self.evidence.structure, self.question.region.code, here, unmet & set(here), self.question.seed
            )
            places = places.shaken(noise)
            self.kendall = noise.kendall_ppm
        quotients = {name: float(scores.quotients[name][row]) for name in standings}
        quotients |= {name: found.quotient for name, found in self.given.items()}
        return [self._row(name, places, quotients[name]) for name in sorted(places.rank, key=places.rank.__getitem__)]

    def _row(self, name: str, places: Places, quotient: float) -> dict[str, Any]:
        scenario = scenarios()[name]
        known = self.given.get(name)
        reasons = self._reasons(name) if known is None else known.reasons
        told: dict[str, Any] = {
            "scenario": name,
            "names": scenario.names,
            "rank": places.rank[name],
            "score_ppm": ppm(quotient),
            "standing_ppm": ppm(places.standing[name]),
            "baseline_ppm": self.common.share_ppm(scenario),
            "interval": list(places.interval[name]),
            "robustness": {kind: list(found[name]) for kind, found in places.noise.items() if name in found},
            "prerequisites": self.prerequisites[name],
            "reasons": reasons,
            "readable": self.question.economy.shipped and scenario.readability == "yes",
            "package": scenario.package,
        }
        if scenario.readability == "no" and self.question.economy.shipped:
            told["given"] = self._given(known)
        return told

    def _given(self, known: Given | None) -> str:
        """Return on what a field stands that structure does not tell: figures of every region, or of this one alone."""
        return "all regions" if known is None else "this region and the country"

    def _reasons(self, name: str) -> list[dict[str, Any]]:
        return self.evidence.reasons(self.evidence.structure.components(self.signals[name]))

    def _not_readable(self, scenario: Scenario) -> dict[str, Any]:
        shipped = self.question.economy.shipped
        why = WHY_NOT if scenario.readability == "no" and shipped else WHY_EMPTY
        signals = self.evidence.signals(scenario)
        return {
            "scenario": scenario.id,
            "names": scenario.names,
            "why": {tag: translate(why, tag) for tag in LANGUAGES},
            "needs": list(scenario.evidence_needed),
            "undated": self.evidence.undated(scenario) if shipped else [],
            "prerequisites": self.prerequisites[scenario.id],
            "reasons": self.evidence.reasons(self.evidence.structure.components(signals)) if signals else [],
            "package": scenario.package,
        }
