"""A provider's folder: ``solution.toml`` and Python modules, read strictly and bounded before anything of it runs."""

from __future__ import annotations

import hashlib
import re
import sys
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from poju.errors import ProviderError
from poju.i18n import _
from poju.scenario import toml

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "solution.toml"
MAXIMUM_SOURCE_BYTES = 1024 * 1024
MAXIMUM_FILES = 64
MAXIMUM_NAMES = 32
MAXIMUM_VERSION = 9_999

IDENTIFIER = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+){0,7}")
DECISION_POINT = re.compile(r"[a-z][a-z0-9-]{0,62}/[1-9][0-9]{0,3}")
IDENTIFIER_LENGTH = 64

KEYS = frozenset(
    {"id", "provider", "track", "decision_point", "version", "entry", "capabilities", "changelog"},
)


@dataclass(frozen=True)
class Solution:
    """One version of a provider's program, read and checked, not yet run.

    ``digest`` is ``sha256:…`` over the manifest's and the modules' exact bytes; ``modules`` are (module name, text) in
    the order of their names; ``solves`` are the problem codes that this version says it solves.
    """

    id: str
    provider: str
    track: str
    decision_point: str
    version: int
    entry: str
    capabilities: tuple[str, ...]
    solves: tuple[str, ...]
    modules: tuple[tuple[str, str], ...]
    digest: str

    @property
    def name(self) -> str:
        """Return ``id@version``, as statements and the leaderboard write it."""
        return f"{self.id}@{self.version}"


def load(folder: Path) -> Solution:
    """Read the solution in ``folder``.

    Raises :class:`ProviderError` (``solution.folder``, ``solution.manifest``, ``solution.source``) for an absent or
    oversized file, text that is no UTF-8, an unknown or missing key, a value of the wrong form, a link.
    """
    if not folder.is_dir():
        raise ProviderError(
            "solution.folder",
            _("{folder} is no folder."),
            hint=_("Name the folder that holds solution.toml, for example examples/solutions/qingyan/v3."),
            folder=folder,
        )
    contents = read_folder(folder)
    manifest = parse_manifest(contents[MANIFEST])
    modules = tuple(
        (name.removesuffix(".py"), decode(name, content))
        for name, content in sorted(contents.items())
        if name != MANIFEST
    )
    entry = identifier(manifest, "entry", module=True)
    if entry not in dict(modules):
        raise malformed(_("entry names the module {entry}, but there is no {entry}.py."), entry=entry)
    changelog = manifest.get("changelog", {})
    if not isinstance(changelog, dict) or not changelog.keys() <= {"solves"}:
        raise malformed(_("[changelog] holds the key solves and nothing else."))
    return Solution(
        id=identifier(manifest, "id"),
        provider=identifier(manifest, "provider"),
        track=identifier(manifest, "track"),
        decision_point=decision_point(manifest),
        version=version(manifest),
        entry=entry,
        capabilities=names(manifest, "capabilities"),
        solves=names(changelog, "solves"),
        modules=modules,
        digest=folder_digest(contents),
    )


def read_folder(folder: Path) -> dict[str, bytes]:
    """Return the bytes of ``solution.toml`` and of every ``*.py`` beside it, bounded before they are read."""
    paths = sorted(path for path in folder.iterdir() if path.suffix == ".py" or path.name == MANIFEST)
    if not any(path.name == MANIFEST for path in paths):
        raise malformed(_("There is no solution.toml in {folder}."), folder=folder)
    if len(paths) > MAXIMUM_FILES:
        raise unusable(_("The folder has {count} files; at most {most}."), count=len(paths), most=MAXIMUM_FILES)
    contents: dict[str, bytes] = {}
    room = MAXIMUM_SOURCE_BYTES
    for path in paths:
        # A link could bring in a file that the provider cannot read but the institution can.
        if path.is_symlink() or not path.is_file():
            raise unusable(_("{name} is no ordinary file."), name=path.name)
        check_module_name(path.name)
        with path.open("rb") as stream:
            contents[path.name] = stream.read(room + 1)
        room -= len(contents[path.name])
        if room < 0:
            raise unusable(_("The source is larger than {most} bytes."), most=MAXIMUM_SOURCE_BYTES)
    return contents


