"""What a call in the sandbox costs: reused instance, fresh instance, whole trial, as JSON.

Microseconds are the processor's, which say more than the clock's on a shared machine, save where the name says wall.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from poju.exchange.formats.fhir import generate
from poju.solution import default_runtime, load, replay, runtime_description
from poju.solution.runtime import FEATURES, compiled
from poju.solution.worker import Instance, Sandbox

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "solutions" / "qingyan" / "v3"
REPEATS = 200
PATIENTS = 100


def microseconds(work: Callable[[], object], count: int) -> int:
    """Return the mean processor time of ``count`` units of work done by one call."""
    start = time.process_time_ns()
    work()
    return (time.process_time_ns() - start) // count // 1_000


def main() -> None:
    runtime, solution = default_runtime(), load(EXAMPLE)
    cases = generate(1, patients=PATIENTS).cases()
    texts = [json.dumps(case["input"]) for case in cases]
    start = {"compiled": str(compiled(runtime.guest)), "features": dict(FEATURES), "limits": asdict(runtime.limits)}
    sandbox = Sandbox(start)
    program = {
        "modules": [list(module) for module in solution.modules],
        "entry": solution.entry,
        "capabilities": list(solution.capabilities),
    }
    sandbox.use(program)
    sandbox.patient(texts[:1])
    fuel_one, fuel_all = sandbox.patient(texts[:1])["fuel"], sandbox.patient(texts)["fuel"]
    before, begun = os.times(), time.perf_counter_ns()
    replay(solution, cases, runtime=runtime)
    elapsed, after = time.perf_counter_ns() - begun, os.times()
    spent = sum(after[:4]) - sum(before[:4])
    source = Sandbox(start)
    source.use(program)
    for file in source.program["files"]:
        file.code = ""  # As if nothing had been compiled beforehand.
    figures = {
        "fresh_instance_us": microseconds(lambda: [Instance(sandbox) for _ in range(REPEATS)], REPEATS),
        "compile_modules_once_us": microseconds(lambda: sandbox.use(program), 1),
        "fresh_instance_load_from_source_and_call_us": microseconds(
            lambda: [source.patient(texts[:1]) for _ in range(REPEATS)], REPEATS
        ),
        "call_on_reused_instance_us": microseconds(lambda: sandbox.patient(texts), len(texts)),
        "fresh_instance_load_and_call_us": microseconds(
            lambda: [sandbox.patient(texts[:1]) for _ in range(REPEATS)], REPEATS
        ),
        "fuel_load_and_one_call": fuel_one,
        "fuel_load_from_source_and_one_call": source.patient(texts[:1])["fuel"],
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
