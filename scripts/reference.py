"""Write ``docs/reference/errors.md`` and ``docs/reference/cli.md`` from the code.

    python scripts/reference.py            write both
    python scripts/reference.py --check    write nothing; exit 1 where a page is out of date or a code has no sentence

What a code means stands beside it in the code as the error's message; for rules, which only answer a code, it stands in
``docs/reference/codes.toml``.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import click
from codes import Code, collect, explained

from poju.cli.main import VERBS, root

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
GROUPS = {
    "rules": (
        "Rules that refuse",
        "The node answers with a signed refusal that names the code; nothing else changes (RULE-2).",
    ),
    "package": (
        "What keeps a scenario package from being closed",
        "`poju scenario check` names the file and all problems at once.",
    ),
    "caller": (
        "The caller",
        "What was given cannot be used, or does not hold: another file, another option, a fresh copy.",
    ),
    "operator": ("The operator", "Whoever runs this machine has to mend it."),
    "provider": ("The provider", "Whoever wrote the solution has to mend it."),
    "poju": ("Poju itself", "An invariant of ours does not hold: please report it, with the command that you ran."),
}


def cell(text: str) -> str:
    """Return ``text`` as it can stand in a table's cell."""
    return " ".join(text.split()).replace("|", "\\|").replace("{", "‹").replace("}", "›").replace("<", "&lt;")


def meanings() -> dict[str, str]:
    """Return the sentences of ``codes.toml``: what a code means where no literal message says it."""
    written = tomllib.loads((FOLDER / "codes.toml").read_text(encoding="utf-8"))["meaning"]
    return {**spoken(), **written}


def spoken() -> dict[str, str]:
    """Return the sentences with which the rooms themselves explain codes to people."""
    table = tomllib.loads((FOLDER.parents[1] / "src/poju/support/refusals.toml").read_text(encoding="utf-8"))
    return {**explained(), **table["refusals"]}


def meaning(places: list[Code], written: dict[str, str]) -> str:
    """Return what a code means: its own message, else the written sentence."""
    messages = sorted({code.message for code in places if code.message})
    return " / ".join(messages) or written.get(places[0].name, "")


def by_group() -> dict[str, dict[str, list[Code]]]:
    """Return ``{who: {code: its places}}``."""
    grouped: dict[str, dict[str, list[Code]]] = {who: {} for who in GROUPS}
    for code in collect():
        grouped[code.who].setdefault(code.name, []).append(code)
    return grouped


def errors_page() -> str:
    """Return the page of all codes."""
    written = meanings()
    lines = [
        "# Error and refusal codes",
        "",
        "Written by `make reference` from the code. A code is stable: programs may rely on it; the sentences beside it",
        "are translated and may be worded better. ‹name› stands for what is filled in. A command ends with status 2",
        "where the caller used it wrongly, 1 where something does not hold, 70 where Poju itself is at fault.",
    ]
    for who, codes in by_group().items():
        title, text = GROUPS[who]
        lines += ["", f"## {title}", "", text, "", "| Code | What happened | What to do | From |", "|---|---|---|---|"]
        for name, places in sorted(codes.items()):
            hint = " / ".join(sorted({code.hint for code in places if code.hint}))
            modules = ", ".join(f"`{module}`" for module in sorted({code.module for code in places}))
            lines.append(f"| `{name}` | {cell(meaning(places, written))} | {cell(hint)} | {modules} |")
    return "\n".join(lines) + "\n"


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every verb and sub-command with its full name, in the order of the loop."""
    context = click.Context(root)
    for verb in VERBS:
        if find_spec(f"poju.cli.{verb}") is None:
            continue
        command = root.get_command(context, verb)
        if command is None:
            continue
        yield f"poju {verb}", command
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                if inner is not None:
                    yield f"poju {verb} {name}", inner


def parameter_rows(command: click.Command) -> Iterator[str]:
    """Yield a table row for each argument and option."""
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            names = ", ".join([*parameter.opts, *parameter.secondary_opts])
            default = parameter.default if isinstance(parameter.default, (str, int)) and parameter.default else ""
            shown = "" if parameter.is_flag else str(default)
            yield f"| `{names}` | {cell(parameter.help or '')} | {cell(shown)} |"
        else:
            yield f"| `{parameter.make_metavar(click.Context(command))}` | what the command works on | |"


def command_page() -> str:
    """Return the page of all verbs."""
    lines = [
        "# Command line",
        "",
        "Written by `make reference` from the code. Every verb answers `--help`.",
    ]
    for name, command in commands():
        usage = command.collect_usage_pieces(click.Context(command))
        lines += ["", f"## `{name}`", "", "```text", " ".join([name, *usage]), "```", ""]
        paragraphs = "\n\n".join([command.help or "", command.epilog or ""]).replace("\b", "").strip().split("\n\n")
        lines += [f"{' '.join(paragraph.split())}\n" for paragraph in paragraphs]
        rows = list(parameter_rows(command))
        if rows:
            lines += ["| Argument or option | Meaning | Default |", "|---|---|---|", *rows]
    return "\n".join(lines).rstrip() + "\n"


def problems(pages: dict[Path, str]) -> Iterator[str]:
    """Yield what keeps the reference from being complete."""
    written, grouped = meanings(), by_group()
    for codes in grouped.values():
        for name, places in codes.items():
            if not meaning(places, written):
                yield f"{name} ({places[0].module}): write one sentence for it in docs/reference/codes.toml"
    known = {name for codes in grouped.values() for name in codes}
    yield from (
        f"{name}: codes.toml explains a code that no longer exists"
        for name in written
        if name not in known | set(spoken())
    )
    for path, text in pages.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield f"docs/reference/{path.name} is out of date: run `make reference`"


def main() -> int:
    """Write or check both pages."""
    pages = {FOLDER / "errors.md": errors_page(), FOLDER / "cli.md": command_page()}
    if "--check" not in sys.argv[1:]:
        for path, text in pages.items():
            path.write_text(text, encoding="utf-8")
    found = list(problems(pages))
    print("\n".join(found) or "docs/reference is complete")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
