"""Two surveys over time: what is new, what is gone, what pulls now; and how far the two may be compared at all.

A cell that is gone means that no document of the later survey tells of it: either the document is not in the sample any
more, or it is read differently. It never means that a policy was withdrawn.
"""

from __future__ import annotations

from poju.i18n import _, translate
from poju.survey.model import Json
from poju.survey.scape.check import check_landscape
from poju.survey.scape.rows import PPM, SIDES, rows_of
from poju.survey.scape.timeline import month_of

SAME_ENOUGH_PPM = 800_000
"""From this share of common documents on, a changed figure is said to be a change; below it only that it differs."""

_LONGEST_CITED = 400
_TITLE = _("Two surveys compared: {earlier} documents before, {later} now, {both} in both")
_ALIKE = _("The document sets are the same.")
_MOSTLY = _("{percent} % of the documents are in both surveys: a difference may come from the others.")
_APART = _("Only {percent} % of the documents are in both surveys: what differs is the sample, not the policy.")
_SHARE = _("{side}: {before} of {before_of} before, {after} of {after_of} now")
_SAME_SHARE = _("{side}, in the documents of both: {before} of {before_of} before, {after} of {after_of} now")
_NEW = _("{count} squares are new: {from_new} by documents that were not there before, {reread} in documents of both")
_GONE = _("{count} squares are gone: {not_there} with documents that are not there now, {reread} in documents of both")
_NOT_WITHDRAWN = _(
    "A square that is gone is not told of any more; that no policy was withdrawn or that one was, it cannot say."
)
_FIRST = _("first pull: {region}, {when}")
_UNSEEN = _("pulls, but was not in the earlier survey at all: {region}, {when}")
_NO_FIRST = _("No region that did not pull before pulls now.")
_UNDATED = _("undated")
_NAMES = {"push": _("supply (push)"), "environment": _("environment (push)"), "pull": _("demand (pull)")}


def compare(earlier: Json, later: Json) -> Json:
    """Return what changed from the landscape ``earlier`` to ``later``.

    {"documents": {"earlier", "later", "both", "overlap_ppm", "only_earlier": [path], "only_later": [path]},
    "comparable": "same" | "mostly" | "apart", "shares": {side: {"earlier", "later", "change_ppm"}}, "same_documents":
    {side: …}, "new", "gone": [{"region", "instrument", "side", "reason", "events", "cited": [{"path", "text"}]}],
    "kept": count, "regions": {"new", "gone"}, "first_pull": [{"region", "value", "precision", "instruments", "events",
    "seen_before", "new_documents"}], "names": {region: names}, "instruments": …}. A share is {"count", "of", "ppm"}.

    Documents are the same where their SHA-256 is, never by name. The overlap is a Jaccard index. ``events`` are ids of
    the survey that has them. ``first_pull`` are the regions whose row had no pull and has some now, in order of time;
    those that the earlier survey did not tell of (``seen_before`` is false) stand last, for of them it said nothing.

    Raises :class:`~poju.errors.CallerError` ``survey-not-a-landscape`` where either is none.
    """
    earlier, later = check_landscape(earlier), check_landscape(later)
    before, after = _digests(earlier), _digests(later)
    both = set(before.values()) & set(after.values())
    union = set(before.values()) | set(after.values())
    overlap = len(both) * PPM // len(union) if union else 0
    was, now = _cells(earlier["events"]), _cells(later["events"])
    old_rows, new_rows = {row for row, _kind in was}, {row for row, _kind in now}
    in_both_before = [event for event in earlier["events"] if before.get(event["path"]) in both]
    in_both_after = [event for event in later["events"] if after.get(event["path"]) in both]
    return {
        "documents": {
            "earlier": len(earlier["documents"]),
            "later": len(later["documents"]),
            "both": len(both),
            "overlap_ppm": overlap,
            "only_earlier": [path for path, digest in before.items() if digest not in both],
            "only_later": [path for path, digest in after.items() if digest not in both],
        },
        "comparable": "same" if overlap == PPM else "mostly" if overlap >= SAME_ENOUGH_PPM else "apart",
        "shares": _shares(earlier["events"], later["events"]),
        "same_documents": _shares(in_both_before, in_both_after),
        "new": [_cell(key, now[key], after, both) for key in now if key not in was],
        "gone": [_cell(key, was[key], before, both) for key in was if key not in now],
        "kept": sum(1 for key in now if key in was),
        "regions": {
            "new": [row for row in _order(now) if row not in old_rows],
            "gone": [row for row in _order(was) if row not in new_rows],
        },
        "first_pull": _first_pull(was, now, after, both),
        "names": {item["code"]: item["name"] for item in (*earlier["regions"], *later["regions"])},
        "instruments": later["instruments"],
    }


