"""Fit the confidence of `poju survey` on labelled events and print how well it is calibrated.

    python scripts/survey_confidence.py [--write]

Reads scripts/survey_confidence.csv: one row for each event that the rules of the first day, made before any label of
the tuning split was read, find in its passages, its features (src/poju/survey/confidence.py) and whether the labels
have the event, certain or optional. Fits a logistic regression (Newton's method, ridge penalty 4 on all weights but the
intercept), prints the reliability table by leaving out one document at a time, and with --write puts the weights into
src/poju/survey/data/confidence.toml. The same rows give the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
ROWS = ROOT / "scripts" / "survey_confidence.csv"
TABLE = ROOT / "src" / "poju" / "survey" / "data" / "confidence.toml"
PENALTY = 4.0
ROUNDS = 50
EDGES = (0.0, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0)

Matrix = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def fit(seen: Matrix, found: Matrix) -> Matrix:
    """Return intercept and weights that make ``found`` most likely under the penalty; ``seen`` is rows × features."""
    rows = np.hstack([np.ones((len(seen), 1)), seen])
    penalty = np.diag([0.0] + [PENALTY] * seen.shape[1])
    weights = np.zeros(rows.shape[1])
    for _ in range(ROUNDS):
        chance = 1 / (1 + np.exp(-rows @ weights))
        slope = rows.T @ (found - chance) - penalty @ weights
        curve = (rows.T * (chance * (1 - chance))) @ rows + penalty
        weights = weights + np.linalg.solve(curve, slope)
    return weights


def predict(weights: Matrix, seen: Matrix) -> Matrix:
    """Return the probability of each row of ``seen``."""
    chance: Matrix = 1 / (1 + np.exp(-(weights[0] + seen @ weights[1:])))
    return chance


def left_out(documents: list[str], seen: Matrix, found: Matrix) -> Matrix:
    """Return each row's probability under a model fitted without its document."""
    chance = np.zeros(len(found))
    for document in dict.fromkeys(documents):
        mine = np.array([name == document for name in documents])
        chance[mine] = predict(fit(seen[~mine], found[~mine]), seen[mine])
    return chance


def reliability(chance: Matrix, found: Matrix) -> tuple[list[str], float]:
    """Return the lines of the reliability table and the expected calibration error."""
    lines, error = ["| said | events | said on average | right |", "|---|---|---|---|"], 0.0
    for low, high in pairwise(EDGES):
        inside = (chance >= low) & ((chance < high) | (high == EDGES[-1]))
        count = int(inside.sum())
        if count:
            said, right = float(chance[inside].mean()), float(found[inside].mean())
            error += abs(said - right) * count / len(found)
            lines.append(f"| {low:.2f}–{high:.2f} | {count} | {said:.3f} | {right:.3f} |")
    return lines, error


def write(names: list[str], weights: Matrix) -> None:
    """Write ``confidence.toml``; figures with four decimals."""
    lines = [
        "# Weights of the model of confidence.py. Made by scripts/survey_confidence.py; do not edit by hand.",
        "# Fitted on what the rules of the first day find in the tuning split, before its labels were read (rows in",
        "# scripts/survey_confidence.csv). Source: the project's own labels; Licence: Apache-2.0, as the project.",
        "",
        "[weights]",
        f"intercept = {weights[0]:.4f}",
        *(f"{name} = {value:.4f}" for name, value in zip(names, weights[1:], strict=True)),
    ]
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> int:
    """Fit, print, and write if asked; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the weights into confidence.toml")
    options = parser.parse_args()
    with ROWS.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    names = [name for name in rows[0] if name not in {"document", "instrument", "found"}]
    seen = np.array([[float(row[name]) for name in names] for row in rows])
    found = np.array([float(row["found"]) for row in rows])
    chance = left_out([row["document"] for row in rows], seen, found)
    lines, error = reliability(chance, found)
    print("\n".join(lines))
    brier = float(((chance - found) ** 2).mean())
    base = float(found.mean())
    print(f"events {len(rows)}, right {base:.3f}, ECE {error:.3f}")
    print(f"Brier {brier:.4f}; a constant has {base * (1 - base):.4f}")
    if options.write:
        write(names, fit(seen, found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
