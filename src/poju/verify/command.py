"""One command for every kind of file: find out what was given, run its steps."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from poju.errors import CallerError
from poju.evidence.pack import verify_pack
from poju.i18n import _
from poju.ledger import receipt, refusal, statement
from poju.ledger.keys import PublicKey, parse_vkey
from poju.verify import auditor, public
from poju.verify.files import broken, read
from poju.verify.log import LogFolder, text
from poju.verify.proof import Proof, Proved, StoppedError, proved

FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def fingerprint_of(key: str | None) -> str | None:
    """Return the fingerprint that ``--key`` names: 64 hexadecimal digits, or a file that holds them or a vkey."""
    if key is None or FINGERPRINT.fullmatch(key):
        return key
    content = text(read(Path(key)), key).strip() if Path(key).is_file() else ""
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
        public.verify(path / "public", fingerprint, proof)
        auditor.verify(path / "auditor", fingerprint, proof)
    elif (path / public.RECEIPTS).is_dir():
        public.verify(path, fingerprint, proof)
    elif (path / "tile" / "entries").is_dir():
        auditor.verify(path, fingerprint, proof)
    elif (path / "pack.cbor").is_file():
        _pack(path, fingerprint, proof)
    elif (path / "checkpoint").is_file():
        LogFolder.open(path, fingerprint, proof)
    elif path.name.endswith((public.RECEIPT, public.STATEMENT)) and path.is_file():
        _single(path, fingerprint, proof, _receipt)
    elif path.name.endswith(public.REFUSAL) and path.is_file():
        _single(path, fingerprint, proof, _refusal)
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


def _single(path: Path, fingerprint: str | None, proof: Proof, check: object) -> None:
    beside = _Beside(path, fingerprint, proof)
    proof.step(_("log key"), beside.check_key)
    name = _("refusal") if check is _refusal else _("receipt")
    proof.step(name, lambda: check(beside))  # type: ignore[operator]  # one of the two below
    proof.not_proved.append(_("what the log holds beside this: verify the public folder for that"))


def _receipt(beside: _Beside) -> Proved:
    stem = beside.path.name.removesuffix(public.RECEIPT).removesuffix(public.STATEMENT)
    raw = read(beside.path.with_name(stem + public.STATEMENT))
    item = statement.decode(raw)
    found = receipt.verify(read(beside.path.with_name(stem + public.RECEIPT)), raw, beside.key)
    return proved(
        _("{kind} by {issuer} is entry {index} of the log's first {size}"),
        kind=item.kind,
        issuer=item.issuer,
        index=found.index,
        size=found.size,
    )


def _refusal(beside: _Beside) -> Proved:
    stem = beside.path.name.removesuffix(public.REFUSAL)
    found = refusal.verify(read(beside.path), beside.key)
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
