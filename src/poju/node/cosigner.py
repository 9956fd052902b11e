"""A cosigner of one log: it signs what only grew since it last signed, and keeps the proof where the log forked.

``cosigner.private`` (its key), ``cosigner.vkey``, ``seen`` (the last checkpoint that it signed; written and synced
before the cosignature leaves), ``cosigned`` (that checkpoint with the cosignature), ``fork-SIZE`` (evidence).
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from poju.errors import CallerError, OperatorError, RefusedError
from poju.i18n import _
from poju.ledger import cosignature, merkle, tiles
from poju.ledger.checkpoint import Checkpoint, open_note, read_text
from poju.ledger.keys import PrivateKey, PublicKey, parse_vkey
from poju.node.client import LedgerClient
from poju.units import Seconds

TILES_KEPT = 4_096
NOTE_BYTES = 16_384
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~/-]{0,127}")

Fetch = Callable[[str], bytes]
"""Path below the log's address → body (C2SP tlog-tiles: ``/checkpoint``, ``/tile/…``)."""


class Cosigner:
    """Cosigns the log ``origin`` signed with ``log_key``; ``name`` is the cosigner's own, as in its vkey."""

    def __init__(self, folder: Path, name: str, origin: str, log_key: PublicKey) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.name, self.origin, self.log_key = folder, name, origin, log_key
        self._key = PrivateKey.load_or_create(folder / "cosigner.private")
        (folder / "cosigner.vkey").write_text(cosignature.vkey(name, self._key.public) + "\n")

    def step(self, fetch: Fetch, now: Seconds) -> cosignature.Cosigned:
        """Fetch the log's checkpoint, check that it grew from the last one, and return it with a cosignature.

        Raises ``checkpoint.refused``, ``tile.short`` or ``cosign.tiles`` for a log that does not hold together,
        ``cosign.shrank`` for an older checkpoint than the one signed before, ``cosign.fork`` for another history, the
        evidence of which is then in the folder.
        """
        note = fetch("/checkpoint")[:NOTE_BYTES].decode(errors="replace")
        head = open_note(note, self.origin, self.log_key)
        seen = self._seen()
        nodes = _nodes(fetch, head.size)
        if merkle.root(head.size, nodes) != head.root:
            raise RefusedError(
                "cosign.tiles",
                _("The log's tiles do not lead to its checkpoint of {size} leaves."),
                hint=_("Try again once the log has published its tiles; if it stays so, ask its operator."),
                size=head.size,
            )
        if seen is not None:
            self._only_grew(seen, note, head, nodes)
        # remembered before it leaves: after a crash the cosigner has signed nothing that it does not know of
        _write(self.folder / "seen", note)
        signed = cosignature.cosign(note, self.name, self._key, now)
        _write(self.folder / "cosigned", signed)
        return cosignature.open_cosigned(signed, self.origin, self.log_key, {self.name: self._key.public})

    def _seen(self) -> str | None:
        path = self.folder / "seen"
        return path.read_text() if path.exists() else None

    def _only_grew(self, seen: str, note: str, head: Checkpoint, nodes: merkle.NodeSource) -> None:
        # our own file, checked before it was written, perhaps under a key that the log has retired since (LOG-3)
        before = read_text(seen.partition("\n\n")[0] + "\n")
        if head.size < before.size:
            raise OperatorError(
                "cosign.shrank",
                _("The log shows {size} leaves; {before} were cosigned before."),
                hint=_("An old copy answered: try again, and ask the log's operator if it stays so."),
                size=head.size,
                before=before.size,
            )
        if before.size == 0 or merkle.root(before.size, nodes) == before.root:
            return
        path = merkle.consistency_proof(before.size, head.size, nodes)
        evidence = {
            "before": seen,
            "after": note,
            "prefix_root": merkle.root(before.size, nodes).hex(),
            "path": [item.hex() for item in path],
        }
        kept = self.folder / f"fork-{head.size}-{head.root.hex()[:16]}.json"
        _write(kept, json.dumps(evidence, ensure_ascii=False, indent=1) + "\n")
        raise RefusedError(
            "cosign.fork",
            _("The log forked: its first {before} leaves are not those that were cosigned."),
            hint=_("Show {path} to everyone who relies on this log: it holds both checkpoints, signed by the log."),
            before=before.size,
            path=kept,
        )


def follow(url: str, vkey: str, folder: Path, name: str, every: int | None) -> Iterator[cosignature.Cosigned]:
    """Yield each checkpoint cosigned of the log at ``url``: one, or without end, ``every`` so many seconds."""
    if not NAME.fullmatch(name):
        raise CallerError(
            "cosign.name",
            _("{name} cannot be a cosigner's name."),
            hint=_("Give a host and path of yours, for example university.example/cosigner."),
            name=name[:200],
        )
    origin, log_key = parse_vkey(vkey)
    own, client = Cosigner(folder, name, origin, log_key), LedgerClient(url)
    try:
        while True:
            yield own.step(client.get, Seconds(int(time.time())))
            if every is None:
                return
            time.sleep(every)
    finally:
        client.close()


def _nodes(fetch: Fetch, size: int) -> merkle.NodeSource:
    """Return the nodes of the log's tree of ``size`` leaves, from hash tiles that are fetched as they are needed."""

    @lru_cache(TILES_KEPT)
    def tile(level: int, number: int) -> bytes:
        hashes = size >> (tiles.HEIGHT * level)
        width = min(tiles.WIDTH, hashes - number * tiles.WIDTH)
        return fetch("/" + tiles.path(str(level), number, width))[: width * tiles.HASH_BYTES]

    return tiles.node_source(tile)


def _write(path: Path, text: str) -> None:
    """Replace ``path`` by ``text``, durably."""
    scratch = path.with_name(path.name + ".new")
    with scratch.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    scratch.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
