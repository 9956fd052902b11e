from __future__ import annotations

import re
import runpy
from pathlib import Path

from poju.exchange.formats.fhir import generator_digest
from poju.exchange.formats.fhir.generator.catalogue import books, concordance, items

ROOT = Path(__file__).parents[2]
SPECIFICATION = ROOT / "docs" / "spec" / "recognition-cases.md"
VECTORS = ROOT / "tests" / "vectors"


def test_the_generator_is_the_one_the_specification_froze() -> None:
    assert f"Generator: `{generator_digest()}`" in SPECIFICATION.read_text("utf-8")


def test_the_vectors_are_what_the_generator_writes() -> None:
    script = runpy.run_path(str(VECTORS / "recognition_seed1.py"))
    assert (VECTORS / "recognition-seed1.json").read_bytes() == script["vectors"]()


def test_the_specification_lists_every_item_with_its_window_specimens_and_units() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .* \| (\d+) \| (.*) \| (.*) \|$", SPECIFICATION.read_text("utf-8"), re.MULTILINE)
    published = {
        code: (int(days), re.findall("`(.*?)`", specimens), re.findall("`(.*?)`", units))
        for code, days, specimens, units in rows
    }
    assert published == {
        item.code: (item.window_days, list(item.specimens), [unit.code for unit in item.units])
        for item in items().values()
    }


def test_the_specification_counts_the_local_codes_and_the_unmapped_ones() -> None:
    codes = sum(len(book.codes) for book in books().values())
    assert (codes, codes - len(concordance())) == (132, 6)
    assert "Six of the 132 local codes" in SPECIFICATION.read_text("utf-8")


def test_the_same_local_code_means_different_items_in_two_systems() -> None:
    meanings: dict[str, set[str]] = {}
    for key, item in concordance().items():
        meanings.setdefault(key.split("|")[1], set()).add(item)
    assert any(len(found) > 1 for found in meanings.values())
