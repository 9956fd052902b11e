"""Makes fit_kernel.json: what ecomplexity 0.5.3 answers on small connected tables. Needs ecomplexity, not Poju.

Run in an environment of its own, from the repository's root:

    python -m venv /tmp/peers && /tmp/peers/bin/pip install ecomplexity==0.5.3
    /tmp/peers/bin/python tests/vectors/fit_kernel.py > tests/vectors/fit_kernel.json

Format: a list of {"name", "table" (regions × industries), "rca", "eci" (by region), "pci" (by industry), "density"
(regions × industries, an industry counted as near itself), "proximity" (industries × industries, diagonal 1)}.
Numbers are written with 12 significant digits.
"""

import contextlib
import io
import json
import sys
import warnings

import numpy as np
import pandas as pd
from ecomplexity import ecomplexity, proximity

CASES = {"square": (6, 6, 11), "wide": (7, 15, 5), "tall": (16, 6, 7), "larger": (24, 40, 3)}


def table(regions: int, industries: int, seed: int) -> np.ndarray:
    """Return whole numbers in which the first regions make most and the last industries are rare; all are joined."""
    source = np.random.RandomState(seed)
    reach = np.add.outer(np.linspace(1.2, 0.35, regions), -np.linspace(0.0, 0.6, industries))
    made = source.random_sample((regions, industries)) < np.clip(reach, 0.08, 0.95)
    values = source.randint(1, 400, (regions, industries)) * made
    values[0] += 5
    values[:, 0] += 5
    return values


def main() -> None:
    cases = []
    for name, (regions, industries, seed) in CASES.items():
        values = table(regions, industries, seed)
        rows = [
            {"t": 1, "r": f"r{r:03d}", "i": f"i{i:03d}", "v": int(values[r, i])}
            for r in range(regions)
            for i in range(industries)
        ]
        columns = {"time": "t", "loc": "r", "prod": "i", "val": "v"}
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            found = ecomplexity(pd.DataFrame(rows), columns, verbose=False).sort_values(["r", "i"])
            near = proximity(pd.DataFrame(rows), columns)
        shape = (regions, industries)
        near = near.sort_values(list(near.columns[:2])) if "proximity" in near.columns else near
        cases.append(
            {
                "name": name,
                "table": values.tolist(),
                "rca": rounded(found["rca"].to_numpy().reshape(shape)),
                "eci": rounded(found["eci"].to_numpy().reshape(shape)[:, 0]),
                "pci": rounded(found["pci"].to_numpy().reshape(shape)[0]),
                "density": rounded(found["density"].to_numpy().reshape(shape)),
                "proximity": rounded(near["proximity"].to_numpy().reshape(industries, industries)),
            }
        )
    json.dump(cases, sys.stdout, indent=None, separators=(",", ":"))
    print()  # noqa: T201 - ends the file


def rounded(values: np.ndarray) -> object:
    return json.loads(json.dumps(values.tolist()), parse_float=lambda text: float(f"{float(text):.12g}"))


if __name__ == "__main__":
    main()
