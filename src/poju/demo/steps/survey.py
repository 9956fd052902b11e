"""Step 1, survey: policy texts → cited policy events → landscape."""

from __future__ import annotations

import json

from poju import survey
from poju.demo.session import Session
from poju.i18n import _


def run(session: Session) -> None:
    """Read the policies that the options name and write ``landscape.json``."""
    voice = session.voice
    voice.step(1, "survey", _("what has every region done, and does anything pull?"))
    results = [survey.extract(document) for document in survey.read(session.options.policies)]
    session.facts["survey"] = results
    save(session, survey.landscape(results))
    voice.show(survey.render(session.facts["landscape"], session.options.language))
    voice.file(session.shown(session.path("landscape.json")))


def save(session: Session, landscape: dict[str, object]) -> None:
    """Keep ``landscape`` for the later steps, and as ``landscape.json``."""
    session.facts["landscape"] = landscape
    text = json.dumps(landscape, ensure_ascii=False, indent=1)
    session.path("landscape.json").write_text(text, encoding="utf-8")
