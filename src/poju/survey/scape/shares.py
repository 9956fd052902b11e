"""How much pushes and how much pulls: always the count beside the share."""

from __future__ import annotations

from poju.survey.model import Json
from poju.survey.scape.rows import PPM, SIDES

FEW = 30
"""Below this many events a share moves by more than three points with one event: the count says more."""


def shares(events: list[Json]) -> Json:
    """Return ``{"of", "few", "sides": [{"side", "count", "ppm", "events"}], "thrusts": [{"thrust", …}]}``.

    Shares are parts per million of the events read, not of all policies that exist. ``few`` says that there are fewer
    than :data:`FEW` events. Thrust is the article's two-valued reading: 推動 (push and environment) and 拉動 (pull).
    """
    by_side = {side: [event["id"] for event in events if event["side"] == side] for side in SIDES}
    by_thrust = {"push": [event["id"] for event in events if event["side"] != "pull"], "pull": by_side["pull"]}
    return {
        "of": len(events),
        "few": len(events) < FEW,
        "sides": [{"side": side, **_share(ids, len(events))} for side, ids in by_side.items()],
        "thrusts": [{"thrust": thrust, **_share(ids, len(events))} for thrust, ids in by_thrust.items()],
    }


def _share(ids: list[str], of: int) -> Json:
    return {"count": len(ids), "ppm": len(ids) * PPM // max(1, of), "events": ids}
