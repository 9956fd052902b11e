"""Find every error code and every rule's refusal code in the source, without importing it.

A code is the first argument of an error of :mod:`poju.errors`, or what ``Refuse``, ``Refused``, ``Declined`` and
``require`` are given; where a helper hands its own parameter on, its callers' arguments count.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "src" / "poju"
ERRORS = {
    "CallerError": "caller",
    "RefusedError": "caller",
    "OperatorError": "operator",
    "ProviderError": "provider",
    "BugError": "poju",
}
CODE = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)?")
RULE_CODE = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*\.[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True)
class Sink:
    """A function that takes a code: who has to act, and where the code stands among its arguments."""

    who: str
    position: int
    keyword: str = "code"
    message: int | None = 1


@dataclass(frozen=True, order=True)
class Code:
    """One code: who has to act (a key of reference.py's groups), its message where literal, the module."""

    name: str
    who: str
    message: str
    hint: str
    module: str


RULES = {
    "Refuse": Sink("rules", 0, message=None),
    "Refused": Sink("rules", 0, message=None),
    "Declined": Sink("rules", 0, message=None),
    "require": Sink("rules", 1, message=None),
    "Problem": Sink("package", 1, message=2),
}
ANSWERED = ("field.", "workflow.", "award.")


def called(node: ast.Call) -> str:
    """Return the called function's last name."""
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def argument(node: ast.Call, position: int, keyword: str) -> ast.expr | None:
    """Return the argument at ``position`` or under ``keyword``."""
    if len(node.args) > position:
        return node.args[position]
    return next((item.value for item in node.keywords if item.arg == keyword), None)


def text_of(node: ast.expr | None) -> str:
    """Return a literal's text, also inside ``_(…)``; empty where it is computed."""
    if isinstance(node, ast.Call) and called(node) == "_" and node.args:
        node = node.args[0]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def literals(node: ast.expr | None) -> list[str]:
    """Return the literal texts that an argument can have: one, or both sides of a conditional expression."""
    if isinstance(node, ast.IfExp):
        return literals(node.body) + literals(node.orelse)
    return [text_of(node)] if text_of(node) else []


@cache
def trees() -> dict[str, ast.Module]:
    """Return every module's syntax tree by its dotted name; the guest's own program is not Poju's error tree."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        if "app" not in parts:
            found[".".join(parts).removesuffix(".__init__")] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    """Yield every function of a module, methods included."""
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def helpers(tree: ast.Module, known: dict[str, Sink]) -> dict[str, Sink]:
    """Return the functions of ``tree`` that hand a parameter of theirs on as the code."""
    found: dict[str, Sink] = {}
    for function in functions(tree):
        if function.name in known:
            continue
        names = [item.arg for item in function.args.args if item.arg not in {"self", "cls"}]
        for node in ast.walk(function):
            sink = known.get(called(node)) if isinstance(node, ast.Call) else None
            given = argument(node, sink.position, sink.keyword) if sink and isinstance(node, ast.Call) else None
            if sink and isinstance(given, ast.Name) and given.id in names:
                found[function.name] = Sink(sink.who, names.index(given.id), given.id)
    return found


@cache
def collect() -> list[Code]:
    """Return all codes, sorted; a code that several places use appears once for each."""
    modules = trees()
    base = {**{name: Sink(who, 0) for name, who in ERRORS.items()}, **RULES}
    shared = {name: sink for tree in modules.values() for name, sink in helpers(tree, base).items()}
    found = set()
    for module, tree in modules.items():
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
        nearby = {name: sink for name, sink in shared.items() if name in imported}
        known = {**base, **nearby, **helpers(tree, base)}
        known.update(helpers(tree, known))
        for node in ast.walk(tree):
            sink = known.get(called(node)) if isinstance(node, ast.Call) else None
            if sink is None or not isinstance(node, ast.Call):
                continue
            message = "" if sink.message is None else text_of(argument(node, sink.message, "message"))
            hint = text_of(argument(node, len(node.args) if sink.message == 1 else 3, "hint"))
            for name in literals(argument(node, sink.position, sink.keyword)):
                if (RULE_CODE if sink.who == "rules" else CODE).fullmatch(name):
                    found.add(Code(name, sink.who, message, hint, module))
        raised = {code.name for code in found if code.module == module}
        found.update(Code(name, "rules", "", "", module) for name in answered(module, tree) if name not in raised)
    return sorted(found)


@cache
def explained() -> dict[str, str]:
    """Return the sentences of tables in the code whose keys are codes: ``{"access.expired": _("…")}``."""
    return {
        text_of(key): text_of(value)
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if RULE_CODE.fullmatch(text_of(key)) and text_of(value)
    }


def answered(module: str, tree: ast.Module) -> Iterator[str]:
    """Yield the codes that checks of fields, workflows and conditions answer with, instead of raising."""
    if ".scenario.check" in module or module.startswith(("poju.demo", "poju.console", "poju.cli")):
        return
    for node in ast.walk(tree):
        text = text_of(node) if isinstance(node, ast.Constant) else ""
        if text.startswith(ANSWERED) and RULE_CODE.fullmatch(text):
            yield text


if __name__ == "__main__":
    for code in collect():
        print(f"{code.name:34} {code.who:9} {code.module:40} {code.message}")
