"""Hash tiles and entry bundles of C2SP tlog-tiles (height 8), in memory and as a folder of static files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger import merkle

HEIGHT = 8
WIDTH = 1 << HEIGHT
HASH_BYTES = 32
LENGTH_BYTES = 2
GROUP = 1000
TILE_PATH = re.compile(r"(?P<groups>(x[0-9]{3}/){0,5}[0-9]{3})(\.p/(?P<width>[1-9][0-9]{0,2}))?")

TileSource = Callable[[int, int], bytes]
"""(tile level, tile number) → up to 256 hashes of 32 bytes, joined."""


def node_source(tile: TileSource) -> merkle.NodeSource:
    """Return the tree's nodes read from tiles: node (l, i) is folded from 2^(l mod 8) hashes of one tile."""

    def node(level: int, index: int) -> bytes:
        span = 1 << (level % HEIGHT)
        return fold(_hashes(tile, level // HEIGHT, index * span, span))

    return node


def hash_source(tile: TileSource) -> merkle.NodeSource:
    """Return the nodes that stand in tiles as they are: those of the levels that are multiples of 8."""
    return lambda level, index: _hashes(tile, level // HEIGHT, index, 1)


def _hashes(tile: TileSource, level: int, first: int, count: int) -> bytes:
    """Return ``count`` hashes from ``first`` on, all in one tile."""
    number, start = first // WIDTH, first % WIDTH * HASH_BYTES
    hashes = tile(level, number)[start : start + count * HASH_BYTES]
    if len(hashes) != count * HASH_BYTES:
        raise CallerError(
            "tile.short",
            _("Hash tile {level}/{number} is too short."),
            hint=_("Fetch the tiles again up to the checkpoint's size."),
            level=level,
            number=number,
        )
    return hashes


def fold(hashes: bytes) -> bytes:
    """Return the root of a complete subtree given its 2^k hashes, joined."""
    row = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    while len(row) > 1:
        row = [merkle.node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def append(tile: TileSource, size: int, hashes: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """Return the tiles that change when ``hashes`` (leaf hashes) follow the first ``size`` leaves."""
    changed: dict[tuple[int, int], bytearray] = {}
    level = 0
    while hashes:
        upper: list[bytes] = []
        for position, item in enumerate(hashes, start=size):
            name = (level, position // WIDTH)
            if name not in changed:
                changed[name] = bytearray(tile(*name) if position % WIDTH else b"")
            changed[name] += item
            if position % WIDTH == WIDTH - 1:
                upper.append(fold(bytes(changed[name])))
        hashes, size, level = upper, size // WIDTH, level + 1
    return {name: bytes(data) for name, data in changed.items()}


def tile_names(size: int) -> Iterator[tuple[int, int, int]]:
    """Yield (level, number, width) of every tile of a log of ``size`` leaves, partial ones with their width."""
    level = 0
    while size:
        for number in range((size + WIDTH - 1) // WIDTH):
            yield level, number, min(WIDTH, size - number * WIDTH)
        size, level = size // WIDTH, level + 1


def path(kind: str, number: int, width: int) -> str:
    """Return the path of a tile: ``kind`` is a level or ``entries``; groups of three digits, ``.p/W`` when partial."""
    groups = [f"{number % GROUP:03d}"]
    while number >= GROUP:
        number //= GROUP
        groups.insert(0, f"x{number % GROUP:03d}")
    tail = "" if width == WIDTH else f".p/{width}"
    return f"tile/{kind}/{'/'.join(groups)}{tail}"


def parse_path(text: str) -> tuple[int, int] | None:
    """Return (number, width) of what follows ``tile/KIND/`` in :func:`path`, or None where it is no such path."""
    found = TILE_PATH.fullmatch(text)
    if found is None:
        return None
    number = int(found["groups"].replace("x", "").replace("/", ""))
    width = int(found["width"] or WIDTH)
    return (number, width) if path("", number, width) == f"tile//{text}" else None


def bundle(leaves: Iterable[bytes]) -> bytes:
    """Return an entry bundle: each leaf behind its length in two bytes."""
    return b"".join(len(item).to_bytes(LENGTH_BYTES, "big") + item for item in leaves)


def unbundle(data: bytes) -> list[bytes]:
    """Return the leaves of an entry bundle, or raise ``tile.malformed``."""
    leaves, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + LENGTH_BYTES], "big")
        at += LENGTH_BYTES
        if at + length > len(data):
            raise CallerError(
                "tile.malformed",
                _("An entry bundle ends inside an entry."),
                hint=_("Fetch the entry bundles again."),
            )
        leaves.append(data[at : at + length])
        at += length
    return leaves


def write_folder(
    folder: Path, size: int, tile: TileSource, leaves: Callable[[int, int], Sequence[bytes]] | None = None
) -> None:
    """Write the hash tiles of a log of ``size`` leaves, and its entry bundles where ``leaves(start, end)`` is given."""
    for level, number, width in tile_names(size):
        _write(folder / path(str(level), number, width), tile(level, number)[: width * HASH_BYTES])
        if level == 0 and leaves is not None:
            start = number * WIDTH
            _write(folder / path("entries", number, width), bundle(leaves(start, start + width)))


def _write(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)


def folder_source(folder: Path, size: int) -> TileSource:
    """Return the tiles of ``folder`` for a log of ``size`` leaves; a missing or short one raises ``tile.missing``."""
    widths = {(level, number): width for level, number, width in tile_names(size)}

    def tile(level: int, number: int) -> bytes:
        return read(folder, str(level), number, widths.get((level, number), 0), HASH_BYTES)

    return tile


def read(folder: Path, kind: str, number: int, width: int, item_bytes: int | None = None) -> bytes:
    """Return one file of a tlog-tiles folder; ``item_bytes`` × width is its exact size where items have one."""
    target = folder / path(kind, number, width)
    data = target.read_bytes() if target.is_file() else b""
    if not data or (item_bytes is not None and len(data) != item_bytes * width):
        raise CallerError(
            "tile.missing",
            _("Tile {path} is missing or has the wrong size."),
            hint=_("Copy the folder again, whole."),
            path=path(kind, number, width),
        )
    return data
