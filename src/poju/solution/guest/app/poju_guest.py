"""The generic guest: runs inside WebAssembly, is built once, and receives each provider's source as text.

What keeps a provider in is the absence of every import of the component (a call to WASI traps). The refusals here are
for courtesy only: an exception that names what is missing reads better than a trap.
"""

import __future__

import bisect
import builtins
import collections
import collections.abc
import copy
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import gc
import heapq
import itertools
import json
import marshal
import math
import numbers
import operator
import re
import string
import sys
import types
import typing
import warnings

import wit_world  # type: ignore[import-not-found]  # componentize-py generates it from sandbox.wit at build time
from componentize_py_types import Err  # type: ignore[import-not-found]  # as above

MODULES = {
    module.__name__: module
    for module in (
        __future__,
        bisect,
        collections,
        collections.abc,
        copy,
        dataclasses,
        dt,
        decimal,
        enum,
        fractions,
        functools,
        heapq,
        itertools,
        json,
        math,
        numbers,
        operator,
        re,
        string,
        typing,
    )
}
"""What a solution may import, all of it imported before the snapshot: an import at run time would look for files."""

RECURSION_LIMIT = 300
"""Far below what the WebAssembly stack holds, so that deep recursion is the same exception on every machine."""

UNOPENABLE = "\ud800"
"""Ends each file name. CPython opens the file of a syntax error to quote its line, which would trap here; a lone
surrogate cannot be encoded, so it gives up before it asks for the file."""

ANSWER_LIMIT = 4_096
MESSAGE_LIMIT = 200
PRINT_LIMIT = 500


class Sink:
    """Stands for standard output and error: keeps the first characters, drops the rest."""

    def __init__(self) -> None:
        self.kept = ""

    def write(self, text: str) -> int:
        """Keep what still fits; return the length of ``text`` as a stream does."""
        room = PRINT_LIMIT - len(self.kept)
        if room > 0:
            self.kept += text[:room]
        return len(text)

    def flush(self) -> None:
        """Do nothing: there is nowhere to write to."""


class State:
    """What one instance holds between calls: one provider, one patient."""

    advise: typing.Callable[..., object] | None = None
    capabilities: tuple[str, ...] = ()
    sources: typing.ClassVar[dict[str, str]] = {}
    codes: typing.ClassVar[dict[str, str]] = {}
    loaded: typing.ClassVar[dict[str, types.ModuleType]] = {}
    printed = Sink()


def refuse_open(*_arguments: object, **_options: object) -> typing.NoReturn:
    """Stand for ``open``."""
    message = "the sandbox has no files"
    raise PermissionError(message)


def refuse_input(*_arguments: object) -> typing.NoReturn:
    """Stand for ``input``."""
    message = "the sandbox has no input; everything stands in the case"
    raise PermissionError(message)


def guarded_import(
    name: str,
    _globals: object = None,
    _locals: object = None,
    fromlist: typing.Sequence[str] | None = (),
    level: int = 0,
) -> types.ModuleType:
    """Import one of the provider's own modules or one of ``MODULES``; refuse everything else by name."""
    if level == 0 and name in State.sources:
        return own_module(name)
    if level == 0 and name in MODULES:
        if fromlist or "." not in name:
            return MODULES[name]
        return MODULES[name.partition(".")[0]]
    message = f"the sandbox has no module {name!r}"
    raise ImportError(message)


def own_module(name: str) -> types.ModuleType:
    """Run the provider's module ``name`` once and return it."""
    if name in State.loaded:
        return State.loaded[name]
    module = types.ModuleType(name)
    allowed = dict(vars(builtins))
    allowed.update({"__import__": guarded_import, "open": refuse_open, "input": refuse_input})
    vars(module)["__builtins__"] = allowed
    # Registered where dataclasses and typing look a class's module up, and before it runs, as CPython does.
    State.loaded[name] = sys.modules[name] = module
    exec(code_of(name), vars(module))  # noqa: S102 - the guest's purpose
    return module


def code_of(name: str) -> types.CodeType:
    """Return the code of the provider's module ``name``: compiled by another instance, or here and now."""
    made = State.codes[name]
    if not made:
        return compile_module(name, State.sources[name])
    code: types.CodeType = marshal.loads(made.encode("latin-1"))  # noqa: S302 - made by compile() below, before any provider's code ran
    return code


