"""Kill a served ledger many times under load; exit 1 at the first thing that it had acknowledged and lost.

    make faults                                  a hundred kills, each at another moment
    make faults ARGS="--kills 1000 --seed 7"     more of them, at other moments
    make faults ARGS="--dir D"                   keep ledger and acknowledgements in D

Each kill: four clients send the standing load, the process is ended by SIGKILL within 0.6 s, its file is read as it
lies there, a new process is asked for every acknowledged statement and for the growth from every root that it had
signed. At the end the whole log is folded again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from support_kills import Journal, LostError, kill_and_look, nothing_twice  # noqa: E402 - tests are no package


def main() -> int:
    """Run what the arguments say; print one line a kill on standard error and a JSON summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dir", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.dir or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        journal, done = Journal(folder / "acknowledged"), 0
        try:
            for count, moment in kill_and_look(folder / "ledger", journal, arguments.kills, arguments.seed):
                done += 1
                print(
                    f"kill {done}/{arguments.kills} after {moment:.3f} s: {count} acknowledged, all there",
                    file=sys.stderr,
                )
            leaves = nothing_twice(folder / "ledger", journal.read())
        except LostError as error:
            print(f"lost after kill {done + 1} (seed {arguments.seed}): {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("interrupted; nothing keeps running", file=sys.stderr)
            return 130
        print(json.dumps({"kills": done, "acknowledged": len(journal.read()), "leaves": leaves, "lost": 0}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
