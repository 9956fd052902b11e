"""A proof in numbered steps: what each proved, what the whole did not, and the exit status."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from poju.errors import CallerError, PojuError
from poju.i18n import _, translate

if TYPE_CHECKING:
    from poju.verify.policy import Policy

VERIFIED, NOT_VERIFIED = 0, 1
UNREADABLE = (ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError)
"""What Python raises on data of another form than its signer promised: not verified, never a traceback."""


@dataclass(frozen=True)
class Proved:
    """What a step proved: an English format string and its parameters."""

    text: str
    parameters: dict[str, object] = field(default_factory=dict)

    def say(self, language: str) -> str:
        """Return the sentence in ``language``."""
        return translate(self.text, language, **self.parameters)


def proved(text: str, **parameters: object) -> Proved:
    """Return what a step proved."""
    return Proved(text, parameters)


@dataclass(frozen=True)
class Step:
    """One step: its number, its name, and what it proved or the error that stopped the proof."""

    number: int
    name: str
    result: Proved | PojuError

    @property
    def holds(self) -> bool:
        """Whether the step proved something."""
        return isinstance(self.result, Proved)

    def say(self, language: str) -> str:
        """Return the step's result in ``language``."""
        return self.result.say(language) if isinstance(self.result, Proved) else self.result.explain(language)


def _unreadable(error: Exception) -> PojuError:
    return CallerError(
        "verify.unreadable",
        _("This cannot be read as what it claims to be: {reason}."),
        hint=_("Do not rely on this copy: its signer or its carrier gave it another form than the specification."),
        reason=type(error).__name__,
    )


class StoppedError(Exception):
    """A step did not hold; the proof ends there."""


@dataclass
class Proof:
    """Collects steps in order and stops at the first that does not hold."""

    steps: list[Step] = field(default_factory=list)
    not_proved: list[str] = field(default_factory=list)
    trusted: bool = False
    followed: Policy | None = None
    """The policy with the keys that a log's votes led to, where they were followed."""

    def step(self, name: str, check: Callable[[], Proved]) -> None:
        """Run ``check`` as the next step; raise :class:`StoppedError` where it does not hold or cannot be read."""
        number = len(self.steps) + 1
        try:
            self.steps.append(Step(number, name, check()))
        except PojuError as error:
            self.steps.append(Step(number, name, error))
            raise StoppedError from error
        except UNREADABLE as error:
            self.steps.append(Step(number, name, _unreadable(error)))
            raise StoppedError from error

    @property
    def holds(self) -> bool:
        """Whether every step held."""
        return bool(self.steps) and all(step.holds for step in self.steps)

    @property
    def exit_status(self) -> int:
        """0 where every step held under a key that the user gave, else 1."""
        return VERIFIED if self.holds and self.trusted else NOT_VERIFIED

    @property
    def verdict(self) -> str:
        """The closing sentence (English; translated where shown)."""
        if not self.holds:
            return _("NOT VERIFIED")
        if not self.trusted:
            return _("consistent, issuer not proved: give the key to trust with --key")
        return _("VERIFIED")

    def as_json(self, language: str) -> dict[str, object]:
        """Return the proof as JSON values, sentences in ``language``."""
        return {
            "exit_status": self.exit_status,
            "verdict": translate(self.verdict, language),
            "steps": [
                {
                    "number": step.number,
                    "name": translate(step.name, language),
                    "ok": step.holds,
                    "proved": step.say(language),
                    "code": step.result.code if isinstance(step.result, PojuError) else None,
                }
                for step in self.steps
            ],
            "not_proved": [translate(text, language) for text in self.not_proved],
        }
