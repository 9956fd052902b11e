"""Bring what the tests need beside Python packages: a Chromium for the console's tests.

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
PACKAGES = ("chromium", "fonts-noto-cjk")


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


def install_browser() -> bool:
    """Install Chromium with apt-get; return whether it is there afterwards."""
    prefix = privilege()
    if shutil.which("apt-get") is None or prefix is None:
        return False
    print("poju: installing Chromium for the console's tests …", flush=True)
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *PACKAGES]):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run([*prefix, "apt-get", *command], check=False, env=environment, stdin=subprocess.DEVNULL)
    return find_browser() is not None


def main() -> int:
    """Return 0 where everything is there; with ``--browser`` only print the browser's path."""
    if "--browser" in sys.argv[1:]:
        print(find_browser() or "")
        return 0 if find_browser() else 1
    if find_browser() or install_browser():
        return 0
    print(
        "poju: the console's tests need Chromium. Run this once, then `make test` again:\n"
        f"  sudo apt-get install -y {' '.join(PACKAGES)}\n"
        "or name yours: POJU_CHROMIUM=/path/to/chromium make test",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
