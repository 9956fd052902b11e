"""The keys of one node of a network, made in its own folder: nobody else ever holds them.

Three keys: the engine votes with the first, proves who it is to its peers with the second; the application signs
checkpoints and receipts with the third (``log.private``).
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path

from poju.engine.cometbft import home
from poju.errors import OperatorError
from poju.i18n import _
from poju.ledger.keys import KEY_BYTES, PrivateKey, PublicKey

CONSENSUS, NETWORK, LOG = "config/priv_validator_key.json", "config/node_key.json", "log.private"


@dataclass(frozen=True)
class Keys:
    """The three keys of one node."""

    consensus: PrivateKey
    network: PrivateKey
    log: PrivateKey

    @property
    def public(self) -> tuple[PublicKey, PublicKey, PublicKey]:
        """The public halves: consensus, network, log."""
        return self.consensus.public, self.network.public, self.log.public


def make(folder: Path) -> Keys:
    """Make the keys in ``folder``, where none stand yet; what an interrupted run left there is taken up."""
    seeds = [os.urandom(KEY_BYTES) for _kind in range(2)]
    pairs = [(PrivateKey.from_seed(seed), seed) for seed in seeds]
    if not all((folder / path).is_file() for path in (CONSENSUS, NETWORK)):
        for path in (CONSENSUS, NETWORK, "data/priv_validator_state.json"):
            (folder / path).unlink(missing_ok=True)
        write(folder, home.private_files(pairs[0], pairs[1]))
    PrivateKey.load_or_create(folder / LOG)
    return load(folder)


def load(folder: Path) -> Keys:
    """Return the keys in ``folder``, or raise ``key.unusable``."""
    return Keys(_seeded(folder / CONSENSUS), _seeded(folder / NETWORK), PrivateKey.load(folder / LOG))


def _seeded(path: Path) -> PrivateKey:
    try:
        # both halves stand in the engine's form, the seed first
        raw = base64.b64decode(json.loads(path.read_text(encoding="utf-8"))["priv_key"]["value"], validate=True)
        key = PrivateKey.from_seed(raw[:KEY_BYTES])
        if raw[KEY_BYTES:] == key.public.raw:
            return key
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise OperatorError(
        "key.unusable",
        _("The private key at {path} is missing or damaged."),
        hint=_("Restore it from a backup: a new key is another signer."),
        path=path,
    )


def write(folder: Path, texts: dict[str, str]) -> None:
    """Write new files under ``folder``, readable by their owner only."""
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())


def replace(path: Path, text: str) -> None:
    """Put ``text`` in the place of ``path``, whole or not at all."""
    scratch = path.with_name(f".{path.name}.new")
    path.parent.mkdir(parents=True, exist_ok=True)
    with scratch.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    scratch.replace(path)
