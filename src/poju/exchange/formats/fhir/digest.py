"""The digest that freezes the generator: solutions are written after it, and a later change is seen."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_SHARED_MODULES = ("encode.py", "workload.py")
_SUFFIXES = (".py", ".json")


def generator_digest() -> str:
    """Return ``sha256:`` and the digest over the generator's modules and data files.

    For each file, sorted by its path below this package: the path's length in 4 bytes, the path in UTF-8, the content's
    length in 8 bytes, the content.
    """
    room = resources.files(__package__)
    files = {name: room / name for name in _SHARED_MODULES}
    _collect(room / "generator", "generator", files)
    digest = hashlib.sha256()
    for path in sorted(files):
        content = files[path].read_bytes()
        name = path.encode()
        digest.update(len(name).to_bytes(4, "big") + name + len(content).to_bytes(8, "big") + content)
    return "sha256:" + digest.hexdigest()


def _collect(folder: Traversable, prefix: str, files: dict[str, Traversable]) -> None:
    for entry in folder.iterdir():
        path = f"{prefix}/{entry.name}"
        if entry.is_dir():
            _collect(entry, path, files)
        elif entry.name.endswith(_SUFFIXES):
            files[path] = entry
