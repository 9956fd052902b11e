"""What a call in the sandbox costs: reused instance, fresh instance, whole trial, as JSON; times in microseconds."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from poju.exchange.formats.fhir import generate
from poju.solution import default_runtime, load, replay, runtime_description
from poju.solution.runtime import compiled
from poju.solution.worker import Sandbox

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "solutions" / "qingyan" / "v3"
REPEATS = 200
PATIENTS = 100


def microseconds(work: Callable[[], object], count: int) -> int:
    """Return the mean time of ``count`` units of work done by one call."""
    start = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - start) // count // 1_000


def main() -> None:
    runtime, solution = default_runtime(), load(EXAMPLE)
    cases = generate(1, patients=PATIENTS).cases()
    texts = [json.dumps(case["input"]) for case in cases]
    sandbox = Sandbox({"compiled": str(compiled(runtime.guest)), "limits": asdict(runtime.limits)})
    sandbox.program = {
        "modules": [list(module) for module in solution.modules],
        "entry": solution.entry,
        "capabilities": list(solution.capabilities),
    }
    sandbox.patient(texts[:1])
    fuel_one, fuel_all = sandbox.patient(texts[:1])["fuel"], sandbox.patient(texts)["fuel"]
    before, start = os.times(), time.perf_counter_ns()
    replay(solution, cases, runtime=runtime)
    elapsed, after = time.perf_counter_ns() - start, os.times()
    spent = sum(after[:4]) - sum(before[:4])
    figures = {
        "call_on_reused_instance_us": microseconds(lambda: sandbox.patient(texts), len(texts)),
        "fresh_instance_load_and_call_us": microseconds(
            lambda: [sandbox.patient(texts[:1]) for _ in range(REPEATS)], REPEATS
        ),
        "fuel_load_and_one_call": fuel_one,
        "fuel_per_call": fuel_all // len(texts),
        "trial_cases": len(cases),
        "trial_patients": PATIENTS,
        "trial_wall_us_per_case": elapsed // len(cases) // 1_000,
        "trial_cpu_us_per_case": int(spent * 1_000_000) // len(cases),
        "runtime": runtime_description(runtime),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
