"""Build the sandbox's guest into the user's cache folder where it is not there yet; print what is being done."""

from __future__ import annotations

import sys

from poju.errors import PojuError
from poju.i18n import choose_language, translate
from poju.solution.guest import ensure


def say(sentence: str) -> None:
    """Print one line of progress in the person's language."""
    print(f"poju: {translate(sentence, choose_language())}", flush=True)


if __name__ == "__main__":
    try:
        ensure(progress=say)
    except PojuError as error:
        print(f"poju: {error.code}: {error.explain(choose_language())}", file=sys.stderr)
        sys.exit(error.exit_status)
