"""The steps that every log folder shares: the key, the checkpoint, the hash tiles."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from poju.i18n import _
from poju.ledger import merkle, tiles
from poju.ledger.audit_tiles import CheckedTiles
from poju.ledger.checkpoint import Checkpoint, open_note
from poju.ledger.keys import PublicKey, parse_vkey
from poju.verify.files import broken, listing, no_others, read
from poju.verify.proof import Proof, Proved, proved


def _no_tiles() -> CheckedTiles:
    return CheckedTiles(0, lambda _level, _number: b"")


@dataclass
class LogFolder:
    """A tlog-tiles folder under verification; filled in step by step."""

    folder: Path
    key: PublicKey
    origin: str
    checkpoint: Checkpoint
    tiles: CheckedTiles = field(default_factory=_no_tiles)

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
        self.tiles = CheckedTiles(size, self._tile)
        names = {tiles.path(str(level), number, width) for level, number, width in tiles.tile_names(size)}
        no_others(self.folder, names | self._entries(), "tile/")
        if self.tiles.root != self.checkpoint.root:
            raise broken("tile.root", _("The hash tiles do not lead to the signed root."))
        return proved(_("{count} tiles lead from {size} leaves to the signed root"), count=len(names), size=size)

    def _require_room(self) -> None:
        """Raise where the folder has too few tiles for the signed size, before any work that grows with that size."""
        held = len(listing(self.folder / "tile" / "0"))
        if not 0 <= self.checkpoint.size <= held * tiles.WIDTH:
            raise broken("tile.too-few", _("The folder holds {held} tiles of leaf hashes, too few."), held=held)

    def _tile(self, level: int, number: int) -> bytes:
        width = min(tiles.WIDTH, (self.checkpoint.size >> (tiles.HEIGHT * level)) - number * tiles.WIDTH)
        return read(self.folder / tiles.path(str(level), number, width), self.folder)

    def bundle(self, number: int, width: int) -> bytes:
        """Return the bytes of an entry bundle; raise ``file.missing`` and its kin."""
        return read(self.folder / tiles.path("entries", number, width), self.folder)

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

    def root_at(self, size: int) -> bytes:
        """Return this log's root at ``size``, from the verified tiles."""
        return self.tiles.root_at(size)

    def check_leaf(self, index: int, leaf: bytes, size: int, root: bytes, name: str) -> None:
        """Raise unless ``leaf`` stands at ``index`` of this log and ``root`` is this log's at ``size``."""
        if index >= self.checkpoint.size or self.tiles.node(0, index) != merkle.leaf_hash(leaf):
            raise broken("receipt.elsewhere", _("{name} is not entry {index} of this log."), name=name, index=index)
        if not 0 < size <= self.checkpoint.size or self.root_at(size) != root:
            raise broken("receipt.other-log", _("The receipt of {name} is of another log than this one."), name=name)


def text(data: bytes, name: str) -> str:
    """Return ``data`` as UTF-8 text; raise ``file.not-text``."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise broken("file.not-text", _("{path} is not text in UTF-8."), path=name) from error
