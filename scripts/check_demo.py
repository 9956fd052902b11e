"""Give what a demonstration wrote to the independent checkers: they have to accept it, and refuse it once altered.

python scripts/check_demo.py DIR
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from checkers import AbsentError, checker

STATEMENT, RECEIPT = ".statement.cose", ".receipt.cose"


def accepts(program: Path, *arguments: object, quiet: bool = False) -> bool:
    """Return whether the checker accepts; show what it says where it does not, unless ``quiet``."""
    finished = subprocess.run([program, *map(str, arguments)], check=False, capture_output=True, text=True)
    if finished.returncode != 0 and not quiet:
        print(f"   {program.name}: {(finished.stdout + finished.stderr).strip().splitlines()[-1]}")
    return finished.returncode == 0


def altered(path: Path, folder: Path) -> Path:
    """Return a copy of ``path`` in ``folder`` with the lowest bit of its middle byte flipped."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    copy = folder / path.name
    copy.write_bytes(content)
    return copy


def check_receipts(public: Path, program: Path, scratch: Path) -> list[str]:
    """Check every published statement with its receipt; return what does not hold."""
    statements = sorted((public / "receipts").glob("*" + STATEMENT))
    keys = ("-keys", public / "scitt-keys.cbor")
    wrong = []
    for statement in statements:
        receipt = statement.with_name(statement.name.removesuffix(STATEMENT) + RECEIPT)
        if not accepts(program, *keys, "-statement", statement, "-receipt", receipt):
            wrong.append(statement.name)
    if not statements:
        return ["there is no published statement"]
    print(f"{len(statements)} statements and receipts: {len(wrong)} refused by scittverify")
    receipt = statements[0].with_name(statements[0].name.removesuffix(STATEMENT) + RECEIPT)
    if accepts(program, *keys, "-statement", altered(statements[0], scratch), "-receipt", receipt, quiet=True):
        wrong.append("an altered statement was accepted")
    return wrong


def check_log(folder: Path, program: Path, scratch: Path) -> list[str]:
    """Check the auditor's whole log, then a copy with one altered entry bundle; return what does not hold."""
    key = folder / "public" / "log.vkey"
    wrong = [] if accepts(program, folder / "auditor", key) else ["tlogverify refuses the auditor's log"]
    copy = scratch / "auditor"
    shutil.copytree(folder / "auditor", copy)
    bundle = next(path for path in sorted((copy / "tile" / "entries").rglob("*")) if path.is_file())
    bundle.write_bytes(altered(bundle, scratch).read_bytes())
    if accepts(program, copy, key, quiet=True):
        wrong.append("an altered log was accepted")
    print(f"the auditor's log: {'accepted by tlogverify, refused once altered' if not wrong else 'WRONG'}")
    return wrong


def main() -> int:
    """Return 0 where both checkers accept what was written and refuse what was altered."""
    folder = Path(sys.argv[1])
    try:
        scittverify, tlogverify = checker("scittverify"), checker("tlogverify")
    except AbsentError as absent:
        print(f"poju: {absent}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        wrong = check_receipts(folder / "public", scittverify, Path(scratch))
        wrong += check_log(folder, tlogverify, Path(scratch))
    print("\n".join(f"poju: {item}" for item in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
