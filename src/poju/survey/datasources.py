"""The data files as a check sees them: texts, tables, lines, and the problems found so far."""

from __future__ import annotations

import csv
import re
import tomllib
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from poju.i18n import _, translate
from poju.survey.datafiles import MAX_BYTES, data_names

UNKNOWN = _("{name} is not known: use one that {where} holds")
TWICE = _("{name} stands twice: keep one")
FIELD = _("{field} is missing or of the wrong kind: see the head of the file")
COUNT = _("there are {count} instead of {wanted}: add or take out")
_UNREADABLE = _("it is not UTF-8, or larger than {limit} bytes: save it as UTF-8 text")
_NO_TOML = _("it is no TOML: {reason}")


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: ``file`` and ``line`` (from 1), and what is wrong and to be done as a message with parameters."""

    file: str
    line: int
    message: str
    parameters: dict[str, object] = field(default_factory=dict)

    def explain(self, language: str = "en") -> str:
        """Return `FILE:LINE: what is wrong: what to do` in ``language``."""
        return f"{self.file}:{self.line}: {translate(self.message, language, **self.parameters)}"


class Sources:
    """The data files of ``folder``, those that it lacks from the package; ``found`` collects the problems."""

    def __init__(self, folder: Path | None) -> None:
        self.found: list[Problem] = []
        self.texts = {name: text for name in data_names() if (text := self._text(folder, name)) is not None}
        self.tables = {name: self._table(name) for name in self.texts if name.endswith(".toml")}

    def add(self, name: str, line: int, message: str, /, **parameters: object) -> None:
        """Add a problem of the file ``name``."""
        self.found.append(Problem(name, line, message, parameters))

    def _text(self, folder: Path | None, name: str) -> str | None:
        own = folder / name if folder is not None else None
        try:
            if own is not None and own.is_file():
                with own.open("rb") as handle:
                    content = handle.read(MAX_BYTES + 1)
            else:
                content = (resources.files("poju.survey") / "data" / name).read_bytes()
            if len(content) > MAX_BYTES:
                raise ValueError  # noqa: TRY301 - both are answered alike
            return content.decode("utf-8")
        except (OSError, ValueError):
            self.add(name, 1, _UNREADABLE, limit=MAX_BYTES)
            return None

    def _table(self, name: str) -> dict[str, Any]:
        try:
            return tomllib.loads(self.texts[name])
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            at = re.search(r"line (\d+)", str(error))
            self.add(name, int(at[1]) if at else 1, _NO_TOML, reason=str(error))
            return {}

    def line(self, name: str, words: str, number: int = 0) -> int:
        """Return the line of the ``number``-th place of ``words`` in a file; 1 where it is not found as written."""
        lines = [i for i, line in enumerate(self.texts.get(name, "").splitlines(), 1) if words in line]
        return lines[number] if number < len(lines) else 1

    def items(self, name: str, key: str) -> list[tuple[int, dict[str, Any]]]:
        """Return ``(line, entry)`` of an array of tables; entries of another kind are problems."""
        entries = self.tables.get(name, {}).get(key, [])
        found = []
        for i, entry in enumerate(entries if isinstance(entries, list) else []):
            line = self.line(name, f"[[{key}]]", i)
            if isinstance(entry, dict):
                found.append((line, entry))
            else:
                self.add(name, line, FIELD, field=key)
        return found

    def rows(self, name: str, *columns: str) -> list[tuple[int, dict[str, str]]]:
        """Return ``(line, row)`` of a table with these columns."""
        lines = list(enumerate(self.texts.get(name, "").splitlines(), 1))
        numbered = [(i, line) for i, line in lines if not line.startswith("#")]
        rows = list(csv.DictReader(line for _, line in numbered))
        found = []
        for (i, _line), row in zip(numbered[1:], rows, strict=False):
            if None in row or any(row.get(column) is None for column in columns):
                self.add(name, i, FIELD, field=", ".join(columns))
            else:
                found.append((i, row))
        return found
