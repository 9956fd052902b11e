"""Read ``DIR/report.json`` strictly and bounded; write ``report.html``, the console as one file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from poju.console import page, shape
from poju.errors import BugError, CallerError, OperatorError
from poju.i18n import LANGUAGES, _

FILE = "report.json"
LARGEST_FILE = 16 * 1024 * 1024
LARGEST_PAGE = 2 * 1000 * 1000
# The one file holds as many lines of a list as fit; the report beside it holds all.
MOST_LINES = (400, 120, 40, 10)


def load(folder: Path) -> dict[str, Any]:
    """Return the checked report in ``folder``.

    Raises :class:`~poju.errors.CallerError`: ``report-missing`` where there is none, ``report-too-large`` above 16 MiB,
    ``report-not-json`` where the bytes are not strict JSON in UTF-8 (RFC 8259; no duplicate names, no NaN), and those
    of :func:`poju.console.shape.check`.
    """
    path = folder / FILE
    try:
        with path.open("rb") as handle:
            data = handle.read(LARGEST_FILE + 1)
    except OSError as error:
        raise CallerError(
            "report-missing",
            _("There is no readable report at {path}."),
            hint=_("Run poju demo --out DIR first, then poju console DIR with the same folder."),
            path=path,
        ) from error
    if len(data) > LARGEST_FILE:
        raise CallerError(
            "report-too-large",
            _("{path} is larger than the {limit} MiB that the console reads."),
            hint=_("Give the folder that poju demo wrote; its report is far smaller."),
            path=path,
            limit=LARGEST_FILE // 1024**2,
        )
    return decode(data)


def decode(data: bytes) -> dict[str, Any]:
    """Return the checked report in ``data``; errors as for :func:`load`."""
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise CallerError(
            "report-not-json",
            _("The report is not strict JSON in UTF-8: {reason}"),
            hint=_("Run poju demo again; if the file was edited, undo the edit."),
            reason=str(error)[:200],
        ) from error
    return shape.check(found)


def write(report: dict[str, Any], path: Path, language: str) -> int:
    """Write ``report`` as one self-contained page to ``path`` in ``language``; return its size in bytes (< 2,000,000).

    The file appears whole or not at all. Raises :class:`~poju.errors.CallerError` where ``report`` is not of its shape
    or ``language`` is unknown, :class:`~poju.errors.OperatorError` ``report-not-written`` where the disk refuses.
    """
    if language not in LANGUAGES:
        raise CallerError(
            "language-unknown",
            _("There is no language {language} here."),
            hint=_("Choose one of zh-Hant, zh-Hans and en."),
            language=language,
        )
    data = render(shape.check(report), language)
    draft = path.with_name(path.name + ".part")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    except OSError as error:
        raise OperatorError(
            "report-not-written",
            _("{path} could not be written: {reason}"),
            hint=_("Check that the folder exists, may be written to and has space left."),
            path=path,
            reason=error.strerror or "",
        ) from error
    return len(data)


def render(checked: dict[str, Any], language: str) -> bytes:
    """Return a checked report as one page below the largest size, with as many lines as fit."""
    for most in MOST_LINES:
        data = page.single_page(checked, language, most).encode("utf-8", errors="replace")
        if len(data) < LARGEST_PAGE:
            return data
    raise BugError(
        "report-page-too-large",
        _("The page is larger than {limit} bytes even in its shortest form."),
        hint=_("Open the folder with poju console DIR instead, and report this."),
        limit=LARGEST_PAGE,
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice in one record")
    return found


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")
