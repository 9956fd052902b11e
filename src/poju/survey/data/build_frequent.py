"""Counts the characters that official Chinese uses most, and writes ``frequent.txt``.

Run: python src/poju/survey/data/build_frequent.py FOLDER

FOLDER holds texts in UTF-8. The counts are facts about those texts; nothing else of them is kept. Each character is
counted together with its form in the other script (OpenCC's one-character tables, Apache-2.0).
"""

from __future__ import annotations

import sys
from collections import Counter
from importlib import resources
from pathlib import Path

KEPT = 600
_HEAD = """\
# The 600 most frequent characters of official Chinese, most frequent first, each followed by its other forms.
# Source: counted by build_frequent.py over 53 official texts (work reports of 2026, ordinances, district policies;
# PRC official documents are not protected, Copyright Law article 5(1)). Other forms: OpenCC, Apache-2.0.
# Licence of this table: CC0-1.0. Read by input/encodings.py to tell Chinese from bytes decoded wrongly.
"""


def forms() -> tuple[dict[str, str], dict[str, str]]:
    """Return {traditional: simplified} and {simplified: all traditional forms}."""
    tables: list[dict[str, str]] = []
    for name in ("TSCharacters.txt", "STCharacters.txt"):
        text = (resources.files("opencc") / "dictionary" / name).read_text(encoding="utf-8")
        rows = [line.split("\t") for line in text.splitlines() if "\t" in line]
        tables.append({row[0]: row[1].replace(" ", "") for row in rows})
    return tables[0], tables[1]


def main() -> None:
    """Write ``frequent.txt`` beside this file."""
    simplified, traditional = forms()
    counts: Counter[str] = Counter()
    for path in sorted(Path(sys.argv[1]).glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        counts.update(simplified.get(c, c)[0] for c in text if "\u4e00" <= c <= "\u9fff")
    best = sorted(counts, key=lambda c: (-counts[c], c))[:KEPT]
    rows = ["".join(dict.fromkeys(c + traditional.get(c, ""))) for c in best]
    lines = [" ".join(rows[i : i + 40]) for i in range(0, len(rows), 40)]
    Path(__file__).with_name("frequent.txt").write_text(_HEAD + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
