"""The steps that every log folder shares: the key, the checkpoint, the hash tiles."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from poju.i18n import _
from poju.ledger import merkle, receipt, tiles
from poju.ledger.audit_tiles import CheckedTiles
from poju.ledger.checkpoint import Checkpoint, open_note, read_text
from poju.ledger.keys import PublicKey, parse_vkey
from poju.ledger.log_keys import Agreed
from poju.ledger.receipt import VerifiedReceipt
from poju.verify.files import broken, listing, no_others, read
from poju.verify.policy import Policy
from poju.verify.proof import Proof, Proved, proved

Trust = str | Policy | None
"""Whom the user trusts: one log key by its fingerprint, the keys of a policy, or nobody yet."""


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
    policy: Policy | None = None
    note: str = ""

    @classmethod
    def open(cls, folder: Path, trust: Trust, proof: Proof) -> LogFolder:
        """Run the first three steps: key, checkpoint, hash tiles."""
        log = cls(folder, PublicKey(bytes(32)), "", Checkpoint("", 0, merkle.EMPTY_ROOT))
        proof.step(_("log key"), lambda: log.check_key(trust, proof))
        proof.step(_("checkpoint"), log.check_checkpoint)
        proof.step(_("hash tiles"), log.check_tiles)
        return log

    def check_key(self, trust: Trust, proof: Proof) -> Proved:
        """Compare the folder's log.vkey with the key that the user trusts, or with those of a policy."""
        found = text(read(self.folder / "log.vkey", self.folder), "log.vkey")
        self.origin, self.key = parse_vkey(found)
        if found != self.key.vkey(self.origin) + "\n":
            raise broken("file.altered", _("{path} was altered after it was published."), path="log.vkey")
        if isinstance(trust, Policy):
            self.policy = trust
            if trust.genesis is None:
                trust.require_known(self.origin, self.key)
            trust.require_log(self.origin)
            proof.trusted = True
            return proved(_("{origin} is the log of your policy"), origin=self.origin)
        if trust is None:
            return proved(_("no key was given: {found} stands beside the data"), found=self.key.fingerprint)
        if trust != self.key.fingerprint:
            raise broken(
                "key.not-trusted",
                _("The log's key is {found}, not the trusted {wanted}."),
                found=self.key.fingerprint,
                wanted=trust,
            )
        proof.trusted = True
        return proved(_("{origin} is the log whose key you trust"), origin=self.origin)

    def check_checkpoint(self) -> Proved:
        """Read the checkpoint in its canonical form, signed by that key, or by as many as the policy takes.

        Where the policy's keys follow from the log's votes, its signatures are checked after them: :meth:`agreed`.
        """
        self.note = text(read(self.folder / "checkpoint", self.folder), "checkpoint")
        if self.policy is None:
            self.checkpoint = open_note(self.note, self.origin, self.key)
            said = _("the log signed size {size} with root {root}")
        elif self.policy.genesis is None:
            agreed = self.policy.require(self.agreed())
            self.checkpoint = agreed.checkpoint
            return self.policy.told(agreed)
        else:
            self.checkpoint = read_text(self.note.partition("\n\n")[0] + "\n")
            said = _("the folder claims size {size} with root {root}; who signed that is checked last")
        return proved(said, size=self.checkpoint.size, root=self.checkpoint.root.hex())

    def agreed(self) -> Agreed:
        """Return who signed the checkpoint, by the policy's keys; raise ``checkpoint.refused``."""
        if self.policy is None:
            raise ValueError(self.folder)
        return self.policy.keys.open(self.note)

    def is_own(self, raw: bytes) -> bool:
        """Return whether ``raw`` is this log's key, or one of the policy's; any where a policy pins what names it."""
        if self.policy is None:
            return raw == self.key.raw
        return self.policy.genesis is not None or any(raw == item.key.raw for item in self.policy.keys.keys)

    def receipt(self, proof: bytes, leaf: bytes) -> VerifiedReceipt:
        """Return what a receipt of this log proved, under its key or any of the policy's (LOG-3).

        The caller compares its root with the tiles (:meth:`check_leaf`), so that it matters no more whose key it was.
        """
        if self.policy is None:
            return receipt.verify(proof, leaf, self.key)
        return self.policy.keys.inclusion(proof, leaf)[1]

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
