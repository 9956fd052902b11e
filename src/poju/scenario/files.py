"""The files of a package: fixed names, bounded, no links; and the digest that names them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger import cbor
from poju.scenario.toml import fault, read_bytes

MAX_FILES = 128
FOLDERS = ("statements", "indicators")
ALLOWED_FILE = re.compile(
    r"scenario\.toml|workflows\.toml|programme\.toml|access\.cedar|access\.cedarschema|README(\.zh-Han[ts])?\.md"
    r"|statements/[a-z][a-z0-9-]{0,63}\.toml|indicators/[a-z][a-z0-9-]{0,63}\.sql"
)


def read_files(folder: Path) -> Mapping[str, bytes]:
    """Return ``{relative path: bytes}`` of a package's files in sorted order; raise ``package.*`` for anything else."""
    if folder.is_symlink() or not (folder / "scenario.toml").is_file():
        raise CallerError(
            "package.no-folder",
            _("There is no scenario package at {folder}: it would hold a file scenario.toml."),
            hint=_("Give the folder with scenario.toml, for example: poju scenario check src/poju/packages/healthcare"),
            folder=folder,
        )
    found: dict[str, bytes] = {}
    # At most two levels are looked at, and never more than the limit: the folder may be anything, a whole disk too.
    inside = [path for path in islice(folder.iterdir(), MAX_FILES + 1) if path.name in FOLDERS and _is_folder(path)]
    levels = (folder, *inside)
    paths = list(islice((path for level in levels for path in level.iterdir() if path not in inside), MAX_FILES + 1))
    if len(paths) > MAX_FILES:
        raise fault(folder.name, "it holds more than {limit} files", limit=MAX_FILES)
    for path in paths:
        name = path.relative_to(folder).as_posix()
        if not ALLOWED_FILE.fullmatch(name):
            raise fault(name, "a package has no such file; it holds data under fixed names only")
        found[name] = read_bytes(path, name)
    return MappingProxyType(dict(sorted(found.items())))


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def digest_of(files: Mapping[str, bytes]) -> bytes:
    """Return SHA-256 over the deterministic CBOR array of [path, length, bytes], sorted by path."""
    entries = [[name, len(content), content] for name, content in sorted(files.items())]
    return hashlib.sha256(cbor.encode(entries)).digest()