def compile_module(name: str, text: str) -> types.CodeType:
    """Compile the source ``text`` of the module ``name``."""
    return compile(text, file_name(name), "exec", dont_inherit=True)


def file_name(name: str) -> str:
    """Return the file name under which the module ``name`` is compiled."""
    return f"{name}.py{UNOPENABLE}"


def failure(error: BaseException) -> str:
    """Describe ``error`` as JSON: its type, its message, the last line of the provider's own files it passed."""
    own = {file_name(name) for name in State.sources}
    file, line = None, None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in own:
            file, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename in own:
        file, line = error.filename, error.lineno
    described = {
        "type": type(error).__name__[:MESSAGE_LIMIT],
        "message": message_of(error),
        "file": file and file.removesuffix(UNOPENABLE),
        "line": line,
        "printed": State.printed.kept,
    }
    return json.dumps(described)


def message_of(error: BaseException) -> str:
    """Return the error's own words, bounded; an error whose ``__str__`` fails has none."""
    try:
        return str(error).replace(UNOPENABLE, "")[:MESSAGE_LIMIT]
    except BaseException:  # noqa: BLE001 - a provider's __str__ may raise anything
        return ""


class WitWorld(wit_world.WitWorld):  # type: ignore[misc]  # its base is generated, see above
    """The component's exports."""

    def compile(self, name: str, text: str) -> str:
        """Compile one module; nothing where it does not compile."""
        try:
            return marshal.dumps(compile_module(name, text)).decode("latin-1")
        except BaseException:  # noqa: BLE001 - load meets the same failure and describes it, whatever it is
            return ""

    def load(self, files: list[typing.Any], entry: str, capabilities: list[str]) -> str:
        """Run the provider's modules; find ``advise``."""
        sys.stdout = sys.stderr = State.printed
        State.sources.update({file.name: file.text for file in files})
        State.codes.update({file.name: file.code for file in files})
        State.capabilities = tuple(capabilities)
        try:
            advise = getattr(own_module(entry), "advise", None)
            if not callable(advise):
                message = f"{entry}.py has no function advise(case, capabilities)"
                raise TypeError(message)  # noqa: TRY301 - one way out for all failures of loading
        except BaseException as error:  # noqa: BLE001 - SystemExit and MemoryError are answers too
            raise Err(failure(error)) from None
        State.advise = advise
        return entry

    def advise(self, input: str) -> str:  # noqa: A002 - the name in sandbox.wit
        """Ask the provider; return its answer as JSON."""
        try:
            if State.advise is None:
                message = "advise before load"
                raise RuntimeError(message)  # noqa: TRY301 - as in load
            answer = json.dumps(State.advise(json.loads(input), State.capabilities), allow_nan=False)
            if len(answer) > ANSWER_LIMIT:
                message = f"an answer of {len(answer)} characters; at most {ANSWER_LIMIT}"
                raise ValueError(message)  # noqa: TRY301 - as in load
        except BaseException as error:  # noqa: BLE001 - as in load
            raise Err(failure(error)) from None
        return answer


def warm_up() -> None:
    """Touch what would otherwise import or compile lazily, so that the snapshot holds it."""
    dt.datetime.strptime("2020-01-01T00:00:00+0000", "%Y-%m-%dT%H:%M:%S%z").isoformat()
    json.loads(json.dumps({"warm": [1, 1.5, None, "up"]}))
    re.compile(r"(\d+)-(\w*)").match("1-a")
    marshal.loads(marshal.dumps(compile_module("warm", "up = 1")))  # noqa: S302 - the line's own
    decimal.Decimal("1.5") / 3
    fractions.Fraction("1/3")
    str(math.sqrt(2))
    # Showing a warning quotes the source's line, hence looks for a file.
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(RECURSION_LIMIT)
    # Beyond that limit the native stack would decide, and native frames differ from machine to machine.
    del sys.setrecursionlimit
    # What stands in the snapshot outlives every collection: one that walks it would touch, thus copy, its pages.
    gc.collect()
    gc.freeze()


warm_up()
