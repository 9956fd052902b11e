"""What the support programme would answer to a trial's figures: a forecast, since the programme's own rules decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from poju.errors import CallerError
from poju.i18n import _
from poju.scenario import toml
from poju.units import PPM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poju.solution.score import Score

KEYS = ("minimum_lower_ppm", "minimum_patients", "maximum_guard_ppm")


@dataclass(frozen=True)
class Condition:
    """The condition of an award on a track: lower 95 % bound (ppm), distinct patients, guard (ppm)."""

    minimum_lower_ppm: int
    minimum_patients: int
    maximum_guard_ppm: int


@dataclass(frozen=True)
class Reason:
    """One reason for a verdict: a format string (a key of the catalogues) and its parameters."""

    code: str
    text: str
    parameters: Mapping[str, object]


@dataclass(frozen=True)
class Verdict:
    """``released`` or not, and why."""

    released: bool
    reasons: tuple[Reason, ...]


def read_condition(content: bytes) -> Condition:
    """Return the table ``[condition]`` of a package's ``programme.toml``. Raises :class:`CallerError`."""
    try:
        table = toml.loads(content.decode("utf-8"))["condition"]
        values = [table[key] for key in KEYS]
        if not all(type(value) is int and value >= 0 for value in values):
            raise ValueError(values)  # noqa: TRY301 - one way out for all that is malformed
    except (ValueError, KeyError, TypeError) as error:
        raise CallerError(
            "solution.condition",
            _("programme.toml has no usable table [condition]."),
            hint=_("It needs whole numbers for {keys}."),
            keys=", ".join(KEYS),
        ) from error
    return Condition(*values)


def percent(ppm: int) -> str:
    """Return ``ppm`` as a percentage with two decimals, cut off, never rounded up."""
    sign = "-" if ppm < 0 else ""
    whole, rest = divmod(abs(ppm), PPM // 100)
    return f"{sign}{whole}.{rest * 100 // (PPM // 100):02d} %"


def verdict(figures: Score, condition: Condition) -> Verdict:
    """Return what the programme would answer (FUND-2): released only where every part of the condition is met."""
    refusals: list[Reason] = []
    if figures.patients < condition.minimum_patients:
        text = _("{patients} patients, the condition is at least {least}")
        parameters: dict[str, object] = {"patients": figures.patients, "least": condition.minimum_patients}
        refusals.append(Reason("sample", text, parameters))
    if figures.lower_ppm is None:
        refusals.append(Reason("bound", _("the sample has no lower bound"), {}))
    elif figures.lower_ppm < condition.minimum_lower_ppm:
        text = _("the lower bound of the score is {lower}, the condition is at least {least}")
        parameters = {"lower": percent(figures.lower_ppm), "least": percent(condition.minimum_lower_ppm)}
        refusals.append(Reason("bound", text, parameters))
    # Without an order that had to be repeated the guard shows nothing and is not met, as in the ledger's rule.
    if figures.must_repeat == 0:
        refusals.append(Reason("guard", _("no order of the sample had to be repeated, so the guard shows nothing"), {}))
    elif figures.guard_ppm > condition.maximum_guard_ppm:
        text = _("offers on orders that must be repeated are {guard}, the condition is at most {most}")
        parameters = {"guard": percent(figures.guard_ppm), "most": percent(condition.maximum_guard_ppm)}
        refusals.append(Reason("guard", text, parameters))
    if refusals:
        return Verdict(released=False, reasons=tuple(refusals))
    met = Reason("met", _("lower bound, sample and guard meet the condition"), {})
    return Verdict(released=True, reasons=(met,))
