"""``poju scenario new``: a draft of a scenario package, closed from the first minute, open where people must decide.

A draft has the institutions, data, tracks and cases of its scenario; its tracks are declared, so that no solution can
be submitted and nothing be paid before somebody opens one. What is to be decided carries a mark that
``poju scenario check`` reports (:mod:`poju.scenario.check_draft`). Where the catalogue has a finished package, the
draft is a copy of it.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from poju.errors import BugError, CallerError, OperatorError
from poju.i18n import LANGUAGES, _
from poju.scenario.check import check
from poju.scenario.draft_fit import Choice
from poju.scenario.draft_readme import readme
from poju.scenario.files import read_files
from poju.scenario.package import MAX_CLASSES
from poju.scenario.toml import Names

IDENTIFIER = re.compile(r"[a-z][a-z0-9-]{0,47}")
OWN_ID = re.compile(r'(?m)^id = "[^"]*"$')
"""The first such line of ``scenario.toml`` is the scenario's own."""

LONGEST_CODE = 40
DOES = {"holds": "custodian", "asks": "requester"}
DEFAULT = "default"
MARKED = {
    "scenario.toml": ("\n[windows]\n", "\n# TODO draft.windows\n[windows]\n"),
    "programme.toml": ("\n[instrument]\n", "\n# TODO draft.money\n[instrument]\n"),
}
"""Where a copy of a finished package gets its marks: its windows and its money were set for a demonstration."""


@dataclass(frozen=True)
class Named:
    """An id and its names in three languages."""

    id: str
    names: Names


@dataclass(frozen=True)
class Role:
    """An institution of the draft with its capabilities."""

    id: str
    names: Names
    capabilities: tuple[str, ...]


@dataclass(frozen=True)
class Track:
    """A declared track; ``task`` and ``score`` say what a solution does and what would count, or are None."""

    id: str
    names: Names
    task: Names | None
    score: Names | None


@dataclass(frozen=True)
class Plan:
    """What a draft is made from. ``package`` names a finished package to copy; ``choice`` is the fit's evidence."""

    id: str
    names: Names
    case: Names
    sectors: tuple[str, ...]
    roles: tuple[Role, ...]
    data: tuple[Named, ...]
    tracks: tuple[Track, ...]
    package: str | None = None
    choice: Choice | None = None

    def able(self, capability: str) -> tuple[str, ...]:
        """Return the ids of the institutions that have ``capability``."""
        return tuple(role.id for role in self.roles if capability in role.capabilities)


def empty(identifier: str) -> Plan:
    """Return the plan of a draft without a fit; raise ``draft-name`` where ``identifier`` cannot name a scenario."""
    _check_name(identifier)
    first = {"zh-Hant": "第一類數據", "zh-Hans": "第一类数据", "en": "first class of data"}
    track = {"zh-Hant": "第一條賽道", "zh-Hans": "第一条赛道", "en": "first track"}
    scene = _scenes()[DEFAULT]
    return Plan(
        id=identifier,
        names={tag: f"{identifier}（草案）" if tag != "en" else f"{identifier} (draft)" for tag in LANGUAGES},
        case=scene["case"],
        sectors=(),
        roles=_roles(scene),
        data=(Named("first-data", first),),
        tracks=(Track("first-track", track, None, None),),
    )


def plan(identifier: str, entry: Mapping[str, Any], choice: Choice) -> Plan:
    """Return the plan of a draft for ``entry``, a scenario of the fit's catalogue (docs/reference/fit.md).

    Raises :class:`CallerError` ``draft-name`` where ``identifier`` cannot name a scenario.
    """
    _check_name(identifier)
    scene = _scenes().get(entry["id"], _scenes()[DEFAULT])
    return Plan(
        id=identifier,
        names=entry["names"],
        case=scene["case"],
        sectors=tuple(entry["industries"]),
        roles=_roles(scene),
        data=_data(entry["needs"]),
        tracks=_tracks(entry),
        package=entry["package"],
        choice=choice,
    )


def files(planned: Plan) -> dict[str, bytes]:
    """Return the draft as ``{path: bytes}``: a package's files. The same plan gives the same bytes."""
    made = _drafted(planned) if planned.package is None else _copied(planned)
    own = made.pop("README.md", b"")
    return {**made, "README.md": own + readme(planned, finished=planned.package is not None).encode()}


