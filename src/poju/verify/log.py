"""The steps that every log folder shares: the key, the checkpoint, the hash tiles."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from poju.i18n import _
from poju.ledger import merkle, tiles
from poju.ledger.checkpoint import Checkpoint, open_note
from poju.ledger.keys import PublicKey, parse_vkey
from poju.verify.files import broken, listing, no_others, read
from poju.verify.proof import Proof, Proved, proved


def _no_nodes(level: int, index: int) -> bytes:
    raise LookupError(level, index)


@dataclass
class LogFolder:
    """A tlog-tiles folder under verification; filled in step by step."""

    folder: Path
    key: PublicKey
    origin: str
    checkpoint: Checkpoint
    _nodes: merkle.NodeSource = _no_nodes

    @classmethod
    def open(cls, folder: Path, fingerprint: str | None, proof: Proof) -> LogFolder:
        """Run the first three steps: key, checkpoint, hash tiles."""
        log = cls(folder, PublicKey(bytes(32)), "", Checkpoint("", 0, merkle.EMPTY_ROOT))
        proof.step(_("log key"), lambda: log.check_key(fingerprint, proof))
        proof.step(_("checkpoint"), log.check_checkpoint)
        proof.step(_("hash tiles"), log.check_tiles)
        return log

    def check_key(self, fingerprint: str | None, proof: Proof) -> Proved:
        """Compare the folder's log.vkey with the key that the user trusts."""
        found = text(read(self.folder / "log.vkey", self.folder), "log.vkey")
        self.origin, self.key = parse_vkey(found)
        if found != self.key.vkey(self.origin) + "\n":
            raise broken("file.altered", _("{path} was altered after it was published."), path="log.vkey")
        if fingerprint is None:
            return proved(_("no key was given: {found} stands beside the data"), found=self.key.fingerprint)
        if fingerprint != self.key.fingerprint:
            raise broken(
                "key.not-trusted",
                _("The log's key is {found}, not the trusted {wanted}."),
                found=self.key.fingerprint,
                wanted=fingerprint,
            )
        proof.trusted = True
        return proved(_("{origin} is the log whose key you trust"), origin=self.origin)

    def check_checkpoint(self) -> Proved:
        """Read the checkpoint in its canonical form, signed by that key."""
        note = text(read(self.folder / "checkpoint", self.folder), "checkpoint")
        self.checkpoint = open_note(note, self.origin, self.key)
        root = self.checkpoint.root.hex()
        return proved(_("the log signed size {size} with root {root}"), size=self.checkpoint.size, root=root)

    def check_tiles(self) -> Proved:
        """Follow the hash tiles to the signed root, each to its last byte, with none beside them."""
        size = self.checkpoint.size
        self._require_room()
        source = self._source()
        expected = set()
        for level, number, width in tiles.tile_names(size):
            path = tiles.path(str(level), number, width)
            expected.add(path)
            found = source(level, number)
            if level and found != self._fold(source, level, number, width):
                raise broken("tile.differs", _("Tile {path} does not follow from the tiles below it."), path=path)
        no_others(self.folder, expected | self._entries(), "tile/")
        self._nodes = lru_cache(maxsize=None)(tiles.node_source(source))
        if merkle.root(size, self._nodes) != self.checkpoint.root:
            raise broken("tile.root", _("The hash tiles do not lead to the signed root."))
        return proved(_("{count} tiles lead from {size} leaves to the signed root"), count=len(expected), size=size)

    def _require_room(self) -> None:
        """Raise where the folder has too few tiles for the signed size, before any work that grows with that size."""
        held = len(listing(self.folder / "tile" / "0"))
        if self.checkpoint.size > held * tiles.WIDTH:
            raise broken("tile.too-few", _("The folder holds {held} tiles of leaf hashes, too few."), held=held)

    def _source(self) -> tiles.TileSource:
        """Return the folder's tiles, each read once: what was verified is what is used."""
        return lru_cache(maxsize=None)(tiles.folder_source(self.folder, self.checkpoint.size))

    def check_alone(self) -> Proved:
        """Account for every file of a folder that holds no more than checkpoint, key and hash tiles."""
        size = self.checkpoint.size
        names = {tiles.path(str(level), number, width) for level, number, width in tiles.tile_names(size)}
        no_others(self.folder, names | {"checkpoint", "log.vkey"})
        return proved(_("the folder holds a checkpoint and hash tiles, no entries"))

    def _entries(self) -> set[str]:
        return {
            tiles.path("entries", number, width)
            for level, number, width in tiles.tile_names(self.checkpoint.size)
            if not level
        }

    @staticmethod
    def _fold(source: tiles.TileSource, level: int, number: int, width: int) -> bytes:
        first = number * tiles.WIDTH
        return b"".join(tiles.fold(source(level - 1, first + at)) for at in range(width))

    def root_at(self, size: int) -> bytes:
        """Return this log's root at ``size``, from the verified tiles."""
        return merkle.root(size, self._nodes)

    def check_leaf(self, index: int, leaf: bytes, size: int, root: bytes, name: str) -> None:
        """Raise unless ``leaf`` stands at ``index`` of this log and ``root`` is this log's at ``size``."""
        nodes = self._nodes
        if index >= self.checkpoint.size or nodes(0, index) != merkle.leaf_hash(leaf):
            raise broken("receipt.elsewhere", _("{name} is not entry {index} of this log."), name=name, index=index)
        if not 0 < size <= self.checkpoint.size or merkle.root(size, nodes) != root:
            raise broken("receipt.other-log", _("The receipt of {name} is of another log than this one."), name=name)


def text(data: bytes, name: str) -> str:
    """Return ``data`` as UTF-8 text; raise ``file.not-text``."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise broken("file.not-text", _("{path} is not text in UTF-8."), path=name) from error
