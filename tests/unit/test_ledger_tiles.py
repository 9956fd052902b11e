"""Tiles of C2SP tlog-tiles: appending, paths, partial ones, the folder; across the borders at 256 and 65,536."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest
import support_ledger as support

from poju.errors import PojuError
from poju.ledger import merkle, tiles

Stored = dict[tuple[int, int], bytes]


def hashes(count: int) -> list[bytes]:
    return [merkle.leaf_hash(number.to_bytes(4, "big")) for number in range(count)]


def grown(stored: Stored, size: int, new: list[bytes]) -> None:
    stored |= tiles.append(lambda level, number: stored.get((level, number), b""), size, new)


def rows(row: list[bytes]) -> Stored:
    """Every tile from the definition: level n holds the roots of 256^n leaves each."""
    found: Stored = {}
    level = 0
    while row:
        for start in range(0, len(row), 256):
            found[level, start // 256] = b"".join(row[start : start + 256])
        full = range(0, len(row) - 255, 256)
        row = [folded(row[start : start + 256]) for start in full]
        level += 1
    return found


def folded(row: list[bytes]) -> bytes:
    while len(row) > 1:
        row = [hashlib.sha256(b"\x01" + row[at] + row[at + 1]).digest() for at in range(0, len(row), 2)]
    return row[0]


@pytest.mark.parametrize("seed", range(6))
def test_log_2_random_batches_give_the_tiles_of_the_definition(seed: int) -> None:
    source = random.Random(seed)  # noqa: S311 a repeatable choice of sizes
    every = hashes(1200)
    stored: Stored = {}
    size = 0
    while size < len(every):
        count = source.choice([1, 2, 7, 255, 256, 257, source.randrange(1, 400)])
        grown(stored, size, every[size : size + count])
        size = min(len(every), size + count)
        if size in {255, 256, 257, 512}:
            assert stored == rows(every[:size])
    assert stored == rows(every)


def test_log_2_a_log_beyond_two_levels_grows_across_its_border() -> None:
    every = hashes(65_536 + 300)
    stored: Stored = {}
    for start, end in [(0, 65_530), (65_530, 65_535), (65_535, 65_536), (65_536, 65_537), (65_537, 65_836)]:
        grown(stored, start, every[start:end])
        assert {name: len(data) // 32 for name, data in stored.items()} == {
            (level, number): width for level, number, width in tiles.tile_names(end)
        }
    assert stored == rows(every)
    nodes = tiles.node_source(lambda level, number: stored[level, number])
    assert nodes(16, 0) == folded([folded(every[at : at + 256]) for at in range(0, 65_536, 256)])
    leaf = (65_600).to_bytes(4, "big")
    path = merkle.inclusion_proof(65_600, 65_836, nodes)
    assert merkle.root_from_inclusion(merkle.leaf_hash(leaf), 65_600, 65_836, path) == merkle.root(65_836, nodes)


@pytest.mark.parametrize(
    ("number", "width", "path"),
    [
        (0, 256, "tile/0/000"),
        (999, 256, "tile/0/999"),
        (1234, 256, "tile/0/x001/234"),
        (1234, 7, "tile/0/x001/234.p/7"),
        (1_234_067, 256, "tile/0/x001/x234/067"),
        (1_000_000, 255, "tile/0/x001/x000/000.p/255"),
    ],
)
def test_paths_are_those_of_the_specification(number: int, width: int, path: str) -> None:
    assert tiles.path("0", number, width) == path


def test_entry_bundles_have_their_own_paths() -> None:
    assert tiles.path("entries", 1234, 256) == "tile/entries/x001/234"


@pytest.mark.parametrize(
    ("size", "names"),
    [
        (0, []),
        (1, [(0, 0, 1)]),
        (256, [(0, 0, 256), (1, 0, 1)]),
        (600, [(0, 0, 256), (0, 1, 256), (0, 2, 88), (1, 0, 2)]),
    ],
)
def test_tile_names_end_with_the_partial_ones(size: int, names: list[tuple[int, int, int]]) -> None:
    assert list(tiles.tile_names(size)) == names


def written(folder: Path, size: int) -> list[bytes]:
    leaves = [number.to_bytes(4, "big") for number in range(size)]
    stored: Stored = {}
    grown(stored, 0, hashes(size))
    tiles.write_folder(folder, size, lambda level, number: stored[level, number], lambda a, b: leaves[a:b])
    return leaves


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600])
def test_a_folder_reads_back_as_the_log_that_it_was(tmp_path: Path, size: int) -> None:
    leaves = written(tmp_path, size)
    assert merkle.root(size, tiles.node_source(tiles.folder_source(tmp_path, size))) == support.tree_head(leaves)
    bundles = [tiles.read(tmp_path, "entries", n, w) for level, n, w in tiles.tile_names(size) if level == 0]
    assert [leaf for data in bundles for leaf in tiles.unbundle(data)] == leaves


@pytest.mark.parametrize("damage", ["missing", "short", "long", "empty"])
def test_a_damaged_tile_ends_in_one_clear_error(tmp_path: Path, damage: str) -> None:
    written(tmp_path, 300)
    path = tmp_path / "tile/0/001.p/44"
    whole = path.read_bytes()
    path.write_bytes({"short": whole[:-1], "long": whole + b"x"}.get(damage, b""))
    if damage == "missing":
        path.unlink()
    with pytest.raises(PojuError) as caught:
        tiles.folder_source(tmp_path, 300)(0, 1)
    assert caught.value.code == "tile.missing"


def test_a_tile_that_the_size_does_not_have_is_missing(tmp_path: Path) -> None:
    written(tmp_path, 300)
    for name in [(0, 2), (1, 1), (7, 0)]:
        with pytest.raises(PojuError) as caught:
            tiles.folder_source(tmp_path, 300)(*name)
        assert caught.value.code == "tile.missing"


def test_a_node_beyond_the_tiles_is_refused() -> None:
    stored = rows(hashes(5))
    nodes = tiles.node_source(lambda level, number: stored.get((level, number), b""))
    for name in [(0, 5), (2, 1), (3, 0), (8, 0)]:
        with pytest.raises(PojuError) as caught:
            nodes(*name)
        assert caught.value.code == "tile.short"


@pytest.mark.parametrize("leaves", [[], [b""], [b"a", b"", b"b" * 65_535]])
def test_bundles_read_back(leaves: list[bytes]) -> None:
    assert tiles.unbundle(tiles.bundle(leaves)) == leaves


def test_every_cut_of_a_bundle_is_refused_or_loses_a_leaf() -> None:
    leaves = [b"abc", b"", b"de"]
    data = tiles.bundle(leaves)
    borders = {5: 1, 7: 2, 0: 0}
    for end in range(len(data)):
        if end in borders:
            assert len(tiles.unbundle(data[:end])) == borders[end]
            continue
        with pytest.raises(PojuError) as caught:
            tiles.unbundle(data[:end])
        assert caught.value.code == "tile.malformed"


@pytest.mark.parametrize("number", [0, 7, 999, 1_000, 1_234_067, 999_999_999])
@pytest.mark.parametrize("width", [1, 255, 256])
def test_a_path_reads_back(number: int, width: int) -> None:
    text = tiles.path("0", number, width).removeprefix("tile/0/")
    assert tiles.parse_path(text) == (number, width)


@pytest.mark.parametrize(
    "text", ["", "0", "0000", "x000/000", "000.p/0", "000.p/256", "000.p/07", "x1/234", "000/001", "000.p", "../000"]
)
def test_a_path_has_one_form(text: str) -> None:
    assert tiles.parse_path(text) is None