def check_module_name(name: str) -> None:
    """Refuse a file name that cannot be a module's, or that hides a module of Python's own library."""
    stem = name.removesuffix(".py")
    if name == MANIFEST:
        return
    if not (stem.isascii() and stem.isidentifier() and stem == stem.lower() and len(stem) <= IDENTIFIER_LENGTH):
        raise unusable(_("{name} is no module name: use lower-case letters, digits and underscores."), name=name)
    if stem in sys.stdlib_module_names or stem.startswith(("poju", "wit_", "componentize")):
        raise unusable(_("{name} has the name of a module that is there already; rename it."), name=name)


def parse_manifest(content: bytes) -> dict[str, object]:
    """Return the manifest's table with known keys only."""
    try:
        manifest: dict[str, object] = toml.loads(decode(MANIFEST, content))
    except tomllib.TOMLDecodeError as error:
        raise malformed(_("It is no TOML: {reason}."), reason=error) from error
    unknown = sorted(manifest.keys() - KEYS)
    if unknown:
        raise malformed(_("Unknown key {key}; the keys are {keys}."), key=unknown[0][:80], keys=", ".join(sorted(KEYS)))
    return manifest


def decode(name: str, content: bytes) -> str:
    """Return ``content`` as text; only UTF-8 without NUL is text."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise unusable(_("{name} is not UTF-8 at byte {position}."), name=name, position=error.start) from error
    if "\0" in text:
        raise unusable(_("{name} holds a NUL character."), name=name)
    return text


def identifier(table: dict[str, object], key: str, *, module: bool = False) -> str:
    """Return the identifier at ``key``: lower-case words with hyphens, or a module's name."""
    value = table.get(key)
    fits = isinstance(value, str) and len(value) <= IDENTIFIER_LENGTH
    if not fits or not (str(value).isidentifier() if module else IDENTIFIER.fullmatch(str(value))):
        raise malformed(_('{key} must be lower-case words joined by hyphens, such as {key} = "night-shift".'), key=key)
    return str(value)


def decision_point(table: dict[str, object]) -> str:
    """Return the decision point, such as ``recognition/1``."""
    value = table.get("decision_point")
    if not isinstance(value, str) or not DECISION_POINT.fullmatch(value):
        raise malformed(_('decision_point must be a name and a number, such as "recognition/1".'))
    return value


def version(table: dict[str, object]) -> int:
    """Return the version's number; true is no number."""
    value = table.get("version")
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAXIMUM_VERSION:
        raise malformed(_("version must be a whole number from 1 to {most}."), most=MAXIMUM_VERSION)
    return value


def names(table: dict[str, object], key: str) -> tuple[str, ...]:
    """Return the list of distinct identifiers at ``key``; an absent list is empty."""
    value = table.get(key, [])
    if not isinstance(value, list) or len(value) > MAXIMUM_NAMES or len({str(item) for item in value}) != len(value):
        raise malformed(_("{key} must be a list of at most {most} different names."), key=key, most=MAXIMUM_NAMES)
    return tuple(identifier({key: item}, key) for item in value)


def folder_digest(contents: dict[str, bytes]) -> str:
    """Return ``sha256:…`` over each file's name and bytes, both preceded by their length, in the order of the names."""
    digest = hashlib.sha256()
    for name, content in sorted(contents.items()):
        for part in (name.encode(), content):
            digest.update(len(part).to_bytes(8, "big") + part)
    return f"sha256:{digest.hexdigest()}"


def malformed(message: str, **parameters: object) -> ProviderError:
    """Return the error for a manifest that cannot be used."""
    hint = _("Compare it with examples/solutions/qingyan/v3/solution.toml; docs/guides/provider.md explains each key.")
    return ProviderError("solution.manifest", message, hint=hint, **parameters)


def unusable(message: str, **parameters: object) -> ProviderError:
    """Return the error for source that cannot be used."""
    hint = _("A solution is solution.toml and Python modules beside it, UTF-8, at most 1 MiB in all.")
    return ProviderError("solution.source", message, hint=hint, **parameters)