def render_comparison(comparison: Json, language: str) -> str:
    """Return ``comparison`` in some lines for a terminal, in ``language`` (zh-Hant, zh-Hans, en)."""
    documents = comparison["documents"]
    percent = documents["overlap_ppm"] // 10_000
    caution = {"same": _ALIKE, "mostly": _MOSTLY, "apart": _APART}[comparison["comparable"]]
    counted = {name: documents[name] for name in ("earlier", "later", "both")}
    lines = [translate(_TITLE, language, **counted), translate(caution, language, percent=percent)]
    for text, shares in ((_SHARE, comparison["shares"]), (_SAME_SHARE, comparison["same_documents"])):
        lines += [translate(text, language, **_told_share(side, shares[side], language)) for side in SIDES]
    lines.append(translate(_NEW, language, **_reasons(comparison["new"], "from_new")))
    lines.append(translate(_GONE, language, **_reasons(comparison["gone"], "not_there")))
    if comparison["gone"]:
        lines.append(translate(_NOT_WITHDRAWN, language))
    for item in comparison["first_pull"]:
        when = item["value"] or translate(_UNDATED, language)
        text = _FIRST if item["seen_before"] else _UNSEEN
        lines.append(translate(text, language, region=name_in(comparison, item["region"], language), when=when))
    if not any(item["seen_before"] for item in comparison["first_pull"]):
        lines.append(translate(_NO_FIRST, language))
    return "\n".join(lines)


def name_in(comparison: Json, code: str, language: str) -> str:
    """Return the name of a row in ``language``; its code where a landscape from a file has no name for it."""
    return str(comparison["names"].get(code, {}).get(language, code))


def _told_share(side: str, share: Json, language: str) -> Json:
    return {
        "side": translate(_NAMES[side], language),
        "before": share["earlier"]["count"],
        "before_of": share["earlier"]["of"],
        "after": share["later"]["count"],
        "after_of": share["later"]["of"],
    }


def _reasons(cells: list[Json], name: str) -> Json:
    reread = sum(1 for cell in cells if cell["reason"] == "read")
    return {"count": len(cells), name: len(cells) - reread, "reread": reread}


def _digests(landscape: Json) -> dict[str, str]:
    return {document["path"]: document["sha256"] or document["path"] for document in landscape["documents"]}


def _cells(events: list[Json]) -> dict[tuple[str, str], list[Json]]:
    found: dict[tuple[str, str], list[Json]] = {}
    for event in events:
        for row in rows_of(event):
            found.setdefault((row, event["instrument"]), []).append(event)
    return found


def _order(cells: dict[tuple[str, str], list[Json]]) -> list[str]:
    return list(dict.fromkeys(row for row, _kind in cells))


def _cell(key: tuple[str, str], events: list[Json], digests: dict[str, str], both: set[str]) -> Json:
    """Return a square that one survey has; ``reason`` is read where a document of both tells of it, else documents."""
    common = any(digests.get(event["path"]) in both for event in events)
    return {
        "region": key[0],
        "instrument": key[1],
        "side": events[0]["side"],
        "reason": "read" if common else "documents",
        "events": [event["id"] for event in events],
        "cited": _cited(events[0]),
    }


def _cited(event: Json) -> list[Json]:
    """Return the first cited sentence, so that a square of a survey that is not at hand can be read."""
    found = event.get("sentences")
    first = found[0] if isinstance(found, list) and found else None
    if not isinstance(first, dict) or not isinstance(first.get("text"), str):
        return []
    return [{"path": event["path"], "text": first["text"][:_LONGEST_CITED]}]


def _shares(earlier: list[Json], later: list[Json]) -> Json:
    found = {}
    for side in SIDES:
        was, now = _share(earlier, side), _share(later, side)
        known = was["of"] and now["of"]
        found[side] = {"earlier": was, "later": now, "change_ppm": now["ppm"] - was["ppm"] if known else None}
    return found


def _share(events: list[Json], side: str) -> Json:
    count = sum(1 for event in events if event["side"] == side)
    return {"count": count, "of": len(events), "ppm": count * PPM // max(1, len(events))}


def _first_pull(
    was: dict[tuple[str, str], list[Json]],
    now: dict[tuple[str, str], list[Json]],
    digests: dict[str, str],
    both: set[str],
) -> list[Json]:
    seen = {row for row, _kind in was}
    pulled = {row for (row, _kind), events in was.items() if events[0]["side"] == "pull"}
    pulls: dict[str, list[Json]] = {}
    for (row, _kind), events in now.items():
        if events[0]["side"] == "pull" and row not in pulled:
            pulls.setdefault(row, []).extend(events)
    found = []
    for row, events in pulls.items():
        first = min(events, key=_when)
        found.append(
            {
                "region": row,
                "value": first["date"]["value"],
                "precision": first["date"]["precision"],
                "instruments": list(dict.fromkeys(event["instrument"] for event in events)),
                "events": [event["id"] for event in events],
                "seen_before": row in seen,
                "new_documents": all(digests.get(event["path"]) not in both for event in events),
            }
        )
    return sorted(found, key=lambda item: (not item["seen_before"], item["value"] is None, item["value"] or ""))


def _when(event: Json) -> tuple[int, str]:
    """Order by month where it is known, then coarser dates, then none."""
    rank = 0 if month_of(event) is not None else 1 if event["date"]["value"] else 2
    return rank, event["date"]["value"] or ""
