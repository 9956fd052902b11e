"""Where the data files of this room are read: the package's own, or an operator's folder that holds edited copies.

The choice is one environment variable, so that processes started later read the same files. Tables are read once and
kept, so the choice has to be made before the first text is read.
"""

from __future__ import annotations

import hashlib
import os
from importlib import resources
from pathlib import Path

from poju.errors import CallerError
from poju.i18n import _

VARIABLE = "POJU_SURVEY_DATA"
KINDS = (".toml", ".csv", ".tsv", ".txt")
MAX_BYTES = 8_000_000
_read: set[str] = set()


def data_text(name: str) -> str:
    """Return the text of the data file ``name``: the operator's copy where there is one, else the package's."""
    _read.add(name)
    return _content(name).decode("utf-8")


def data_names() -> list[str]:
    """Return the names of the package's data files, sorted."""
    folder = resources.files("poju.survey") / "data"
    return sorted(item.name for item in folder.iterdir() if item.name.endswith(KINDS))


def data_digest() -> str:
    """Return one SHA-256, in hex, over the names and bytes of all data files in use: what a run rests on."""
    whole = hashlib.sha256()
    for name in data_names():
        whole.update(name.encode() + b"\0" + hashlib.sha256(_content(name)).digest())
    return whole.hexdigest()


def use_data(folder: Path) -> None:
    """Read the data files from ``folder`` from now on; files that it does not hold stay the package's.

    Raises `CallerError` where ``folder`` is no folder or holds none of the data files (``survey-no-data``), or where
    tables have been read already (``survey-data-too-late``): half a run by other rules would be worse than none.
    """
    if not folder.is_dir() or not any((folder / name).is_file() for name in data_names()):
        raise CallerError(
            "survey-no-data",
            _("{path} holds no data file of the survey."),
            hint=_("Copy lexicon.toml, or another data file by its own name, into that folder and edit the copy."),
            path=folder,
        )
    if _read and os.environ.get(VARIABLE) != str(folder.resolve()):
        raise CallerError(
            "survey-data-too-late",
            _("The survey has read its data files already; {path} would come too late."),
            hint=_("Name the folder before the first document is read."),
            path=folder,
        )
    os.environ[VARIABLE] = str(folder.resolve())


def _content(name: str) -> bytes:
    own = os.environ.get(VARIABLE)
    if own is not None and (Path(own) / name).is_file():
        with (Path(own) / name).open("rb") as handle:
            return handle.read(MAX_BYTES)
    return (resources.files("poju.survey") / "data" / name).read_bytes()
