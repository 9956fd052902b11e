"""The guest: CPython as one WebAssembly component, built once on a machine and kept outside the checkout.

The component imports nothing. It is generic: a provider's source reaches it as text when it runs, so every provider and
every version runs on the same bytes. Two builds of it differ in bytes (componentize-py issue 247), therefore its digest
is part of the runtime that a package pins, and machines exchange the ``.wasm``, never compiled code.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path

from platformdirs import user_cache_dir

from poju.errors import CallerError, OperatorError
from poju.i18n import _

WORLD = "sandbox"
APPLICATION = "poju_guest"
BUILD_SECONDS = 300
MAXIMUM_GUEST_BYTES = 64 * 1024 * 1024
WASM_MAGIC = b"\0asm"

Progress = Callable[[str], None]
"""Receives one English sentence, a key of the catalogues, each time a slow step begins."""


@dataclass(frozen=True)
class Guest:
    """One built guest: where its ``.wasm`` stands and ``sha256:…`` over its bytes."""

    path: Path
    digest: str


def quiet(_sentence: str) -> None:
    """Report nothing."""


def cache_folder() -> Path:
    """Return the folder of built guests on this machine: ``guest`` in the user's cache folder for ``poju``."""
    return Path(user_cache_dir("poju")) / "guest"


def componentize_version() -> str:
    """Return the installed version of componentize-py."""
    return metadata.version("componentize-py")


def guest_key() -> str:
    """Return 32 hexadecimal digits over what decides the guest: componentize-py's version, the WIT, its source."""
    digest = hashlib.sha256()
    for part in (componentize_version().encode(), wit_text(), application_text()):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:32]


def wit_text() -> bytes:
    """Return the world's WIT as bytes."""
    return (resources.files(__name__) / "sandbox.wit").read_bytes()


def application_text() -> bytes:
    """Return the guest's own source as bytes."""
    return (resources.files(__name__) / "app" / f"{APPLICATION}.py").read_bytes()


def ensure(*, folder: Path | None = None, progress: Progress = quiet) -> Guest:
    """Return this machine's guest, building it first where it is not there yet (about 10 s).

    ``folder`` stands for :func:`cache_folder`. Raises :class:`OperatorError` where it cannot be built.
    """
    path = (folder or cache_folder()) / f"{guest_key()}.wasm"
    if not path.is_file():
        build(path, progress=progress)
    return open_guest(path)


def open_guest(path: Path) -> Guest:
    """Return the guest in the file ``path``: a cached one, or one handed over beside a log.

    Raises :class:`CallerError` where the file is absent, too large or no WebAssembly.
    """
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MAXIMUM_GUEST_BYTES else b""
    except OSError as error:
        raise CallerError(
            "solution.guest-unreadable",
            _("The guest {path} cannot be read: {reason}."),
            hint=_("Name a .wasm file that poju built, such as the one in a demonstration's folder guest/."),
            path=path,
            reason=error.strerror,
        ) from error
    if not content.startswith(WASM_MAGIC):
        raise CallerError(
            "solution.guest-malformed",
            _("{path} is no WebAssembly guest."),
            hint=_("Delete it and run the command again; it is built anew."),
            path=path,
        )
    return Guest(path, f"sha256:{hashlib.sha256(content).hexdigest()}")


def build(path: Path, *, progress: Progress = quiet) -> None:
    """Build the guest into ``path``. Of two builds at once the first to finish stays: its digest may be in use already.

    Raises :class:`OperatorError` where componentize-py fails or the folder cannot be written.
    """
    progress(_("Building the sandbox's guest once for this machine (about 10 s) …"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
            built = componentize(Path(scratch))
            with built.open("rb") as handle:
                os.fsync(handle.fileno())
            publish(built, path)
    except OSError as error:
        raise OperatorError(
            "solution.guest-folder",
            _("The guest cannot be written to {folder}: {reason}."),
            hint=_("Make the folder writable or free some space (60 MB are enough)."),
            folder=path.parent,
            reason=error.strerror or error,
        ) from error


def publish(built: Path, path: Path) -> None:
    """Give the finished file its name unless another build was first; never replace what stands there."""
    try:
        os.link(built, path)
    except FileExistsError:
        return
    except OSError:
        # File systems without hard links: a rename is atomic too, and only a build at the same moment could lose.
        if not path.exists():
            built.replace(path)


def componentize(scratch: Path) -> Path:
    """Run componentize-py in ``scratch`` on copies of the guest's files; return the component."""
    (scratch / "sandbox.wit").write_bytes(wit_text())
    (scratch / "app").mkdir()
    (scratch / "app" / f"{APPLICATION}.py").write_bytes(application_text())
    output = scratch / "guest.wasm"
    command = [sys.executable, "-I", "-c", "import sys, componentize_py; sys.exit(componentize_py.script())"]
    command += ["--wit-path", "sandbox.wit", "--world", WORLD, "componentize", APPLICATION]
    command += ["--python-path", "app", "--stub-wasi", "--output", output.name]
    # No VIRTUAL_ENV and no PATH: otherwise it would look for modules in whatever environment it finds there.
    environment = {name: os.environ[name] for name in ("SYSTEMROOT", "TMPDIR") if name in os.environ}
    try:
        result = subprocess.run(  # noqa: S603 - our own interpreter, fixed arguments
            command, cwd=scratch, env=environment, capture_output=True, check=False, timeout=BUILD_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise guest_not_built(f"no end after {BUILD_SECONDS} s") from error
    if result.returncode != 0 or not output.is_file():
        said = (result.stderr or result.stdout).decode("utf-8", "replace").strip().splitlines()
        raise guest_not_built(said[-1] if said else f"exit status {result.returncode}")
    return output


def guest_not_built(reason: str) -> OperatorError:
    """Return the error for a build that failed, with componentize-py's last line."""
    return OperatorError(
        "solution.guest-not-built",
        _("The sandbox's guest was not built: {reason}."),
        hint=_("Install the locked dependencies again (make setup) and check that the disk is not full."),
        reason=reason,
    )
