"""Make ``.venv`` as ``requirements.lock`` pins it and build the sandbox's guest; do nothing where both are there.

Runs on the Python that ``find_python.sh`` found, with the standard library only, so that a fresh clone needs nothing
else. Every step can be interrupted: a ``.venv`` without its stamp is finished, or made anew, by the next run.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
LOCK = ROOT / "requirements.lock"
STAMP = ENVIRONMENT / "poju.stamp"
GUEST_COMMAND = (str(PYTHON), str(ROOT / "scripts" / "guest.py"))


class SetupError(Exception):
    """What is missing, and the one thing to do next."""


def main() -> int:
    """Prepare everything; return the exit status."""
    started = time.monotonic()
    handle = os.open(ROOT, os.O_RDONLY)
    try:
        # Two makes at once in one checkout: the second waits here and then finds the work done.
        fcntl.flock(handle, fcntl.LOCK_EX)
        if STAMP.is_file() and STAMP.read_text(encoding="utf-8") == stamp():
            run(GUEST_COMMAND, "the sandbox's guest")
            return 0
        make_environment()
        install_locked()
        install_project()
        run(GUEST_COMMAND, "the sandbox's guest")
        STAMP.write_text(stamp(), encoding="utf-8")
    except SetupError as error:
        print(f"poju: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\npoju: interrupted; run the same command again, it goes on from here", file=sys.stderr)
        return 130
    finally:
        os.close(handle)
    say(f"set up in {time.monotonic() - started:.0f} s; from now on this takes no time")
    return 0


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"poju: {text}", flush=True)


def stamp() -> str:
    """Return a digest over what the environment depends on: lock, project file, interpreter, place of the checkout."""
    digest = hashlib.sha256()
    for part in (LOCK.read_bytes(), (ROOT / "pyproject.toml").read_bytes(), identity().encode()):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest() + "\n"


def identity() -> str:
    """Return interpreter and place: an environment knows both by absolute path and does not survive their change."""
    return f"{sys.version}\n{sys.base_prefix}\n{ROOT}"


def run(command: Sequence[str], what: str) -> None:
    """Run ``command`` with its output shown; raise :class:`SetupError` naming ``what`` where it fails."""
    status = call(command)
    if status != 0:
        advice = "check the network and the disk, then run the same command again"
        message = f"{what}: failed (exit status {status}, its own message stands above): {advice}"
        raise SetupError(message)


def call(command: Sequence[str], environment: Mapping[str, str] | None = None) -> int:
    """Run ``command`` to its end and return its exit status; end it first where the person interrupts.

    It gets a session of its own, so that Ctrl-C reaches only this process, which then says one line.
    """
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, env=environment, start_new_session=True
    ) as child:
        try:
            return child.wait()
        except KeyboardInterrupt:
            os.killpg(child.pid, signal.SIGTERM)
            raise


def make_environment() -> None:
    """Make ``.venv``, or keep the one that an interrupted run of the same Python left behind."""
    marker = ENVIRONMENT / "poju.identity"
    if marker.is_file() and marker.read_text(encoding="utf-8") == identity() and PYTHON.exists():
        return
    if not can_make_environments():
        raise SetupError(venv_missing())
    say(f"making .venv with Python {platform.python_version()} …")
    if ENVIRONMENT.exists():
        shutil.rmtree(ENVIRONMENT)
    run([sys.executable, "-m", "venv", str(ENVIRONMENT)], "making .venv")
    marker.write_text(identity(), encoding="utf-8")


def can_make_environments() -> bool:
    """Return whether this Python has venv and ensurepip; distributions ship them as packages of their own."""
    try:
        importlib.import_module("venv")
        importlib.import_module("ensurepip")
    except ImportError:
        return False
    return True


def venv_missing() -> str:
    """Return the message that names the one command which brings venv on this distribution."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    family = f"{release.get('ID', '')} {release.get('ID_LIKE', '')}".split()
    default = Path("/usr/bin/python3")
    is_default = default.exists() and default.resolve() == Path(sys.executable).resolve()
    name = "python3" if is_default else f"python{sys.version_info.major}.{sys.version_info.minor}"
    commands = {
        "debian": f"apt-get install -y {name}-venv",
        "ubuntu": f"apt-get install -y {name}-venv",
        "fedora": f"dnf install -y {name}",
        "suse": f"zypper install -y {name}",
        "alpine": "apk add python3",
    }
    command = next((commands[item] for item in family if item in commands), None)
    if command is None:
        return (
            f"{sys.executable} cannot make virtual environments: install its modules venv and ensurepip, then try again"
        )
    if os.geteuid() != 0:
        command = f"sudo {command}"
    return f"{sys.executable} cannot make virtual environments. Run this once, then try again:\n  {command}"


def install_locked() -> None:
    """Install every package that the lock pins, hashes checked: by uv, itself from the lock; by pip where uv cannot."""
    count = sum(1 for line in LOCK.read_text(encoding="utf-8").splitlines() if "==" in line and line[0] not in " #")
    say(f"installing {count} pinned packages (hashes checked) …")
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--require-hashes"]
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    with tempfile.TemporaryDirectory() as scratch:
        installer = Path(scratch) / "uv.txt"
        installer.write_text(pinned("uv"), encoding="utf-8")
        run([*pip, "--quiet", "--no-deps", "-r", str(installer)], "installing uv")
    environment = dict(os.environ)
    index = pip_index()
    if index:
        # uv does not read pip's configuration; a machine behind a mirror has named it there.
        environment.setdefault("UV_DEFAULT_INDEX", index)
    uv = [str(ENVIRONMENT / "bin" / "uv"), "pip", "install", *quiet, "--python", str(PYTHON), "--require-hashes"]
    if call([*uv, "-r", str(LOCK)], environment) != 0:
        say("uv could not; trying pip, which takes longer …")
        run([*pip, *quiet, "-r", str(LOCK)], "installing the pinned packages")


def pinned(name: str) -> str:
    """Return the lock's lines for one package, its hashes included."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith(f"{name}==")), None)
    if start is None:
        message = f"requirements.lock does not pin {name}; fetch the file again from the repository"
        raise SetupError(message)
    end = start + 1
    while end < len(lines) and lines[end].strip().startswith("--hash="):
        end += 1
    return "\n".join(lines[start:end]).rstrip("\\ ") + "\n"


def pip_index() -> str:
    """Return the package index that pip is configured to use, or nothing where it is the public one."""
    command = [str(PYTHON), "-m", "pip", "config", "get", "global.index-url"]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    return os.environ.get("PIP_INDEX_URL", "") or (found.stdout.strip() if found.returncode == 0 else "")


def install_project() -> None:
    """Install Poju itself as an editable package, built with the pinned build backend."""
    say("installing poju …")
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    run([*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)], "installing poju")


if __name__ == "__main__":
    sys.exit(main())
