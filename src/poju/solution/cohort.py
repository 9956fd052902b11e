"""Cohorts: a fixed workload, committed to before anyone may win anything on it. The answer key stands apart."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from poju.errors import CallerError
from poju.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Case = dict[str, Any]
"""``{"case", "patient", "input": {"order", "earlier": [{"id", …}], "catalogue"}}`` (docs/spec/recognition-cases.md)."""

MAXIMUM_CASES = 1_000_000
MAXIMUM_CASE_BYTES = 256 * 1024
MAXIMUM_IDENTIFIER = 64
MINIMUM_SALT_BYTES = 32


def canonical(value: object) -> bytes:
    """Return ``value`` as canonical JSON: keys sorted, no spaces, UTF-8; no floats, as they have several spellings."""
    check_no_float(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def check_no_float(value: object) -> None:
    """Raise :class:`CallerError` where a float stands anywhere in ``value``."""
    if isinstance(value, float):
        raise malformed(_("A case holds the float {value}; figures are whole numbers or text."), value=value)
    if isinstance(value, dict):
        for item in value.values():
            check_no_float(item)
    elif isinstance(value, list | tuple):
        for item in value:
            check_no_float(item)


def cohort_commitment(cases: Sequence[Mapping[str, Any]], key: Mapping[str, Any], salt: bytes) -> bytes:
    """Return SHA-256(salt ‖ canonical JSON of ``{"cases", "key"}``), 32 bytes.

    ``salt`` is at least 32 random bytes that stay secret until the cohort is retired: without it nobody can guess a
    cohort from its commitment. Raises :class:`CallerError` for a shorter one.
    """
    if len(salt) < MINIMUM_SALT_BYTES:
        raise CallerError(
            "solution.salt",
            _("A cohort's salt has {length} bytes; it needs {least}."),
            hint=_("Draw it from the system's source of randomness and keep it until the cohort is retired."),
            length=len(salt),
            least=MINIMUM_SALT_BYTES,
        )
    content = canonical({"cases": [dict(case) for case in cases], "key": dict(key)})
    return hashlib.sha256(salt + content).digest()


def input_commitment(case: Mapping[str, Any], salt: bytes) -> bytes:
    """Return SHA-256(salt ‖ canonical JSON of the case's input), 32 bytes: what registered advice says of its input."""
    return hashlib.sha256(salt + canonical(case["input"])).digest()


def check_cases(cases: Iterable[Mapping[str, Any]]) -> list[Case]:
    """Return ``cases`` as a list after checking their form, their sizes and that no identifier stands twice.

    Raises :class:`CallerError` (``solution.cases``).
    """
    checked: list[Case] = []
    seen: set[str] = set()
    for case in cases:
        if len(checked) >= MAXIMUM_CASES:
            raise malformed(_("More than {most} cases."), most=MAXIMUM_CASES)
        check_case(case)
        if case["case"] in seen:
            raise malformed(_("The case {case} stands twice."), case=case["case"])
        seen.add(case["case"])
        checked.append(dict(case))
    return checked


def check_case(case: Mapping[str, Any]) -> None:
    """Raise :class:`CallerError` where ``case`` has not the form of :data:`Case`."""
    if set(case) != {"case", "patient", "input"} or not (
        is_identifier(case["case"]) and is_identifier(case["patient"])
    ):
        raise malformed(_("A case is {{case, patient, input}} and nothing else; an answer key stands apart."))
    content = case["input"]
    if not isinstance(content, dict) or not isinstance(content.get("earlier"), list):
        raise malformed(_("The case {case} has no list of earlier results."), case=case["case"])
    if not all(isinstance(item, dict) and is_identifier(item.get("id")) for item in content["earlier"]):
        raise malformed(_("The case {case} has an earlier result without an id."), case=case["case"])
    if len(canonical(content)) > MAXIMUM_CASE_BYTES:
        raise malformed(_("The case {case} is larger than {most} bytes."), case=case["case"], most=MAXIMUM_CASE_BYTES)


def is_identifier(value: object) -> bool:
    """Return whether ``value`` is a short text."""
    return isinstance(value, str) and 0 < len(value) <= MAXIMUM_IDENTIFIER


def malformed(message: str, **parameters: object) -> CallerError:
    """Return the error for cases that cannot be replayed."""
    hint = _("docs/spec/recognition-cases.md has the form of a case.")
    return CallerError("solution.cases", message, hint=hint, **(parameters or {"form": "recognition/1"}))


def by_patient(cases: Sequence[Case]) -> dict[str, list[Case]]:
    """Return the cases of each patient, patients in sorted order, each patient's cases in the order given."""
    grouped: dict[str, list[Case]] = {}
    for case in cases:
        grouped.setdefault(case["patient"], []).append(case)
    return dict(sorted(grouped.items()))
