"""CPU seconds of the fit kernel over a seeded sparse table: quotient, pattern, proximity, density. Prints JSON.

Run: python benchmarks/fit_kernel.py [REGIONS] [INDUSTRIES]
"""

import json
import resource
import sys
import time

import numpy as np

from poju.fit.kernel import density, location_quotient, proximity, specialised

FILLED = 0.3


def main() -> None:
    regions, industries = (int(argument) for argument in (sys.argv[1:] + ["300", "1000"][len(sys.argv) - 1 :])[:2])
    source = np.random.default_rng(1)
    table = source.lognormal(3.0, 2.0, (regions, industries)) * (source.random((regions, industries)) < FILLED)
    started = time.process_time()
    pattern = specialised(location_quotient(table))
    near = density(pattern, proximity(pattern))
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report = {
        "benchmark": "fit_kernel",
        "regions": regions,
        "industries": industries,
        "cpu_seconds": round(seconds, 4),
        "peak_mebibytes": round(peak),
        "mean_density_ppm": round(float(np.nanmean(near)) * 1_000_000),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
