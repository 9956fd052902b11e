"""The lower 95 % bound of a ratio over clusters, in integers only, the same on every machine (FUND-2).

The ratio is R = X ÷ N with X = Σ x_i and N = Σ n_i over m clusters (patients). Its linearised variance (Cochran 1977,
*Sampling Techniques*, 3rd ed., §6.4, with the clusters as the sampled units) is

    v(R) = m ÷ (m − 1) · Σ (x_i − R · n_i)² ÷ N²  =  m ÷ (m − 1) · S ÷ N⁴   with   S = Σ (x_i · N − X · n_i)²

and the bound is R − z · √v with z = 1.96. No root is drawn where a rule decides: both sides are squared after their
signs are known.
"""

from __future__ import annotations

from math import isqrt

from poju.units import PPM, Ppm

Z_HUNDREDTHS = 196
"""z = 1.96: the two-sided 95 % interval's lower end."""

Z_SCALE = 100
SMALLEST_SAMPLE = 2
"""With fewer than two clusters there is no variance and no bound."""


def _squared_margin(patients: int, spread: int) -> int:
    """Return (PPM · z)² · m · S, which is (PPM · z · √(m · S))²; PPM is a multiple of z's scale."""
    return (PPM // Z_SCALE * Z_HUNDREDTHS) ** 2 * patients * spread


def has_bound(denominator: int, patients: int, spread: int) -> bool:
    """Return whether the figures have a bound at all: N > 0, m ≥ 2, S ≥ 0."""
    return denominator > 0 and patients >= SMALLEST_SAMPLE and spread >= 0


def lower_bound_at_least(numerator: int, denominator: int, patients: int, spread: int, threshold_ppm: int) -> bool:
    """Return whether X/N − z·√(m/(m−1)·S)/N² ≥ threshold/10⁶, exactly.

    ``numerator`` X may be negative; ``denominator`` N counts orders, ``patients`` m clusters, ``spread`` is S. Figures
    without a bound reach no threshold.
    """
    if not has_bound(denominator, patients, spread):
        return False
    # Multiplied by 10⁶·N²: distance ≥ 10⁶·z·√(m/(m−1)·S), whose right side is never negative.
    distance = PPM * numerator * denominator - threshold_ppm * denominator**2
    return distance >= 0 and distance**2 * (patients - 1) >= _squared_margin(patients, spread)


def lower_ppm(numerator: int, denominator: int, patients: int, spread: int) -> Ppm | None:
    """Return the largest whole ppm that :func:`lower_bound_at_least` grants, or None where there is no bound.

    It may be negative. For display; a rule asks :func:`lower_bound_at_least`.
    """
    if not has_bound(denominator, patients, spread):
        return None
    # The smallest integer T with T²·(m − 1) ≥ the squared margin: a root rounded up, so the bound is rounded down.
    quotient = -(-_squared_margin(patients, spread) // (patients - 1))
    margin = isqrt(quotient - 1) + 1 if quotient else 0
    return Ppm((PPM * numerator * denominator - margin) // denominator**2)


def ratio_ppm(numerator: int, denominator: int) -> Ppm | None:
    """Return ``numerator`` ÷ ``denominator`` in ppm, rounded down; None where the denominator is not positive."""
    return Ppm(PPM * numerator // denominator) if denominator > 0 else None


def percent(ppm: int | None, *, up: bool = False) -> str:
    """Return ppm as a percentage with two decimals and no sign, rounded down, or ``up``; a dash for None.

    Rounding never flatters: a bound is rounded down, a guard up.
    """
    if ppm is None:
        return "–"
    per_hundredth = PPM // 10_000
    hundredths = -(-ppm // per_hundredth) if up else ppm // per_hundredth
    return f"{'-' if hundredths < 0 else ''}{abs(hundredths) // 100}.{abs(hundredths) % 100:02d}"
