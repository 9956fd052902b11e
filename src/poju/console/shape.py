"""What a ``report.json`` may hold, in one table, and the check that fills the gaps.

A report comes from a file, so nothing in it is trusted: every field is checked against the table below before a
template sees it. Absent fields become empty ones, unknown fields are kept, a wrong type ends in one error that names
the place.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from poju.errors import CallerError
from poju.i18n import _

SCHEMA = "poju-report/1"
LARGEST_INTEGER = 2**63 - 1
LARGEST_TEXT = 200_000
LARGEST_LIST = 100_000
DEEPEST = 12

# Leaves of the table: what a value may be, and what stands for an absent one.
TEXT = "text"  # str; an integer is written out; absent: ""
INTEGER = "integer"  # int; absent: None
NUMBER = "number"  # int, float or a decimal as text; absent: None
FLAG = "flag"  # bool; absent: None (not known)
WORDS = "words"  # str, or {zh-Hant, zh-Hans, en}; absent: ""
OPEN = "open"  # any JSON value; absent: None
PAIRS = "pairs"  # {name: any JSON value}; absent: {}

Shape: TypeAlias = "str | list[Shape] | dict[str, Shape]"

SENTENCE: Shape = {"path": TEXT, "start": INTEGER, "end": INTEGER, "text": TEXT, "before": TEXT, "after": TEXT}
REGION: Shape = {"code": TEXT, "name": WORDS}
EVENT: Shape = {
    "id": TEXT,
    "path": TEXT,
    "instrument": TEXT,
    "side": TEXT,
    "regions": [REGION],
    "date": {"value": TEXT, "precision": TEXT},
    "amounts": [{"yuan": NUMBER, "semantics": [TEXT]}],
    "issuers": [{"name": WORDS}],
    "status": TEXT,
    "sentences": [SENTENCE],
    "marked": TEXT,
}
LANDSCAPE: Shape = {
    "instruments": [{"id": TEXT, "names": WORDS, "side": TEXT, "thrust": TEXT}],
    "regions": [{"code": TEXT, "name": WORDS, "level": TEXT, "parts": [TEXT]}],
    "cells": [{"region": TEXT, "instrument": TEXT, "events": [TEXT]}],
    "events": [EVENT],
    "outcomes": [{"text": WORDS, "count": NUMBER, "relation": TEXT, "subtype": TEXT, "sentences": [SENTENCE]}],
    "problems_solved": INTEGER,
    "findings": [OPEN],
    "counts": {"events": INTEGER, "places": INTEGER, "push": INTEGER, "environment": INTEGER, "pull": INTEGER},
    "shares_ppm": {"push": INTEGER, "environment": INTEGER, "pull": INTEGER},
    "similarity": {"measure": WORDS, "value_ppm": INTEGER, "pairs": [{"a": TEXT, "b": TEXT, "ppm": INTEGER}]},
    "documents": [{"path": TEXT, "title": WORDS, "language": TEXT, "characters": INTEGER, "sha256": TEXT}],
}
REASON: Shape = {
    "figure": WORDS,
    "industry": WORDS,
    "value": NUMBER,
    "unit": WORDS,
    "year": INTEGER,
    "source": WORDS,
    "location_quotient_ppm": INTEGER,
}
FIT: Shape = {
    "region": REGION,
    "year": INTEGER,
    "common": [{"scenario": TEXT, "names": WORDS, "rank": INTEGER, "score_ppm": INTEGER, "reasons": [OPEN]}],
    "distinctive": [
        {
            "scenario": TEXT,
            "names": WORDS,
            "rank": INTEGER,
            "score_ppm": INTEGER,
            "standing_ppm": INTEGER,
            "baseline_ppm": INTEGER,
            "interval": [INTEGER],
            "prerequisites": [{"text": WORDS, "met": FLAG}],
            "reasons": [REASON],
            "readable": FLAG,
        }
    ],
    "not_readable": [{"scenario": TEXT, "names": WORDS, "why": WORDS, "needs": [WORDS]}],
    "sources": [OPEN],
    "method": WORDS,
}
SELECTION: Shape = {"scenario": TEXT, "region": TEXT, "evidence": [OPEN], "missing": [OPEN], "entry": INTEGER}
SCENARIO: Shape = {
    "id": TEXT,
    "names": WORDS,
    "digest": TEXT,
    "roles": [{"id": TEXT, "names": WORDS}],
    "tracks": [{"id": TEXT, "names": WORDS, "status": TEXT}],
    "members": [{"id": TEXT, "name": WORDS, "roles": [TEXT], "entry": INTEGER, "state": TEXT}],
    "workflows": [
        {
            "subject": TEXT,
            "states": [OPEN],
            "transitions": [{"from": TEXT, "statement": TEXT, "role": OPEN, "to": TEXT}],
        }
    ],
    "kinds": [{"id": TEXT, "names": WORDS, "roles": [TEXT]}],
    "classes": [{"id": TEXT, "names": WORDS}],
    "runtime": PAIRS,
}
RUN: Shape = {
    "source": TEXT,
    "patients": INTEGER,
    "institutions": INTEGER,
    "records": INTEGER,
    "orders": INTEGER,
    "statements": INTEGER,
    "refusals": INTEGER,
    "notes": [WORDS],
    "read": {
        "refused": {"code": TEXT, "explain": WORDS},
        "served": {"entry": INTEGER},
        "checked": FLAG,
        "authority_stopped": FLAG,
        "still_verified": FLAG,
    },
}
LEADERBOARD: Shape = {
    "rows": [
        {
            "provider": TEXT,
            "solution": TEXT,
            "version": TEXT,
            "cohort": TEXT,
            "patients": INTEGER,
            "orders": INTEGER,
            "eligible": INTEGER,
            "correct": INTEGER,
            "wrong": INTEGER,
            "missed": INTEGER,
            "must_repeat": INTEGER,
            "must_repeat_offers": INTEGER,
            "score_ppm": INTEGER,
            "lower_ppm": INTEGER,
            "guard_ppm": INTEGER,
            "entry": INTEGER,
            "trace_root": TEXT,
        }
    ],
    "ablation": [{"solution": TEXT, "version": TEXT, "without": TEXT, "score_ppm": INTEGER, "loss_ppm": INTEGER}],
    "bootstrap": [
        {"seed": TEXT, "a": WORDS, "b": WORDS, "low_ppm": INTEGER, "high_ppm": INTEGER, "excludes_zero": FLAG}
    ],
}
INDICATOR: Shape = {
    "id": TEXT,
    "names": WORDS,
    "class": TEXT,
    "value_ppm": INTEGER,
    "numerator": INTEGER,
    "denominator": INTEGER,
    "patients": INTEGER,
    "query_digest": TEXT,
    "query": TEXT,
    "unit": WORDS,
    "pack": TEXT,
}
AWARD: Shape = {
    "programme": {
        "id": TEXT,
        "names": WORDS,
        "cap_fen": INTEGER,
        "budget_fen": INTEGER,
        "condition": {"minimum_lower_ppm": INTEGER, "minimum_patients": INTEGER, "maximum_guard_ppm": INTEGER},
        "model": WORDS,
    },
    "claims": [
        {
            "number": TEXT,
            "provider": TEXT,
            "version": TEXT,
            "amount_fen": INTEGER,
            "outcome": TEXT,
            "code": TEXT,
            "entry": INTEGER,
            "file": TEXT,
            "lower_ppm": INTEGER,
        }
    ],
}
PATIENT: Shape = {
    "handles": [OPEN],
    "rows": [
        {
            "time": OPEN,
            "who": WORDS,
            "roles": [TEXT],
            "what": WORDS,
            "purpose": TEXT,
            "basis": TEXT,
            "outcome": TEXT,
            "request_entry": INTEGER,
            "release_entry": INTEGER,
            "acknowledge_entry": INTEGER,
            "custodian": TEXT,
            "record_class": TEXT,
            "policies": [TEXT],
        }
    ],
}
VERIFY: Shape = {
    "exit_status": INTEGER,
    "command": TEXT,
    "key": TEXT,
    "steps": [{"number": TEXT, "name": WORDS, "ok": FLAG, "proved": WORDS}],
    "not_proved": [WORDS],
}
REPORT: dict[str, Shape] = {
    "schema": TEXT,
    "language": TEXT,
    "seed": TEXT,
    "finished": OPEN,
    "demonstration": FLAG,
    "landscape": LANDSCAPE,
    "fit": FIT,
    "selection": SELECTION,
    "scenario": SCENARIO,
    "run": RUN,
    "leaderboard": LEADERBOARD,
    "indicators": [INDICATOR],
    "award": AWARD,
    "patient": PATIENT,
    "verify": VERIFY,
    "tamper": {
        "file": TEXT,
        "offset": INTEGER,
        "exit_status": INTEGER,
        "number": INTEGER,
        "step": TEXT,
        "message": WORDS,
    },
    "edit": {"file": TEXT, "before": TEXT, "after": TEXT},
    "ledger": {
        "origin": TEXT,
        "size": INTEGER,
        "root": TEXT,
        "blocks": INTEGER,
        "statements": INTEGER,
        "decisions": INTEGER,
    },
    "files": [{"path": TEXT, "what": WORDS}],
}


def check(report: object) -> dict[str, Any]:
    """Return ``report`` with every field of the table present and of its type.

    Raises :class:`~poju.errors.CallerError` ``report-schema`` where it is no Poju report, ``report-shape`` where a
    field has another type or is beyond its bound.
    """
    if not isinstance(report, dict) or report.get("schema") != SCHEMA:
        raise CallerError(
            "report-schema",
            _("This is not a report that this console reads: its schema is not {expected}."),
            hint=_("Run poju demo again with this version and open the folder that it names."),
            expected=SCHEMA,
        )
    filled = _fill(report, REPORT, "report", 0)
    if not isinstance(filled, dict):  # the table's root is a record
        raise _wrong("report", "record")
    filled["given"] = sorted(key for key in REPORT if key in report and report[key] is not None)
    return filled


def _fill(value: object, shape: Shape, place: str, depth: int) -> object:
    if depth > DEEPEST:
        raise _wrong(place, "less deeply nested value")
    if isinstance(shape, dict):
        return _fill_record(value, shape, place, depth)
    if isinstance(shape, list):
        return _fill_list(value, shape[0], place, depth)
    return _fill_leaf(value, shape, place, depth)


def _fill_record(value: object, shape: dict[str, Shape], place: str, depth: int) -> dict[str, object]:
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise _wrong(place, "record")
    filled: dict[str, object] = {}
    for name, inner in shape.items():
        filled[name] = _fill(value.get(name), inner, f"{place}.{name}", depth + 1)
    for name, extra in value.items():
        if name not in shape:
            filled[name] = _bounded(extra, f"{place}.{name}"[:200], depth + 1)
    return filled


def _fill_list(value: object, shape: Shape, place: str, depth: int) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > LARGEST_LIST:
        raise _wrong(place, "list")
    return [_fill(item, shape, f"{place}[{index}]", depth + 1) for index, item in enumerate(value)]


def _fill_leaf(value: object, shape: str, place: str, depth: int) -> object:
    if value is None:
        return {TEXT: "", WORDS: "", PAIRS: {}}.get(shape)
    value = _bounded(value, place, depth)
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    if shape == TEXT and is_integer:
        return str(value)
    allowed = {
        TEXT: isinstance(value, str),
        INTEGER: is_integer,
        NUMBER: is_integer or isinstance(value, float | str),
        FLAG: isinstance(value, bool),
        WORDS: isinstance(value, str | dict),
        PAIRS: isinstance(value, dict),
        OPEN: True,
    }
    if not allowed[shape]:
        raise _wrong(place, shape)
    return value


def _bounded(value: object, place: str, depth: int) -> object:
    """Return ``value`` where no text, integer, list or nesting in it is beyond the bounds."""
    if depth > DEEPEST:
        raise _wrong(place, "less deeply nested value")
    if isinstance(value, str) and len(value) > LARGEST_TEXT:
        raise _wrong(place, "shorter text")
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise _wrong(place, "smaller integer")
    if isinstance(value, list | dict):
        if len(value) > LARGEST_LIST:
            raise _wrong(place, "shorter list")
        for item in value.values() if isinstance(value, dict) else value:
            _bounded(item, place, depth + 1)
    return value


def _wrong(place: str, expected: str) -> CallerError:
    return CallerError(
        "report-shape",
        _("In the report, {place} is not what belongs there: expected {expected}."),
        hint=_("Run poju demo again; if the file was edited, undo the edit. Fields: docs/reference/console.md."),
        place=place,
        expected=expected,
    )
