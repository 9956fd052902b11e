"""Advice: what a solution answered, decoded strictly. Reasons are codes from the package's list, never free text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

RECOGNITION_REASONS = (
    "valid-result",
    "none-earlier",
    "other-item",
    "unmapped-code",
    "unit-differs",
    "specimen-differs",
    "method-differs",
    "quality",
    "outside-window",
    "acute-change",
    "monitoring",
    "abstain",
)
"""The reasons of the decision point ``recognition/1``, as the package ``healthcare`` lists them under
``[[reasons.advice]]``; another package passes its own list."""

MAXIMUM_IDENTIFIER = 64


@dataclass(frozen=True)
class Advice:
    """One answer: the identifier of the earlier result offered, or None, and the reason's code."""

    offer: str | None
    reason: str


class InvalidAdviceError(ValueError):
    """What the solution returned is no advice; the text says why. Never leaves this room."""


def decode_advice(text: str, offered: Collection[str], reasons: Collection[str]) -> Advice:
    """Return the advice in the JSON ``text``.

    ``offered`` are the identifiers that the case holds; nothing else can be offered. Raises
    :class:`InvalidAdviceError`.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidAdviceError("advice is no JSON") from error
    if not isinstance(value, dict) or value.keys() != {"offer", "reason"}:
        raise InvalidAdviceError('advice must be {"offer": id or None, "reason": code}')
    offer, reason = value["offer"], value["reason"]
    if not isinstance(reason, str) or reason not in reasons:
        raise InvalidAdviceError(f"reason must be one of {', '.join(reasons)}")
    if offer is None:
        return Advice(None, reason)
    if not isinstance(offer, str) or len(offer) > MAXIMUM_IDENTIFIER or offer not in offered:
        raise InvalidAdviceError("offer is no identifier of an earlier result in this case")
    return Advice(offer, reason)
