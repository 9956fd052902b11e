"""The documentation is read by tests: what it names exists, and what exists is named."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from poju.cli.main import VERBS, root

ROOT = Path(__file__).resolve().parents[2]
READMES = [ROOT / name for name in ("README.md", "README.zh-Hant.md", "README.zh-Hans.md")]
PAGES = [*READMES, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in PAGES if "_build" not in page.parts]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
TARGET = re.compile(r"^([a-z]+):.*## ", re.MULTILINE)
INVARIANT = re.compile(r"^\| ((?:LOG|RULE|PRIV|EXEC|EVID|FUND|SURV)-\d) \|.*\| ([^|]+) \|$", re.MULTILINE)


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def shell_lines(page: Path) -> Iterator[str]:
    for language, body in FENCE.findall(page.read_text(encoding="utf-8")):
        if language in {"sh", "bash", "console", "shell"}:
            joined = body.replace("\\\n", " ")
            yield from (line.strip().removeprefix("$ ") for line in joined.splitlines())


def resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    command: click.Command = root
    while words and isinstance(command, click.Group):
        inner = command.get_command(click.Context(command), words[0])
        if inner is None:
            break
        command, words = inner, words[1:]
    return command, words


def commands() -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = []
    for verb in VERBS:
        command = root.get_command(click.Context(root), verb)
        assert command is not None
        found.append((verb, command))
        if isinstance(command, click.Group):
            found += [(f"{verb} {inner}", item) for inner, item in command.commands.items()]
    return found


def test_every_verb_and_option_has_help_and_an_example() -> None:
    silent = []
    for verb, command in commands():
        if "Example" not in (command.help or "") + (command.epilog or ""):
            silent.append(f"{verb}: no example")
        silent += [
            f"{verb}: {item.opts[0]} has no help"
            for item in command.params
            if isinstance(item, click.Option) and not item.help
        ]
    assert not silent


def test_reference_pages_are_complete_and_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "reference.py"), "--check"]
    finished = subprocess.run(command, check=False, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_that_a_page_shows_exists(page: Path) -> None:
    targets = set(TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    wrong = []
    for line in shell_lines(page):
        words = shlex.split(line, comments=True)
        if words[:1] == ["make"]:
            wrong += [
                line for word in words[1:] if "=" not in word and not word.startswith("-") and word not in targets
            ]
        if words and words[0].removeprefix(".venv/bin/") == "poju" and words[1:]:
            command, rest = resolve(words[1:])
            options = {text for item in command.params for text in [*item.opts, *item.secondary_opts]}
            unknown = [
                word for word in rest if word.startswith("--") and word.split("=")[0] not in options | {"--help"}
            ]
            if isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
                unknown.append(rest[0])
            wrong += [f"{line}: {word}" for word in unknown]
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert not [link for link in links if not (page.parent / link).exists()]


def test_the_three_readmes_show_the_same_commands() -> None:
    shown = [[line.split("#")[0].strip() for line in shell_lines(page)] for page in READMES]
    assert shown[0] == shown[1] == shown[2]
    assert {"make demo", "make test"} <= set(shown[0])


def all_test_names() -> set[str]:
    names: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        names |= {name for name in found if name.startswith(("test_", "Test"))}
    return names


def attacks(tag: str, names: set[str]) -> set[str]:
    """Return the tests that carry the tag in their name: LOG-1 in test_log_1_… or TestLog1…"""
    snake, camel = tag.lower().replace("-", "_"), tag.title().replace("-", "")
    return {item for item in names if re.search(rf"(^|_){snake}(_|$)", item) or camel in item}


def test_each_invariant_says_truly_which_test_attacks_it() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = INVARIANT.findall(page)
    names = all_test_names()
    wrong = []
    for tag, told in rows:
        tests = set(re.findall(r"`(\w+)`", told))
        if tests - names:
            wrong.append(f"{tag}: there is no {sorted(tests - names)}")
        if not tests and attacks(tag, names):
            wrong.append(f"{tag}: told to have no test, but there is {sorted(attacks(tag, names))}")
        if tests - attacks(tag, names):
            wrong.append(f"{tag}: {sorted(tests - attacks(tag, names))} does not carry the tag")
    assert len(rows) == 16
    assert not wrong


def test_the_documentation_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "dirhtml", str(ROOT / "docs")]
    finished = subprocess.run(
        [*command, "-d", str(tmp_path / "tree"), str(tmp_path / "out")], check=False, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr
