"""Which files a person meant: files, folders, lists of addresses saved earlier. Nothing is fetched."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from poju.errors import CallerError, PojuError
from poju.i18n import _
from poju.survey.input.encodings import decode
from poju.survey.input.files import content_of
from poju.survey.input.kinds import SUFFIXES
from poju.survey.input.limits import MAX_BYTES, MAX_DOCUMENTS

STANDARD_INPUT = "-"
LIST_SUFFIX = ".urls"
_LONGEST_URL = 2_000
_FIELDS = (2, 3)

OnSkip = Callable[[Path, PojuError], None]


@dataclass(frozen=True, slots=True)
class Source:
    """One file to read: as ``shown`` to people, where it is, and the address and day it was saved from, if known."""

    shown: str
    file: Path
    url: str | None = None
    retrieved: str | None = None


def find(
    paths: Sequence[Path], *, lists: Sequence[Path] = (), on_skip: OnSkip, leave: Path | None = None
) -> list[Source]:
    """Return what ``paths`` and ``lists`` name, in their order, each file once.

    A folder gives every document below it (`kinds.SUFFIXES` and lists of addresses), sorted; a link that leads out of
    it goes to ``on_skip``. ``leave`` is a folder that is not looked into: the results of this very run. A file that a
    list names carries its address also where the folder is named as well. ``-`` stays as it is.
    """
    found: dict[object, Source] = {}
    for path in (*lists, *(path for path in paths if path.suffix == LIST_SUFFIX and not path.is_dir())):
        _add(found, from_list(path, on_skip))
    for path in paths:
        if str(path) == STANDARD_INPUT:
            found[STANDARD_INPUT] = Source(STANDARD_INPUT, path)
        elif path.is_dir():
            _add(found, _in_folder(path, on_skip, leave))
        elif path.suffix != LIST_SUFFIX:
            _add(found, [Source(str(path), path)])
        if len(found) > MAX_DOCUMENTS:
            raise CallerError(
                "survey-too-many",
                _("More than {limit} documents were named."),
                hint=_("Survey them in several runs."),
                limit=MAX_DOCUMENTS,
            )
    return list(found.values())


def _add(found: dict[object, Source], sources: Iterable[Source]) -> None:
    for source in sources:
        found.setdefault(source.file.resolve(), source)


def _in_folder(folder: Path, on_skip: OnSkip, leave: Path | None) -> Iterator[Source]:
    root = folder.resolve()
    left = leave.resolve() if leave is not None else None
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {*SUFFIXES, LIST_SUFFIX})
    within = [path for path in files if path.is_file() and (left is None or left not in path.resolve().parents)]
    inside = [path for path in within if _is_inside(root, path, on_skip)]
    for path in inside:
        if path.suffix == LIST_SUFFIX:
            yield from from_list(path, on_skip)
    for path in inside:
        if path.suffix != LIST_SUFFIX:
            yield Source(str(path), path)


def _is_inside(root: Path, path: Path, on_skip: OnSkip) -> bool:
    if root in path.resolve().parents:
        return True
    error = CallerError(
        "survey-outside-folder",
        _("{path} is a link that leads outside the folder."),
        hint=_("Copy the file into the folder, or name it by itself."),
        path=path,
    )
    on_skip(path, error)
    return False


def from_list(path: Path, on_skip: OnSkip) -> Iterator[Source]:
    """Yield what a list of addresses names: lines of address, tab, file, and perhaps tab and day (ISO 8601).

    Files are named from the list's folder and must lie in it. Blank lines and lines with ``#`` are passed over. A line
    that is wrong goes to ``on_skip``; a list that cannot be read is a `CallerError`.
    """
    content = content_of(str(path), path)
    text = decode(str(path), content[: MAX_BYTES + 1]).text.removeprefix("\ufeff")
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            yield _entry(path, number, line)
        except CallerError as error:
            on_skip(path, error)


def _entry(path: Path, number: int, line: str) -> Source:
    fields = [item.strip() for item in line.split("\t")]
    if len(fields) not in _FIELDS or not fields[1]:
        raise _wrong(path, number, _("address, tab and file name are wanted"))
    file = path.parent / fields[1]
    if path.parent.resolve() not in file.resolve().parents:
        raise _wrong(path, number, _("the file is not below the list's folder"))
    source = Source(str(file), file, url=_address(path, number, fields[0]))
    if len(fields) == max(_FIELDS) and fields[2]:
        try:
            day = dt.date.fromisoformat(fields[2][:10])
        except ValueError as error:
            raise _wrong(path, number, _("the day is not written as 2026-11-23")) from error
        source = replace(source, retrieved=day.isoformat())
    return source


def _address(path: Path, number: int, address: str) -> str:
    """Return ``address`` where it is one that a page may link to: http or https, with a host, without white space."""
    try:
        parts = urlsplit(address)
        plain = parts.scheme in {"http", "https"} and bool(parts.hostname) and len(address) <= _LONGEST_URL
    except ValueError:
        plain = False
    if not plain or any(c.isspace() or not c.isprintable() for c in address):
        raise _wrong(path, number, _("the address is not one of http or https"))
    return address


def _wrong(path: Path, number: int, reason: str) -> CallerError:
    return CallerError(
        "survey-list-line",
        _("Line {number} of {path} cannot be used: {reason}."),
        hint=_("Write: address, tab, file, and if known tab and day, for example 2026-11-23."),
        path=path,
        number=number,
        reason=reason,
    )
