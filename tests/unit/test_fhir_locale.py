from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest

import poju.exchange.formats.fhir as room
from poju.i18n import catalogue


def marked() -> set[str]:
    """Every string that the FHIR room marks with ``_``."""
    found: set[str] = set()
    for path in Path(str(room.__file__)).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
                found.add(ast.literal_eval(node.args[0]))
    return found


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans"])
def test_every_string_of_the_room_is_translated_with_its_fields(language: str) -> None:
    translated = catalogue(language)
    assert not sorted(text for text in marked() if text not in translated)
    assert all(fields(text) == fields(translated[text]) for text in marked())
