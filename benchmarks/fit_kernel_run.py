"""One measurement of ``fit_kernel``: NAME TABLE.npy [--exact]. Imports only the package that it measures.

With --exact the density in float64 is computed afterwards and the largest difference printed.
"""

import json
import resource
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Table = npt.NDArray[np.float64]
Compute = Callable[[], list[object]]


def main() -> None:
    name, path = sys.argv[1:3]
    table = np.load(path)
    prepare = {"poju": poju, "ecomplexity": ecomplexity, "economic-complexity": economic_complexity}[name]
    compute = prepare(table)
    before = resource.getrusage(resource.RUSAGE_SELF)
    found = compute()
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent = (after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime)
    report: dict[str, Any] = {
        "cpu_seconds": round(sum(spent), 3),
        "of_it_system": round(spent[1], 3),
        "peak_mebibytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    if "--exact" in sys.argv:
        report["density_off_at_most"] = exactness(np.asarray(found[0]), np.asarray(found[1]))
    print(json.dumps(report))


def poju(table: Table) -> Compute:
    from poju.fit.kernel import complexity, relatedness, specialisation  # noqa: PLC0415 - see above

    def compute() -> list[object]:
        pattern = specialisation(table)
        near = relatedness(pattern)
        order = complexity(pattern)
        if order.states != ("ordered",):
            raise SystemExit(f"no order: {order.states}")
        return [pattern, near]

    return compute


def exactness(pattern: npt.NDArray[np.bool_], near: Table) -> float:
    from poju.fit.kernel import density, proximity  # noqa: PLC0415 - see above

    return float(np.nanmax(np.abs(near - density(pattern, proximity(pattern)))))


def ecomplexity(table: Table) -> Compute:
    import pandas as pd  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: PLC0415 - the peer's
    from ecomplexity import ecomplexity as peer  # type: ignore[import-not-found]  # noqa: PLC0415 - not ours

    regions, industries = np.indices(table.shape)
    rows = pd.DataFrame({"t": 1, "r": regions.ravel(), "i": industries.ravel(), "v": table.ravel()})
    columns = {"time": "t", "loc": "r", "prod": "i", "val": "v"}
    return lambda: [peer(rows, columns, check_logsupermodularity=False, verbose=False)]


def economic_complexity(table: Table) -> Compute:
    import economic_complexity as peer  # type: ignore[import-not-found]  # noqa: PLC0415 - the peer's
    import pandas as pd  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: PLC0415 - the peer's

    values = pd.DataFrame(table)

    def compute() -> list[object]:
        quotient = peer.rca(values)
        near = peer.relatedness(quotient, proximities=peer.proximity(quotient))
        return [peer.complexity(quotient), near]

    return compute


if __name__ == "__main__":
    main()
