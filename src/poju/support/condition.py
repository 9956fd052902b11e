"""Whether a result meets a condition, in integers; and the same figures as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping

from poju.solution.bound import has_bound, lower_bound_at_least, lower_ppm
from poju.solution.rules import join_spread
from poju.support.programme import Condition
from poju.units import PPM

TOO_SMALL, GUARD_BROKEN, BELOW = "award.sample-too-small", "award.guard-broken", "award.below-condition"


def unmet(result: Mapping[str, int], condition: Condition) -> str | None:
    """Return the code of the first part of ``condition`` that ``result`` does not meet, or None (FUND-2).

    In this order: the sample, the lower 95 % bound, the guard. ``result`` has the figures of a trial.
    """
    spread = join_spread(result["spread_high"], result["spread_low"])
    patients, denominator = result["patients"], result["denominator"]
    if patients < condition.minimum_patients or not has_bound(denominator, patients, spread):
        return TOO_SMALL
    if not lower_bound_at_least(result["numerator"], denominator, patients, spread, condition.minimum_lower_ppm):
        return BELOW
    # Offers ÷ must-repeat orders, cross-multiplied; without such orders the guard shows nothing and is not met.
    allowed = condition.maximum_guard_ppm * result["must_repeat"]
    broken = result["must_repeat"] == 0 or PPM * result["must_repeat_offers"] > allowed
    return GUARD_BROKEN if broken else None


def lower_bound(result: Mapping[str, int]) -> int | None:
    """Return the result's lower 95 % bound in ppm, rounded down, or None where it has none."""
    spread = join_spread(result["spread_high"], result["spread_low"])
    return lower_ppm(result["numerator"], result["denominator"], result["patients"], spread)


def guard_ppm(result: Mapping[str, int]) -> int | None:
    """Return offers on must-repeat orders ÷ such orders in ppm, rounded up; None without such orders."""
    orders = result["must_repeat"]
    return -(-PPM * result["must_repeat_offers"] // orders) if orders else None
