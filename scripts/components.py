"""Bring what the tests need beside Python packages: a browser, a C compiler, network namespaces.

Installs it with apt-get where that is allowed without asking; otherwise says the one command and ends with status 1,
since a test whose component is missing would prove nothing. ``POJU_CHROMIUM`` names a browser that stands elsewhere.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_BROWSER = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
BROWSER_PACKAGES = ("chromium", "fonts-noto-cjk")
TOOLS = {"cc": ("gcc", "libc6-dev"), "ip": ("iproute2",)}
"""Program → the packages that bring it: the compiler builds the failing disk, ``ip`` parts a consortium's network."""


def find_browser() -> str | None:
    """Return the path of a Chromium, or None."""
    named = os.environ.get("POJU_CHROMIUM")
    found = named or next((path for name in BROWSERS if (path := shutil.which(name))), None)
    return found or (str(MAC_BROWSER) if MAC_BROWSER.exists() else None)


def privilege() -> list[str] | None:
    """Return what has to stand before apt-get: nothing for root, sudo where it asks no password; None where neither."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], check=False, capture_output=True).returncode == 0:
        return [sudo, "-n"]
    return None


def missing() -> list[str]:
    """Return the packages of what is not there."""
    tools = [package for name, packages in TOOLS.items() if find_tool(name) is None for package in packages]
    return [*([] if find_browser() else BROWSER_PACKAGES), *tools]


def find_tool(name: str) -> str | None:
    """Return the path of a program, also where only administrators have its folder in their PATH; or None."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def install(packages: list[str]) -> None:
    """Install ``packages`` with apt-get, where that is allowed without asking."""
    prefix = privilege()
    if shutil.which("apt-get") is None or prefix is None:
        return
    print(f"poju: installing {' '.join(packages)} for the tests …", flush=True)
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run([*prefix, "apt-get", *command], check=False, env=environment, stdin=subprocess.DEVNULL)


def main() -> int:
    """Return 0 where everything is there; with ``--browser`` only print the browser's path."""
    if "--browser" in sys.argv[1:]:
        print(find_browser() or "")
        return 0 if find_browser() else 1
    if wanted := missing():
        install(wanted)
    if not (left := missing()):
        return 0
    print(
        "poju: the tests need some more programs. Run this once, then `make test` again:\n"
        f"  sudo apt-get install -y {' '.join(left)}\n"
        "or name a browser of yours: POJU_CHROMIUM=/path/to/chromium make test",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
