"""Bundles from a folder that somebody else wrote: bounded, decoded strictly, one clear error for each thing wrong."""

from __future__ import annotations

import gzip
import json
import zlib
from decimal import Decimal
from typing import TYPE_CHECKING, NoReturn

from poju.errors import CallerError
from poju.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from poju.exchange.formats.fhir.encode import Json

MAXIMUM_FILES = 2_000
MAXIMUM_BYTES = 128 * 1024 * 1024
MAXIMUM_NUMBER_LENGTH = 40


def patient_files(folder: Path) -> list[Path]:
    """Return the files ``patient-*.json`` and ``patient-*.json.gz`` of ``folder`` by name.

    Raises CallerError ``fhir-folder`` if there is no such folder, no such file in it, or more than 2,000 of them.
    """
    if not folder.is_dir():
        raise CallerError(
            "fhir-folder",
            _("There is no folder {folder}."),
            hint=_("Give the folder that holds Synthea's patient-*.json or patient-*.json.gz files."),
            folder=str(folder),
        )
    files = sorted([*folder.glob("patient-*.json"), *folder.glob("patient-*.json.gz")])
    if not 1 <= len(files) <= MAXIMUM_FILES:
        raise CallerError(
            "fhir-folder",
            _("The folder {folder} holds {count} patient bundles; 1 to {most} can be read."),
            hint=_("Give the folder that holds Synthea's patient-*.json or patient-*.json.gz files."),
            folder=str(folder),
            count=len(files),
            most=MAXIMUM_FILES,
        )
    return files


def resources(path: Path) -> Iterator[tuple[str, dict[str, Json]]]:
    """Yield (full URL, resource) of the Bundle in ``path``; numbers with a fraction are exact decimals.

    Raises CallerError ``fhir-file`` if the file cannot be read, is longer than 128 MiB, is no JSON or no Bundle.
    """
    document = _parse(path, _read(path))
    entries = document.get("entry") if isinstance(document, dict) else None
    if not isinstance(document, dict) or document.get("resourceType") != "Bundle" or not isinstance(entries, list):
        _refuse(path, _("The file {file} is no FHIR Bundle with entries."))
    for entry in entries:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(resource, dict):
            _refuse(path, _("The file {file} has an entry without a resource."))
        url = entry.get("fullUrl", "")
        yield (url if isinstance(url, str) else ""), resource


def refuse_resource(path: Path, resource: dict[str, Json], member: str) -> NoReturn:
    """Raise CallerError ``fhir-resource``: ``member`` of ``resource`` is missing or not of its FHIR type."""
    raise CallerError(
        "fhir-resource",
        _("The file {file} has a {type} whose {member} is missing or malformed."),
        hint=_("Export the patients again as FHIR R4 transaction bundles."),
        file=path.name,
        type=str(resource.get("resourceType", "?"))[:40],
        member=member,
    )


def _read(path: Path) -> bytes:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as handle:
            content = handle.read(MAXIMUM_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        _refuse(path, _("The file {file} cannot be read or unpacked."))
    if len(content) > MAXIMUM_BYTES:
        _refuse(path, _("The file {file} is longer than 128 MiB."))
    return content


def _parse(path: Path, content: bytes) -> Json:
    try:
        parsed: Json = json.loads(
            content.decode("utf-8"), parse_float=_decimal, parse_int=_integer, parse_constant=_not_a_number
        )
    except (ValueError, RecursionError):
        _refuse(path, _("The file {file} is not valid JSON."))
    return parsed


def _decimal(text: str) -> Decimal:
    # An exponent would let a short number stand for gigabytes of digits when it is written out again.
    if len(text) > MAXIMUM_NUMBER_LENGTH or "e" in text.lower():
        raise ValueError(text)
    return Decimal(text)


def _integer(text: str) -> int:
    if len(text) > MAXIMUM_NUMBER_LENGTH:
        raise ValueError(text)
    return int(text)


def _not_a_number(text: str) -> NoReturn:
    raise ValueError(text)


def _refuse(path: Path, message: str) -> NoReturn:
    raise CallerError(
        "fhir-file",
        message,
        hint=_("Export the patients again as FHIR R4 transaction bundles."),
        file=path.name,
    )
