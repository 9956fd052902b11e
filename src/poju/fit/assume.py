"""What-if: figures that a user sets for one region, marked as assumed wherever they show."""

from __future__ import annotations

import re
from typing import Any

from poju.errors import CallerError
from poju.fit.figures import Figure, Figures, columns, shipped_figures
from poju.fit.regions import Region
from poju.fit.tidy import MAXIMUM_VALUE
from poju.i18n import _

MOST_SETTINGS = 50
MOST_PERCENT = 1_000
SOURCE = "assumed by the user"
_SETTING = re.compile(r"([A-Za-z0-9]{1,12})=(?:([0-9]{1,16})|([+-])([0-9]{1,4})%)")


def assume(settings: tuple[str, ...], region: Region, figures: Figures) -> tuple[Figures, list[dict[str, Any]]]:
    """Return ``figures`` with the ``settings`` for ``region`` in force, and what was set, JSON-ready.

    A setting is ``CODE=VALUE`` with a whole number, or ``CODE=+10%`` and ``CODE=-25%`` of the figure that is there.
    Each item told has ``figure``, ``industry``, ``unit``, ``value``, and ``before`` (value or None) with its ``year``.

    Raises :class:`CallerError` ``fit-set`` where a setting cannot be used.
    """
    if len(settings) > MOST_SETTINGS:
        raise _refused(settings[MOST_SETTINGS], _("at most 50 figures can be set at once"))
    found: dict[str, Figure] = {}
    told = []
    for setting in settings:
        figure, before = _figure(setting, region, figures)
        if figure.code in found:
            raise _refused(setting, _("this figure is set twice"))
        found[figure.code] = figure
        told.append(
            {
                "figure": figure.code,
                "industry": columns()[figure.code].names,
                "unit": figure.unit,
                "value": figure.value,
                "before": None if before is None else before.value,
                "year": None if before is None else before.year,
            }
        )
    return figures.replaced(list(found.values())), told


def _figure(setting: str, region: Region, figures: Figures) -> tuple[Figure, Figure | None]:
    match = _SETTING.fullmatch(setting)
    if match is None:
        raise _refused(setting, _("it is neither CODE=WHOLE NUMBER nor CODE=+10% or CODE=-10%"))
    code, number, sign, percent = match.groups()
    unit = figures.unit(code) or (shipped_figures().unit(code) if _general(code) else None)
    if code not in columns() or unit is None:
        raise _refused(setting, _("no column of this code is known"))
    before = figures.get(region.code, code)
    if number is not None:
        value = int(number)
    elif before is None or not before.current:
        raise _refused(setting, _("there is no dated figure that could be changed by a percentage"))
    else:
        value = _changed(before.value, sign, int(percent), setting)
    if value > MAXIMUM_VALUE:
        raise _refused(setting, _("a figure is at most 10^15"))
    return Figure(region.code, code, value, None, unit, SOURCE, assumed=True), before


def _general(code: str) -> bool:
    return code in columns() and columns()[code].table in {"health", "geography", "indicators"}


def _changed(value: int, sign: str, percent: int, setting: str) -> int:
    """Return ``value`` changed by ``percent``, rounded half up."""
    if percent > (MOST_PERCENT if sign == "+" else 100):
        raise _refused(setting, _("a change is from -100% to +1000%"))
    factor = 100 + percent if sign == "+" else 100 - percent
    return (value * factor + 50) // 100


def _refused(setting: str, reason: str) -> CallerError:
    shown = "".join(letter if letter.isprintable() else "·" for letter in setting[:40])
    return CallerError(
        "fit-set",
        _("“{setting}” cannot be set: {reason}."),
        hint=_(
            "Write --set CODE=VALUE, such as --set HLTBED=300000 or --set TS066=+10%;"
            " docs/reference/fit.md has the codes."
        ),
        setting=shown,
        reason=reason,
    )
