"""``poju``: one verb per file, loaded only when it is called."""

from __future__ import annotations

import importlib
import os
import sys

import click

from poju import __version__
from poju.errors import PojuError
from poju.i18n import _, choose_language, translate

VERBS = {
    "demo": "Run the whole loop on this machine, from policies to a released award.",
    "survey": "Read policy documents into cited policy events.",
    "fit": "Rank scenarios for a region, with reasons.",
    "scenario": "Check and show scenario packages.",
    "solution": "Test a provider's solution in the sandbox.",
    "verify": "Check receipts, packs, folders and logs from public keys alone.",
    "ledger": "Serve, inspect and rebuild a ledger.",
    "govern": "Propose, vote and rotate keys at a ledger.",
    "network": "Run a consortium of validators on CometBFT.",
    "node": "Run one institution's node.",
    "console": "Serve the read-only console over a demo's folder.",
}


class LazyVerbs(click.Group):
    """Loads ``poju.cli.<verb>`` on first use, so that ``--help`` and each verb start fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the verbs in the order of the loop."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Return the verb's command, or None where no such verb exists."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"poju.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List the verbs without importing them."""
        language = choose_language()
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, translate(text, language)) for verb, text in VERBS.items()])


@click.command(cls=LazyVerbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="poju")
def root() -> None:
    """Poju 破局: find the scenario that fits, open it, prove what it solves, pay only for that.

    Example: poju demo
    """


def wanted_language(arguments: list[str]) -> str | None:
    """Return what ``--lang`` says in ``arguments``, since an error may come before a verb has read it."""
    for position, argument in enumerate(arguments):
        if argument.startswith("--lang="):
            return argument.removeprefix("--lang=")
        if argument == "--lang" and position + 1 < len(arguments):
            return arguments[position + 1]
    return None


def main() -> None:
    """Run the command line; end every foreseen failure in one clear message and a real exit status."""
    try:
        # without its standalone mode click answers the status of a command that ended by Exit
        status = root(standalone_mode=False)
        if isinstance(status, int):
            sys.exit(status)
    except PojuError as error:
        print(f"poju: {error.code}: {error.explain(choose_language(wanted_language(sys.argv)))}", file=sys.stderr)
        sys.exit(error.exit_status)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        text = translate(_("interrupted; nothing acknowledged was lost"), choose_language(wanted_language(sys.argv)))
        print(f"poju: {text}", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
