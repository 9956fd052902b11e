"""``poju verify``: check receipts, packs, folders and logs from public keys alone."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from poju.i18n import LANGUAGES, _, choose_language, translate
from poju.verify.command import fingerprint_of, verify
from poju.verify.proof import Proof


@click.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option("--key", help="The log key to trust: its fingerprint, or a file that holds it (log.key, log.vkey).")
@click.option("--json", "as_json", is_flag=True, help="Print the steps as JSON.")
@click.option("--lang", type=click.Choice(LANGUAGES), help="The language of the answer.")
def command(path: Path, key: str | None, as_json: bool, lang: str | None) -> None:  # noqa: FBT001 - click's flags
    """Check a receipt, a refusal, an evidence pack, a public or auditor folder: PATH.

    Exit status 0: verified under the key you gave. 1: not verified, or consistent only. 2: wrong usage.

    Example: poju verify poju-demo/public --key "$(cat poju-demo/log.key)"
    """
    language = choose_language(lang)
    proof = verify(path, fingerprint_of(key))
    if as_json:
        print(json.dumps(proof.as_json(language), ensure_ascii=False, indent=1))
    else:
        print(render(proof, language))
    sys.exit(proof.exit_status)


def render(proof: Proof, language: str) -> str:
    """Return the proof as numbered lines, then what it did not prove, then the verdict."""
    lines = []
    for step in proof.steps:
        mark = "✓" if step.holds else "✗"
        lines.append(f"{mark} {step.number:2}. {translate(step.name, language)}: {step.say(language)}")
    if proof.holds and proof.not_proved:
        lines.append(translate(_("Not proved by this:"), language))
        lines += [f"  – {translate(text, language)}" for text in proof.not_proved]
    lines.append(translate(proof.verdict, language))
    return "\n".join(lines)
