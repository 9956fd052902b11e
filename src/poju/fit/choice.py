"""What a region chose: the content of the signed *selection* statement, with its evidence and what was missing."""

from __future__ import annotations

from typing import Any

from poju.errors import CallerError
from poju.i18n import _

LONGEST_TEXT = 200
"""Characters of any string in a selection: the statement that carries it is bounded."""


def selection(fit: dict[str, Any], scenario: str) -> dict[str, Any]:
    """Return what is to be signed when ``scenario`` is chosen on the answer ``fit`` of :func:`poju.fit.rank`.

    ``{"scenario", "region", "evidence": [{"figure", "value", "unit", "year", "source"}], "missing": [str, …],
    "rank_common": int, "rank_distinctive": int | None}``: strings of at most 200 characters and integers. Evidence
    has a year; a figure without one is named under ``missing``, beside unmet or open prerequisites and what the field
    needs to be read at all. ``rank_distinctive`` is None where the field is not readable from structure. Where the
    answer rests on assumptions (``--set``), ``"assumed"`` lists them as ``{"figure", "value", "unit"}``; they are named
    under ``missing`` and never stand as evidence.

    Raises :class:`CallerError` ``fit-scenario-unknown`` where the answer has no such scenario.
    """
    common = _entry(fit["common"], scenario)
    if common is None:
        raise CallerError(
            "fit-scenario-unknown",
            _("There is no scenario “{scenario}” in the catalogue."),
            hint=_("Choose one of: {known}."),
            scenario=scenario[:LONGEST_TEXT],
            known=", ".join(entry["scenario"] for entry in fit["common"]),
        )
    ranked = _entry(fit["distinctive"], scenario)
    structural = ranked if ranked is not None else _entry(fit["not_readable"], scenario)
    found = structural if structural is not None else {"reasons": [], "prerequisites": []}
    reasons = [*found["reasons"], *common["reasons"]]
    assumed = fit.get("assumed", [])
    chosen = {
        "scenario": scenario,
        "region": fit["region"]["code"],
        "evidence": [_evidence(reason) for reason in reasons if _stands(reason)],
        "missing": [*_assumptions(assumed), *_missing(found, reasons)],
        "rank_common": common["rank"],
        "rank_distinctive": None if ranked is None else ranked["rank"],
    }
    if assumed:
        chosen["assumed"] = [{key: item[key] for key in ("figure", "value", "unit")} for item in assumed]
    return chosen


def _stands(reason: dict[str, Any]) -> bool:
    """Return whether a reason is evidence: dated, and no part of it assumed."""
    return reason["year"] is not None and not reason.get("assumed")


def _assumptions(assumed: list[dict[str, Any]]) -> list[str]:
    return [
        _short(f"假設，無來源 / assumed, no source: {item['figure']} = {item['value']} {item['unit']}")
        for item in assumed
    ]


def _entry(entries: list[dict[str, Any]], scenario: str) -> dict[str, Any] | None:
    return next((entry for entry in entries if entry["scenario"] == scenario), None)


def _evidence(reason: dict[str, Any]) -> dict[str, Any]:
    return {
        "figure": _short(reason["figure"]),
        "value": reason["value"],
        "unit": _short(reason["unit"]),
        "year": reason["year"],
        "source": _short(reason["source"]),
    }


def _missing(found: dict[str, Any], reasons: list[dict[str, Any]]) -> list[str]:
    """Return what was not known when the choice was made, in Traditional Chinese and English, each once."""
    texts = list(found.get("needs", []))
    texts += [item["text"] for item in found["prerequisites"] if item["met"] is not True]
    lines = [_short(f"{text['zh-Hant']} / {text['en']}") for text in texts]
    lines += [
        _short(f"年份未註明 / year not stated: {reason['figure']}")
        for reason in reasons
        if reason["year"] is None and not reason.get("assumed")
    ]
    return list(dict.fromkeys(lines))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
