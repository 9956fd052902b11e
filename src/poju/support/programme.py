"""A support programme's terms, read strictly from ``programme.toml``: instrument, condition, cap, budget.

The file's digest is what ``programme-open`` registers; terms without a cap or a condition cannot be read at all.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from poju.scenario.toml import Names, Table, parse
from poju.units import PPM, Fen, Ppm

FILE = "programme.toml"
KINDS = ("award",)
COHORT_USES = ("held-out", "final")
STAGES = ("trial", "shadow", "live")
SMALLEST_SAMPLE = 2


@dataclass(frozen=True)
class Condition:
    """What an indicator has to show before money moves (FUND-2).

    ``minimum_lower_ppm``: its lower 95 % bound; ``minimum_patients``: distinct patients; ``maximum_guard_ppm``:
    offers on orders that had to be repeated ÷ such orders; ``attestations``: members that attest the same tuple;
    ``cohort_use`` and ``stage``: on which cohort, and what stage the version must have reached.
    """

    indicator: str
    minimum_lower_ppm: Ppm
    minimum_patients: int
    maximum_guard_ppm: Ppm
    attestations: int
    cohort_use: str
    stage: str


@dataclass(frozen=True)
class ModelledOn:
    """The real policy that the terms follow, its source, and where they differ; in three languages."""

    what: Names
    source: Names
    difference: Names


@dataclass(frozen=True)
class Programme:
    """One programme: ``cap`` bounds one award and ``budget`` all of them, in fen; ``digest`` is its file's SHA-256."""

    id: str
    names: Names
    track: str
    kind: str
    one_off: bool
    cap: Fen
    budget: Fen
    condition: Condition
    modelled_on: ModelledOn
    digest: bytes


def load(data: bytes, file: str = FILE) -> Programme:
    """Return the programme that the TOML ``data`` of ``file`` describes; raise ``package.malformed``."""
    table = parse(data, file)
    instrument = table.table("instrument")
    programme = Programme(
        id=table.identifier("id"),
        names=table.names(),
        track=table.identifier("track"),
        kind=_one_of(instrument, "kind", KINDS),
        one_off=instrument.flag("one_off"),
        cap=Fen(_between(instrument, "cap_fen", 1)),
        budget=Fen(_between(instrument, "budget_fen", 1)),
        condition=_condition(table.table("condition")),
        modelled_on=_modelled_on(table.table("modelled_on")),
        digest=hashlib.sha256(data).digest(),
    )
    instrument.close()
    table.close()
    if programme.cap > programme.budget:
        raise instrument.fault("cap_fen", "is above the budget")
    return programme


def _condition(table: Table) -> Condition:
    condition = Condition(
        indicator=table.identifier("indicator"),
        minimum_lower_ppm=Ppm(_between(table, "minimum_lower_ppm", 1, PPM)),
        minimum_patients=_between(table, "minimum_patients", SMALLEST_SAMPLE),
        maximum_guard_ppm=Ppm(_between(table, "maximum_guard_ppm", 0, PPM)),
        attestations=_between(table, "attestations", 1),
        cohort_use=_one_of(table, "cohort_use", COHORT_USES),
        stage=_one_of(table, "stage", STAGES),
    )
    table.close()
    return condition


def _modelled_on(table: Table) -> ModelledOn:
    modelled = ModelledOn(table.names("what"), table.names("source"), table.names("difference"))
    table.close()
    return modelled


def _between(table: Table, key: str, low: int, high: int = (1 << 62) - 1) -> int:
    value = table.integer(key)
    if not low <= value <= high:
        raise table.fault(key, "is not between {low} and {high}", low=low, high=high)
    return value


def _one_of(table: Table, key: str, allowed: tuple[str, ...]) -> str:
    value = table.text(key)
    if value not in allowed:
        raise table.fault(key, "is not one of {allowed}", allowed=", ".join(allowed))
    return value
