"""Sign what ``poju fit --choose`` chose: the selection statement that an authority registers first."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

from poju import fit
from poju.errors import BugError, CallerError
from poju.i18n import _
from poju.ledger import statement
from poju.ledger.cbor import Value
from poju.ledger.keys import PrivateKey
from poju.scenario.fields import LABEL_CHARACTERS
from poju.scenario.kinds import compile_kind, room_kinds
from poju.units import Seconds

KIND = "selection"
FILE, PLAIN_FILE = "selection.cose", "selection.json"
MOST_LABELS = 32
NOT_IN_A_LABEL = re.compile(r"[^\w .,:;()/+&'%°-]")
HALF_WIDTH = str.maketrans({"\uff0c": ",", "\uff1a": ":", "\uff1b": ";", "\uff08": "(", "\uff09": ")"})


def labels(texts: list[str]) -> list[str]:
    """Return ``texts`` as labels of a statement: each once, at most 80 characters of a closed set, at most 32."""
    found = [NOT_IN_A_LABEL.sub(" ", text.translate(HALF_WIDTH))[:LABEL_CHARACTERS].strip() or "-" for text in texts]
    return list(dict.fromkeys(found))[:MOST_LABELS]


def fields(chosen: dict[str, Any]) -> dict[str, Value]:
    """Return the content of :func:`poju.fit.selection` as the fields of the kind ``selection``."""
    told: dict[str, Value] = {
        "scenario": chosen["scenario"],
        "region": chosen["region"],
        "evidence": list(labels([f"{e['figure']}: {e['value']} {e['unit']}, {e['year']}" for e in chosen["evidence"]])),
        "missing": list(labels(chosen["missing"])),
        "rank_common": chosen["rank_common"],
    }
    if chosen["rank_distinctive"] is not None:
        told["rank_distinctive"] = chosen["rank_distinctive"]
    kind = room_kinds()[KIND]
    wrong = compile_kind(kind, {}, ())(told)
    if wrong:
        raise BugError("fit-selection-field", _("The selection does not fit its statement kind: {rule}."), rule=wrong)
    return told


def sign(answer: dict[str, Any], scenario: str, key: Path, issuer: str, out: Path) -> tuple[Path, str]:
    """Sign the choice of ``scenario`` on ``answer`` with the 32-byte seed at ``key``; return file and fingerprint.

    Writes the statement (COSE_Sign1) and, for people, its content as JSON into ``out``. Raises ``key.unusable``,
    ``statement.malformed`` where ``issuer`` is no member's name, ``fit-scenario-unknown``, ``fit-out``.
    """
    chosen = fit.selection(answer, scenario)
    content = fields(chosen)
    private = PrivateKey.load(key)
    package = next((entry["package"] for entry in fit.catalogue() if entry["id"] == scenario), None)
    raw = statement.sign(
        private,
        KIND,
        issuer=issuer,
        subject=f"selection/{package or scenario}",
        issued_at=Seconds(int(time.time())),
        identifier=statement.new_identifier(),
        fields=content,
    )
    statement.decode(raw)
    told = {"statement": content, "selection": chosen, "issuer": issuer, "key": private.public.fingerprint}
    write(out / FILE, raw)
    write(out / PLAIN_FILE, (json.dumps(told, ensure_ascii=False, indent=2) + "\n").encode())
    return out / FILE, private.public.fingerprint


def write(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` and make its folder, or raise ``fit-out``."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise CallerError(
            "fit-out",
            _("{path} cannot be written."),
            hint=_("Name a folder that you may write to."),
            path=path,
        ) from error
