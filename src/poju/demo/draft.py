"""The moment of the demonstration: the best version's draft, which differs from it in one rule.

The sample provider marks the rule of the tour in its source. The draft has that one line changed; all else is the
same. Both are submitted, tried and claimed for like any version.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from poju.solution.manifest import Solution, load

RULE = re.compile(r"^WINDOW_PERCENT = (\d+)$", re.MULTILINE)
DRAFT_PERCENT = 300
SUFFIX = "-draft"


@dataclass(frozen=True)
class Draft:
    """The draft, and the one line in which ``file`` differs: as the draft has it, and as the finished version does."""

    solution: Solution
    file: str
    draft_line: str
    finished_line: str


def make(folders: list[Path], scratch: Path) -> Draft | None:
    """Return the draft of the one version in ``folders`` that marks such a rule, written to ``scratch``; else None."""
    for folder in folders:
        source = (folder / "main.py").read_text(encoding="utf-8") if (folder / "main.py").is_file() else ""
        found = RULE.search(source)
        if found:
            return _edit(folder, found[0], scratch)
    return None


def _edit(folder: Path, line: str, scratch: Path) -> Draft:
    target = scratch / f"{folder.name}{SUFFIX}"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("__pycache__"))
    edited = f"WINDOW_PERCENT = {DRAFT_PERCENT}"
    _replace(target / "main.py", line, edited)
    identifier = load(folder).id
    _replace(target / "solution.toml", f'id = "{identifier}"', f'id = "{identifier}{SUFFIX}"')
    return Draft(load(target), f"{folder.parent.name}/{folder.name}/main.py", edited, line)


def _replace(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