def write(planned: Plan, folder: Path) -> list[Path]:
    """Write the draft to ``folder``, whole or not at all; return the files' paths, sorted.

    Raises :class:`CallerError` ``draft-folder-taken`` where the folder exists and holds something, or is none;
    :class:`OperatorError` ``draft-not-written`` where the disk refuses; :class:`BugError` ``draft-not-closed`` where
    the draft would not pass ``poju scenario check``.
    """
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise CallerError(
            "draft-folder-taken",
            _("{folder} exists and is not empty; a draft would mix with what is there."),
            hint=_("Name a new folder with --out, or empty this one."),
            folder=folder,
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".poju-") as scratch:
            place = Path(scratch) / planned.id
            for name, content in files(planned).items():
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                (place / name).write_bytes(content)
            _closed(place)
            if folder.exists():
                folder.rmdir()
            shutil.move(place, folder)
    except OSError as error:
        raise OperatorError(
            "draft-not-written",
            _("The draft could not be written to {folder}: {reason}"),
            hint=_("Check that you may write there and that space is left."),
            folder=folder,
            reason=error.strerror or "",
        ) from error
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _closed(place: Path) -> None:
    problems = check(place)
    if problems:
        raise BugError(
            "draft-not-closed",
            _("The draft is not closed: {problem}"),
            hint=_("Report this with the fit's answer; nothing was written."),
            problem=str(problems[0]),
        )


def _check_name(identifier: str) -> None:
    if not IDENTIFIER.fullmatch(identifier):
        raise CallerError(
            "draft-name",
            _("“{name}” cannot name a scenario."),
            hint=_("Use lower-case letters, digits and hyphens, a letter first, at most 48: for example port-calls."),
            name="".join(letter if letter.isprintable() else "·" for letter in identifier[:60]),
        )


@cache
def _scenes() -> dict[str, Any]:
    """Return the institutions and the case of each scenario, from ``templates/draft/scenes.toml``."""
    return tomllib.loads(_template("scenes.toml"))


def _template(name: str) -> str:
    return (resources.files("poju.scenario") / "templates" / "draft" / name).read_text(encoding="utf-8")


def _roles(scene: Mapping[str, Any]) -> tuple[Role, ...]:
    return tuple(
        Role(role["id"], role["names"], tuple(DOES[one] for one in role["does"].split())) for role in scene["roles"]
    )


def _data(needs: list[Names]) -> tuple[Named, ...]:
    """Return a class of data for each need of the catalogue, with a code made of its English name."""
    found: dict[str, Names] = {}
    for number, names in enumerate(needs[:MAX_CLASSES], start=1):
        words = re.findall(r"[a-z0-9]+", names["en"].lower())
        code = "-".join(words)[:LONGEST_CODE].strip("-") or f"data-{number}"
        found[code if code not in found else f"data-{number}"] = names
    return tuple(Named(code, names) for code, names in found.items())


def _tracks(entry: Mapping[str, Any]) -> tuple[Track, ...]:
    told = entry.get("tracks") or [{"id": f"{entry['id']}-first", "names": entry["names"]}]
    return tuple(Track(one["id"], one["names"], one.get("task"), one.get("score")) for one in told)


def _drafted(planned: Plan) -> dict[str, bytes]:
    """Return the files of the templates in ``templates/draft``, filled in."""
    context = {
        "plan": planned,
        "reasons": tomllib.loads(_template("reasons.toml")),
        "holders": planned.able("custodian"),
        "askers": planned.able("requester"),
        "titled": lambda **before: _names({tag: before[key] + planned.case[tag] for tag, key in KEYS.items()}),
        "award": _names(
            {
                "zh-Hant": f"{planned.names['zh-Hant']}：一次性獎勵",
                "zh-Hans": f"{planned.names['zh-Hans']}：一次性奖励",
                "en": f"one-off award: {planned.names['en']}",
            }
        ),
    }
    made = _environment()
    names = [
        name.removeprefix("draft/") for name in made.list_templates(extensions=["j2"]) if name.startswith("draft/")
    ]
    return {
        name.removesuffix(".j2"): made.get_template(f"draft/{name}").render(context).encode() for name in sorted(names)
    }


KEYS = {"zh-Hant": "hant", "zh-Hans": "hans", "en": "en"}


@cache
def _environment() -> Environment:
    # TOML, Cedar and SQL are written, no HTML: every value passes one of the three filters below instead.
    made = Environment(
        loader=PackageLoader("poju.scenario"),
        autoescape=False,  # noqa: S701 - see above
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(toml=_quoted, names=_names, line=_line)
    return made


def _line(text: str) -> str:
    """Return ``text`` as it can stand in a comment: one line, nothing that does not print."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _quoted(text: str) -> str:
    """Return ``text`` as a TOML basic string; JSON's escapes are TOML's where every letter prints."""
    return json.dumps(_line(text), ensure_ascii=False)


def _names(names: Names) -> str:
    """Return names in three languages as a TOML inline table."""
    return "{ " + ", ".join(f"{tag} = {_quoted(names[tag])}" for tag in LANGUAGES) + " }"


def _copied(planned: Plan) -> dict[str, bytes]:
    """Return the files of the finished package under the draft's own id, marked where a demonstration set figures."""
    source = Path(str(resources.files("poju"))) / "packages" / str(planned.package)
    made = {name: content.decode("utf-8") for name, content in read_files(source).items()}
    made["scenario.toml"] = OWN_ID.sub(f'id = "{planned.id}"', made["scenario.toml"], count=1)
    for name, (old, new) in MARKED.items():
        made[name] = made[name].replace(old, new, 1)
    return {name: content.encode() for name, content in made.items()}
