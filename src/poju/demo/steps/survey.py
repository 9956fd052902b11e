"""Step 1, survey: policy texts → cited policy events → landscape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
    if not session.facts["landscape"]["counts"]["pull"]:
        voice.tell(_("nothing pulls. This demonstration opens medicine, whole, and pays only for what is proved"))
    voice.file(session.shown(session.path("landscape.json")))


def save(session: Session, landscape: dict[str, Any]) -> None:
    """Keep ``landscape`` for the later steps, and as ``landscape.json``; files go by their names, not their places."""
    session.facts["landscape"] = by_name(landscape)
    text = json.dumps(landscape, ensure_ascii=False, indent=1)
    session.path("landscape.json").write_text(text, encoding="utf-8")


def by_name(part: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Shorten every ``path`` in ``part`` to its last component, in place; return ``part``."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "path" and isinstance(value, str):
                part[key] = Path(value).name
            else:
                by_name(value)
    elif isinstance(part, list):
        for item in part:
            by_name(item)
    return part
