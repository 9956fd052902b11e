"""Registering one statement through a validator of a network on this machine."""

from __future__ import annotations

from pathlib import Path

from poju.errors import RefusedError
from poju.i18n import _
from poju.node import network_folder
from poju.node.client import LedgerClient, Refused, Registered


def submit(folder: Path, name: str, raw: bytes) -> Registered:
    """Return the answer of the validator called ``name`` to the statement ``raw``.

    Raises ``network.none``, ``network.validator``, ``ledger.unreachable``, ``ledger.answer``, and the rule's own code
    where the statement was refused.
    """
    client = LedgerClient(network_folder.load(folder).find(name).url)
    try:
        answer = client.register(raw)
    finally:
        client.close()
    if isinstance(answer, Refused):
        raise RefusedError(
            answer.code,
            _("The rules refused the statement: {rule}."),
            hint=_("See docs/reference/errors.md for what the rule asks."),
            rule=answer.code,
        )
    return answer
