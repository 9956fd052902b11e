"""Provider programs: sandbox, cohorts, trials, figures.

``load`` reads a version, ``replay`` asks it about every case inside the sandbox, ``grade`` looks the truth up,
``score`` counts, ``bootstrap`` compares two versions. Cases and answer keys are plain data: where they come from is not
known here.
"""

from poju.solution.bootstrap import Difference, bootstrap
from poju.solution.cohort import check_cases, cohort_commitment, input_commitment
from poju.solution.condition import Condition, Verdict, read_condition, verdict
from poju.solution.manifest import Solution, load
from poju.solution.replay import replay
from poju.solution.runtime import Limits, Runtime, default_runtime, runtime_description
from poju.solution.score import GradedRow, Score, grade, score
from poju.solution.trace import Row, Trace, decode_trace, encode_trace, merge

__all__ = [
    "Condition",
    "Difference",
    "GradedRow",
    "Limits",
    "Row",
    "Runtime",
    "Score",
    "Solution",
    "Trace",
    "Verdict",
    "bootstrap",
    "check_cases",
    "cohort_commitment",
    "decode_trace",
    "default_runtime",
    "encode_trace",
    "grade",
    "input_commitment",
    "load",
    "merge",
    "read_condition",
    "replay",
    "runtime_description",
    "score",
    "verdict",
]
