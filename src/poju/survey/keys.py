"""Which figure of the page opens which sentences: each figure is a key, each event carries the keys that count it.

The page needs no program for it. A figure links to its key; while the key is the target of the address, the style shows
the events of its class and no others. So a figure and what it opens are one list, and cannot differ.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from poju.i18n import _
from poju.survey.model import Json
from poju.survey.scape.rows import rows_of
from poju.survey.speech import Names, words

_CELL = _("{region}: {instrument}")
_SIDES = {"push": _("events that push"), "environment": _("events of the environment"), "pull": _("events that pull")}
_THRUST = {"push": _("推動: events that push, or belong to the environment"), "pull": _("拉動: events that pull")}
_IN = _("{period}: events")
_YEAR_ONLY = _("{period}: events of which no month is told")
_UNDATED = _("events without a date")
_WITHIN = _("{region} and what lies in it: events")
_FIRST = _("first with {instrument}: events of {period}")


@dataclass(frozen=True, slots=True)
class Key:
    """One figure: its anchor, what it counts in three languages, the ids counted, how many of them the page holds."""

    anchor: str
    title: Names
    events: tuple[str, ...]
    held: int


class Evidence:
    """The keys of a page whose list holds the events ``held``; ids outside it stay in the counts."""

    def __init__(self, held: set[str]) -> None:
        self._held = held
        self._keys: dict[tuple[str, ...], Key] = {}
        self._by_event: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, name: tuple[str, ...], title: Names, events: list[str]) -> None:
        """Let the figure ``name`` open ``events``; a figure of nothing gets no key."""
        if not events or name in self._keys:
            return
        anchor = f"k{len(self._keys)}"
        self._keys[name] = Key(anchor, title, tuple(events), sum(1 for event in events if event in self._held))
        for event in events:
            self._by_event[event].append(anchor)

    def key(self, *name: str) -> Key | None:
        """Return the key of the figure ``name``; None where nothing was counted."""
        return self._keys.get(name)

    @property
    def keys(self) -> list[Key]:
        """Return all keys in the order of the page."""
        return list(self._keys.values())

    def classes(self, event: str) -> str:
        """Return the classes of an event: the anchors of the keys that count it."""
        return " ".join(self._by_event[event])

    def style(self) -> str:
        """Return the rules that show a key's events while the key is the target."""
        if not self._keys:
            return ""
        shown = ",".join(f"#{key.anchor}:target~ol>.{key.anchor}" for key in self._keys.values())
        return f"{shown}{{display:block}}"


def evidence_of(landscape: Json, held: set[str]) -> Evidence:
    """Return the keys of every figure of ``landscape``."""
    found = Evidence(held)
    kinds = {item["id"]: item["names"] for item in landscape["instruments"]}
    names = {item["code"]: item["name"] for item in landscape["regions"]}
    for item in landscape["cells"]:
        title = words(_CELL, region=names[item["region"]], instrument=kinds[item["instrument"]])
        found.add(("cell", item["region"], item["instrument"]), title, item["events"])
    _add_rows_and_columns(found, landscape, names, kinds)
    shares = landscape["shares"]
    for share in shares["sides"]:
        found.add(("side", share["side"]), words(_SIDES[share["side"]]), share["events"])
    for share in shares["thrusts"]:
        found.add(("thrust", share["thrust"]), words(_THRUST[share["thrust"]]), share["events"])
    _add_times(found, landscape["timeline"])
    for tile in landscape["tiles"]:
        found.add(("tile", tile["code"]), words(_WITHIN, region=tile["names"]), tile["events"])
    for tier in landscape["tiers"]:
        found.add(("tier", tier["tier"]), tier["names"], tier["events"])
    for item in landscape["firsts"]:
        if item["first"] is not None:
            title = words(_FIRST, instrument=kinds[item["instrument"]], period=item["first"]["value"])
            found.add(("first", item["instrument"]), title, item["first"]["events"])
    return found


def _add_rows_and_columns(found: Evidence, landscape: Json, names: dict[str, Names], kinds: dict[str, Names]) -> None:
    rows: defaultdict[str, dict[str, list[str]]] = defaultdict(lambda: {"all": [], "push": [], "pull": []})
    columns: defaultdict[str, list[str]] = defaultdict(list)
    for event in landscape["events"]:
        columns[event["instrument"]].append(event["id"])
        for row in rows_of(event):
            rows[row]["all"].append(event["id"])
            rows[row]["pull" if event["side"] == "pull" else "push"].append(event["id"])
    for code, held in rows.items():
        found.add(("row", code), names[code], held["all"])
        for thrust in ("push", "pull"):
            title = words(_CELL, region=names[code], instrument=words(_THRUST[thrust]))
            found.add(("row", code, thrust), title, held[thrust])
    for kind, events in columns.items():
        found.add(("column", kind), kinds[kind], events)


def _add_times(found: Evidence, line: Json) -> None:
    for period in line["periods"]:
        found.add(("period", period["period"]), words(_IN, period=period["period"]), period["events"])
    for period in line["coarse"]:
        found.add(("coarse", period["period"]), words(_YEAR_ONLY, period=period["period"]), period["events"])
    found.add(("undated",), words(_UNDATED), line["undated"]["events"])
