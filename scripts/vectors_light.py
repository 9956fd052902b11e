"""Make ``tests/vectors/light/*.json`` again from what a network recorded, as far as nobody's key is needed.

    python scripts/vectors_light.py            write the files
    python scripts/vectors_light.py --check    write nothing; exit 1 where a file would change or a vote does not hold

Made again: addresses from keys, both validators' hashes, header and commit in one, the application hash from the
checkpoint, the order and form of the file. Not made again, since only the recorded network had the keys: signatures and
times. Each signature is checked over what was made again. ``docs/spec/vectors.md`` says how the files were recorded.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

from poju.engine.cometbft import home
from poju.engine.cometbft.genesis import app_hash
from poju.engine.cometbft.light import LightFile, unverified_checkpoint
from poju.engine.cometbft.light_hash import header_hash, sign_bytes, validators_hash
from poju.ledger.keys import PublicKey

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "light"
NAMES = ("earlier.json", "file.json", "impostor.json")
COMMIT = 2
Object = dict[str, Any]


def rebuilt(found: Object) -> LightFile:
    """Return the file of ``found`` with everything that follows from the rest made again."""
    claimed = unverified_checkpoint(found["checkpoint"])
    for block in found["blocks"]:
        _block(block, found["chain"])
    found["blocks"][-1]["signed_header"]["header"]["app_hash"] = app_hash(claimed.size, claimed.root).hex().upper()
    for block in found["blocks"]:
        header, commit = block["signed_header"]["header"], block["signed_header"]["commit"]
        commit["height"] = header["height"]
        commit["block_id"]["hash"] = header_hash(header).hex().upper()
    return LightFile(found["chain"], found["checkpoint"], tuple(found["blocks"]))


def _block(block: Object, chain: str) -> None:
    header = block["signed_header"]["header"]
    header["chain_id"] = chain
    for name in ("validators", "next_validators"):
        for item in block[name]:
            item["address"] = home.address(_key(item)).upper()
        # CometBFT orders validators by falling power, then by address
        block[name].sort(key=lambda item: (-int(item["voting_power"]), item["address"]))
        header[f"{name}_hash"] = validators_hash(block[name]).hex().upper()


def _key(validator: Object) -> PublicKey:
    return PublicKey(base64.b64decode(validator["pub_key"]["value"]))


def broken_votes(file: LightFile) -> int:
    """Return how many votes for a block are not signed by the validator in whose place they stand."""
    broken = 0
    for block in file.blocks:
        commit = block["signed_header"]["commit"]
        for validator, vote in zip(block["validators"], commit["signatures"], strict=True):
            if vote["block_id_flag"] == COMMIT:
                message = sign_bytes(file.chain, commit, vote["timestamp"])
                broken += not _key(validator).verifies(base64.b64decode(vote["signature"]), message)
    return broken


def main() -> int:
    """Return 0 where all files are as they were made, else 1."""
    different = []
    for name in NAMES:
        path = FOLDER / name
        before = path.read_bytes()
        file = rebuilt(json.loads(before))
        if file.encode() != before or broken_votes(file):
            different.append(name)
        if "--check" not in sys.argv[1:]:
            path.write_bytes(file.encode())
    print("different: " + ", ".join(different) if different else f"{len(NAMES)} files are as recorded")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
