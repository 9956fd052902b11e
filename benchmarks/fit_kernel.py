"""The fit kernel beside two published packages: quotient, pattern, proximity, density, ECI and PCI. Prints JSON.

Three rounds in turn over the same seeded table of 300 × 1,000, the median of CPU seconds, then ours at 3,000 × 5,000
with its peak memory. Every measurement is a process of its own with one thread of BLAS; CPU seconds are those of
getrusage, user and system, around the computation alone. The packages are installed into an environment of their own in
the cache directory (never a dependency of Poju); where that is not possible, the report says so.

Run: python benchmarks/fit_kernel.py [--no-peers] [--no-large]
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

FILLED = 0.3
ROUNDS = 3
SMALL, LARGE = (300, 1000), (3000, 5000)
PEERS = {"ecomplexity": "0.5.3", "economic-complexity": "0.3.0"}
LIMITS = {"cpu_seconds": 4.0, "peak_mebibytes": 1000}
RUNNER = Path(__file__).with_name("fit_kernel_run.py")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def main() -> None:
    arguments = set(sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        report: dict[str, Any] = {"benchmark": "fit_kernel", "threads": 1}
        report["small"] = small(Path(folder), without_peers="--no-peers" in arguments)
        if "--no-large" not in arguments:
            report["large"] = {"regions": LARGE[0], "industries": LARGE[1], "limits": LIMITS}
            report["large"] |= run(sys.executable, "poju", made(Path(folder), LARGE), "--exact")
    print(json.dumps(report, indent=2))


def made(folder: Path, shape: tuple[int, int]) -> Path:
    """Write the table of this shape: log-normal values in three cells of ten, the same every time."""
    source = np.random.RandomState(1)
    table = np.exp(3.0 + 2.0 * source.standard_normal(shape)) * (source.random_sample(shape) < FILLED)
    path = folder / f"{shape[0]}x{shape[1]}.npy"
    np.save(path, table)
    return path


def small(folder: Path, *, without_peers: bool) -> dict[str, Any]:
    path = made(folder, SMALL)
    pythons = {"poju": sys.executable}
    missing = {}
    for name, version in PEERS.items():
        found = None if without_peers else environment(name, version)
        if found is None:
            missing[name] = "not asked for" if without_peers else "not installable here"
        else:
            pythons[name] = found
    seconds: dict[str, list[float]] = {name: [] for name in pythons}
    for _round in range(ROUNDS):
        for name, python in pythons.items():
            seconds[name].append(run(python, name, path)["cpu_seconds"])
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "regions": SMALL[0],
        "industries": SMALL[1],
        "cpu_seconds": medians,
        "times_ours": {name: round(value / medians["poju"], 1) for name, value in medians.items() if name != "poju"},
        "missing": missing,
    }


def environment(name: str, version: str) -> str | None:
    """Return the interpreter of an environment with this package, made at the first run; None where it cannot be."""
    folder = Path(platformdirs.user_cache_dir("poju")) / "bench" / f"{name}-{version}"
    python, done = folder / "bin" / "python", folder / "complete"
    if not done.exists():
        try:
            venv.create(folder, with_pip=True, clear=True)
            subprocess.run(
                # economic-complexity does not bring pandas, and writes into what pandas 3 hands out read-only.
                [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", f"{name}=={version}", "pandas<3"],
                check=True,
                capture_output=True,
                timeout=600,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        done.touch()
    return str(python)


def run(python: str, name: str, table: Path, *options: str) -> dict[str, Any]:
    answer = subprocess.run(
        [python, str(RUNNER), name, str(table), *options],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | ONE_THREAD | {"PYTHONWARNINGS": "ignore"},
    )
    found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
