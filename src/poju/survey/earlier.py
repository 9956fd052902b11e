"""A landscape that an earlier run wrote."""

from __future__ import annotations

import json
from pathlib import Path

from poju.errors import CallerError
from poju.i18n import _
from poju.survey.model import Json

_NAME = "landscape.json"
_MOST_BYTES = 1_000_000_000


def landscape_at(path: Path) -> Json:
    """Return the landscape in ``path``: the folder of an earlier ``--out``, or its landscape.json.

    Raise `CallerError` ``survey-no-landscape`` where none is there or it cannot be read as one.
    """
    file = path / _NAME if path.is_dir() else path
    try:
        with file.open("rb") as handle:
            content = handle.read(_MOST_BYTES)
        found = json.loads(content)
    except OSError as error:
        raise _missing(path, error.strerror or "unknown") from error
    except (ValueError, RecursionError) as error:
        raise _missing(path, _("it is no JSON")) from error
    if not isinstance(found, dict) or not isinstance(found.get("cells"), list):
        raise _missing(path, _("it is no landscape"))
    return found


def _missing(path: Path, reason: str) -> CallerError:
    return CallerError(
        "survey-no-landscape",
        _("There is no landscape in {path}: {reason}."),
        hint=_("Name the folder of an earlier run: poju survey PATH --out FOLDER"),
        path=path,
        reason=reason,
    )
