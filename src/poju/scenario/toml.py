"""Strict TOML: bounded files, no links, no unknown keys; each fault names its file, its key and what to do."""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from poju.errors import CallerError
from poju.i18n import LANGUAGES, _

MAX_FILE_BYTES = 1 << 20
IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")

MOST_DOTS = 16
_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_PART}[ \t]*+\.[ \t]*+){{{MOST_DOTS + 1}}}")
"""A dotted key of so many parts that no file has it: tomllib keeps each of its prefixes, 64 GiB for 400 kB of them."""

Names = Mapping[str, str]
"""One short text for each of zh-Hant, zh-Hans and en."""


def fault(file: str, reason: str, **parameters: object) -> CallerError:
    """Return the one error for a package file that cannot be used: ``package.malformed``."""
    return CallerError(
        "package.malformed",
        _("{file} cannot be used: {reason}."),
        hint=_(
            "Correct that file, then run: poju scenario check FOLDER. The format stands in docs/concepts/packages.md."
        ),
        file=file,
        reason=reason.format(**parameters) if parameters else reason,
    )


def read_bytes(path: Path, name: str) -> bytes:
    """Return the bytes of the regular file at ``path``; raise ``package.malformed`` for links and above 1 MiB."""
    try:
        status = path.lstat()
    except OSError as error:
        raise fault(name, "there is no such file") from error
    if not stat.S_ISREG(status.st_mode):
        raise fault(name, "it is no regular file; links and devices are not followed")
    if status.st_size > MAX_FILE_BYTES:
        raise fault(name, "it has {size} bytes, at most {limit}", size=status.st_size, limit=MAX_FILE_BYTES)
    try:
        return path.read_bytes()
    except OSError as error:
        raise fault(name, "it cannot be read") from error


def text(data: bytes, name: str) -> str:
    """Return ``data`` as UTF-8 text, or raise ``package.malformed``."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise fault(name, "it is not UTF-8 text") from error


def loads(document: str) -> dict[str, Any]:
    """Return the table in ``document``, in time and memory that its length bounds; raise ``TOMLDecodeError``."""
    if LONG_KEY.search(document):
        raise tomllib.TOMLDecodeError("a key has too many dots")
    try:
        return tomllib.loads(document)
    except tomllib.TOMLDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        # Python converts no number of thousands of digits, and follows no nesting of hundreds of levels
        raise tomllib.TOMLDecodeError("a number is too long, or it is nested too deep") from error


def parse(data: bytes, name: str) -> Table:
    """Parse the TOML document ``data`` that came from the file ``name``."""
    try:
        return Table(loads(text(data, name)), name, "")
    except tomllib.TOMLDecodeError as error:
        raise fault(name, "it is not TOML: {error}", error=str(error)[:200]) from error


@dataclass
class Table:
    """A TOML table that remembers which of its keys were asked for; :meth:`close` refuses the others."""

    values: dict[str, Any]
    file: str
    place: str
    asked: set[str] = field(default_factory=set)

    def fault(self, key: str, reason: str, **parameters: object) -> CallerError:
        """Return the error for ``key`` of this table."""
        where = f"{self.place}.{key}".strip(".")
        return fault(self.file, f"{where}: {reason.format(**parameters) if parameters else reason}")

    def _take(self, key: str, kind: type, default: Any) -> Any:  # noqa: ANN401 - TOML values of several types
        self.asked.add(key)
        value = self.values.get(key, default)
        if value is None:
            raise self.fault(key, "is missing")
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.fault(key, "is not of type {kind}", kind=kind.__name__)
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """Return the text at ``key``."""
        return str(self._take(key, str, default))

    def identifier(self, key: str, default: str | None = None) -> str:
        """Return the identifier at ``key``: lower-case letters, digits, dots and hyphens, at most 64."""
        value = self.text(key, default)
        if not IDENTIFIER.fullmatch(value) and value != default:
            raise self.fault(key, "is no identifier of lower-case letters, digits, dots and hyphens")
        return value

    def integer(self, key: str, default: int | None = None) -> int:
        """Return the integer at ``key``, within 64 bits."""
        value = int(self._take(key, int, default))
        if not -(1 << 63) <= value < 1 << 63:
            raise self.fault(key, "does not fit into 64 bits")
        return value

    def flag(self, key: str, *, default: bool | None = None) -> bool:
        """Return the boolean at ``key``."""
        return bool(self._take(key, bool, default))

    def texts(self, key: str, default: list[str] | None = None) -> tuple[str, ...]:
        """Return the list of distinct texts at ``key``, in its order."""
        values = self._take(key, list, default)
        if not all(isinstance(item, str) for item in values) or len(set(values)) != len(values):
            raise self.fault(key, "is not a list of distinct texts")
        return tuple(values)

    def names(self, key: str = "names") -> Names:
        """Return the three languages' texts at ``key``; each must be there and not be empty."""
        values = self._take(key, dict, None)
        if set(values) != set(LANGUAGES) or not all(isinstance(item, str) and item.strip() for item in values.values()):
            raise self.fault(key, "does not hold exactly the languages zh-Hant, zh-Hans and en")
        return MappingProxyType({language: values[language] for language in LANGUAGES})

    def table(self, key: str, default: dict[str, Any] | None = None) -> Table:
        """Return the sub-table at ``key``."""
        return Table(self._take(key, dict, default), self.file, f"{self.place}.{key}".strip("."))

    def tables(self, key: str) -> list[Table]:
        """Return the array of tables at ``key``; none where it is absent."""
        values = self._take(key, list, [])
        if not all(isinstance(item, dict) for item in values):
            raise self.fault(key, "is not an array of tables")
        return [Table(item, self.file, f"{self.place}.{key}[{index}]".strip(".")) for index, item in enumerate(values)]

    def close(self) -> None:
        """Refuse keys that nobody asked for: a misspelt key would otherwise change nothing, silently."""
        unknown = sorted(set(self.values) - self.asked)
        if unknown:
            raise self.fault(unknown[0], "is not a known key")
