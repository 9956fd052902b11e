"""One command for every kind of file: find out what was given, run its steps."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path

from poju.errors import CallerError, PojuError
from poju.evidence.pack import verify_pack
from poju.i18n import _
from poju.ledger.audit import Log
from poju.ledger.keys import parse_vkey
from poju.verify import auditor, files, followed, policed, public, single
from poju.verify.auditor import Means
from poju.verify.files import broken, read
from poju.verify.log import LogFolder, Trust, text
from poju.verify.policy import Policy
from poju.verify.proof import Proof, Proved, StoppedError, proved

PUBLIC_PARTS = (public.RECEIPTS, public.REFUSALS, public.EVIDENCE, files.MANIFEST, files.PUBLICATION, "scitt-keys.cbor")
AUDITOR_PARTS = ("tile/entries", "package")
"""Any of these says what a folder claims to be, so that taking the others away makes it fail, not shrink."""
FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def fingerprint_of(key: str | None) -> str | None:
    """Return the fingerprint that ``--key`` names: 64 hexadecimal digits, or a file that holds them or a vkey."""
    if key is None or FINGERPRINT.fullmatch(key):
        return key
    content = _content(key)
    if FINGERPRINT.fullmatch(content):
        return content
    if "+" in content:
        return parse_vkey(content)[1].fingerprint
    raise CallerError(
        "key.unreadable",
        _("{key} is neither a fingerprint nor a file that holds one."),
        hint=_("Give 64 hexadecimal digits, or the file log.key or log.vkey as the operator published it."),
        key=key,
    )


def _content(key: str) -> str:
    """Return what the file called ``key`` holds, or nothing where there is no such file."""
    try:
        found = Path(key).is_file()
    except OSError:  # longer than a file's name can be
        return ""
    return text(read(Path(key)), key).strip() if found else ""


def verify(
    path: Path,
    trust: Trust,
    means: Means | None = None,
    log: Path | None = None,
    beside: policed.Beside | None = None,
) -> Proof:
    """Return the proof for ``path``: a receipt, a refusal, an evidence pack, a public, auditor or whole folder.

    ``trust``: a log key's fingerprint, a policy, or None. ``beside``: what stands behind a receipt under a policy.
    ``means``: how a whole log is audited. ``log``: the auditor's folder on which a refusal's rule is asked again, or
    from which a policy's key changes are followed. Raises ``verify.unknown`` where ``path`` is none of these,
    ``verify.log-unused`` where a log is given for none of this, ``policy.follows`` where there is none to follow.
    """
    proof, means = Proof(), means or Means()
    refused = path.is_file() and single.is_refusal(path)
    follows = isinstance(trust, Policy) and trust.genesis is not None
    if log is not None and not refused and not follows:
        raise CallerError(
            "verify.log-unused",
            _("{path} is no refusal, so that no log is needed to judge it."),
            hint=_("Give --log with a file that ends in .refusal.cose, or leave it out."),
            path=path,
        )
    with contextlib.suppress(StoppedError):
        if isinstance(trust, Policy) and follows:
            found = followed.follow(_entries(path, log), trust, proof, means)
            if found.log.folder == path:
                return proof
            trust = found.policy
            if _is_whole(path):
                _whole(path, trust, proof, lambda: found.log)
                return proof
        if log is not None and refused:
            single.rejudge(path, log, trust, proof, means)
        elif isinstance(trust, Policy) and path.is_file() and not refused:
            _policed(path, trust, proof, beside or policed.Beside())
        else:
            _dispatch(path, trust, proof, means)
    return proof


def log_to_copy(folder: Path, fingerprint: str) -> Log:
    """Return the log in the auditor's ``folder``, its tiles followed to the checkpoint that the trusted key signed.

    Raises what the first three steps find; the entries are compared with the tiles as they are read.
    """
    proof = Proof()
    try:
        log = LogFolder.open(folder, fingerprint, proof)
    except StoppedError:
        failure = proof.steps[-1].result
        if isinstance(failure, PojuError):
            raise failure from None
        raise
    return Log(log.tiles, log.bundle)


def _policed(path: Path, policy: Policy, proof: Proof, beside: policed.Beside) -> None:
    if path.name.endswith(single.KINDS):
        policed.verify_receipt(path, policy, proof, beside)
    else:
        policed.verify_checkpoint(path, policy, proof)


def _dispatch(path: Path, trust: Trust, proof: Proof, means: Means) -> None:
    if _is_whole(path):
        _whole(path, trust, proof, lambda: auditor.verify(path / "auditor", trust, proof, means))
    elif any((path / name).exists() for name in PUBLIC_PARTS):
        public.verify(path, trust, proof)
    elif _has_entries(path):
        auditor.verify(path, trust, proof, means)
    elif (path / "pack.cbor").is_file():
        _pack(path, trust, proof)
    elif (path / "checkpoint").is_file():
        log = LogFolder.open(path, trust, proof)
        proof.step(_("files"), log.check_alone)
        proof.not_proved.append(_("the entries: this folder holds only their hashes"))
    elif path.is_file() and path.name.endswith(single.KINDS):
        single.verify(path, trust, proof)
    else:
        raise CallerError(
            "verify.unknown",
            _("{path} is nothing that can be verified."),
            hint=_(
                "Give a public or auditor folder, a demo's folder, an evidence pack, or a file that ends in "
                ".receipt.cose, .statement.cose or .refusal.cose."
            ),
            path=path,
        )


def _is_whole(path: Path) -> bool:
    return (path / "public").is_dir() and (path / "auditor").is_dir()


def _has_entries(path: Path) -> bool:
    return any((path / name).exists() for name in AUDITOR_PARTS)


def _entries(path: Path, log: Path | None) -> Path:
    """Return the auditor's folder whose votes are followed for ``path``: the one given, its own part, or itself."""
    found = log or (path / "auditor" if _is_whole(path) else path)
    if not _has_entries(found):
        raise followed.needs_log(path)
    return found


def _whole(path: Path, trust: Trust, proof: Proof, audit: Callable[[], LogFolder]) -> None:
    shown = public.verify(path / "public", trust, proof)
    published = shown.log
    if (path / "guest").is_dir():
        proof.step(_("sandbox guest"), lambda: shown.check_guest(path / "guest"))
    else:
        proof.not_proved.append(_("which sandbox guest the trials ran on: there is no guest folder here"))
    audited = audit()

    def check() -> Proved:
        """Raise unless the smaller log is the beginning of the larger: one operator, one log, no split view."""
        first, second = sorted((published, audited), key=lambda log: log.checkpoint.size)
        if second.origin != first.origin or second.root_at(first.checkpoint.size) != first.checkpoint.root:
            raise broken("log.split", _("The public folder and the auditor's log are two different logs."))
        return proved(_("the public folder and the auditor's log are one log"))

    proof.step(_("one log"), check)


def _pack(path: Path, trust: Trust, proof: Proof) -> None:
    beside = single.Beside(path / "pack.cbor", trust, proof)
    proof.step(_("log key"), beside.check_key)

    def check() -> Proved:
        steps = verify_pack(path, beside.key, beside.origin)
        return proved(_("the pack's query over its rows gives its figures again, in {count} steps"), count=len(steps))

    proof.step(_("evidence"), check)
