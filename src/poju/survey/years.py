"""Give each place of an event the GB/T 2260 code of the event's year, beside the code of today where that differs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from poju.survey.gazetteer import NATION, every_division, full_name, full_name_of, of_year, present
from poju.survey.model import Event, Region, When
from poju.survey.text import Page

_CLASS = "省市区县旗盟州"


def settle_codes(page: Page, document_date: When, events: Iterable[Event]) -> None:
    """Replace the regions of ``events`` by those of the event's year, else of ``document_date``'s, else the newest."""
    for event in events:
        year = _year(event.date) or _year(document_date)
        event.regions = [region_of_year(page, region, year) for region in event.regions]


def region_of_year(page: Page, region: Region, year: int | None) -> Region:
    """Return ``region`` with the code and name that it had in ``year``; ``now`` holds its codes of today if others.

    A place without a code stays as it is: which of its namesakes is meant is not made clearer by a year.
    """
    if region.code is None or region.code == NATION or region.code not in every_division():
        return region
    written = page.norm[region.span.end - 1 : region.span.end]
    division = every_division()[region.code]
    if year is not None:
        division = of_year(region.code, year, in_full=written in _CLASS or page.english)
    now = present(division.code)
    name = region.name
    if name.startswith(full_name(region.code)):
        name = full_name_of(division) + name.removeprefix(full_name(region.code))
    level = region.level if region.level == "zone" else division.level
    return replace(region, code=division.code, name=name, level=level, now=() if now == (division.code,) else now)


def _year(when: When) -> int | None:
    return int(when.value[:4]) if when.value is not None and when.value[:4].isdigit() else None
