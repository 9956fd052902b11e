"""Step 2, fit: two rankings for the region; the choice becomes a signed selection statement."""

from __future__ import annotations

import re

from poju import fit
from poju.demo import cast
from poju.demo.processes import Child
from poju.demo.session import ORIGIN, Session
from poju.i18n import _
from poju.ledger.keys import parse_vkey

REGION = "520000"
SCENARIO = "medical-system"
PACKAGE = "healthcare"
SHOWN_LINES = 8
LABEL_CHARACTERS = 80
MOST_LABELS = 32
NOT_IN_A_LABEL = re.compile(r"[^\w .,:;()/+&'%°-]")


def label(text: str) -> str:
    """Return ``text`` as a statement's label: at most 80 characters of a closed set."""
    return NOT_IN_A_LABEL.sub(" ", text)[:LABEL_CHARACTERS].strip() or "-"


def run(session: Session) -> None:
    """Rank scenarios, open the ledger, register the selection."""
    voice = session.voice
    voice.step(2, "fit", _("which scenario fits this region's economy?"))
    ranking = fit.rank(REGION, seed=session.options.seed)
    session.facts["fit"] = ranking
    title, table, legend = fit.render(ranking, session.options.language).split("\n\n")[:3]
    voice.show("\n".join([title, "", *table.splitlines()[:SHOWN_LINES], "", legend]))
    open_ledger(session)
    chosen = fit.selection(ranking, SCENARIO)
    fields = {
        "scenario": SCENARIO,
        "region": REGION,
        "evidence": [label(f"{e['figure']}: {e['value']} {e['unit']}, {e['year']}") for e in chosen["evidence"]],
        "missing": [label(text) for text in chosen["missing"]],
        "rank_common": chosen["rank_common"],
    }
    fields = {name: value[:MOST_LABELS] if isinstance(value, list) else value for name, value in fields.items()}
    if chosen["rank_distinctive"] is not None:
        fields["rank_distinctive"] = chosen["rank_distinctive"]
    entry = session.register(cast.AUTHORITY, "selection", f"selection/{PACKAGE}", fields).index
    session.facts["selection"] = {**chosen, "entry": entry}
    voice.tell(
        _("chosen: {scenario} (rank {rank} of what most regions do); signed as entry {entry}, {missing} gaps named"),
        scenario=next(row["names"] for row in ranking["common"] if row["scenario"] == SCENARIO)[voice.language],
        rank=chosen["rank_common"],
        entry=entry,
        missing=len(chosen["missing"]),
    )


def open_ledger(session: Session) -> None:
    """Start the authority's ledger as a process of its own, and open it."""
    folder = session.private / "authority"
    arguments = ["ledger", "serve", str(folder), "--package", str(session.options.package), "--origin", ORIGIN]
    child = Child("authority", arguments, session.private / "logs" / "authority.log")
    session.open_ledger(child)
    key = session.key(cast.AUTHORITY).public
    vkey = session.private / "authority" / "log.vkey"
    _origin, log_key = parse_vkey(vkey.read_text())
    fields = {"key": key.raw, "origin": "demo.poju.example", "log_key": log_key.raw, "demonstration": True}
    session.register(cast.AUTHORITY, "ledger-open", "ledger", fields)
    session.path("log.key").write_text(log_key.fingerprint + "\n")
    session.voice.tell(_("the ledger runs at {url}; its key is {key}"), url=child.url, key=log_key.fingerprint)
