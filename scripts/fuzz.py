"""Feed hostile bytes to every decoder for as long as you like; the first that breaks its promise is kept as a file.

``.venv/bin/python scripts/fuzz.py --seconds 600 --seed 7 --decoder statement`` prints inputs per CPU second for each
decoder and how many it accepted. What it keeps is repeated by ``--again FILE --decoder NAME``.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "property"), str(ROOT / "tests" / "unit")]

from fuzz_decoders import corpus  # noqa: E402 - found on the path above
from fuzz_run import Decoder, Finding, accepts, inputs  # noqa: E402 - as above

MEASURED_EVERY = 8


def run(decoder: Decoder, seed: int, seconds: float) -> str:
    """Return one line of figures for ``decoder``; raise Finding."""
    count = taken = 0
    started, cpu = time.monotonic(), time.process_time()
    for data in inputs(decoder, seed):
        # tracing memory makes everything slower several times
        taken += accepts(decoder, data, measure_memory=count % MEASURED_EVERY == 0)
        count += 1
        if time.monotonic() - started > seconds:
            break
    rate = count / max(time.process_time() - cpu, 1e-9)
    return f"{decoder.name:16} {count:9} inputs  {rate:9.0f}/CPU s  {taken:8} accepted"


def each(decoder: Decoder, asked: argparse.Namespace, seconds: float) -> bool:
    """Return whether something was found in ``decoder``; say what was measured or where it is kept."""
    try:
        if asked.again is not None:
            accepts(decoder, bytes.fromhex(asked.again.read_text()))
        else:
            print(run(decoder, asked.seed, seconds), flush=True)
    except Finding as finding:
        kept = asked.out / f"{decoder.name}-{asked.seed}.hex"
        kept.write_text(finding.data.hex() + "\n")
        print(f"{finding}\n  kept as {kept}", flush=True)
        return True
    return False


def main() -> int:
    """Return 0 where nothing was found, else 1."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60.0, help="for all decoders together")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--decoder", help="only this one")
    options.add_argument("--again", type=Path, help="a file of hexadecimal digits to read once more")
    options.add_argument("--out", type=Path, default=Path(), help="folder for what is found")
    asked = options.parse_args()
    if asked.again is not None and asked.decoder is None:
        options.error("--again needs --decoder")
    with corpus() as decoders:
        if asked.decoder is not None and asked.decoder not in decoders:
            options.error(f"--decoder is one of: {', '.join(decoders)}")
        chosen = [decoders[asked.decoder]] if asked.decoder else list(decoders.values())
        found = [each(decoder, asked, asked.seconds / len(chosen)) for decoder in chosen]
    return 1 if any(found) else 0


if __name__ == "__main__":
    sys.exit(main())
