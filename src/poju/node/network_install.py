"""Finding and installing the engine: CometBFT v0.38.26, by the one ``go install`` that its authors describe."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from platformdirs import user_cache_dir

from poju.errors import OperatorError
from poju.i18n import _

VERSION = "0.38.26"
MODULE = f"github.com/cometbft/cometbft/cmd/cometbft@v{VERSION}"
VARIABLE = "POJU_COMETBFT"
ANSWER_SECONDS = 20
INSTALL_SECONDS = 1_800


def location() -> Path:
    """Return where the engine stands: what ``POJU_COMETBFT`` names, else a file in the user's cache."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else Path(user_cache_dir("poju")) / "engine" / f"cometbft-{VERSION}"


def _version(program: Path) -> str | None:
    try:
        finished = subprocess.run(  # noqa: S603 - the program that the operator installed
            [str(program), "version"], capture_output=True, check=False, text=True, timeout=ANSWER_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return finished.stdout.strip()


def find() -> Path:
    """Return the engine's program, or raise ``network.engine-missing``."""
    program = location()
    if _version(program) != VERSION:
        raise OperatorError(
            "network.engine-missing",
            _("The engine CometBFT {version} is not at {path}."),
            hint=_("Run poju network install-engine, or name the program in POJU_COMETBFT."),
            version=VERSION,
            path=program,
        )
    return program


def install() -> Path:
    """Install the engine where :func:`location` says, if it is not there; return its program.

    Raises ``network.go-missing`` where Go is not found, ``network.engine-install`` where its build fails.
    """
    program = location()
    if _version(program) == VERSION:
        return program
    go = shutil.which("go")
    if go is None:
        raise OperatorError(
            "network.go-missing",
            _("The engine is installed with Go, and there is no go on this machine's PATH."),
            hint=_("Install Go 1.22 or later, then again; or build {module} elsewhere and name it in POJU_COMETBFT."),
            module=MODULE,
        )
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent) as folder:
        reason = _build(go, Path(folder))
        built = Path(folder) / "cometbft"
        if reason or _version(built) != VERSION:
            raise OperatorError(
                "network.engine-install",
                _("go install {module} did not succeed: {reason}."),
                hint=_("Check that Go's module proxy can be reached, then run it again; what was fetched is kept."),
                module=MODULE,
                reason=reason or _("the program does not name its version"),
            )
        built.replace(program)
    return program


def _build(go: str, folder: Path) -> str:
    """Run ``go install`` into ``folder``; return what went wrong, or nothing."""
    try:
        finished = subprocess.run(  # noqa: S603 - go, as found on the PATH
            [go, "install", MODULE],
            env={**os.environ, "GOBIN": str(folder), "GOFLAGS": "-trimpath"},
            capture_output=True,
            check=False,
            text=True,
            timeout=INSTALL_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return type(error).__name__
    return "" if finished.returncode == 0 else finished.stderr.strip().split("\n")[-1][:300]
