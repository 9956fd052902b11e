"""Whether a file holds a landscape: it may come from anywhere, so nothing of its shape is taken on trust."""

from __future__ import annotations

import re

from poju.errors import CallerError
from poju.i18n import _
from poju.survey.model import Json

_TO_THE_MONTH = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])(?:-\d{2})?", re.ASCII)
_PARTS: dict[str, dict[str, type]] = {
    "documents": {"path": str, "sha256": str},
    "events": {"id": str, "instrument": str, "side": str, "path": str, "regions": list, "date": dict},
    "regions": {"code": str, "name": dict},
    "instruments": {"id": str, "names": dict},
}


def check_landscape(found: object) -> Json:
    """Return ``found`` where it has the parts of a landscape that a comparison reads, whatever else it has.

    Raises :class:`~poju.errors.CallerError` ``survey-not-a-landscape`` for everything else, such as an ``events.json``.
    """
    if not isinstance(found, dict):
        raise _no_landscape("documents")
    for part, shape in _PARTS.items():
        if not isinstance(found.get(part), list) or not all(_has(item, shape) for item in found[part]):
            raise _no_landscape(part)
    for event in found["events"]:
        if not _is_date(event["date"]) or not all(_is_place(region) for region in event["regions"]):
            raise _no_landscape("events")
    return found


def _has(item: object, shape: dict[str, type]) -> bool:
    return isinstance(item, dict) and all(isinstance(item.get(name), kind) for name, kind in shape.items())


def _is_date(date: Json) -> bool:
    value, precision = date.get("value"), date.get("precision")
    if precision in ("day", "month"):
        return isinstance(value, str) and _TO_THE_MONTH.fullmatch(value) is not None
    return isinstance(precision, str) and (value is None or isinstance(value, str))


def _is_place(region: object) -> bool:
    return isinstance(region, dict) and isinstance(region.get("code") or region.get("name"), str)


def _no_landscape(part: str) -> CallerError:
    return CallerError(
        "survey-not-a-landscape",
        _("This is no landscape of a survey: {part} is missing or of another shape."),
        hint=_("Give the landscape.json that poju survey --out wrote."),
        part=part,
    )
