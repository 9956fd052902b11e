"""Hash tiles that were followed to their root, and stay checked while they are read again.

What is kept is the upper tiles, a 256th of all hashes, and the last tile of leaf hashes: a full tile of leaf hashes is
read again when it is asked for and folded to the hash that stands above it, so that memory stays small and what was
checked is what is used.
"""

from __future__ import annotations

from functools import lru_cache

from poju.errors import OperatorError
from poju.i18n import _
from poju.ledger import merkle, tiles

TILES_KEPT, NODES_KEPT = 64, 16_384
FETCH = _("Do not rely on this copy: fetch it again from its publisher. In a ledger of your own, restore a backup.")


def altered(code: str, message: str, **parameters: object) -> OperatorError:
    """Return the error of a file or row that is not what the log's hashes commit to."""
    return OperatorError(code, message, hint=FETCH, **parameters)


class CheckedTiles:
    """The hash tiles of a log of ``size`` leaves, each following from the ones below.

    Making one reads every tile of ``source`` once; it raises ``tile.differs`` and what ``source`` raises. ``count``:
    how many tiles there are. ``root``: what they lead to.
    """

    def __init__(self, size: int, source: tiles.TileSource) -> None:
        self.size = size
        self.count = 0
        self._source = source
        self._kept: dict[tuple[int, int], bytes] = {}
        self._leaf_hashes = lru_cache(TILES_KEPT)(self._again)
        below: list[bytes] = []
        folded: list[bytes] = []
        at = 0
        for level, number, width in tiles.tile_names(size):
            if level != at:
                below, folded, at = folded, [], level
            data = self._read(level, number, width)
            if level:
                self._compare(data, below, level, number)
            if width == tiles.WIDTH:
                folded.append(tiles.fold(data))
            if level or width != tiles.WIDTH:
                self._kept[level, number] = data
            self.count += 1
        self._nodes = lru_cache(NODES_KEPT)(tiles.node_source(self.tile))
        self.root = merkle.root(size, self._nodes)

    def _read(self, level: int, number: int, width: int) -> bytes:
        data = self._source(level, number)
        if len(data) != width * tiles.HASH_BYTES:
            raise altered(
                "tile.missing",
                _("Tile {path} is missing or has the wrong size."),
                path=tiles.path(str(level), number, width),
            )
        return data

    def _compare(self, data: bytes, below: list[bytes], level: int, number: int) -> None:
        """Raise where a hash of tile ``number`` is not the fold of the tile below it; the two are named."""
        first = number * tiles.WIDTH
        wanted = below[first : first + tiles.WIDTH]
        if b"".join(wanted) == data:
            return
        found = [data[at : at + tiles.HASH_BYTES] for at in range(0, len(data), tiles.HASH_BYTES)]
        at = next(n for n, pair in enumerate(zip(wanted, found, strict=True)) if pair[0] != pair[1])
        raise self._differs(level, number, len(found), first + at)

    def _differs(self, level: int, number: int, width: int, below: int) -> OperatorError:
        return altered(
            "tile.differs",
            _("Tile {below} does not lead to its hash in tile {path}: one of the two was altered."),
            path=tiles.path(str(level), number, width),
            below=tiles.path(str(level - 1), below, tiles.WIDTH),
        )

    def _again(self, number: int) -> bytes:
        """Read a full tile of leaf hashes again, and compare it with the hash that stands above it."""
        data = self._read(0, number, tiles.WIDTH)
        upper, at = self._kept[1, number // tiles.WIDTH], number % tiles.WIDTH * tiles.HASH_BYTES
        if tiles.fold(data) != upper[at : at + tiles.HASH_BYTES]:
            raise self._differs(1, number // tiles.WIDTH, len(upper) // tiles.HASH_BYTES, number)
        return data

    def tile(self, level: int, number: int) -> bytes:
        """Return a checked tile; empty where the log has none of that name."""
        kept = self._kept.get((level, number))
        if kept is not None:
            return kept
        inside = level == 0 and 0 <= number < self.size // tiles.WIDTH
        return self._leaf_hashes(number) if inside else b""

    def node(self, level: int, index: int) -> bytes:
        """Return a complete node of the tree; raise ``tile.short`` where the log has none of that name."""
        return self._nodes(level, index)

    def root_at(self, size: int) -> bytes:
        """Return the root of the first ``size`` leaves."""
        return merkle.root(size, self._nodes)
