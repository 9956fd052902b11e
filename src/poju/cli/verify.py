"""``poju verify``: check receipts, packs, folders and logs from public keys alone."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import click

from poju.errors import CallerError
from poju.i18n import LANGUAGES, _, choose_language, translate
from poju.verify import policy as policies
from poju.verify.auditor import Means
from poju.verify.command import fingerprint_of, verify
from poju.verify.log import Trust
from poju.verify.policed import Beside
from poju.verify.proof import Proof

SMALL_LOG = 1 << 20
"""Bytes of hash tiles below which starting processes costs more than it saves: about 30,000 leaves."""
MOST_JOBS = 8
INTERRUPTED = 130
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
NEW_FILE = click.Path(path_type=Path, dir_okay=False)
LOG = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command()
@click.argument("path")
@click.option("--key", help="The log key to trust: its fingerprint, or a file that holds it (log.key, log.vkey).")
@click.option("--policy", type=FILE, help="The keys to trust and how many it takes, TOML: docs/reference/policy.md.")
@click.option("--write-policy", type=NEW_FILE, help="With a policy that follows votes: keep the keys they led to.")
@click.option("--checkpoint", type=FILE, help="With --policy and a receipt: a checkpoint that more keys signed.")
@click.option("--consistency", type=FILE, help="With --checkpoint of a larger log: the receipt of consistency to it.")
@click.option("--log", type=LOG, help="Judge a refusal, or follow a policy's key changes, on this log.")
@click.option("--state", type=FOLDER, help="Keep a long audit's place in this folder, and go on from it.")
@click.option("--jobs", type=click.IntRange(0, 64), help="Processes that check signatures beside this one.")
@click.option("--to", type=FOLDER, help="With a URL: the folder that the log is fetched into.")
@click.option(
    "--package", type=click.Path(path_type=Path, exists=True, file_okay=False), help="With a URL: its package."
)
@click.option(
    "--member-key", type=click.Path(path_type=Path), help="With a URL: the private key of an auditing member."
)
@click.option("--json", "as_json", is_flag=True, help="Print the steps as JSON.")
@click.option("--lang", type=click.Choice(LANGUAGES), help="The language of the answer.")
def command(  # noqa: PLR0913, PLR0917 - click's options
    path: str,
    key: str | None,
    policy: Path | None,
    write_policy: Path | None,
    checkpoint: Path | None,
    consistency: Path | None,
    log: Path | None,
    state: Path | None,
    jobs: int | None,
    to: Path | None,
    package: Path | None,
    member_key: Path | None,
    as_json: bool,  # noqa: FBT001 - click's flag
    lang: str | None,
) -> None:
    """Check a receipt, a refusal, an evidence pack, a public or auditor folder, or a log served over HTTP: PATH.

    Exit status 0: verified under the key you gave. 1: not verified, or consistent only. 2: wrong usage.

    Example: poju verify poju-demo/public --key "$(cat poju-demo/log.key)"
    """
    language = choose_language(lang)
    trust = _trust(key, policy, checkpoint, consistency)
    if write_policy is not None and (not isinstance(trust, policies.Policy) or trust.genesis is None):
        raise CallerError(
            "verify.nothing-followed",
            _("--write-policy keeps the keys that a log's votes led to, and no policy with genesis was given."),
            hint=_("Give --policy FILE with the SHA-256 of the log's first statement: docs/reference/policy.md."),
        )
    if write_policy is not None:
        policies.require_place(write_policy)
    try:
        if path.startswith(("http://", "https://")):
            folder = _fetched(path, trust, to, package, member_key)
        else:
            folder = _existing(path, to, package, member_key)
        workers = _workers(log or folder) if jobs is None else jobs
        progress = Progress(language)
        proof = verify(folder, trust, Means(workers, state, progress), log, Beside(checkpoint, consistency))
        progress.end()
        if write_policy is not None and proof.exit_status == 0 and proof.followed is not None:
            policies.save(proof.followed, write_policy)
    except KeyboardInterrupt:
        kept = _("interrupted; nothing is verified. With --state the same command goes on where the last save stands.")
        print(f"\npoju: {translate(kept, language)}", file=sys.stderr)
        sys.exit(INTERRUPTED)
    if as_json:
        print(json.dumps(proof.as_json(language), ensure_ascii=False, indent=1))
    else:
        print(render(proof, language))
    sys.exit(proof.exit_status)


def _existing(path: str, *only_with_url: object) -> Path:
    if any(option is not None for option in only_with_url):
        raise CallerError(
            "verify.no-url",
            _("--to, --package and --member-key are for a log that is fetched, and {path} is no URL."),
            hint=_("Leave them out, or give the address as http://HOST:PORT or https://HOST."),
            path=path,
        )
    try:
        found = Path(path).exists()
    except (OSError, ValueError):  # longer than a file's name can be, or with a byte that none can have
        found = False
    if not found:
        raise click.BadParameter(f"Path '{path[:200]}' does not exist.", param_hint="'PATH'")
    return Path(path)


def _trust(key: str | None, policy: Path | None, *only_with_policy: Path | None) -> Trust:
    if policy is None and any(only_with_policy):
        raise CallerError(
            "verify.no-policy",
            _("--checkpoint and --consistency say who stands behind a receipt under a policy, and none was given."),
            hint=_("Give the policy with --policy FILE, or leave them out."),
        )
    if policy is None:
        return fingerprint_of(key)
    if key is not None:
        raise CallerError(
            "verify.key-and-policy",
            _("Both --key and --policy were given."),
            hint=_("Give one of them: a policy names its keys itself."),
        )
    return policies.load(policy)


def _fetched(url: str, trust: Trust, to: Path | None, package: Path | None, member_key: Path | None) -> Path:
    from poju.ledger.keys import PrivateKey  # noqa: PLC0415 - what fetches loads only where there is a URL
    from poju.node import log_download  # noqa: PLC0415 - as above

    if to is None:
        raise CallerError(
            "verify.no-folder",
            _("A log at a URL is fetched before it is verified, and no folder was named for it."),
            hint=_("Give a folder with --to; run the same command again to go on with what is there."),
        )
    download = log_download.Download(url, to, None if member_key is None else PrivateKey.load(member_key))
    together = isinstance(trust, policies.Policy)
    download.run(trust if isinstance(trust, str) else None, Progress(choose_language()), together=together)
    if package is not None:
        log_download.place_package(package, to)
    return to


def _workers(path: Path) -> int:
    """Return how many processes help: as many as there are cores, none for a log that is checked before they start."""
    folder = path / "auditor" if (path / "auditor").is_dir() else path
    held = sum(1 for _file in (folder / "tile" / "0").rglob("*")) if folder.is_dir() else 0
    return 0 if held << 13 < SMALL_LOG else min(os.cpu_count() or 1, MOST_JOBS)


class Progress:
    """Says on standard error how far it is: in one line each second for a person, each half minute for a log file."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._watched = sys.stderr.isatty()
        self._said = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Tell that ``done`` of ``total`` are done."""
        now = time.monotonic()
        if now - self._said < (1 if self._watched else 30):
            return
        self._said = now
        text = translate(_("{done} of {total}"), self._language, done=f"{done:,}", total=f"{total:,}")
        print(
            f"\r{text}\x1b[K" if self._watched else text, end="" if self._watched else "\n", file=sys.stderr, flush=True
        )

    def end(self) -> None:
        """Clear the line that was for a person."""
        if self._watched:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


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
