"""What the refusals of the scenario room and the exchange room mean, for a person, from ``refusals.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

from poju.scenario.toml import Names, parse


@cache
def meanings() -> Mapping[str, Names]:
    """Return ``{code: one sentence in each of the three languages}``."""
    data = (resources.files("poju.scenario") / "refusals.toml").read_bytes()
    table = parse(data, "refusals.toml")
    found = {}
    for code, sentences in table.values.items():
        entry = table.table(code)
        found[code] = MappingProxyType({language: entry.text(language) for language in sentences})
        entry.close()
    return MappingProxyType(found)


def explain(code: str, language: str) -> str:
    """Return the sentence for ``code`` in ``language``; the code itself where another room's rules gave it."""
    names = meanings().get(code)
    return code if names is None else names[language]
