"""Build the independent checkers of ``../shared/tools`` with Go, once for each version of their source.

    python scripts/checkers.py scittverify     prints the path of the program

They share no code with Poju. Where ``../shared`` or Go is absent, the exit status is 3 and the reason is said.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from platformdirs import user_cache_dir

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT.parent / "shared" / "tools"
ABSENT = 3


class AbsentError(Exception):
    """What a checker needs is not on this machine."""


def checker(name: str) -> Path:
    """Return the built program ``name``; raise :class:`AbsentError` where its source or Go is absent."""
    source = TOOLS / name
    if not source.is_dir():
        message = f"../shared/tools/{name} is absent"
        raise AbsentError(message)
    go = shutil.which("go")
    if go is None:
        message = "Go is not installed (https://go.dev/doc/install)"
        raise AbsentError(message)
    program = Path(user_cache_dir("poju")) / "checkers" / f"{name}-{digest(source)}"
    if not program.exists():
        build(go, source, program)
    return program


def digest(source: Path) -> str:
    """Return 16 hexadecimal digits over the source's files."""
    whole = hashlib.sha256()
    for path in sorted(item for item in source.iterdir() if item.suffix in {".go", ".mod", ".sum"}):
        content = path.read_bytes()
        whole.update(f"{path.name} {len(content)}\n".encode() + content)
    return whole.hexdigest()[:16]


def build(go: str, source: Path, program: Path) -> None:
    """Build in a copy, since ``../shared`` is read-only; give the program its name only once it is whole."""
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent) as scratch:
        copy = Path(scratch) / "source"
        copy.mkdir()
        for path in source.iterdir():
            if path.suffix in {".go", ".mod", ".sum"}:
                (copy / path.name).write_bytes(path.read_bytes())
        built = Path(scratch) / "program"
        subprocess.run([go, "build", "-o", str(built), "."], cwd=copy, check=True, stdin=subprocess.DEVNULL)
        built.replace(program)


if __name__ == "__main__":
    try:
        print(checker(sys.argv[1]))
    except AbsentError as absent:
        print(absent, file=sys.stderr)
        sys.exit(ABSENT)
