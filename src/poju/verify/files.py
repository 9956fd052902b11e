"""Reading what is to be verified: bounded, never through links, and naming what is missing."""

from __future__ import annotations

import hashlib
from pathlib import Path

from poju.errors import CallerError
from poju.i18n import _

MAX_BYTES = 1 << 26
MANIFEST = "SHA256SUMS"
PUBLICATION = "publication.statement.cose"
PUBLICATION_RECEIPT = "publication.receipt.cose"
OUTSIDE_MANIFEST = {"checkpoint", MANIFEST, PUBLICATION, PUBLICATION_RECEIPT}


def broken(code: str, message: str, **parameters: object) -> CallerError:
    """Return the error of a check that does not hold."""
    hint = _("Do not rely on this copy: fetch it again from its publisher, and compare the key's fingerprint.")
    return CallerError(code, message, hint=hint, **parameters)


def read(path: Path, root: Path | None = None) -> bytes:
    """Return the file's bytes; raise ``file.missing``, ``file.link`` or ``file.too-large``."""
    shown = path.relative_to(root) if root is not None else path
    if path.is_symlink():
        raise broken("file.link", _("{path} is a symbolic link; nothing is read through links."), path=shown)
    if not path.is_file():
        raise broken("file.missing", _("{path} is missing."), path=shown)
    if path.stat().st_size > MAX_BYTES:
        raise broken("file.too-large", _("{path} is larger than {limit} bytes."), path=shown, limit=MAX_BYTES)
    return path.read_bytes()


def listing(folder: Path) -> set[str]:
    """Return the relative paths of all files in ``folder``."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}


def manifest(folder: Path) -> bytes:
    """Return the text of ``SHA256SUMS`` for a public folder: every file but those that prove themselves."""
    names = sorted(name for name in listing(folder) if not proves_itself(name))
    return b"".join(f"{hashlib.sha256(read(folder / name, folder)).hexdigest()}  {name}\n".encode() for name in names)


def proves_itself(name: str) -> bool:
    """Return whether a file of the public folder is checked by other means: checkpoint, tiles, the publication."""
    return name in OUTSIDE_MANIFEST or name.startswith("tile/")


def no_others(folder: Path, expected: set[str], under: str = "") -> None:
    """Raise ``file.unexpected`` where ``folder`` holds a file that nothing accounts for."""
    for name in sorted(listing(folder) - expected):
        if name.startswith(under):
            raise broken("file.unexpected", _("{path} belongs to nothing that was published."), path=name)
