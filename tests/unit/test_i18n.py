"""Every string that a person may see exists in both Chinese scripts, with the same fields and in the right script."""

from __future__ import annotations

import ast
import string
import tomllib
from collections import defaultdict
from functools import cache
from importlib import resources
from pathlib import Path

import jinja2
import pytest
from babel.messages.pofile import read_po
from jinja2 import nodes

from poju import i18n
from poju.cli.main import VERBS

SOURCE = Path(i18n.__file__).parent
TRANSLATED = ("zh-Hant", "zh-Hans")
MARKERS = {"_", "t"}
WORD_TABLES = sorted(SOURCE.glob("*/data/words.toml"))
# Characters and phrases that OpenCC's tables count to the other script although they are right in this one.
ALLOWED = {
    "zh-Hant": {
        "床": "the usual form in Taiwan and Hong Kong",
        "群": "the usual form in Taiwan and Hong Kong",
        "貴州、贵州": "shows that both scripts are understood",
    },
    "zh-Hans": {"貴州、贵州": "shows that both scripts are understood"},
}


def python_strings(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
            assert len(node.args) == 1, f"{path}:{node.lineno}: _ takes one string"
            assert isinstance(node.args[0], ast.Constant), f"{path}:{node.lineno}: _ takes a literal"
            assert isinstance(node.args[0].value, str)
            found.add(node.args[0].value)
    return found


def template_strings(path: Path) -> set[str]:
    tree = jinja2.Environment(autoescape=True).parse(path.read_text(encoding="utf-8"))
    found = set()
    for call in tree.find_all(nodes.Call):
        function = call.node
        if isinstance(function, nodes.Name) and function.name in MARKERS and isinstance(call.args[0], nodes.Const):
            found.add(call.args[0].value)
    return found


def word_strings(path: Path) -> set[str]:
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {text for table in tables.values() for text in table.values()}


@cache
def marked() -> frozenset[str]:
    found = set(VERBS.values())
    for path in SOURCE.rglob("*.py"):
        found |= python_strings(path)
    for path in SOURCE.rglob("templates/*.html"):
        found |= template_strings(path)
    for path in WORD_TABLES:
        found |= word_strings(path)
    return frozenset(found)


@cache
def translations(language: str) -> dict[str, dict[str, str]]:
    """Return {English: {file name: translation}}."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for path in sorted((SOURCE / "locale").glob(f"*.{language}.po")):
        with path.open("rb") as handle:
            for message in read_po(handle, locale=language.replace("-", "_"), abort_invalid=True):
                if message.id:
                    assert str(message.id) not in found or path.name not in found[str(message.id)]
                    found[str(message.id)][path.name] = str(message.string)
    return dict(found)


def fields(text: str) -> list[str]:
    return sorted(name for _text, name, _spec, _conversion in string.Formatter().parse(text) if name is not None)


@cache
def foreign_characters(language: str) -> frozenset[str]:
    """Return the characters that belong to the other script only, from OpenCC's character tables."""
    table = "STCharacters.txt" if language == "zh-Hant" else "TSCharacters.txt"
    text = (resources.files("opencc") / "dictionary" / table).read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if "\t" in line]
    return frozenset(row[0] for row in rows if row[0] not in row[1].split())


def foreign_in(text: str, language: str) -> list[str]:
    for phrase in ALLOWED[language]:
        text = text.replace(phrase, "")
    return sorted(set(text) & foreign_characters(language))


def test_strings_were_found() -> None:
    assert len(marked()) > 100


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_string_is_translated(language: str) -> None:
    found = translations(language)
    assert not sorted(text for text in marked() if not any(found.get(text, {}).values()))


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_have_the_same_fields(language: str) -> None:
    wrong = [
        (source, translated)
        for source, places in translations(language).items()
        for translated in places.values()
        if translated and set(fields(source)) != set(fields(translated))
    ]
    assert not wrong


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_string_has_one_translation(language: str) -> None:
    assert not {text: places for text, places in translations(language).items() if len(set(places.values())) > 1}


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_keep_to_their_script(language: str) -> None:
    wrong = {
        translated: foreign_in(translated, language)
        for places in translations(language).values()
        for translated in places.values()
        if foreign_in(translated, language)
    }
    assert not wrong


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_script_check_sees_the_other_script(language: str) -> None:
    other = {"zh-Hant": "场景开放", "zh-Hans": "場景開放"}[language]
    assert foreign_in(other, language)


def test_both_languages_translate_the_same_strings() -> None:
    assert set(translations("zh-Hant")) == set(translations("zh-Hans"))
