"""Assembling ``report.json`` from what the steps found, in the shape that the console reads."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from typing import Any

from poju.console import report as page
from poju.demo import cast
from poju.demo.draft import Draft
from poju.demo.session import Session
from poju.exchange.patient import Access
from poju.scenario.package import Package
from poju.support.programme import Programme

FILES = (
    ("public/", "public"),
    ("auditor/", "auditor"),
    ("guest/", "guest"),
    ("payments/", "payments"),
    ("log.key", "log-key"),
    ("landscape.json", "landscape"),
    ("report.json", "report"),
    ("report.html", "page"),
)


def write(session: Session) -> None:
    """Write ``report.json`` and ``report.html``."""
    facts = session.facts
    report = {
        "schema": "poju-report/1",
        "language": session.options.language,
        "seed": session.options.seed,
        "finished": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "demonstration": True,
        "landscape": _landscape(facts["landscape"]),
        "fit": facts["fit"],
        "selection": facts["selection"],
        "scenario": _scenario(session, facts["package"]),
        "run": _run(session),
        "leaderboard": {
            "rows": facts["leaderboard"],
            "ablation": facts["ablation"],
            "bootstrap": facts["bootstrap"],
        },
        "indicators": facts["indicators"],
        "award": {"programme": _programme(facts["programme"]), "claims": facts["claims"]},
        "patient": {"handles": facts["handles"], "rows": [_access(access) for access in facts["patient"]]},
        "verify": facts["verify"],
        "tamper": facts["tamper"],
        "edit": _edit(facts["draft"]),
        "ledger": facts["ledger"],
        "files": [{"path": path, "what": what} for path, what in FILES],
    }
    text = json.dumps(report, ensure_ascii=False, indent=1)
    session.path("report.json").write_text(text, encoding="utf-8")
    page.write(report, session.path("report.html"), session.options.language)


def _landscape(landscape: dict[str, Any]) -> dict[str, Any]:
    """Return the landscape with each outcome's count as a plain number beside its relation, such as more_than."""
    outcomes = [
        {**item, "count": (item.get("count") or {}).get("value"), "relation": (item.get("count") or {}).get("relation")}
        for item in landscape["outcomes"]
    ]
    return {**landscape, "outcomes": outcomes}


def _edit(draft: Draft | None) -> dict[str, str] | None:
    """Return the one line in which the draft differs from the finished version."""
    return {"file": draft.file, "before": draft.draft_line, "after": draft.finished_line} if draft else None


def _scenario(session: Session, package: Package) -> dict[str, Any]:
    table: dict[str, dict[str, Any]] = {}
    for row in package.workflow.transitions:
        subject = table.setdefault(row.subject, {"subject": row.subject, "states": [], "transitions": []})
        subject["states"] += [s for s in (row.source, row.target) if s and s not in subject["states"]]
        if row.target:
            by = ", ".join(row.by)
            step = {"from": row.source, "statement": row.statement, "role": by, "to": row.target}
            subject["transitions"].append(step)
    entries = session.facts["members"]
    return {
        "id": package.id,
        "names": dict(package.names),
        "digest": package.digest.hex(),
        "roles": [{"id": role.id, "names": dict(role.names)} for role in package.roles.values()],
        "tracks": [{"id": t.id, "names": dict(t.names), "status": t.status} for t in package.tracks.values()],
        "members": [
            {"id": m.id, "name": m.name, "roles": list(m.roles), "entry": entries[m.id], "state": "admitted"}
            for m in cast.MEMBERS
        ],
        "workflows": list(table.values()),
        "kinds": [
            {"id": kind.id, "names": dict(kind.names), "roles": list(kind.by)} for kind in package.all_kinds().values()
        ],
        "runtime": session.facts["opened_runtime"],
    }


def _run(session: Session) -> dict[str, Any]:
    ledger = session.facts["ledger"]
    refusals = len(session.facts.get("refusals", []))
    return {**session.facts["run"], "statements": ledger["statements"], "refusals": refusals}


def _programme(programme: Programme) -> dict[str, Any]:
    return {
        "id": programme.id,
        "names": dict(programme.names),
        "cap_fen": programme.cap,
        "budget_fen": programme.budget,
        "condition": {
            "minimum_lower_ppm": programme.condition.minimum_lower_ppm,
            "minimum_patients": programme.condition.minimum_patients,
            "maximum_guard_ppm": programme.condition.maximum_guard_ppm,
        },
        "model": dict(programme.modelled_on.what),
    }


def _access(access: Access) -> dict[str, Any]:
    shown = asdict(access)
    shown["what"] = f"{access.record_class} · {access.custodian}"
    shown["time"] = dt.datetime.fromtimestamp(access.time, dt.UTC).isoformat()
    shown["roles"] = [role for member in cast.MEMBERS if member.id == access.who for role in member.roles]
    return shown
