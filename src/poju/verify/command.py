"""One command for every kind of file: find out what was given, run its steps."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path

from poju.errors import CallerError
from poju.evidence.pack import verify_pack
from poju.i18n import _
from poju.ledger import cose, leaf, receipt, refusal, statement
from poju.ledger.keys import PublicKey, parse_vkey
from poju.verify import auditor, files, public
from poju.verify.files import broken, read
from poju.verify.log import LogFolder, text
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


def verify(path: Path, fingerprint: str | None) -> Proof:
    """Return the proof for ``path``: a receipt, a refusal, an evidence pack, a public, auditor or whole folder.

    Raises ``verify.unknown`` where it is none of these.
    """
    proof = Proof()
    with contextlib.suppress(StoppedError):
        _dispatch(path, fingerprint, proof)
    return proof


def _dispatch(path: Path, fingerprint: str | None, proof: Proof) -> None:
    if (path / "public").is_dir() and (path / "auditor").is_dir():
        _whole(path, fingerprint, proof)
    elif any((path / name).exists() for name in PUBLIC_PARTS):
        public.verify(path, fingerprint, proof)
    elif any((path / name).exists() for name in AUDITOR_PARTS):
        auditor.verify(path, fingerprint, proof)
    elif (path / "pack.cbor").is_file():
        _pack(path, fingerprint, proof)
    elif (path / "checkpoint").is_file():
        log = LogFolder.open(path, fingerprint, proof)
        proof.step(_("files"), log.check_alone)
        proof.not_proved.append(_("the entries: this folder holds only their hashes"))
    elif path.is_file() and _is_refusal(path):
        _single(path, fingerprint, proof, _refusal)
    elif path.is_file() and path.name.endswith((public.RECEIPT, public.STATEMENT)):
        _single(path, fingerprint, proof, _receipt)
    elif path.is_file() and path.name.endswith((public.DECISION, public.DECISION_RECEIPT)):
        _single(path, fingerprint, proof, _decision)
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


def _whole(path: Path, fingerprint: str | None, proof: Proof) -> None:
    shown = public.verify(path / "public", fingerprint, proof)
    published = shown.log
    if (path / "guest").is_dir():
        proof.step(_("sandbox guest"), lambda: shown.check_guest(path / "guest"))
    else:
        proof.not_proved.append(_("which sandbox guest the trials ran on: there is no guest folder here"))
    audited = auditor.verify(path / "auditor", fingerprint, proof)

    def check() -> Proved:
        """Raise unless the smaller log is the beginning of the larger: one operator, one log, no split view."""
        first, second = sorted((published, audited), key=lambda log: log.checkpoint.size)
        if second.origin != first.origin or second.root_at(first.checkpoint.size) != first.checkpoint.root:
            raise broken("log.split", _("The public folder and the auditor's log are two different logs."))
        return proved(_("the public folder and the auditor's log are one log"))

    proof.step(_("one log"), check)


def _is_refusal(path: Path) -> bool:
    """Return whether the file is a signed refusal, or the statement that one stands beside."""
    stem = path.name.removesuffix(public.STATEMENT)
    beside = path.with_name(stem + public.REFUSAL)
    return path.name.endswith(public.REFUSAL) or (path.name.endswith(public.STATEMENT) and beside.is_file())


def _find_vkey(path: Path) -> Path:
    for folder in path.resolve().parents:
        if (folder / "log.vkey").is_file():
            return folder / "log.vkey"
    raise broken("key.none", _("No log.vkey stands beside or above {path}."), path=path)


class _Beside:
    """The log's key as it stands beside a file, checked against the trusted fingerprint."""

    def __init__(self, path: Path, fingerprint: str | None, proof: Proof) -> None:
        self.path, self.fingerprint, self.proof = path, fingerprint, proof
        self.origin, self.key = "", PublicKey(bytes(32))

    def check_key(self) -> Proved:
        vkey = _find_vkey(self.path)
        log = LogFolder(vkey.parent, self.key, "", None)  # type: ignore[arg-type]  # only its key is checked
        result = log.check_key(self.fingerprint, self.proof)
        self.origin, self.key = log.origin, log.key
        return result


def _single(path: Path, fingerprint: str | None, proof: Proof, check: Callable[[_Beside], Proved]) -> None:
    beside = _Beside(path, fingerprint, proof)
    proof.step(_("log key"), beside.check_key)
    name = _("refusal") if check is _refusal else _("receipt")
    proof.step(name, lambda: check(beside))
    proof.not_proved.append(_("what the log holds beside this: verify the public folder for that"))


def _receipt(beside: _Beside) -> Proved:
    stem = beside.path.name.removesuffix(public.RECEIPT).removesuffix(public.STATEMENT)
    raw = read(beside.path.with_name(stem + public.STATEMENT))
    item = statement.decode(raw)
    found = _in_log(beside, raw, read(beside.path.with_name(stem + public.RECEIPT)))
    return proved(
        _("{kind} by {issuer} is entry {index} of the log's first {size}"),
        kind=item.kind,
        issuer=item.issuer,
        index=found.index,
        size=found.size,
    )


def _decision(beside: _Beside) -> Proved:
    stem = beside.path.name.removesuffix(public.DECISION_RECEIPT).removesuffix(public.DECISION)
    raw = read(beside.path.with_name(stem + public.DECISION))
    found = _in_log(beside, raw, read(beside.path.with_name(stem + public.DECISION_RECEIPT)))
    item = leaf.decode(raw)
    if not isinstance(item, leaf.DecisionLeaf) or item.index != found.index - 1:
        raise broken("decision.elsewhere", _("The decision beside {name} is about another statement."), name=stem)
    return proved(
        _("{outcome} on entry {entry} is entry {index} of the log's first {size}"),
        outcome=item.outcome,
        entry=item.index,
        index=found.index,
        size=found.size,
    )


def _in_log(beside: _Beside, raw: bytes, proof: bytes) -> receipt.VerifiedReceipt:
    found = receipt.verify(proof, raw, beside.key)
    if cose.decode(proof, receipt.MAX_BYTES).protected.get(cose.CWT_CLAIMS) != {1: beside.origin}:
        raise broken("receipt.other-log", _("The receipt of {name} is of another log than this one."), name=beside.path)
    return found


def _refusal(beside: _Beside) -> Proved:
    stem = beside.path.name.removesuffix(public.REFUSAL).removesuffix(public.STATEMENT)
    found = refusal.verify(read(beside.path.with_name(stem + public.REFUSAL)), beside.key)
    item = statement.decode(read(beside.path.with_name(stem + public.STATEMENT)))
    if found.statement != item.digest:
        raise broken("refusal.elsewhere", _("The refusal {name} is about another statement."), name=stem)
    return proved(_("{kind} by {issuer} was refused: {code}"), kind=item.kind, issuer=item.issuer, code=found.code)


def _pack(path: Path, fingerprint: str | None, proof: Proof) -> None:
    beside = _Beside(path / "pack.cbor", fingerprint, proof)
    proof.step(_("log key"), beside.check_key)

    def check() -> Proved:
        steps = verify_pack(path, beside.key, beside.origin)
        return proved(_("the pack's query over its rows gives its figures again, in {count} steps"), count=len(steps))

    proof.step(_("evidence"), check)
