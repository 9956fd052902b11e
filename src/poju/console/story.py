"""What a report tells in one breath: the headline's counts and the moment in which an award turns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from poju.console.matrix import is_pull

Record = dict[str, Any]


@dataclass(frozen=True)
class Headline:
    """Counts over the policies that were read, without the demonstration's own notice.

    ``places`` counts distinct places as their sources name them; ``first_pulls`` are the demonstration's pull events.
    """

    events: int
    places: int
    push: int
    environment: int
    pull: int
    first_pulls: tuple[Record, ...]


def headline(landscape: Record) -> Headline:
    """Count a ``landscape``'s events again, so that the headline says what the squares below it show."""
    pulling = {instrument["id"] for instrument in landscape["instruments"] if is_pull(instrument)}
    read = [event for event in landscape["events"] if not event["marked"]]
    marked = [event for event in landscape["events"] if event["marked"]]
    places = {(region["code"], str(region["name"])) for event in read for region in event["regions"]}
    pull = [event for event in read if event["instrument"] in pulling]
    push = [event for event in read if event["side"] == "push" and event["instrument"] not in pulling]
    return Headline(
        events=len(read),
        places=len(places),
        push=len(push),
        environment=len(read) - len(pull) - len(push),
        pull=len(pull),
        first_pulls=tuple(event for event in marked if event["instrument"] in pulling),
    )


@dataclass(frozen=True)
class Moment:
    """One rule edited → offers change → refused becomes released → one byte altered → refused by anyone.

    Each part is None where the report does not hold it; nothing is made up for a fuller picture.
    """

    before: Record | None
    after: Record | None
    refused: Record | None
    released: Record | None
    tamper: Record | None
    edit: Record | None = None


def moment(report: Record) -> Moment:
    """Find the released award, the refused one that it follows, and the two versions' lines on the deciding cohort."""
    claims = report["award"]["claims"]
    released = next((claim for claim in claims if claim["outcome"] == "released"), None)
    refused = _earlier_refusal(claims, released)
    rows = report["leaderboard"]["rows"]
    after = trial_of(rows, released)
    before = trial_of(rows, refused)
    if after and (before is None or before["version"] == after["version"]):
        before = _previous_version(rows, after)
    tamper = report["tamper"] if "tamper" in report["given"] else None
    edit = report["edit"] if "edit" in report["given"] else None
    return Moment(before, after, refused, released, tamper, edit)


def _earlier_refusal(claims: list[Record], released: Record | None) -> Record | None:
    """Prefer the same provider with an earlier version: that is the award which an edit turned."""
    refused = [claim for claim in claims if claim["outcome"] == "refused"]
    if released:
        own = [claim for claim in refused if claim["provider"] == released["provider"]]
        turned = [claim for claim in own if claim["version"] != released["version"]]
        return next(iter(turned or own or refused), None)
    return next(iter(refused), None)


def trial_of(rows: list[Record], claim: Record | None) -> Record | None:
    """Return a claim's line of the leaderboard, on the cohort that its author had not seen where there is one."""
    if claim is None:
        return None
    own = [row for row in rows if row["provider"] == claim["provider"] and row["version"] == claim["version"]]
    return next(iter(sorted(own, key=lambda row: row["cohort"] == "open")), None)


def _previous_version(rows: list[Record], row: Record) -> Record | None:
    same = [other for other in rows if (other["solution"], other["cohort"]) == (row["solution"], row["cohort"])]
    position = same.index(row)
    return same[position - 1] if position else None
