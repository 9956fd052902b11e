"""The one error tree, grouped by who has to act.

PojuError
├── CallerError      the person or program that called: wrong file, wrong option, wrong bytes
│   └── RefusedError the rules said no; carries the rule's code (RULE-2)
├── OperatorError    who runs this machine: disk full, port taken, a component missing
├── ProviderError    who wrote a solution: it loops, allocates without end, raises
└── BugError         us: an invariant of ours does not hold

Each message says what happened and to which thing; ``hint`` says what to do next. Both are English format strings and
the keys of the translation catalogues in ``poju/locale``; the parameters are filled in after translation.
"""

from __future__ import annotations

from typing import ClassVar

from poju.i18n import translate


class PojuError(Exception):
    """Base of every error that may reach a person.

    ``code`` is stable and documented in ``docs/reference/errors.md``; ``exit_status`` is what the command line returns.
    """

    exit_status: ClassVar[int] = 1

    def __init__(self, code: str, message: str, *, hint: str = "", **parameters: object) -> None:
        self.code = code
        self.message = message
        self.hint = hint
        self.parameters = parameters
        super().__init__(code, message)

    def explain(self, language: str = "en") -> str:
        """Return the message and the hint in ``language`` (zh-Hant, zh-Hans or en), one line each.

        A parameter called ``reason`` is a sentence of its own and is translated too.
        """
        parameters = dict(self.parameters)
        if isinstance(parameters.get("reason"), str):
            parameters["reason"] = translate(str(parameters["reason"]), language)
        lines = [translate(self.message, language, **parameters)]
        if self.hint:
            lines.append(translate(self.hint, language, **parameters))
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.explain()


class CallerError(PojuError):
    """What was given cannot be used; exit status 2, as for wrong usage."""

    exit_status = 2


class RefusedError(CallerError):
    """The rules refused; ``code`` is the rule's own."""

    exit_status = 1


class OperatorError(PojuError):
    """Something that this machine's operator has to mend."""


class ProviderError(PojuError):
    """A solution misbehaved; its provider has to mend it."""


class BugError(PojuError):
    """An invariant of Poju's own does not hold."""

    exit_status = 70
