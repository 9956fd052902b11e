"""Can structure tell which provinces stress a field? AUC for each scenario, and popularity and shuffles beside it.

A province counts as stressing a field where the field's share of its 2026 report is at least 1.3 × the mean share of
all provinces. The scores use no label, so nothing is fitted: every province is out of sample. Prints JSON, AUC in ppm.

Run: python benchmarks/fit_readability.py
"""

import json

import numpy as np

from poju.fit.figures import load_figures
from poju.fit.ranking import Structure, popularity, score
from poju.fit.scenarios import report_counts, scenarios

SHUFFLES = 200
DISTINCTIVE = 1.3


def auc(values: list[float], labels: list[bool]) -> float:
    """Return the chance that a positive outranks a negative, ties half; NaN with only one class."""
    positive = [value for value, label in zip(values, labels, strict=True) if label]
    negative = [value for value, label in zip(values, labels, strict=True) if not label]
    if not positive or not negative:
        return float("nan")
    wins = sum((one > other) + 0.5 * (one == other) for one in positive for other in negative)
    return wins / (len(positive) * len(negative))


def main() -> None:
    structure = Structure(load_figures(None))
    mentions = report_counts().mentions
    names = list(scenarios())
    table = np.zeros((len(structure.regions), len(names)))
    shares = np.zeros_like(table)
    popular = np.zeros_like(table)
    for column, scenario in enumerate(scenarios().values()):
        components = structure.components(scenario.signals)
        for row, region in enumerate(structure.regions):
            table[row, column] = score([(float(part.quotients[row]), part.weight) for part in components]) or 1.0
            shares[row, column] = mentions[region][scenario.field] / sum(mentions[region].values())
            popular[row, column] = popularity(report_counts(), scenario.field, without=region)
    labels = shares >= DISTINCTIVE * shares.mean(axis=0)

    def within(values: np.ndarray) -> float:
        return float(np.nanmean([auc(list(values[row]), list(labels[row])) for row in range(len(values))]))

    source = np.random.default_rng(1)
    shuffled = sorted(within(table[source.permutation(len(table))]) for _ in range(SHUFFLES))
    report = {
        "benchmark": "fit_readability",
        "within_region_auc_ppm": round(within(table) * 1_000_000),
        "popularity_auc_ppm": round(within(popular) * 1_000_000),
        "shuffled_mean_ppm": round(float(np.mean(shuffled)) * 1_000_000),
        "shuffled_p95_ppm": round(shuffled[int(SHUFFLES * 0.95)] * 1_000_000),
        "by_scenario_auc_ppm": {
            name: round(auc(list(table[:, column]), list(labels[:, column])) * 1_000_000)
            for column, name in enumerate(names)
        },
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
